/*
 * Programs of the machine show that the kinds are told apart in life; images made by hand, one
 * field changed at a time, show the rest and all that can be wrong with a file.
 */
#include "elf/elf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/lib-names.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ADDRESS	     0x10000 /* where an image is loaded */

static int file = -1;

static void open_file(void)
{
	file = memfd_create("elf", MFD_CLOEXEC);
	cr_assert_geq(file, 0);
}

static void close_file(void)
{
	close(file);
}

TestSuite(elf, .init = open_file, .fini = close_file);

static int inspect_bytes(const void *bytes, size_t length, struct elf_info *ret_info)
{
	cr_assert_eq(ftruncate(file, 0), 0);
	cr_assert_eq(pwrite(file, bytes, length, 0), (ssize_t)length);
	return elf_inspect(file, ret_info);
}

static struct elf_info inspect_path(const char *path)
{
	struct elf_info info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(elf_inspect(fd, &info), 0, "%s", path);
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), 0, "the file was moved in");
	close(fd);
	return info;
}

/* ---- programs of the machine ---- */

Test(elf, knows_the_shell_as_a_program_that_can_be_preloaded)
{
	const struct elf_info info = inspect_path("/bin/sh");

	cr_assert_eq(info.kind, ELF_DYNAMIC);
	cr_assert_eq(access(info.interpreter, X_OK), 0, "%s", info.interpreter);
	cr_assert_str_eq(info.argument, "");
	cr_assert_not(info.needs_asan);
}

Test(elf, sees_whether_this_very_program_needs_a_sanitizer_first)
{
	const struct elf_info info = inspect_path("/proc/self/exe");

	cr_assert_eq(info.kind, ELF_DYNAMIC);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	cr_assert(info.needs_asan);
#else
	cr_assert_not(info.needs_asan);
#endif
}

Test(elf, knows_the_dynamic_linker_run_as_a_program)
{
	cr_assert_eq(inspect_path(inspect_path("/bin/sh").interpreter).kind, ELF_LOADER);
}

static bool link_statically(const char *folder, const char *flag, const char *path)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "echo 'int main(void) { return 0; }' | cc %s -x c -o %s - 2> %s/errors", flag,
		 path, folder);
	return system(command) == 0;
}

static void remove_folder(const char *folder)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

Test(elf, knows_what_the_compiler_links_statically)
{
	static const char *const flags[] = { "-static", "-static-pie" };
	char folder[] = "/tmp/isosocks-elf-XXXXXX", path[64];
	enum elf_kind kinds[COUNT(flags)];
	bool linked = true;

	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/program", folder);
	for (size_t i = 0; i < COUNT(flags) && linked; i++) {
		linked = link_statically(folder, flags[i], path);
		kinds[i] = linked ? inspect_path(path).kind : ELF_OTHER;
	}
	remove_folder(folder);
	if (!linked)
		cr_skip("the compiler here has no static libc");
	for (size_t i = 0; i < COUNT(flags); i++)
		cr_assert_eq(kinds[i], ELF_STATIC, "%s", flags[i]);
}

Test(elf, knows_an_object_file_for_no_program)
{
	ElfW(Ehdr) header;
	struct elf_info info;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	cr_assert_eq(read(fd, &header, sizeof(header)), (ssize_t)sizeof(header));
	close(fd);
	header.e_type = ET_REL;
	cr_assert_eq(inspect_bytes(&header, sizeof(header), &info), 0);
	cr_assert_eq(info.kind, ELF_OTHER);
}

/* ---- images ---- */

enum { LOAD, INTERPRETER, DYNAMIC, NOTE, SEGMENTS };
enum { NEEDED_FIRST, NEEDED_SECOND, STRTAB, STRSZ, END, ENTRIES };
enum { NO_SECTION, NAMES, SECTIONS };

struct note {
	ElfW(Nhdr) header;
	char name[4];
	char desc[8];
};

