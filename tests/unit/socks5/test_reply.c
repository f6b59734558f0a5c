#include "socks5/reply.h"

#include <criterion/criterion.h>
#include <errno.h>

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
