/*
 * startup RUNS COMMAND...: each COMMAND is one shell-less string of words, with NAME=VALUE in front
 * for its environment. They are started in turn, RUNS times each; prints a line "NUMBER
 * MICROSECONDS" for each run, from spawn to end, or "NUMBER fails"; NUMBER counts the commands from
 * 0.
 */
#include <err.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS 32

/* This environment with the command's own variables, which the first word without a `=` ends. */
static char **take_environment(char ***words)
{
	static char *all[1000];
	size_t count = 0;

	while (environ[count] && count < sizeof(all) / sizeof(*all) - WORDS - 1) {
		all[count] = environ[count];
		count++;
	}
	for (; strchr(**words, '='); (*words)++)
		all[count++] = **words;
	all[count] = NULL;
	return all;
}

/* Negative when it fails. */
static double run(char **words)
{
	char **environment = take_environment(&words);
	struct timespec start, end;
	pid_t pid;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (posix_spawnp(&pid, words[0], NULL, NULL, words, environment) != 0)
		err(1, "%s", words[0]);
	waitpid(pid, &status, 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (status != 0)
		return -1;
	return (double)(end.tv_sec - start.tv_sec) * 1e6 +
	       (double)(end.tv_nsec - start.tv_nsec) / 1e3;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: startup RUNS COMMAND...");
	const int runs = atoi(argv[1]), commands = argc - 2;
	char *(*words)[WORDS] = calloc((size_t)commands, sizeof(*words));

	for (int c = 0; c < commands; c++) {
		char *text = strdup(argv[2 + c]), *word = strtok(text, " ");
		for (int w = 0; word && w < WORDS - 1; w++, word = strtok(NULL, " "))
			words[c][w] = word;
	}
	for (int r = 0; r < runs; r++) {
		for (int c = 0; c < commands; c++) {
			const double took = run(words[c]);
			if (took < 0)
				printf("%d fails\n", c);
			else
				printf("%d %.1f\n", c, took);
		}
	}
	return 0;
}
