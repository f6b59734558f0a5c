#include "socks5/failure.h"
#include "socks5/reply.h"
#include "socks5/wire.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(failure, each_sentence_fits_where_it_is_copied_to)
{
	for (size_t i = 0; i < failure_count; i++) {
		cr_assert_lt(strlen(failure_rows[i].meaning),
			     sizeof(((struct isosocks_failure *)0)->meaning), "%s",
			     failure_rows[i].meaning);
		cr_assert_gt(strlen(failure_rows[i].hint), 0u);
	}
	for (size_t i = 0; i < reply_count; i++)
		cr_assert_lt(strlen(reply_rows[i].meaning),
			     sizeof(((struct isosocks_failure *)0)->meaning), "%s",
			     reply_rows[i].meaning);
}

Test(failure, each_row_is_what_its_own_failure_is_called)
{
	for (size_t i = 0; i < failure_count; i++) {
		const struct failure_row *row = &failure_rows[i];
		const struct failure failure = { row->error, row->stage, 0xff, row->code };
		cr_assert_str_eq(failure_meaning(&failure), row->meaning);
		cr_assert_str_eq(failure_hint(&failure), row->hint);
	}
}

Test(failure, a_reply_is_called_as_its_method_says)
{
	const struct failure of_229 = { EIO, ISOSOCKS_REPLY, SOCKS5_EXTENDED, 0xf2 };
	const struct failure of_304 = { EHOSTDOWN, ISOSOCKS_REPLY, SOCKS5_PASSWORD, 0xf2 };
	const struct failure unassigned = { EPROTO, ISOSOCKS_REPLY, SOCKS5_PASSWORD, 0x99 };

	cr_assert_str_eq(failure_meaning(&of_229), "pluggable transport internal error");
	cr_assert_str_eq(failure_meaning(&of_304), "onion service introduction failed");
	cr_assert_str_eq(failure_meaning(&unassigned), "a reply code without a meaning");
}

/* What another process wrote, for one, may hold anything. */
Test(failure, an_errno_or_a_stage_that_no_row_has_still_has_a_sentence)
{
	for (unsigned stage = 0; stage < 256; stage++) {
		const struct failure failure = { ELOOP, (uint8_t)stage, 0xff, 0 };
		cr_assert_gt(strlen(failure_meaning(&failure)), 0u);
		cr_assert_gt(strlen(failure_hint(&failure)), 0u);
	}
	const struct failure unknown = { ELOOP, ISOSOCKS_POLICY, 0xff, FAILURE_RULE };
	cr_assert_str_eq(failure_meaning(&unknown), "the policy denies it");
}
