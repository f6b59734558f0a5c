/*
 * border [OPTIONS] PROGRAM [ARGUMENTS]: executes the program as one that gains privileges by its
 * file does for a helper. -r takes the effective ids for the real ones first, so that the helper
 * itself stands at no border; -u UID takes that user's; -e prints `NAME=value` of each of ours and
 * goes on; -E in this program's own view of the environment, main()'s third argument, says the
 * same.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_ours(char *const *block)
{
	for (; *block; block++)
		if (strncmp(*block, "ISOSOCKS_", 9) == 0)
			printf("%s\n", *block);
	fflush(stdout);
}

static void become(uid_t user, gid_t group)
{
	if (setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)
		err(1, "cannot become %u", user);
}

int main(int argc, char **argv, char **block)
{
	int option;

	while ((option = getopt(argc, argv, "+reEu:")) > 0) {
		if (option == 'r')
			become(geteuid(), getegid());
		else if (option == 'u')
			become((uid_t)atoi(optarg), (gid_t)atoi(optarg));
		else if (option == 'e')
			print_ours(environ);
		else if (option == 'E')
			print_ours(block);
		else
			return 1;
	}
	if (!argv[optind])
		return 0;
	execv(argv[optind], argv + optind);
	err(1, "%s", argv[optind]);
}
