#include "elf/elf.h"

#include "base/error.h"
#include "elf/preload.h"

#include <endian.h>
#include <gnu/lib-names.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__i386__)
#define MACHINE EM_386
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__arm__)
#define MACHINE EM_ARM
#elif defined(__riscv)
#define MACHINE EM_RISCV
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#elif defined(__powerpc__)
#define MACHINE EM_PPC
#elif defined(__s390__)
#define MACHINE EM_S390
#elif defined(__mips__)
#define MACHINE EM_MIPS
#elif defined(__loongarch__)
#define MACHINE 258 /* EM_LOONGARCH, which older headers lack */
#else
#error "which e_machine do programs of this machine have?"
#endif

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define DATA ELFDATA2LSB
#else
#define DATA ELFDATA2MSB
#endif

#define CLASS  (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define WINDOW 512
#define BEGINNING                                                                                  \
	1024 /* headers, and the notes and the interpreter, which linkers put behind them */
#define SCRIPT_LINE 256	  /* the kernel looks no further (execve(2)) */
#define TABLE_MAX   65536 /* the kernel loads no more program headers, and no table needs more */
#define NOTES_MAX   64
#define GO_SECTION  ".go.buildi" /* begins .go.buildinfo, and is in .note.go.buildid */

/* Two offsets below it add up to an off_t. */
#define FILE_MAX ((uint64_t)1 << (8 * sizeof(off_t) - 2))

/* A part of a file. */
struct part {
	uint64_t offset;
	size_t length;
};

/*
 * A file, its beginning, and the part of it that was read last: tables are walked entry by entry,
 * and one read serves many.
 */
struct file {
	int fd;
	struct part first;
	struct part last;
	uint8_t beginning[BEGINNING];
	uint8_t window[WINDOW];
};

/* ---- reading ---- */

static int fill(int fd, uint64_t offset, uint8_t *to, size_t size, struct part *ret)
{
	*ret = (struct part){ .offset = offset };
	while (ret->length < size) {
		const ssize_t n = pread(fd, to + ret->length, size - ret->length,
					(off_t)(offset + ret->length));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_last();
		if (n == 0)
			break;
		ret->length += (size_t)n;
	}
	return 0;
}

static bool has(const struct part *part, uint64_t offset, size_t length)
{
	return offset >= part->offset && offset + length <= part->offset + part->length;
}

/* The bytes at an offset behind the start of a table, at most WINDOW, where they were read to.
 * -EBADMSG outside the file. */
static int lend(struct file *file, uint64_t table, uint64_t at, size_t length, const uint8_t **ret)
{
	const uint64_t offset = table + at;

	if (table >= FILE_MAX || at >= FILE_MAX)
		return -EBADMSG;
	if (has(&file->first, offset, length)) {
		*ret = file->beginning + offset;
		return 0;
	}
	if (!has(&file->last, offset, length)) {
		int r = fill(file->fd, offset, file->window, sizeof(file->window), &file->last);
		if (r < 0)
			return r;
		if (length > file->last.length)
			return -EBADMSG;
	}
	*ret = file->window + (offset - file->last.offset);
	return 0;
}

static int take(struct file *file, uint64_t table, uint64_t at, void *to, size_t length)
{
	const uint8_t *from;
	int r = lend(file, table, at, length, &from);

	if (r == 0)
		memcpy(to, from, length);
	return r;
}

static int take_segment(struct file *file, const ElfW(Ehdr) * header, unsigned index,
			ElfW(Phdr) * ret_segment)
{
	return take(file, header->e_phoff, (uint64_t)index * sizeof(*ret_segment), ret_segment,
		    sizeof(*ret_segment));
}

/* ---- what is in an ELF file ---- */

static uint64_t align(uint64_t number, uint64_t to)
{
	return (number + to - 1) & ~(to - 1);
}

/* What the program headers lead to; a type of 0 (PT_NULL): there is none. */
struct segments {
	ElfW(Phdr) interpreter;
	ElfW(Phdr) dynamic;
	bool go;
	bool isosocks;
};

/* Whether the note at this place, which ends where its segment does, has this owner. */
static int has_owner(struct file *file, const ElfW(Phdr) * segment, uint64_t at,
		     const ElfW(Nhdr) * note, const char *owner, size_t size, bool *ret)
{
	const uint8_t *name;

	if (note->n_namesz != size || segment->p_filesz - at < sizeof(*note) + size)
		return 0;
	int r = lend(file, segment->p_offset, at + sizeof(*note), size, &name);
	if (r == 0 && memcmp(name, owner, size) == 0)
		*ret = true;
	return r;
}

