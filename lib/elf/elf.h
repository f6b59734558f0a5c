/*
 * elf: what an executable is, as far as it decides whether a preloaded library reaches its network
 * calls. Reads the file with pread; nothing is allocated, nothing is executed. Any thread.
 */
#ifndef ELF_ELF_H
#define ELF_ELF_H

#include <stdbool.h>

enum elf_kind {
	ELF_DYNAMIC, /* of this machine, with an interpreter: it can be preloaded */
	ELF_STATIC,  /* no interpreter: the dynamic linker never runs */
	ELF_LOADER,  /* this libc's dynamic linker itself, run as a program: it can be preloaded */
	ELF_GO,	     /* a Go program: it calls the kernel itself, even where it is dynamic */
	ELF_FOREIGN, /* another class or machine: this library cannot be loaded into it */
	ELF_MUSL,    /* interpreter of another libc */
	ELF_SCRIPT,  /* #! */
	ELF_OTHER,   /* neither ELF nor a script */
};

struct elf_info {
	enum elf_kind kind;
	char interpreter[256]; /* PT_INTERP, or the path behind #!; "" when there is none */
	char argument[256];    /* ELF_SCRIPT: the one argument behind it, or "" */
	bool needs_asan;       /* DT_NEEDED has libasan or libtsan: it must be preloaded first */
	char runtime[64];      /* that library's name, "" when there is none */
	bool is_isosocks;      /* it has a note of the owner ELF_NOTE */
};

/* The owner of the note by which every version of the isosocks command is known: it is static, but
 * makes no network call and hands on what it was given. */
#define ELF_NOTE "isosocks"

/*
 * 0; -errno of a failed read; -EBADMSG for an ELF file whose tables point outside it; -ENAMETOOLONG
 * for an interpreter's path that info has no room for. Then info has ELF_OTHER and
 * nothing else.
 */
int elf_inspect(int fd, struct elf_info *ret_info);

/* Texts of a dynamic section (gABI, Dynamic Section). */
enum elf_text {
	ELF_NEEDED,  /* a library's name */
	ELF_RPATH,   /* where libraries are looked for, between colons */
	ELF_RUNPATH, /* the same; then the former does not count */
};

/*
 * Gives each such text of a program or library to `receive`, in the file's order; one that is
 * longer than a path may be is passed over. 0, also where there is no dynamic section; -EBADMSG for
 * a file whose tables point outside it, or that is not of this machine; -errno of a failed read.
 */
int elf_texts(int fd, void (*receive)(void *context, enum elf_text what, const char *text),
	      void *context);

/* What the kind means for the user, a sentence without its full stop: "is statically linked: …". */
const char *elf_kind_explain(enum elf_kind kind);

#endif
