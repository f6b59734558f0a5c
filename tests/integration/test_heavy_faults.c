/*
 * What becomes of connections when something fails beside them: a proxy that dies, stops or has no
 * descriptors left with a thousand of them at one step of the handshake (tests/clients/namer.c),
 * and a program that has no descriptors or no memory left (tests/clients/faults.c). Each ends with
 * an errno that says so, and within the timeout; none reaches another target.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTS 1000

static void write_timeout(const char *pipeline, unsigned timeout)
{
	char *path = lab_path("faults.conf");
	char *text = g_strdup_printf("[proxy]\ntimeout=%u\npipeline=%s\n", timeout, pipeline);

	cr_assert(g_file_set_contents(path, text, -1, NULL));
	g_free(text);
	g_free(path);
}

static void write_config(const char *pipeline)
{
	write_timeout(pipeline, 5);
}

/* Under `prefix`, a command that runs another, or nothing. Its port. */
static unsigned start_namer(const char *prefix, const char *options)
{
	char *program = lab_program("namer");
	char *command = g_strdup_printf("exec %s %s %s", prefix, program, options);
	const char *argv[] = { "sh", "-c", command, NULL };
	char *line = lab_start(argv);
	const unsigned port = (unsigned)atoi(line);

	g_free(line);
	g_free(command);
	g_free(program);
	return port;
}

/* What `faults` says of a run through the proxy at this port. */
static struct lab_result run_at(unsigned port, const char *arguments)
{
	char *program = lab_program("faults"), *config = lab_path("faults.conf");
	char *all = g_strdup_printf("-x 127.0.0.1:%u -c %s", port, config);
	const struct lab_result result = lab_run(LAB_NOBODY, all, "%s %s", program, arguments);

	lab_assert_status(&result, 0);
	lab_assert_out(&result, " bad=0");
	g_free(all);
	g_free(config);
	g_free(program);
	return result;
}

static unsigned count_of(const struct lab_result *result, const char *what)
{
	char *key = g_strdup_printf("%s=", what);
	const char *at = strstr(result->out, key);
	const unsigned count = at ? (unsigned)atoi(at + strlen(key)) : 0;

	g_free(key);
	return count;
}

/* All ends are among these, and there are so many. */
static void assert_ends(const struct lab_result *result, unsigned connects,
			const char *const *expected)
{
	unsigned sum = 0;

	for (; *expected; expected++)
		sum += count_of(result, *expected);
	cr_assert_eq(sum, connects, "%s%s", result->out, result->err);
}

/* ---- at each step ---- */

static const char *const steps[] = {
	"connected", "greeted", "authenticated", "asked", "half", "whole",
};
static const char *const pipelines[] = { "no", "auto" };

static const struct {
	const char *fault;
	const char *early; /* how each ends that the proxy has not said yes to */
} faults[] = {
	{ "kill", "ECONNRESET" },
	{ "stop", "ETIMEDOUT" },
	{ "pause", "good" },
};

static void try_step(const char *fault, const char *step, const char *expected)
{
	char *options = g_strdup_printf("-h %s %u %s", step, CONNECTS, fault);
	char *arguments = g_strdup_printf("%u %u", CONNECTS, CONNECTS);

	const struct lab_result result = run_at(start_namer("", options), arguments);
	cr_assert_eq(count_of(&result, expected), (unsigned)CONNECTS, "%s at %s: %s%s", fault, step,
		     result.out, result.err);
	g_free(arguments);
	g_free(options);
}

static void try_steps(size_t fault)
{
	lab_open();
	for (size_t i = 0; i < G_N_ELEMENTS(pipelines); i++) {
		write_config(pipelines[i]);
		for (size_t j = 0; j < G_N_ELEMENTS(steps); j++) {
			const bool is_whole = strcmp(steps[j], "whole") == 0;
			try_step(faults[fault].fault, steps[j],
				 is_whole ? "good" : faults[fault].early);
		}
	}
}

Test(heavy_faults, end_when_the_proxy_is_killed)
{
	try_steps(0);
}

Test(heavy_faults, end_when_the_proxy_stops)
{
	try_steps(1);
}

Test(heavy_faults, go_on_when_the_proxy_does)
{
	try_steps(2);
}

/* Another has its port at once, and most of them are still to come. */
static void try_restart(const char *step, unsigned port)
{
	static const char *const ends[] = { "good", "ECONNRESET", "ENETDOWN", NULL };
	const bool is_whole = strcmp(step, "whole") == 0;
	char *namer = lab_program("namer");
	char *both = g_strdup_printf("exec 2>/dev/null; %s -p %u -h %s %u kill; exec %s -p %u",
				     namer, port, step, CONNECTS, namer, port);
	const char *argv[] = { "sh", "-c", both, NULL };
	char *arguments = g_strdup_printf("%u %u", 4 * CONNECTS, CONNECTS);

	g_free(lab_start(argv));
	const struct lab_result result = run_at(port, arguments);
	assert_ends(&result, 4 * CONNECTS, ends);
	cr_assert(count_of(&result, "good") > (is_whole ? CONNECTS : 0u), "at %s: %s", step,
		  result.out);
	cr_assert_geq(count_of(&result, "ECONNRESET"), is_whole ? 0u : CONNECTS, "at %s: %s", step,
		      result.out);
	g_free(arguments);
	g_free(both);
	g_free(namer);
}

Test(heavy_faults, are_over_when_the_proxy_is_restarted)
{
	unsigned port = 1080;

	lab_open();
	for (size_t i = 0; i < G_N_ELEMENTS(pipelines); i++) {
		write_config(pipelines[i]);
		for (size_t j = 0; j < G_N_ELEMENTS(steps); j++)
			try_restart(steps[j], port++);
	}
}