static struct image {
	ElfW(Ehdr) header;
	ElfW(Phdr) segment[SEGMENTS];
	ElfW(Shdr) section[SECTIONS];
	ElfW(Dyn) dynamic[ENTRIES];
	struct note note[2];
	char interpreter[48];
	char strings[64];
	char names[704]; /* more than one window */
} image;

_Static_assert(sizeof(image) == offsetof(struct image, names) + sizeof(image.names),
	       "the last table ends where the file does");

#define FIRST_LIBRARY  1
#define SECOND_LIBRARY 32

static void place(unsigned index, ElfW(Word) type, size_t offset, size_t size)
{
	image.segment[index] = (ElfW(Phdr)){
		.p_type = type,
		.p_offset = offset,
		.p_vaddr = ADDRESS + offset,
		.p_filesz = size,
		.p_memsz = size,
		.p_align = 4,
	};
}

#define PLACE(index, type, field)                                                                  \
	place(index, type, offsetof(struct image, field), sizeof(image.field))

static void make_header(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	/* Class, byte order and machine are this program's own. */
	cr_assert_eq(read(fd, &image.header, sizeof(image.header)), (ssize_t)sizeof(image.header));
	close(fd);
	image.header.e_type = ET_DYN;
	image.header.e_phoff = offsetof(struct image, segment);
	image.header.e_phnum = SEGMENTS;
	image.header.e_phentsize = sizeof(ElfW(Phdr));
	image.header.e_shoff = offsetof(struct image, section);
	image.header.e_shnum = SECTIONS;
	image.header.e_shentsize = sizeof(ElfW(Shdr));
	image.header.e_shstrndx = NAMES;
}

static void make_tables(void)
{
	place(LOAD, PT_LOAD, 0, sizeof(image));
	PLACE(INTERPRETER, PT_INTERP, interpreter);
	PLACE(DYNAMIC, PT_DYNAMIC, dynamic);
	PLACE(NOTE, PT_NOTE, note);
	image.section[NAMES] = (ElfW(Shdr)){
		.sh_type = SHT_STRTAB,
		.sh_offset = offsetof(struct image, names),
		.sh_size = sizeof(image.names),
	};
	image.dynamic[NEEDED_FIRST] =
		(ElfW(Dyn)){ .d_tag = DT_NEEDED, .d_un.d_val = FIRST_LIBRARY };
	image.dynamic[NEEDED_SECOND] =
		(ElfW(Dyn)){ .d_tag = DT_NEEDED, .d_un.d_val = SECOND_LIBRARY };
	image.dynamic[STRTAB] = (ElfW(Dyn)){
		.d_tag = DT_STRTAB,
		.d_un.d_ptr = ADDRESS + offsetof(struct image, strings),
	};
	image.dynamic[STRSZ] =
		(ElfW(Dyn)){ .d_tag = DT_STRSZ, .d_un.d_val = sizeof(image.strings) };
}

/* A dynamic program with two libraries and two notes, neither of them Go's. */
static void make_image(void)
{
	memset(&image, 0, sizeof(image));
	make_header();
	make_tables();
	for (size_t i = 0; i < COUNT(image.note); i++) {
		image.note[i].header = (ElfW(Nhdr)){ .n_namesz = 4, .n_descsz = 8, .n_type = 1 };
		memcpy(image.note[i].name, "GNU", 4);
	}
	strcpy(image.interpreter, "/lib64/ld-linux-x86-64.so.2");
	place(INTERPRETER, PT_INTERP, offsetof(struct image, interpreter),
	      strlen(image.interpreter) + 1);
	strcpy(image.strings + FIRST_LIBRARY, "libm.so.6");
	strcpy(image.strings + SECOND_LIBRARY, "libc.so.6");
	strcpy(image.names + 1, ".shstrtab");
}

static void set_interpreter(const char *path)
{
	strcpy(image.interpreter, path);
	image.segment[INTERPRETER].p_filesz = strlen(path) + 1;
}

static int inspect(struct elf_info *ret_info)
{
	return inspect_bytes(&image, sizeof(image), ret_info);
}

static enum elf_kind kind(void)
{
	struct elf_info info;

	cr_assert_eq(inspect(&info), 0);
	return info.kind;
}