/* gABI, Note Section: namesz, descsz, type, then name and desc, each padded. Go names its notes
 * "Go". */
static int find_notes(struct file *file, const ElfW(Phdr) * segment, struct segments *found)
{
	static const char go[4] = "Go";
	const uint64_t padding = segment->p_align == 8 ? 8 : 4;
	ElfW(Nhdr) note;
	uint64_t at = 0;

	for (unsigned i = 0; i < NOTES_MAX; i++) {
		if (at > segment->p_filesz || segment->p_filesz - at < sizeof(note))
			return 0;
		int r = take(file, segment->p_offset, at, &note, sizeof(note));
		if (r == 0)
			r = has_owner(file, segment, at, &note, go, sizeof(go), &found->go);
		if (r == 0)
			r = has_owner(file, segment, at, &note, ELF_NOTE, sizeof(ELF_NOTE),
				      &found->isosocks);
		if (r < 0)
			return r;
		at = align(at + sizeof(note) + note.n_namesz, padding);
		at = align(at + note.n_descsz, padding);
	}
	return 0;
}

/* Looks for GO_SECTION in the names of all sections; windows overlap, so that none falls between
 * two. */
static int find_go_name(struct file *file, const ElfW(Shdr) * names, bool *ret_go)
{
	const uint64_t size = names->sh_size < TABLE_MAX ? names->sh_size : TABLE_MAX;
	const size_t needle = sizeof(GO_SECTION) - 1;
	const uint8_t *found;

	for (uint64_t at = 0; at < size && size - at >= needle; at += WINDOW - needle + 1) {
		const size_t length = size - at < WINDOW ? (size_t)(size - at) : WINDOW;
		int r = lend(file, names->sh_offset, at, length, &found);
		if (r < 0)
			return r;
		if (memmem(found, length, GO_SECTION, needle))
			*ret_go = true;
	}
	return 0;
}

static int find_go_section(struct file *file, const ElfW(Ehdr) * header, bool *ret_go)
{
	ElfW(Shdr) names;

	if (header->e_shoff == 0 || header->e_shnum == 0 || header->e_shstrndx == SHN_UNDEF)
		return 0;
	if (header->e_shentsize != sizeof(names) || header->e_shstrndx >= header->e_shnum)
		return -EBADMSG;
	int r = take(file, header->e_shoff, (uint64_t)header->e_shstrndx * sizeof(names), &names,
		     sizeof(names));
	return r < 0 ? r : find_go_name(file, &names, ret_go);
}

static int take_interpreter(struct file *file, const ElfW(Phdr) * segment, struct elf_info *info)
{
	const uint64_t size = segment->p_filesz;

	if (size > sizeof(info->interpreter))
		return -ENAMETOOLONG;
	if (size < 2)
		return -EBADMSG;
	int r = take(file, segment->p_offset, 0, info->interpreter, size);
	if (r == 0 && (info->interpreter[0] == '\0' || info->interpreter[size - 1] != '\0'))
		r = -EBADMSG;
	return r;
}

/* ---- libraries ---- */

/* Where in the file the bytes are that will be loaded at an address. */
static int find_offset(struct file *file, const ElfW(Ehdr) * header, uint64_t address,
		       uint64_t *ret_offset)
{
	for (unsigned i = 0; i < header->e_phnum; i++) {
		ElfW(Phdr) segment;
		int r = take_segment(file, header, i, &segment);
		if (r < 0)
			return r;
		if (segment.p_type != PT_LOAD || address < segment.p_vaddr ||
		    address - segment.p_vaddr >= segment.p_filesz)
			continue;
		*ret_offset = segment.p_offset + (address - segment.p_vaddr);
		return 0;
	}
	return -EBADMSG;
}

/* 1 and the entry, or 0 at the end of the dynamic section. */
static int take_dynamic(struct file *file, const ElfW(Phdr) * segment, unsigned index,
			ElfW(Dyn) * ret_entry)
{
	const uint64_t size = segment->p_filesz < TABLE_MAX ? segment->p_filesz : TABLE_MAX;

	if (index >= size / sizeof(*ret_entry))
		return 0;
	int r = take(file, segment->p_offset, (uint64_t)index * sizeof(*ret_entry), ret_entry,
		     sizeof(*ret_entry));
	return r < 0 ? r : ret_entry->d_tag != DT_NULL;
}

