#include "dns/reverse.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static const struct {
	const char *name;
	const char *address; /* NULL: stands for none */
} rows[] = {
	{ "4.3.2.1.in-addr.arpa", "1.2.3.4" },
	{ "1.0.64.127.IN-ADDR.ARPA", "127.64.0.1" },
	{ "255.255.255.255.in-addr.arpa", "255.255.255.255" },
	{ "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	  "2001:db8::7" },
	{ "F.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.Ip6.arpa",
	  "2001:db8::f" },
	{ "", NULL },
	{ "in-addr.arpa", NULL },
	{ ".in-addr.arpa", NULL },
	{ "1.in-addr.arpa", NULL },
	{ "3.2.1.in-addr.arpa", NULL },
	{ "5.4.3.2.1.in-addr.arpa", NULL },
	{ "256.3.2.1.in-addr.arpa", NULL },
	{ "1234.3.2.1.in-addr.arpa", NULL },
	{ "04.3.2.1.in-addr.arpa", NULL },
	{ ".3.2.1.in-addr.arpa", NULL },
	{ "4.3.2.x.in-addr.arpa", NULL },
	{ "4.3.2.1.in-addr.arpa.", NULL },
	{ "4.3.2.1", NULL },
	{ "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.ip6.arpa", NULL },
	{ "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.g.ip6.arpa", NULL },
	{ "7-0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", NULL },
	{ "70.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.02.ip6.arpa", NULL },
};

Test(reverse, reads_the_names_of_addresses)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t address[16];
		char text[INET6_ADDRSTRLEN];
		const size_t length = dns_reverse(rows[i].name, strlen(rows[i].name), address);

		if (!rows[i].address) {
			cr_expect_eq(length, 0u, "%s", rows[i].name);
			continue;
		}
		cr_assert(length == 4 || length == 16, "%s", rows[i].name);
		inet_ntop(length == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
		cr_expect_str_eq(text, rows[i].address);
	}
}
