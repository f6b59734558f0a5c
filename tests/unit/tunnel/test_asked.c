#include "tunnel/asked.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static struct sockaddr_in6 server(uint16_t port)
{
	return (struct sockaddr_in6){ .sin6_family = AF_INET6,
				      .sin6_addr = in6addr_loopback,
				      .sin6_port = port };
}

Test(asked, knows_who_was_asked_by_socket_and_number)
{
	const struct sockaddr_in6 one = server(1), two = server(2), three = server(3);
	struct sockaddr_in6 found;

	cr_assert_not(asked_find(7, 1, &found));
	asked_put(7, 1, &one);
	asked_put(7, 2, &two);
	asked_put(8, 1, &three);
	cr_assert(asked_find(7, 1, &found));
	cr_expect_eq(found.sin6_port, 1);
	cr_assert(asked_find(7, 2, &found));
	cr_expect_eq(found.sin6_port, 2);
	cr_assert(asked_find(8, 1, &found));
	cr_expect_eq(memcmp(&found, &three, sizeof(found)), 0);
	cr_expect_not(asked_find(8, 2, &found));
	cr_expect_not(asked_find(9, 1, &found));
	asked_put(7, 1, &three);
	cr_assert(asked_find(7, 1, &found));
	cr_expect_eq(found.sin6_port, 3);
}

/* Older ones may be forgotten; what is found is never another's. */
Test(asked, forgets_but_does_not_mistake)
{
	struct sockaddr_in6 found;
	unsigned known = 0;

	for (unsigned i = 1; i <= 10000; i++) {
		const struct sockaddr_in6 at = server((uint16_t)i);
		asked_put(i, (uint16_t)(i * 7), &at);
		cr_assert(asked_find(i, (uint16_t)(i * 7), &found));
	}
	for (unsigned i = 1; i <= 10000; i++) {
		if (!asked_find(i, (uint16_t)(i * 7), &found))
			continue;
		known++;
		cr_assert_eq(found.sin6_port, (uint16_t)i);
	}
	cr_assert(known > 100 && known < 10000, "%u", known);
}