/* The table of strings that DT_NEEDED points into. */
struct strings {
	uint64_t address;
	uint64_t offset;
	uint64_t size;
};

static int find_strings(struct file *file, const ElfW(Ehdr) * header, const ElfW(Phdr) * dynamic,
			struct strings *ret_strings)
{
	struct strings strings = { 0 };
	ElfW(Dyn) entry;
	int r;

	for (unsigned i = 0; (r = take_dynamic(file, dynamic, i, &entry)) > 0; i++) {
		if (entry.d_tag == DT_STRTAB)
			strings.address = entry.d_un.d_ptr;
		if (entry.d_tag == DT_STRSZ)
			strings.size = entry.d_un.d_val;
	}
	if (r == 0 && strings.size > 0)
		r = find_offset(file, header, strings.address, &strings.offset);
	if (r == 0)
		*ret_strings = strings;
	return r;
}

static bool is_sanitizer(const char *library)
{
	const enum preload_place place = preload_place(library, strlen(library));

	return place == PRELOAD_BEFORE || place == PRELOAD_BEHIND;
}

static int check_library(struct file *file, const struct strings *strings, uint64_t at,
			 struct elf_info *info)
{
	char name[sizeof(info->runtime)] = "";

	if (at >= strings->size)
		return -EBADMSG;
	const uint64_t left = strings->size - at;
	int r = take(file, strings->offset, at, name,
		     left < sizeof(name) - 1 ? (size_t)left : sizeof(name) - 1);
	if (r < 0 || !is_sanitizer(name) || info->needs_asan)
		return r;
	info->needs_asan = true;
	memcpy(info->runtime, name, sizeof(name));
	return 0;
}

static int find_sanitizer(struct file *file, const ElfW(Ehdr) * header, const ElfW(Phdr) * dynamic,
			  struct elf_info *info)
{
	struct strings strings;
	ElfW(Dyn) entry;
	int r = find_strings(file, header, dynamic, &strings);

	if (r < 0)
		return r;
	for (unsigned i = 0; (r = take_dynamic(file, dynamic, i, &entry)) > 0; i++) {
		if (entry.d_tag != DT_NEEDED)
			continue;
		r = check_library(file, &strings, entry.d_un.d_val, info);
		if (r < 0)
			break;
	}
	return r;
}

/* The whole text, where it has an end and fits. */
static int take_text(struct file *file, const struct strings *strings, uint64_t at,
		     char text[PATH_MAX])
{
	struct part part;

	if (at >= strings->size || strings->offset >= FILE_MAX || at >= FILE_MAX)
		return -EBADMSG;
	const uint64_t left = strings->size - at;
	int r = fill(file->fd, strings->offset + at, (uint8_t *)text,
		     left < PATH_MAX ? (size_t)left : PATH_MAX, &part);
	if (r == 0 && !memchr(text, '\0', part.length))
		text[0] = '\0';
	return r;
}

/* ld.so(8) run as a program has no interpreter: it is known by its name as a library. */
static int is_loader_name(struct file *file, const struct strings *strings, uint64_t at, bool *ret)
{
	char name[sizeof(LD_SO)];

	if (at >= strings->size || strings->size - at < sizeof(name))
		return 0;
	int r = take(file, strings->offset, at, name, sizeof(name));
	if (r == 0 && memcmp(name, LD_SO, sizeof(name)) == 0)
		*ret = true;
	return r;
}

static int find_loader(struct file *file, const ElfW(Ehdr) * header, const ElfW(Phdr) * dynamic,
		       bool *ret_loader)
{
	struct strings strings;
	ElfW(Dyn) entry;
	int r = find_strings(file, header, dynamic, &strings);

	if (r < 0)
		return r;
	for (unsigned i = 0; (r = take_dynamic(file, dynamic, i, &entry)) > 0; i++) {
		if (entry.d_tag != DT_SONAME)
			continue;
		r = is_loader_name(file, &strings, entry.d_un.d_val, ret_loader);
		if (r < 0)
			break;
	}
	return r;
}

struct receiver {
	void (*receive)(void *context, enum elf_text what, const char *text);
	void *context;
};