Test(elf, knows_an_image_with_an_interpreter_for_dynamic)
{
	struct elf_info info;

	make_image();
	cr_assert_eq(inspect(&info), 0);
	cr_assert_eq(info.kind, ELF_DYNAMIC);
	cr_assert_str_eq(info.interpreter, "/lib64/ld-linux-x86-64.so.2");
	cr_assert_not(info.needs_asan);
	image.header.e_type = ET_EXEC;
	cr_assert_eq(kind(), ELF_DYNAMIC);
}

Test(elf, knows_an_image_without_an_interpreter_for_static)
{
	make_image();
	image.segment[INTERPRETER].p_type = PT_NULL;
	cr_assert_eq(kind(), ELF_STATIC, "static-pie");
	image.header.e_type = ET_EXEC;
	cr_assert_eq(kind(), ELF_STATIC);
	image.header.e_phnum = 0;
	cr_assert_eq(kind(), ELF_STATIC);
}

/* By its name as a library, whole, and where it could be run as a program alone. */
Test(elf, knows_the_dynamic_linker_by_its_name)
{
	make_image();
	image.segment[INTERPRETER].p_type = PT_NULL;
	image.dynamic[NEEDED_FIRST].d_tag = DT_SONAME;
	strcpy(image.strings + FIRST_LIBRARY, LD_SO);
	image.dynamic[NEEDED_SECOND].d_un.d_val = FIRST_LIBRARY;
	cr_assert_eq(kind(), ELF_LOADER);
	image.header.e_type = ET_EXEC;
	cr_assert_eq(kind(), ELF_STATIC);
	image.header.e_type = ET_DYN;
	image.dynamic[STRSZ].d_un.d_val = FIRST_LIBRARY + strlen(LD_SO);
	cr_assert_eq(kind(), ELF_STATIC, "the table ends before the name does");
	image.dynamic[STRSZ].d_un.d_val = sizeof(image.strings);
	image.strings[FIRST_LIBRARY + strlen(LD_SO)] = '0';
	cr_assert_eq(kind(), ELF_STATIC, "a longer name");
	strcpy(image.strings + FIRST_LIBRARY, LD_SO);
	image.dynamic[STRTAB].d_un.d_ptr = (ElfW(Addr)) - 1;
	cr_assert_eq(kind(), ELF_STATIC, "a table that is nowhere");
	image.segment[INTERPRETER].p_type = PT_INTERP;
	image.dynamic[STRTAB].d_un.d_ptr = ADDRESS + offsetof(struct image, strings);
	cr_assert_eq(kind(), ELF_DYNAMIC);
}

Test(elf, knows_musl_by_its_interpreter)
{
	struct elf_info info;

	make_image();
	set_interpreter("/lib/ld-musl-x86_64.so.1");
	cr_assert_eq(inspect(&info), 0);
	cr_assert_eq(info.kind, ELF_MUSL);
	cr_assert_str_eq(info.interpreter, "/lib/ld-musl-x86_64.so.1");
}

Test(elf, knows_what_another_machine_runs_for_foreign)
{
	make_image();
	image.header.e_machine ^= 1;
	cr_assert_eq(kind(), ELF_FOREIGN);
	make_image();
	image.header.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
	cr_assert_eq(kind(), ELF_FOREIGN);
	make_image();
	image.header.e_ident[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64;
	cr_assert_eq(kind(), ELF_FOREIGN);
}

Test(elf, does_not_follow_the_tables_of_a_foreign_file)
{
	Elf32_Ehdr small = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2MSB, EV_CURRENT },
		.e_type = 0x0200,
		.e_phoff = UINT32_MAX,
		.e_phnum = UINT16_MAX,
		.e_phentsize = UINT16_MAX,
	};
	struct elf_info info;

	small.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS32 : ELFCLASS64;
	cr_assert_eq(inspect_bytes(&small, sizeof(small), &info), 0);
	cr_assert_eq(info.kind, ELF_FOREIGN);
}

/* ---- Go ---- */