/* ---- now and then ---- */

/* It dies of every 97th request, and has its port again when the next one does. */
Test(heavy_faults, end_when_the_proxy_is_restarted)
{
	static const char *const ends[] = { "good", "lost", "ECONNRESET", "ENETDOWN", NULL };

	lab_open();
	write_config("auto");
	char *namer = lab_program("namer");
	char *loop = g_strdup_printf("exec 2>/dev/null; while :; do %s -p 1080 -x 97; done", namer);
	const char *argv[] = { "sh", "-c", loop, NULL };
	g_free(lab_start(argv));
	const struct lab_result result = run_at(1080, "20000 200");
	assert_ends(&result, 20000, ends);
	cr_assert(count_of(&result, "good") > 1000 && count_of(&result, "ECONNRESET") > 0, "%s",
		  result.out);
	g_free(loop);
	g_free(namer);
}

static const struct {
	const char *limit;
	const char *arguments;
} scarce[] = {
	{ "prlimit --nofile=100", "1000 1000" },
	{ "prlimit --nofile=20", "1000 50" },
};

/* Who is not let in waits, until another has gone, or the time is over. */
Test(heavy_faults, wait_when_the_proxy_has_no_descriptors)
{
	static const char *const ends[] = { "good", "ETIMEDOUT", NULL };

	lab_need("prlimit");
	lab_open();
	write_config("auto");
	for (size_t i = 0; i < G_N_ELEMENTS(scarce); i++) {
		const struct lab_result result =
			run_at(start_namer(scarce[i].limit, ""), scarce[i].arguments);
		assert_ends(&result, CONNECTS, ends);
		cr_assert_gt(count_of(&result, "good"), 0u, "%s", result.out);
	}
}

/* With a descriptor for each of them and none for their targets: the reference proxy goes on with
 * some, for which others make room. */
Test(heavy_faults, end_when_the_proxy_has_no_descriptors_for_targets)
{
	static const char *const ends[] = { "good", "ECONNRESET", "ECONNABORTED", "ETIMEDOUT",
					    NULL };

	lab_need("prlimit");
	lab_open();
	write_config("auto");
	char *proxy = lab_program("isosocks-proxy");
	char *command = g_strdup_printf("exec prlimit --nofile=1050 %s --listen 127.0.0.1:0 "
					"--print-port --upstream 127.0.0.1:%u",
					proxy, start_namer("", ""));
	const char *argv[] = { "sh", "-c", command, NULL };
	char *line = lab_start(argv);
	const struct lab_result result = run_at((unsigned)atoi(line), "4000 1000");
	assert_ends(&result, 4000, ends);
	cr_assert(count_of(&result, "good") > 0 && count_of(&result, "ECONNRESET") > 0, "%s%s",
		  result.out, result.err);
	g_free(line);
	g_free(command);
	g_free(proxy);
}

/* All of them are there at the same time, each with a connection to the target. */
Test(heavy_faults, are_none_of_thousands_of_connections_by_the_reference_proxy)
{
	lab_open();
	write_timeout("auto", 180);
	char *proxy = lab_program("isosocks-proxy");
	char *command =
		g_strdup_printf("exec %s --listen 127.0.0.1:0 --print-port --upstream "
				"127.0.0.1:%u",
				proxy, start_namer("prlimit --nofile=8192", "-h asked 2000 pause"));
	const char *argv[] = { "sh", "-c", command, NULL };
	char *line = lab_start(argv);

	const struct lab_result result = run_at((unsigned)atoi(line), "2000 2000");
	cr_assert_eq(count_of(&result, "good"), 2000u, "%s%s", result.out, result.err);
	g_free(line);
	g_free(command);
	g_free(proxy);
}

/* ---- the program itself ---- */

Test(heavy_faults, cost_a_program_without_descriptors_only_its_own)
{
	static const char *const ends[] = { "good", "EMFILE", NULL };

	lab_open();
	write_config("auto");
	const struct lab_result result = run_at(start_namer("", ""), "2000 400 100");
	assert_ends(&result, 2000, ends);
	cr_assert(count_of(&result, "good") > 0 && count_of(&result, "EMFILE") > 0, "%s",
		  result.out);
}

Test(heavy_faults, do_not_come_of_a_program_without_memory)
{
	lab_open();
	write_config("auto");
	const struct lab_result result = run_at(start_namer("", ""), "memory 1000");
	cr_assert_eq(count_of(&result, "good"), 1000u, "%s%s", result.out, result.err);
}

/* ---- a long life ---- */

/* What it has at a tenth of them it has at their end, but for what was under way. */
Test(heavy_faults, are_none_that_only_a_million_connects_bring)
{
	lab_open();
	char *answer = lab_program("tests/bench/answer"), *program = lab_program("million");
	const char *argv[] = { answer, NULL };
	char *options = g_strdup_printf("-x 127.0.0.1:%s", lab_start(argv));
	long resident, data, descriptors;

	const struct lab_result result = lab_run(LAB_NOBODY, options, "%s 1000000", program);
	lab_assert_status(&result, 0);
	cr_assert_eq(sscanf(result.out,
			    "connects=1000000 failed=0 resident=%ld data=%ld descriptors=%ld\n",
			    &resident, &data, &descriptors),
		     3, "%s%s", result.out, result.err);
	cr_expect_leq(resident, 256, "%s", result.out);
	cr_expect_leq(data, 256, "%s", result.out);
	cr_expect_leq(descriptors, 0, "%s", result.out);
	g_free(options);
	g_free(program);
	g_free(answer);
}