static int give_text(struct file *file, const struct strings *strings, const ElfW(Dyn) * entry,
		     const struct receiver *to)
{
	char text[PATH_MAX];
	int r = take_text(file, strings, entry->d_un.d_val, text);

	if (r == 0 && text[0])
		to->receive(to->context,
			    entry->d_tag == DT_NEEDED  ? ELF_NEEDED
			    : entry->d_tag == DT_RPATH ? ELF_RPATH
						       : ELF_RUNPATH,
			    text);
	return r;
}

static int give_texts(struct file *file, const ElfW(Ehdr) * header, const ElfW(Phdr) * dynamic,
		      const struct receiver *to)
{
	struct strings strings;
	ElfW(Dyn) entry;
	int r = find_strings(file, header, dynamic, &strings);

	if (r < 0)
		return r;
	for (unsigned i = 0; (r = take_dynamic(file, dynamic, i, &entry)) > 0; i++) {
		if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RPATH &&
		    entry.d_tag != DT_RUNPATH)
			continue;
		r = give_text(file, &strings, &entry, to);
		if (r < 0)
			break;
	}
	return r;
}

/* ---- kinds ---- */

static int find_segments(struct file *file, const ElfW(Ehdr) * header, struct segments *found)
{
	ElfW(Phdr) segment;
	int r = 0;

	if (header->e_phnum == 0)
		return 0;
	if (header->e_phentsize != sizeof(segment) || header->e_phnum > TABLE_MAX / sizeof(segment))
		return -EBADMSG;
	for (unsigned i = 0; i < header->e_phnum && r == 0; i++) {
		r = take_segment(file, header, i, &segment);
		if (r < 0)
			break;
		if (segment.p_type == PT_INTERP)
			found->interpreter = segment;
		if (segment.p_type == PT_DYNAMIC)
			found->dynamic = segment;
		if (segment.p_type == PT_NOTE)
			r = find_notes(file, &segment, found);
	}
	return r;
}

static enum elf_kind kind_of(const struct segments *found, const struct elf_info *info)
{
	if (found->go)
		return ELF_GO;
	if (found->interpreter.p_type == PT_NULL)
		return ELF_STATIC;
	return strstr(info->interpreter, "ld-musl") ? ELF_MUSL : ELF_DYNAMIC;
}

/* What is static needs no dynamic section: one that makes no sense makes it no loader. */
static int tell_loader(struct file *file, const ElfW(Ehdr) * header, const struct segments *found,
		       struct elf_info *info)
{
	bool is_loader = false;

	if (info->kind != ELF_STATIC || header->e_type != ET_DYN ||
	    found->dynamic.p_type != PT_DYNAMIC)
		return 0;
	int r = find_loader(file, header, &found->dynamic, &is_loader);
	if (is_loader)
		info->kind = ELF_LOADER;
	return r == -EBADMSG ? 0 : r;
}

static int inspect_program(struct file *file, const ElfW(Ehdr) * header, struct elf_info *info)
{
	struct segments found = { .go = false };
	int r = find_segments(file, header, &found);

	if (r == 0)
		r = find_go_section(file, header, &found.go);
	if (r == 0 && found.interpreter.p_type == PT_INTERP)
		r = take_interpreter(file, &found.interpreter, info);
	if (r < 0)
		return r;
	info->kind = kind_of(&found, info);
	info->is_isosocks = found.isosocks;
	if (found.interpreter.p_type == PT_INTERP && found.dynamic.p_type == PT_DYNAMIC)
		r = find_sanitizer(file, header, &found.dynamic, info);
	return r < 0 ? r : tell_loader(file, header, &found, info);
}

/* EM_NONE: of another machine. */
static int take_header(struct file *file, ElfW(Ehdr) * ret_header)
{
	uint8_t ident[EI_NIDENT];
	int r = take(file, 0, 0, ident, sizeof(ident));

	*ret_header = (ElfW(Ehdr)){ .e_machine = EM_NONE };
	if (r < 0 || ident[EI_CLASS] != CLASS || ident[EI_DATA] != DATA)
		return r;
	r = take(file, 0, 0, ret_header, sizeof(*ret_header));
	if (r == 0 && ret_header->e_machine != MACHINE)
		ret_header->e_machine = EM_NONE;
	return r;
}

static int inspect_elf(struct file *file, struct elf_info *info)
{
	ElfW(Ehdr) header;
	int r = take_header(file, &header);

	if (r < 0)
		return r;
	info->kind = ELF_FOREIGN;
	if (header.e_machine == EM_NONE)
		return 0;
	info->kind = ELF_OTHER;
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return 0;
	return inspect_program(file, &header, info);
}