Test(elf, knows_go_by_a_section_name_wherever_it_stands)
{
	static const char *const names[] = { ".go.buildinfo", ".note.go.buildid" };

	for (size_t i = 0; i < COUNT(names); i++) {
		for (size_t at = 1; at < sizeof(image.names) - strlen(names[i]); at++) {
			make_image();
			strcpy(image.names + at, names[i]);
			cr_assert_eq(kind(), ELF_GO, "%s at %zu", names[i], at);
		}
	}
}

Test(elf, looks_for_section_names_in_their_table_only)
{
	make_image();
	strcpy(image.names + sizeof(image.names) - 20, ".go.buildinfo");
	image.section[NAMES].sh_size -= 20;
	cr_assert_eq(kind(), ELF_DYNAMIC);
	image.section[NAMES].sh_size += 20;
	cr_assert_eq(kind(), ELF_GO);
	image.header.e_shstrndx = SHN_UNDEF;
	cr_assert_eq(kind(), ELF_DYNAMIC);
	image.header.e_shstrndx = NAMES;
	image.header.e_shoff = 0;
	cr_assert_eq(kind(), ELF_DYNAMIC, "a file without sections");
}

Test(elf, knows_go_by_any_of_its_notes)
{
	for (size_t i = 0; i < COUNT(image.note); i++) {
		make_image();
		memcpy(image.note[i].name, "Go\0", 4);
		cr_assert_eq(kind(), ELF_GO, "note %zu", i);
		image.segment[INTERPRETER].p_type = PT_NULL;
		cr_assert_eq(kind(), ELF_GO, "a static one");
		image.segment[NOTE].p_type = PT_NULL;
		cr_assert_eq(kind(), ELF_STATIC);
	}
}

Test(elf, steps_over_notes_as_their_segment_is_aligned)
{
	make_image();
	memcpy(image.note[1].name, "Go\0", 4);
	image.note[0].header.n_descsz = 5;
	cr_assert_eq(kind(), ELF_GO, "padded to 4");
	image.segment[NOTE].p_align = 8;
	cr_assert_eq(kind(), ELF_GO, "padded to 8");
	image.note[0].header.n_descsz = 4;
	cr_assert_eq(kind(), ELF_GO, "padded to 8");
	image.segment[NOTE].p_align = 4;
	cr_assert_eq(kind(), ELF_DYNAMIC, "the second note begins elsewhere");
}

Test(elf, counts_a_go_program_linked_to_musl_as_go)
{
	make_image();
	set_interpreter("/lib/ld-musl-x86_64.so.1");
	memcpy(image.note[0].name, "Go\0", 4);
	cr_assert_eq(kind(), ELF_GO);
}

/* ---- sanitizers ---- */

static bool needs_asan(const char *first, const char *second)
{
	struct elf_info info;

	make_image();
	strcpy(image.strings + FIRST_LIBRARY, first);
	strcpy(image.strings + SECOND_LIBRARY, second);
	cr_assert_eq(inspect(&info), 0);
	cr_assert_eq(info.kind, ELF_DYNAMIC);
	return info.needs_asan;
}

Test(elf, finds_a_sanitizer_among_the_libraries)
{
	cr_assert(needs_asan("libasan.so.8", "libc.so.6"));
	cr_assert(needs_asan("libc.so.6", "libasan.so.8"));
	cr_assert(needs_asan("libc.so.6", "libtsan.so.2"));
	cr_assert(needs_asan("libclang_rt.asan-x86_64.so", "libc.so.6"));
	cr_assert(needs_asan("libclang_rt.tsan-x86_64.so", "libc.so.6"));
	cr_assert_not(needs_asan("libubsan.so.1", "libc.so.6"));
	cr_assert_not(needs_asan("libasan", "liblibasan.so.8"));
}

Test(elf, names_the_sanitizer)
{
	struct elf_info info;

	make_image();
	strcpy(image.strings + FIRST_LIBRARY, "libc.so.6");
	strcpy(image.strings + SECOND_LIBRARY, "libasan.so.8");
	cr_assert_eq(inspect(&info), 0);
	cr_assert_str_eq(info.runtime, "libasan.so.8");
}

