#include "socks5/reply.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

Test(reply, maps_every_code_of_rfc_1928_with_every_method)
{
	static const int expected[] = { 0,	     ECONNABORTED, EACCES,
					ENETUNREACH, EHOSTUNREACH, ECONNREFUSED,
					ETIMEDOUT,   EOPNOTSUPP,   EAFNOSUPPORT };

	for (uint8_t code = 1; code <= 8; code++) {
		cr_assert_eq(reply_error(code, false), -expected[code], "%02x", code);
		cr_assert_eq(reply_error(code, true), -expected[code], "%02x", code);
	}
}

Test(reply, lets_the_method_decide_what_f0_to_f2_mean)
{
	cr_assert_eq(reply_error(0xf0, true), -ECONNRESET);
	cr_assert_eq(reply_error(0xf1, true), -EPROTO);
	cr_assert_eq(reply_error(0xf2, true), -EIO);
	cr_assert_eq(reply_error(0xf0, false), -ENXIO);
	cr_assert_eq(reply_error(0xf1, false), -EBADMSG);
	cr_assert_eq(reply_error(0xf2, false), -EHOSTDOWN);
}

Test(reply, knows_the_codes_that_only_one_proposal_has)
{
	static const int of_304[] = { ECONNRESET, ENOKEY, EKEYREJECTED, EADDRNOTAVAIL, ETIMEDOUT };

	cr_assert_eq(reply_error(0xe0, true), -ENXIO);
	cr_assert_eq(reply_error(0xe1, true), -EHOSTDOWN);
	cr_assert_eq(reply_error(0xe0, false), -EPROTO);
	cr_assert_eq(reply_error(0xe1, false), -EPROTO);
	for (uint8_t code = 0xf3; code <= 0xf7; code++) {
		cr_assert_eq(reply_error(code, false), -of_304[code - 0xf3], "%02x", code);
		cr_assert_eq(reply_error(code, true), -EPROTO, "%02x", code);
	}
}

Test(reply, never_gives_an_errno_that_means_still_connecting)
{
	for (unsigned code = 1; code < 256; code++) {
		for (int extended = 0; extended < 2; extended++) {
			const int error = reply_error((uint8_t)code, extended);
			cr_assert(error < 0 && error != -EAGAIN && error != -EINTR &&
					  error != -EINPROGRESS,
				  "%02x", code);
			cr_assert(reply_find((uint8_t)code, extended) || error == -EPROTO, "%02x",
				  code);
		}
	}
}

/* The table of isosocks-protocol(7), a line as mdoc has it. */
static void put_line(char *to, size_t size, const struct reply_row *row)
{
	const char *proposal = row->dialect == REPLY_PROPOSAL_229   ? "229 "
			       : row->dialect == REPLY_PROPOSAL_304 ? "304 "
								    : "";

	snprintf(to, size, "\n.It %s%02X Ta %s Ta Er %s\n", proposal, row->code, row->meaning,
		 strerrorname_np(row->error));
}

Test(reply, stands_in_the_manual_row_by_row)
{
	static char manual[65536];
	FILE *file = fopen("doc/isosocks-protocol.7", "r");
	size_t found = 0;

	cr_assert(file);
	cr_assert_lt(fread(manual, 1, sizeof(manual) - 1, file), sizeof(manual) - 1);
	fclose(file);
	for (size_t i = 0; i < reply_count; i++) {
		char line[128];
		put_line(line, sizeof(line), &reply_rows[i]);
		cr_expect(strstr(manual, line), "doc/isosocks-protocol.7 lacks%s", line);
	}
	char *row = strstr(manual, "\n.It Em code Ta Em meaning Ta Em errno\n");
	cr_assert(row);
	for (row = strstr(row + 1, "\n.It "); strncmp(row, "\n.It other", 10) != 0; found++)
		row = strstr(row + 1, "\n.It ");
	cr_expect_eq(found, reply_count, "%zu rows in the manual, %zu here", found, reply_count);
}