/* ---- scripts ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The end of a word: at a blank, a NUL or the end of the text. */
static const char *skip_word(const char *at, const char *end)
{
	while (at < end && *at != '\0' && !is_blank(*at))
		at++;
	return at;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/*
 * As the kernel reads it (execve(2), Interpreter scripts): a path and, behind blanks, one argument,
 * which has blanks inside but none at its end. Without a newline among the first bytes the argument
 * may be cut, but not the path: then it is no script.
 */
static void inspect_script(const char *line, size_t length, struct elf_info *info)
{
	const char *newline = memchr(line, '\n', length);
	const bool cut = !newline && length == SCRIPT_LINE;
	const char *end = newline ? newline : line + length - cut;
	const char *path = skip_blanks(line + 2, end);
	const char *path_end = skip_word(path, end);

	if (path_end == path)
		return;
	if (cut && path_end == end && !is_blank(*end) && *end != '\0')
		return;
	while (is_blank(end[-1]))
		end--;
	info->kind = ELF_SCRIPT;
	memcpy(info->interpreter, path, (size_t)(path_end - path));
	if (path_end >= end || *path_end == '\0')
		return;
	const char *argument = skip_blanks(path_end, end);
	memcpy(info->argument, argument, strnlen(argument, (size_t)(end - argument)));
}

/* ---- the file ---- */

static int inspect(struct file *file, struct elf_info *info)
{
	const struct part *first = &file->first;
	int r = fill(file->fd, 0, file->beginning, sizeof(file->beginning), &file->first);

	if (r < 0)
		return r;
	if (first->length >= SELFMAG && memcmp(file->beginning, ELFMAG, SELFMAG) == 0)
		return inspect_elf(file, info);
	if (first->length >= 2 && memcmp(file->beginning, "#!", 2) == 0)
		inspect_script((const char *)file->beginning,
			       first->length < SCRIPT_LINE ? first->length : SCRIPT_LINE, info);
	return 0;
}

/* Written in place: who executes has hardly any stack. */
int elf_inspect(int fd, struct elf_info *ret_info)
{
	struct file file = { .fd = fd };

	*ret_info = (struct elf_info){ .kind = ELF_OTHER };
	const int r = inspect(&file, ret_info);
	if (r < 0)
		*ret_info = (struct elf_info){ .kind = ELF_OTHER };
	return r;
}

int elf_texts(int fd, void (*receive)(void *context, enum elf_text what, const char *text),
	      void *context)
{
	const struct receiver to = { receive, context };
	struct segments found = { .go = false };
	struct file file = { .fd = fd };
	ElfW(Ehdr) header;
	int r = fill(fd, 0, file.beginning, sizeof(file.beginning), &file.first);

	if (r == 0 && (file.first.length < SELFMAG || memcmp(file.beginning, ELFMAG, SELFMAG) != 0))
		r = -EBADMSG;
	if (r == 0)
		r = take_header(&file, &header);
	if (r == 0)
		r = header.e_machine == EM_NONE ? -EBADMSG : find_segments(&file, &header, &found);
	if (r < 0 || found.dynamic.p_type != PT_DYNAMIC)
		return r;
	return give_texts(&file, &header, &found.dynamic, &to);
}

const char *elf_kind_explain(enum elf_kind kind)
{
	switch (kind) {
	case ELF_DYNAMIC:
		return "is dynamically linked: libisosocks.so can be loaded into it";
	case ELF_STATIC:
		return "is statically linked: the dynamic linker that would load libisosocks.so "
		       "never runs";
	case ELF_LOADER:
		return "is the dynamic linker: what decides is the program that it is given";
	case ELF_GO:
		return "is a Go program: it calls the kernel itself, past the C library whose "
		       "calls "
		       "libisosocks.so takes over";
	case ELF_FOREIGN:
		return "is built for another machine or word size: this libisosocks.so cannot be "
		       "loaded "
		       "into it";
	case ELF_MUSL:
		return "is linked to another C library (musl): libisosocks.so is built for this "
		       "system's, "
		       "and cannot be loaded into it";
	case ELF_SCRIPT:
		return "is a script: what decides is the interpreter that its first line names";
	case ELF_OTHER:
		break;
	}
	return "is neither an ELF program nor a script: the kernel cannot run it";
}