Test(elf, knows_the_command_by_its_note)
{
	struct elf_info info;
	const char *build = getenv("BUILD");
	char path[4096];

	snprintf(path, sizeof(path), "%s/isosocks", build ? build : "build/release");
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_eq(elf_inspect(fd, &info), 0);
	cr_assert(info.is_isosocks);
	cr_assert_eq(elf_inspect(open("/bin/sh", O_RDONLY | O_CLOEXEC), &info), 0);
	cr_assert_not(info.is_isosocks);
}

Test(elf, reads_the_last_library_of_the_strings)
{
	struct elf_info info;

	make_image();
	image.dynamic[NEEDED_SECOND].d_un.d_val = sizeof(image.strings) - sizeof("libasan.so");
	strcpy(image.strings + image.dynamic[NEEDED_SECOND].d_un.d_val, "libasan.so");
	cr_assert_eq(inspect(&info), 0);
	cr_assert(info.needs_asan);
	image.dynamic[STRSZ].d_un.d_val -= 2;
	cr_assert_eq(inspect(&info), 0);
	cr_assert_not(info.needs_asan, "the name was read beyond the strings");
}

Test(elf, reads_no_library_behind_the_end_of_the_dynamic_section)
{
	struct elf_info info;

	make_image();
	strcpy(image.strings + SECOND_LIBRARY, "libasan.so.8");
	image.dynamic[END] = image.dynamic[NEEDED_SECOND];
	image.dynamic[NEEDED_SECOND] = image.dynamic[STRSZ];
	image.dynamic[STRSZ].d_tag = DT_NULL;
	cr_assert_eq(inspect(&info), 0);
	cr_assert_not(info.needs_asan);
}

/* ---- damaged files ---- */

static void expect_damaged(const char *what)
{
	static const struct elf_info none = { .kind = ELF_OTHER };
	struct elf_info info;

	memset(&info, 0xff, sizeof(info));
	cr_assert_eq(inspect(&info), -EBADMSG, "%s", what);
	cr_assert_eq(info.kind, none.kind, "%s: an answer beside an error", what);
	cr_assert_str_empty(info.interpreter, "%s: an answer beside an error", what);
	cr_assert_not(info.needs_asan || *info.runtime, "%s: an answer beside an error", what);
	make_image();
}

Test(elf, says_which_tables_are_damaged_by_ebadmsg)
{
	make_image();
	image.header.e_phoff = sizeof(image) - 8;
	expect_damaged("program headers behind the end");
	image.header.e_phoff = (ElfW(Off)) - 8;
	expect_damaged("program headers at the end of all numbers");
	image.header.e_phnum = UINT16_MAX;
	expect_damaged("more program headers than the kernel takes");
	image.header.e_phentsize--;
	expect_damaged("program headers of another size");
	image.header.e_shoff = sizeof(image) - 8;
	expect_damaged("sections behind the end");
	image.header.e_shentsize++;
	expect_damaged("sections of another size");
	image.header.e_shstrndx = SECTIONS;
	expect_damaged("names in a section that there is not");
	image.section[NAMES].sh_size++;
	expect_damaged("names beyond the end");
	image.segment[INTERPRETER].p_offset = sizeof(image) - 2;
	expect_damaged("an interpreter beyond the end");
	image.segment[INTERPRETER].p_filesz--;
	expect_damaged("an interpreter without its NUL");
	image.segment[INTERPRETER].p_filesz = 1;
	expect_damaged("an interpreter of one byte");
	image.interpreter[0] = '\0';
	expect_damaged("an empty interpreter");
	image.segment[NOTE].p_offset = sizeof(image);
	expect_damaged("notes beyond the end");
	image.segment[DYNAMIC].p_offset = sizeof(image);
	expect_damaged("a dynamic section beyond the end");
	image.dynamic[STRTAB].d_un.d_ptr = ADDRESS - 1;
	expect_damaged("strings below what is loaded");
	image.dynamic[STRTAB].d_un.d_ptr = ADDRESS + sizeof(image);
	expect_damaged("strings above what is loaded");
	image.dynamic[STRSZ].d_tag = DT_DEBUG;
	expect_damaged("strings of no size");
	image.dynamic[NEEDED_SECOND].d_un.d_val = sizeof(image.strings);
	expect_damaged("a library behind the strings");
}

