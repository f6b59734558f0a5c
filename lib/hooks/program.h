/*
 * program: what a call of the exec family would execute, as far as it decides whether the library
 * reaches it. Looks at files and executes none; nothing is allocated. Any thread, and children of
 * vfork(2).
 */
#ifndef HOOKS_PROGRAM_H
#define HOOKS_PROGRAM_H

#include "elf/elf.h"
#include "elf/privilege.h"

struct program {
	struct elf_info info; /* of what runs in the end: behind a script, its interpreter */
	enum privilege gained;
};

/*
 * These return 0; -ENOENT where libc and the kernel will not execute the file and have the right
 * word for it; or why it cannot be told what the file is. Only with 0 is ret_program good.
 *
 * program_find is the search along PATH of execvp(3), in which what libc passes over is passed over
 * too.
 */
int program_open(int folder, const char *path, struct program *ret_program);
int program_open_descriptor(int fd, struct program *ret_program);
int program_find(const char *name, struct program *ret_program);

/*
 * NULL, or why the library does not reach it. What is neither ELF nor a script, the kernel refuses,
 * or gives to an interpreter that it was told of (binfmt_misc), and execvp to the shell.
 */
const char *program_obstacle(const struct program *program);

#endif
