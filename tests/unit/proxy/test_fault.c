#include "proxy/fault.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

struct good {
	char text[40];
	enum fault_id id;
	enum step step;
	unsigned number;
	char host[20];
};

static struct good good[] = {
	{ "reply:f0", FAULT_REPLY, STEP_REQUEST, 0xf0, "" },
	{ "reply:0A", FAULT_REPLY, STEP_REQUEST, 0x0a, "" },
	{ "dead.test=reply:05", FAULT_REPLY, STEP_REQUEST, 5, "dead.test" },
	{ "reply=reply:05", FAULT_REPLY, STEP_REQUEST, 5, "reply" },
	{ "::1=reply:05", FAULT_REPLY, STEP_REQUEST, 5, "::1" },
	{ "[fe80::1]=delay:10", FAULT_DELAY, STEP_REQUEST, 10, "fe80::1" },
	{ "status:02", FAULT_STATUS, STEP_AUTH, 2, "" },
	{ "method:ff", FAULT_METHOD, STEP_GREETING, 0xff, "" },
	{ "delay-method:0", FAULT_DELAY_METHOD, STEP_GREETING, 0, "" },
	{ "delay-auth:86400000", FAULT_DELAY_AUTH, STEP_AUTH, 86400000, "" },
	{ "silent:accept", FAULT_SILENT, STEP_ACCEPT, 0, "" },
	{ "close:greeting", FAULT_CLOSE, STEP_GREETING, 0, "" },
	{ "reset:auth", FAULT_RESET, STEP_AUTH, 0, "" },
	{ "h=silent:request", FAULT_SILENT, STEP_REQUEST, 0, "h" },
	{ "cut:3", FAULT_CUT, STEP_REQUEST, 3, "" },
	{ "cut:1@greeting", FAULT_CUT, STEP_GREETING, 1, "" },
	{ "h=stall:4@request", FAULT_STALL, STEP_REQUEST, 4, "h" },
	{ "garbage:16", FAULT_GARBAGE, STEP_GREETING, 16, "" },
	{ "garbage:16@auth", FAULT_GARBAGE, STEP_AUTH, 16, "" },
	{ "bytes", FAULT_BYTES, STEP_ACCEPT, 0, "" },
	{ "split:3", FAULT_SPLIT, STEP_ACCEPT, 3, "" },
	{ "glue:a=b:c", FAULT_GLUE, STEP_REQUEST, 0, "" },
	{ "h=glue:x", FAULT_GLUE, STEP_REQUEST, 0, "h" },
	{ "atyp:0", FAULT_ATYP, STEP_REQUEST, 0, "" },
	{ "atyp:3", FAULT_ATYP, STEP_REQUEST, 3, "" },
	{ "version:04", FAULT_VERSION, STEP_REQUEST, 4, "" },
	{ "rsv:01", FAULT_RSV, STEP_REQUEST, 1, "" },
	{ "auth-version:05", FAULT_AUTH_VERSION, STEP_AUTH, 5, "" },
	{ "http", FAULT_HTTP, STEP_GREETING, 0, "" },
	{ "pairs:65535", FAULT_PAIRS, STEP_AUTH, 65535, "" },
	{ "pairs-cut", FAULT_PAIRS_CUT, STEP_AUTH, 0, "" },
	{ "refuse-pairs", FAULT_REFUSE_PAIRS, STEP_AUTH, 0, "" },
	{ "tor-badauth", FAULT_TOR_BADAUTH, STEP_AUTH, 0, "" },
};

ParameterizedTestParameters(proxy_fault, reads_every_kind)
{
	return cr_make_param_array(struct good, good, G_N_ELEMENTS(good));
}

ParameterizedTest(struct good *row, proxy_fault, reads_every_kind)
{
	struct faults *faults = faults_new();
	GError *error = NULL;
	const char *host = *row->host ? row->host : NULL;

	cr_assert(faults_add(faults, row->text, &error), "%s", error ? error->message : "");
	const struct fault *fault = faults_take(faults, row->id, row->step, host);
	cr_assert_not_null(fault, "%s", row->text);
	cr_assert_eq(fault->number, row->number, "%s", row->text);
	cr_assert_eq(g_strcmp0(fault->host, host), 0, "%s", row->text);
	cr_assert_str_eq(fault->text, row->text);
	faults_free(faults);
}

Test(proxy_fault, has_a_row_of_the_test_above_for_every_kind)
{
	for (int id = 0; id < FAULT_COUNT; id++) {
		gboolean found = FALSE;
		for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
			found |= good[i].id == (enum fault_id)id;
		cr_assert(found, "%s", faults_kinds()[id]);
	}
}

struct bad {
	char text[40];
	char says[60];
};

