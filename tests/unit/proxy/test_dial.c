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
	g_autoptr(GError) error =
		g_error_new_literal(G_IO_ERROR, g_io_error_from_errno(row->error), "");

	cr_assert_eq(dial_reply(error), row->reply, "%s", g_strerror(row->error));
}

Test(proxy_dial, replies_host_unreachable_for_a_name_that_is_not_found)
{
	static const int codes[] = { G_RESOLVER_ERROR_NOT_FOUND, G_RESOLVER_ERROR_TEMPORARY_FAILURE,
				     G_RESOLVER_ERROR_INTERNAL };

	for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
		g_autoptr(GError) error = g_error_new_literal(G_RESOLVER_ERROR, codes[i], "");
		cr_assert_eq(dial_reply(error), REPLY_HOST_UNREACHABLE);
	}
}
