/*
 * Other tools of the kind: their libraries around isosocks, and their variables, which somebody has
 * set who comes from there. Each is an error that says what to use.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static struct lab_result run_with(const char *variable, const char *options)
{
	g_autofree char *isosocks = lab_program("isosocks");

	return lab_shell(LAB_NOBODY, "env '%s' %s %s true", variable, isosocks, options);
}

static void assert_refused(const char *variable, const char *options, const char *said)
{
	const struct lab_result result = run_with(variable, options);

	cr_assert_eq(result.status, 125, "%s: %d %s", variable, result.status, result.err);
	cr_assert(strstr(result.err, said), "%s: %s", variable, result.err);
}

static void assert_runs(const char *variable, const char *options)
{
	const struct lab_result result = run_with(variable, options);

	cr_assert_eq(result.status, 0, "%s %s: %d %s", variable, options, result.status,
		     result.err);
}

Test(neighbour, a_library_that_takes_over_connect_too)
{
	lab_open();
	assert_refused("LD_PRELOAD=/usr/lib/x/torsocks/libtorsocks.so", "", "of torsocks");
	assert_refused("LD_PRELOAD=libproxychains.so.4", "", "of proxychains");
	assert_refused("LD_PRELOAD=libproxychains4.so", "-x 127.0.0.1:1 -i", "of proxychains");
	assert_refused("LD_PRELOAD=/usr/lib/libtsocks.so.1.8", "", "of tsocks");
	assert_refused("LD_PRELOAD=libm.so.6 libdsocks.so", "", "of socksify");
	assert_refused("LD_PRELOAD=libm.so.6:/a/libtorsocks.so.0", "", "libtorsocks.so.0");
	assert_runs("LD_PRELOAD=libm.so.6", "");
	assert_runs("LD_PRELOAD=/nonexistent/mylibtorsocks.so", "");
}

Test(neighbour, a_variable_that_would_have_isolated_or_led_elsewhere)
{
	lab_open();
	assert_refused("TORSOCKS_USERNAME=a", "", "ISOSOCKS_ISOLATION");
	assert_refused("TORSOCKS_PASSWORD=a", "-x 127.0.0.1:1", "ISOSOCKS_ISOLATION");
	assert_refused("TORSOCKS_ISOLATE_PID=1", "", "ISOSOCKS_BY=process");
	assert_refused("TORSOCKS_TOR_PORT=9150", "", "ISOSOCKS_PROXY");
	assert_refused("TORSOCKS_TOR_ADDRESS=10.0.0.1", "-i", "ISOSOCKS_PROXY");
	assert_refused("TORSOCKS_CONF_FILE=/x", "", "isosocksctl import");
	assert_refused("PROXYCHAINS_CONF_FILE=/x", "", "isosocksctl import");
	assert_refused("PROXYCHAINS_SOCKS5_PORT=1", "", "ISOSOCKS_PROXY");
	assert_refused("TSOCKS_CONF_FILE=/x", "", "isosocksctl import");
}

Test(neighbour, one_that_says_nothing_or_what_an_option_says)
{
	lab_open();
	assert_runs("TORSOCKS_LOG_LEVEL=1", "");
	assert_runs("TORSOCKS_ALLOW_INBOUND=1", "");
	assert_runs("TORSOCKS_ISOLATE_PID=0", "");
	assert_runs("TORSOCKS_TOR_PORT=", "");
	assert_runs("TORSOCKS_TOR_PORT=9150", "-x 127.0.0.1:9150");
	assert_runs("TORSOCKS_TOR_PORT=9150", "-P 9150");
	assert_runs("TORSOCKS_ISOLATE_PID=1", "-b process");
	assert_runs("TORSOCKS_USERNAME=a", "-k ISOLATION=a");
	assert_runs("PROXYCHAINS_QUIET_MODE=1", "");
}

/* What a child preloads is its own affair, and the library comes before it. */
Test(neighbour, a_child_with_another_library)
{
	lab_open();
	g_autofree char *map =
		g_strdup_printf("--map www.test=127.0.0.1:%u", lab_serve("the target"));
	lab_proxy(map);
	g_autofree char *connect = lab_program("connect");
	const struct lab_result result =
		lab_run(LAB_NOBODY, "", "env LD_PRELOAD=/nonexistent/libtorsocks.so %s www.test 80",
			connect);
	lab_assert_status(&result, 0);
	lab_assert_out(&result, "line=this is the target");
}

Test(neighbour, an_appimage_says_how_it_can_be_run)
{
	lab_need("cc");
	lab_open();
	g_autofree char *isosocks = lab_program("isosocks");
	const struct lab_result result = lab_shell(
		LAB_NOBODY,
		"cd $(mktemp -d) && echo 'int main(void) { return 0; }' >a.c && cc -static -o a "
		"a.c && "
		"printf 'AI\\002' | dd of=a bs=1 seek=8 conv=notrunc 2>/dev/null && %s $PWD/a",
		isosocks);
	lab_assert_status(&result, 126);
	cr_assert(strstr(result.err, "--appimage-extract-and-run"), "%s", result.err);
}
