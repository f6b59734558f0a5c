/*
 * Random sequences of socket calls, with the kernel as oracle: the same ones on a socket that goes
 * through the proxy and on one that does not (tests/clients/sequences.c). The seeds are fixed; a
 * failure names the one that makes its sequence again.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static void run(unsigned seed, unsigned count)
{
	char *program = lab_program("sequences");
	const unsigned port = lab_serve("it");
	char *options =
		g_strdup_printf("--map 203.0.113.8:80=127.0.0.1:%u --map [2001:db8::8]:80=[::1]:%u "
				"--fault 203.0.113.9=reply:05 --fault 2001:db8::9=reply:05 "
				"--fault 203.0.113.10=silent:request "
				"--fault 2001:db8::10=silent:request",
				port, port);

	lab_proxy(options);
	const struct lab_result result =
		lab_run(seed % LAB_USERS, NULL, "%s %u %u %u", program, seed, count, port);
	lab_assert_status(&result, 0);
	lab_assert_out(&result, "sequences=");
	cr_assert(!strstr(result.out, "connected=0 ") && !strstr(result.out, "refused=0 ") &&
			  !strstr(result.out, "pending=0\n"),
		  "%s", result.out);
	g_free(options);
	g_free(program);
}

Test(sequences, are_what_the_kernel_makes_of_them)
{
	lab_open();
	run(1, 300);
	run(1000, 300);
}

Test(heavy_sequences, are_what_the_kernel_makes_of_them)
{
	lab_open();
	for (unsigned i = 1; i <= 4; i++)
		run(100001 * i, 20000);
}
