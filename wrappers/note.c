/*
 * note: by which the library and other installations know our own static programs, isosocks and
 * isosocks-rescue: they are static, and yet to be executed from a process that has the library.
 */
#include "elf/elf.h"

#include <stdint.h>

/* gABI, Note Section: namesz, descsz, type, and the owner's name, padded to 4 bytes. */
static const struct {
	uint32_t name_size, descriptor_size, type;
	char name[12];
} note __attribute__((section(".note.isosocks"), aligned(4), used)) = { sizeof(ELF_NOTE), 0, 1,
									ELF_NOTE };
