#include "hooks/program.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/libc.h"
#include "session/inheritance.h"

#include <alloca.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PATH "/bin:/usr/bin" /* execvp(3) without PATH */
#define SCRIPT_DEPTH 4		     /* #! lines that lead from one to the next, as in Linux */

/* ---- one file ---- */

static int inspect_file(int fd, struct program *program)
{
	struct stat file;

	if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode))
		return -ENOENT;
	int r = elf_inspect(fd, &program->info);
	if (r < 0)
		return r;
	program->gained = privilege_gained(fd, &file);
	return 0;
}

/* What the kernel asks, for the user that it asks for. */
static int check_executable(int folder, const char *path)
{
	return error_or(faccessat(folder, path, X_OK, AT_EACCESS));
}

/* Neither waits, for a FIFO, nor does anything, to a terminal. */
static int inspect_executable(int folder, const char *path, struct program *program)
{
	const int fd = error_or(openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
	int r = fd;

	if (fd >= 0) {
		r = inspect_file(fd, program);
		libc()->close(fd);
	}
	return r;
}

static int inspect_path(int folder, const char *path, struct program *program)
{
	return check_executable(folder, path) < 0 ? -ENOENT
						  : inspect_executable(folder, path, program);
}

/* Behind a script, its interpreter: opened by its path before that is overwritten. */
static int follow(int r, struct program *program)
{
	for (int depth = 0; r == 0 && program->info.kind == ELF_SCRIPT; depth++) {
		if (depth == SCRIPT_DEPTH)
			return -ENOENT;
		r = inspect_path(AT_FDCWD, program->info.interpreter, program);
	}
	return r;
}

int program_open(int folder, const char *path, struct program *ret_program)
{
	return follow(inspect_path(folder, path, ret_program), ret_program);
}

/* A descriptor may be one that only names a file (O_PATH), and /proc may be missing. */
int program_open_descriptor(int fd, struct program *ret_program)
{
	char path[sizeof("/proc/self/fd/") + 10];
	struct bytes_writer text = bytes_writer(path, sizeof(path));

	bytes_put_text(&text, "/proc/self/fd/");
	bytes_put_decimal(&text, (uint64_t)fd);
	bytes_put_u8(&text, '\0');
	int r = inspect_path(AT_FDCWD, path, ret_program);
	if (r == -ENOENT && access("/proc/self/fd", F_OK) < 0)
		r = inspect_file(fd, ret_program);
	return follow(r, ret_program);
}

/* ---- the search along PATH ---- */

/* Errors of execve(2) upon which libc goes on to the next folder. */
static bool is_passed_over(int error)
{
	switch (-error) {
	case EACCES:
	case ENOENT:
	case ESTALE:
	case ENOTDIR:
	case ENODEV:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/* The kernel says of a program that its interpreter is not there as if it were not there itself. */
static bool lacks_interpreter(const struct program *program)
{
	const char *own = inheritance_get()->loader;

	return program->info.kind == ELF_DYNAMIC && *program->info.interpreter &&
	       !(own && strcmp(own, program->info.interpreter) == 0) &&
	       check_executable(AT_FDCWD, program->info.interpreter) < 0;
}

/* 1: libc passes it over. */
static int inspect_candidate(const char *path, struct program *program)
{
	int r = check_executable(AT_FDCWD, path);

	if (r < 0)
		return is_passed_over(r) ? 1 : -ENOENT;
	r = follow(inspect_executable(AT_FDCWD, path, program), program);
	return r == -ENOENT || (r == 0 && lacks_interpreter(program)) ? 1 : r;
}

static size_t longest_of(const char *folders)
{
	size_t longest = 0;

	for (const char *at = folders;; at++) {
		const size_t length = strcspn(at, ":");
		if (length > longest && length < PATH_MAX)
			longest = length;
		at += length;
		if (*at == '\0')
			return longest;
	}
}

/* An empty one is the current folder; so is, for libc, one that is longer than any path, but for
 * the last. */
static int search(const char *name, const char *folders, char *path, size_t size,
		  struct program *program)
{
	for (const char *at = folders;; at++) {
		const size_t length = strcspn(at, ":");
		struct bytes_writer text = bytes_writer(path, size);
		if (length >= PATH_MAX && at[length] == '\0')
			return -ENOENT;
		if (length > 0 && length < PATH_MAX) {
			bytes_put(&text, at, length);
			bytes_put_u8(&text, '/');
		}
		bytes_put_text(&text, name);
		bytes_put_u8(&text, '\0');
		const int r = inspect_candidate(path, program);
		at += length;
		if (r <= 0)
			return r;
		if (*at == '\0')
			return -ENOENT;
	}
}

int program_find(const char *name, struct program *ret_program)
{
	const char *path = getenv("PATH"), *folders = path ? path : DEFAULT_PATH;
	const size_t length = strnlen(name, NAME_MAX + 1);

	if (strchr(name, '/'))
		return program_open(AT_FDCWD, name, ret_program);
	if (length == 0 || length > NAME_MAX)
		return -ENOENT;
	const size_t size = longest_of(folders) + 1 + length + 1;
	return search(name, folders, alloca(size), size, ret_program);
}

/* ---- whether the library reaches it ---- */

/* Where the whole system is preloaded, programs with privileges are exempt, since people must
 * become root somehow. */
const char *program_obstacle(const struct program *program)
{
	if (program->gained != PRIVILEGE_NONE && inheritance_get()->library)
		return "gains privileges, upon which the dynamic linker ignores LD_PRELOAD";
	if (program->info.kind == ELF_DYNAMIC || program->info.kind == ELF_LOADER ||
	    program->info.kind == ELF_OTHER || program->info.is_isosocks)
		return NULL;
	return elf_kind_explain(program->info.kind);
}