Test(elf, refuses_an_interpreter_that_it_has_no_room_for)
{
	struct elf_info info;
	char long_path[300];

	make_image();
	memset(long_path, 'p', sizeof(long_path));
	long_path[255] = '\0';
	memcpy(image.names, long_path, sizeof(long_path));
	place(INTERPRETER, PT_INTERP, offsetof(struct image, names), 256);
	cr_assert_eq(inspect(&info), 0);
	cr_assert_str_eq(info.interpreter, long_path);
	image.segment[INTERPRETER].p_filesz++;
	cr_assert_eq(inspect(&info), -ENAMETOOLONG);
}

static void expect_a_verdict(int r, const char *what, size_t at)
{
	cr_assert(r == 0 || r == -EBADMSG || r == -ENAMETOOLONG, "%s at %zu: %d", what, at, r);
}

Test(elf, has_a_verdict_on_a_file_cut_at_every_length)
{
	struct elf_info info;

	make_image();
	for (size_t length = 0; length < sizeof(image); length++) {
		const int r = inspect_bytes(&image, length, &info);
		expect_a_verdict(r, "cut", length);
		if (length < SELFMAG)
			cr_assert(r == 0 && info.kind == ELF_OTHER);
		else
			cr_assert_eq(r, -EBADMSG, "cut at %zu", length);
	}
}

Test(elf, has_a_verdict_on_a_program_cut_at_every_length)
{
	static uint8_t head[8192];
	struct elf_info info;
	int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);

	cr_assert_eq(read(fd, head, sizeof(head)), (ssize_t)sizeof(head));
	close(fd);
	for (size_t length = SELFMAG; length < sizeof(head); length++)
		cr_assert_eq(inspect_bytes(head, length, &info), -EBADMSG, "cut at %zu", length);
}

Test(elf, has_a_verdict_whichever_byte_is_wrong)
{
	uint8_t *bytes = (uint8_t *)&image;
	struct elf_info info;

	make_image();
	for (size_t at = 0; at < sizeof(image); at++) {
		const uint8_t right = bytes[at];
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes[at] = (uint8_t)(right ^ 1u << bit);
			expect_a_verdict(inspect(&info), "a bit", at);
		}
		bytes[at] = (uint8_t)~right;
		expect_a_verdict(inspect(&info), "a byte", at);
		bytes[at] = right;
	}
}

Test(elf, has_a_verdict_whichever_number_is_huge)
{
	static const uint64_t huge[] = { UINT64_MAX, UINT64_MAX - 63,  INT64_MAX, INT64_MAX - 600,
					 1ull << 62, (1ull << 62) - 1, UINT32_MAX };
	uint8_t *bytes = (uint8_t *)&image;
	struct elf_info info;

	make_image();
	for (size_t at = 0; at + 8 <= offsetof(struct image, interpreter); at += 4) {
		uint64_t right;
		memcpy(&right, bytes + at, sizeof(right));
		for (size_t i = 0; i < COUNT(huge); i++) {
			memcpy(bytes + at, &huge[i], sizeof(huge[i]));
			expect_a_verdict(inspect(&info), "a huge number", at);
		}
		memcpy(bytes + at, &right, sizeof(right));
	}
}

Test(elf, hands_on_the_errno_of_a_file_that_cannot_be_read)
{
	struct elf_info info;
	int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ends[2];

	cr_assert_eq(elf_inspect(folder, &info), -EISDIR);
	close(folder);
	cr_assert_eq(elf_inspect(folder, &info), -EBADF);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(elf_inspect(ends[0], &info), -ESPIPE);
	close(ends[0]);
	close(ends[1]);
}

/* ---- scripts and the rest ---- */

