#include "policy/sealed.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char blob[] = "a policy";
static uint8_t read_back[BLOB_MAX];

static void make(char text[SEALED_TEXT_SIZE], int *ret_fd)
{
	*ret_fd = sealed_create(blob, sizeof(blob));
	cr_assert_geq(*ret_fd, 0);
	cr_assert_eq(sealed_describe(*ret_fd, text), 0);
}

Test(sealed, is_found_and_read_by_its_description)
{
	char text[SEALED_TEXT_SIZE];
	int fd;

	make(text, &fd);
	cr_assert(sealed_is_text(text));
	cr_assert_eq(sealed_find(text), fd);
	cr_assert_eq(fcntl(fd, F_GETFD), 0);
	cr_assert_eq(sealed_read(text, read_back), (ssize_t)sizeof(blob));
	cr_assert_eq(sealed_read(text, read_back), (ssize_t)sizeof(blob), "it moves the offset");
	cr_assert_eq(memcmp(read_back, blob, sizeof(blob)), 0);
	close(fd);
	cr_assert_eq(sealed_find(text), -ENOENT);
	cr_assert_eq(sealed_read(text, read_back), -ENOENT);
}

Test(sealed, cannot_be_changed)
{
	char text[SEALED_TEXT_SIZE];
	int fd;

	make(text, &fd);
	cr_assert_eq(pwrite(fd, "x", 1, 0), -1);
	cr_assert_eq(ftruncate(fd, 0), -1);
	cr_assert_eq(ftruncate(fd, 4096), -1);
}

Test(sealed, is_read_in_an_ancestor_by_who_has_lost_it)
{
	char text[SEALED_TEXT_SIZE];
	int fd, status;

	make(text, &fd);
	const pid_t child = fork();
	if (child == 0) {
		close(fd);
		const pid_t grandchild = fork();
		if (grandchild == 0)
			_exit(sealed_find(text) == -ENOENT &&
					      sealed_read(text, read_back) == sizeof(blob)
				      ? 42
				      : 1);
		waitpid(grandchild, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(child, &status, 0);
	cr_assert_eq(WEXITSTATUS(status), 42);
}

/* SIGXFSZ would end the process. */
Test(sealed, is_not_made_where_files_are_limited)
{
	const struct rlimit limit = { 4, 4 };

	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_lt(sealed_create(blob, sizeof(blob)), 0);
}

/* ---- what is none ---- */

static int make_unsealed(void)
{
	const int fd = memfd_create("test", MFD_ALLOW_SEALING);
	cr_assert_eq(write(fd, blob, sizeof(blob)), (ssize_t)sizeof(blob));
	return fd;
}

static int make_writable(void)
{
	const int fd = make_unsealed();
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW), 0);
	return fd;
}

static int make_large(void)
{
	const int fd = memfd_create("test", MFD_ALLOW_SEALING);
	cr_assert_eq(ftruncate(fd, BLOB_MAX + 1), 0);
	cr_assert_eq(
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
		0);
	return fd;
}

static int make_file(void)
{
	return open("/proc/self/exe", O_RDONLY);
}

static int make_pipe(void)
{
	int ends[2];
	return pipe(ends) == 0 ? ends[0] : -1;
}

Test(sealed, is_nothing_else)
{
	int (*const makers[])(void) = { make_unsealed, make_writable, make_large, make_file,
					make_pipe };
	char text[SEALED_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		const int fd = makers[i]();
		cr_assert_geq(fd, 0);
		cr_assert_eq(sealed_describe(fd, text), 0);
		cr_assert_eq(sealed_find(text), -ENOENT, "maker %zu", i);
		cr_assert_lt(sealed_read(text, read_back), 0, "maker %zu", i);
	}
}

Test(sealed, is_not_another_users)
{
	char text[SEALED_TEXT_SIZE];
	int fd;

	if (geteuid() != 0)
		cr_skip_test("only root may become another user");
	if (seteuid(65534) < 0)
		cr_skip_test("this needs root: there is no other user here");
	make(text, &fd);
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(sealed_find(text), -ENOENT);
	make(text, &fd);
	cr_assert_eq(seteuid(65534), 0);
	cr_assert_eq(sealed_find(text), fd, "root's is for everybody");
}

/* D stands for the descriptor, I for the inode. */
static const char *const malformed[] = {
	"",	 "@",	    "D:I",	     "@D",
	"@D:",	 "@:I",	    "@D:I ",	     "@ D:I",
	"@-1:I", "@D:0",    "@D;I",	     "@@D:I",
	"@D:I:", "@9999:I", "@4294967296:I", "@D:99999999999999999999999",
};

Test(sealed, is_found_by_its_own_description_only)
{
	char text[SEALED_TEXT_SIZE], changed[128];
	int fd;

	make(text, &fd);
	const char *inode = strchr(text, ':') + 1;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		char *to = changed;
		for (const char *at = malformed[i]; *at; at++)
			to += *at == 'D'   ? sprintf(to, "%d", fd)
			      : *at == 'I' ? sprintf(to, "%s", inode)
					   : sprintf(to, "%c", *at);
		*to = '\0';
		cr_assert_eq(sealed_find(changed), -ENOENT, "%s", changed);
		cr_assert_lt(sealed_read(changed, read_back), 0, "%s", changed);
	}
}
