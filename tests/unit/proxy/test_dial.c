#include "proxy/dial.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>

struct row {
	int error;
	guint8 reply;
};

/* RFC 1928 §6 */
static struct row rows[] = {
	{ ECONNREFUSED, REPLY_REFUSED },
	{ ENETUNREACH, REPLY_NETWORK_UNREACHABLE },
	{ EHOSTUNREACH, REPLY_HOST_UNREACHABLE },
	{ ETIMEDOUT, REPLY_TTL_EXPIRED },
	{ EACCES, REPLY_NOT_ALLOWED },
	{ EPERM, REPLY_NOT_ALLOWED },
	{ EMFILE, REPLY_GENERAL_FAILURE },
	{ EINVAL, REPLY_GENERAL_FAILURE },
	{ ECONNRESET, REPLY_GENERAL_FAILURE },
};

ParameterizedTestParameters(proxy_dial, replies_with_the_cause_of_a_failed_connect)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_dial, replies_with_the_cause_of_a_failed_connect)
{
	cr_assert_eq(dial_reply(row->error), row->reply, "%s", g_strerror(row->error));
}