#define TEN	    "0123456789"
#define FIFTY	    TEN TEN TEN TEN TEN
#define TWO_HUNDRED FIFTY FIFTY FIFTY FIFTY

static const struct {
	const char *text;
	const char *interpreter; /* NULL: no script */
	const char *argument;
} scripts[] = {
	{ "#!/bin/sh\necho\n", "/bin/sh", "" },
	{ "#!/bin/sh", "/bin/sh", "" },
	{ "#! \t /bin/sh \t \n", "/bin/sh", "" },
	{ "#!/usr/bin/env python3\n", "/usr/bin/env", "python3" },
	{ "#!/usr/bin/env\t-S  python3 -u \t\nx", "/usr/bin/env", "-S  python3 -u" },
	{ "#!/usr/bin/env -S", "/usr/bin/env", "-S" },
	{ "#!sh\r\n", "sh\r", "" },
	{ "#!", NULL, NULL },
	{ "#!\n/bin/sh\n", NULL, NULL },
	{ "#! \t \n/bin/sh\n", NULL, NULL },
	{ "#!   ", NULL, NULL },
	{ "# !/bin/sh\n", NULL, NULL },
	{ "echo #!/bin/sh\n", NULL, NULL },
	{ "#", NULL, NULL },
	{ "", NULL, NULL },
	/* 256 bytes are looked at: a path must be seen to end there, an argument may be cut. */
	{ "#!/" TWO_HUNDRED FIFTY "12\nx", "/" TWO_HUNDRED FIFTY "12", "" },
	{ "#!/" TWO_HUNDRED FIFTY "123\nx", NULL, NULL },
	{ "#!/" TWO_HUNDRED FIFTY "12 x", "/" TWO_HUNDRED FIFTY "12", "" },
	{ "#!/" TWO_HUNDRED FIFTY "123", NULL, NULL },
	{ "#!/" TWO_HUNDRED FIFTY "1 xyz\n", "/" TWO_HUNDRED FIFTY "1", "" },
	{ "#!/" TWO_HUNDRED TEN TEN TEN TEN " " TEN TEN "\n", "/" TWO_HUNDRED TEN TEN TEN TEN,
	  TEN "0" },
};

Test(elf, reads_the_first_line_of_a_script_as_the_kernel_does)
{
	for (size_t i = 0; i < COUNT(scripts); i++) {
		struct elf_info info;
		cr_assert_eq(inspect_bytes(scripts[i].text, strlen(scripts[i].text), &info), 0);
		cr_assert_eq(info.kind, scripts[i].interpreter ? ELF_SCRIPT : ELF_OTHER, "row %zu",
			     i);
		if (!scripts[i].interpreter)
			continue;
		cr_assert_str_eq(info.interpreter, scripts[i].interpreter, "row %zu", i);
		cr_assert_str_eq(info.argument, scripts[i].argument, "row %zu", i);
	}
}

Test(elf, ends_a_script_line_at_a_nul)
{
	static const char text[] = "#!/bin/sh\0-x\n", argument[] = "#!/bin/sh -x\0y\n";
	struct elf_info info;

	cr_assert_eq(inspect_bytes(text, sizeof(text) - 1, &info), 0);
	cr_assert_str_eq(info.interpreter, "/bin/sh");
	cr_assert_str_eq(info.argument, "");
	cr_assert_eq(inspect_bytes(argument, sizeof(argument) - 1, &info), 0);
	cr_assert_str_eq(info.argument, "-x");
}

Test(elf, has_something_to_say_about_every_kind)
{
	for (int kind = ELF_DYNAMIC; kind <= ELF_OTHER; kind++) {
		const char *text = elf_kind_explain((enum elf_kind)kind);
		cr_assert_eq(strncmp(text, "is ", 3), 0, "%s", text);
		cr_assert_neq(text[strlen(text) - 1], '.', "%s", text);
		for (int other = ELF_DYNAMIC; other < kind; other++)
			cr_assert_str_neq(text, elf_kind_explain((enum elf_kind)other));
	}
	cr_assert(strstr(elf_kind_explain(ELF_STATIC), "libisosocks.so never runs"));
}
