/*
 * replay: the main program of a fuzz target that is not fuzzed: it runs the files named as
 * arguments, and all files below the folders named, through the target once, so that a corpus is a
 * regression suite.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static int fail(const char *path)
{
	int r = errno > 0 ? -errno : -EIO;
	fprintf(stderr, "%s: %s\n", path, strerror(-r));
	return r;
}

/* The copy is exactly as long as the file, so that a sanitizer sees every byte too many. */
static int run_stream(const char *path, FILE *file, size_t size)
{
	uint8_t *data = malloc(size > 0 ? size : 1);

	if (!data || fread(data, 1, size, file) != size) {
		free(data);
		return fail(path);
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
	return 0;
}

static int run_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	int r;

	if (!file)
		return fail(path);
	r = run_stream(path, file, size);
	fclose(file);
	return r;
}

static int run_path(const char *path);

static int run_entry(const char *folder, const char *name)
{
	char path[4096];

	if (name[0] == '.')
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return fail(folder);
	}
	return run_path(path);
}

static int run_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return fail(path);
	while (r == 0 && (entry = readdir(folder)))
		r = run_entry(path, entry->d_name);
	closedir(folder);
	return r;
}

static int run_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return fail(path);
	return S_ISDIR(st.st_mode) ? run_folder(path) : run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc; i++) {
		if (run_path(argv[i]) != 0)
			r = 1;
	}
	printf("%s: %u inputs replayed\n", argv[0], replayed);
	return r;
}