static struct bad bad[] = {
	{ "", "no such kind" },
	{ "nonsense", "no such kind" },
	{ "REPLY:01", "no such kind" },
	{ "h=nonsense:01", "no such kind" },
	{ "reply", "should be reply:XX" },
	{ "reply:", "should be reply:XX" },
	{ "reply:1", "should be reply:XX" },
	{ "reply:0x1", "should be reply:XX" },
	{ "reply:100", "should be reply:XX" },
	{ "reply:gg", "should be reply:XX" },
	{ "delay:-1", "should be delay:MS" },
	{ "delay:1s", "should be delay:MS" },
	{ "delay:86400001", "should be delay:MS" },
	{ "silent:never", "should be silent:STEP" },
	{ "close", "should be close:STEP" },
	{ "cut:3@accept", "should be cut:N[@STEP]" },
	{ "cut:@auth", "should be cut:N[@STEP]" },
	{ "garbage:1048577", "should be garbage:N[@STEP]" },
	{ "bytes:1", "should be bytes" },
	{ "split:0", "should be 1 or more" },
	{ "glue:%zz", "should be glue:TEXT" },
	{ "atyp:2", "should be atyp:0|1|3|4" },
	{ "atyp:", "should be atyp:0|1|3|4" },
	{ "pairs:65536", "should be pairs:N" },
	{ "reply:01*0", "after * should be a number" },
	{ "reply:01*", "after * should be a number" },
	{ "reply:01*x", "after * should be a number" },
	{ "h=silent:auth", "without HOST=" },
	{ "h=method:00", "without HOST=" },
	{ "h=status:00", "without HOST=" },
	{ "h=bytes", "without HOST=" },
	{ "h=cut:1@auth", "without HOST=" },
	{ "h=garbage:1", "without HOST=" },
};

ParameterizedTestParameters(proxy_fault, names_what_is_wrong_and_what_would_be_right)
{
	return cr_make_param_array(struct bad, bad, G_N_ELEMENTS(bad));
}

ParameterizedTest(struct bad *row, proxy_fault, names_what_is_wrong_and_what_would_be_right)
{
	struct faults *faults = faults_new();
	GError *error = NULL;

	cr_assert_not(faults_add(faults, row->text, &error), "%s", row->text);
	cr_assert_not_null(strstr(error->message, row->text), "%s", error->message);
	cr_assert_not_null(strstr(error->message, row->says), "%s", error->message);
	g_error_free(error);
	faults_free(faults);
}

static struct faults *faults_of(const char *first, const char *second)
{
	struct faults *faults = faults_new();

	cr_assert(faults_add(faults, first, NULL));
	if (second)
		cr_assert(faults_add(faults, second, NULL));
	return faults;
}

Test(proxy_fault, acts_only_the_first_times)
{
	struct faults *faults = faults_of("reply:f0*2", NULL);

	cr_assert_not_null(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "a"));
	cr_assert_not_null(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "b"));
	cr_assert_null(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "c"));
	faults_free(faults);
}

Test(proxy_fault, makes_room_for_the_next_of_its_kind)
{
	struct faults *faults = faults_of("reply:f0*1", "reply:05");

	cr_assert_eq(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "a")->number, 0xf0);
	cr_assert_eq(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "a")->number, 0x05);
	cr_assert_eq(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "a")->number, 0x05);
	faults_free(faults);
}

Test(proxy_fault, is_used_up_only_by_its_own_host)
{
	struct faults *faults = faults_of("Dead.test=reply:f0*1", NULL);

	cr_assert_null(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "live.test"));
	cr_assert_null(faults_take(faults, FAULT_REPLY, STEP_REQUEST, NULL));
	cr_assert_not_null(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "dead.TEST"));
	cr_assert_null(faults_take(faults, FAULT_REPLY, STEP_REQUEST, "dead.test"));
	faults_free(faults);
}

Test(proxy_fault, acts_at_its_own_step_only)
{
	struct faults *faults = faults_of("silent:auth", NULL);

	cr_assert_null(faults_take(faults, FAULT_SILENT, STEP_GREETING, NULL));
	cr_assert_null(faults_take(faults, FAULT_CLOSE, STEP_AUTH, NULL));
	cr_assert_not_null(faults_take(faults, FAULT_SILENT, STEP_AUTH, NULL));
	faults_free(faults);
}

Test(proxy_fault, unescapes_text_of_any_bytes)
{
	struct faults *faults = faults_of("glue:a%00%2A%FFb*3", NULL);
	const struct fault *fault = faults_take(faults, FAULT_GLUE, STEP_REQUEST, "h");
	gsize length;

	cr_assert_not_null(fault);
	const void *bytes = g_bytes_get_data(fault->bytes, &length);
	cr_assert_eq(length, 5);
	cr_assert_arr_eq(bytes,
			 "a\0*\xff"
			 "b",
			 5);
	cr_assert_eq(fault->left, 2);
	faults_free(faults);
}

Test(proxy_fault, lists_every_kind_in_its_help)
{
	g_autofree char *help = faults_help();

	for (const char *const *kind = faults_kinds(); *kind; kind++) {
		g_autofree char *entry = g_strdup_printf("\n  %s", *kind);
		cr_assert_not_null(strstr(help, entry), "%s", *kind);
	}
	cr_assert_eq(g_strv_length((char **)faults_kinds()), FAULT_COUNT);
}

/* The manual is found from the project's folder, where the tests are run. */
Test(proxy_fault, has_its_kinds_in_the_manual)
{
	g_autofree char *manual = NULL;
	GError *error = NULL;

	cr_assert(g_file_get_contents("doc/isosocks-proxy.1", &manual, NULL, &error), "%s",
		  error ? error->message : "");
	for (const char *const *kind = faults_kinds(); *kind; kind++) {
		g_autofree char *bare = g_strdup_printf("\n.It Cm %s\n", *kind);
		g_autofree char *with = g_strdup_printf("\n.It Cm %s : Ns Ar ", *kind);
		cr_assert(strstr(manual, bare) || strstr(manual, with), "%s", *kind);
	}
}
