/* Which text is a host name, which is an address, and which is neither. */
#include "names/hostname.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
	const char *name;
	const char *meant; /* NULL: none */
} names[] = {
	{ "example.org", "example.org" },
	{ "example.org.", "example.org" },
	{ "example.org..", NULL },
	{ "a.tor", "a.onion" },
	{ "A.TOR.", "A.onion" },
	{ ".tor", ".tor" },
	{ "tor", "tor" },
	{ "a.tors", "a.tors" },
	{ "1.tor", "1.onion" },
	{ "1.example", "1.example" },
	{ "0x.example", "0x.example" },
	{ "example.0xg", "example.0xg" },
	{ "", NULL },
	{ ".", NULL },
	{ "1.2.3.4", NULL },
	{ "1.2.3.4.", NULL },
	{ "0x7f.1", NULL },
	{ "2130706433", NULL },
	{ "1.2.3.400", NULL },
	{ "1.2.3.4.5", NULL },
	{ "4294967296", NULL },
	{ "example.1", NULL },
	{ "example.0x1F", NULL },
	{ "example.0x", NULL },
	{ "[1.2.3.4]", NULL },
	{ "1.2.3.4%lo", NULL },
	{ "1.2.3.4/32", NULL },
	{ "::1", NULL },
	{ "example.org:80", NULL },
	{ "user@example.org", NULL },
};

Test(hostname, means_one_host)
{
	char meant[HOSTNAME_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const int r =
			hostname_meant(names[i].name, strlen(names[i].name), ".tor", 4, meant);
		if (names[i].meant)
			cr_expect(r == (int)strlen(names[i].meant) &&
					  strcmp(meant, names[i].meant) == 0,
				  "%s: %d %s", names[i].name, r, meant);
		else
			cr_expect_lt(r, 0, "%s: %s", names[i].name, meant);
	}
}

Test(hostname, has_an_end)
{
	char name[300], meant[HOSTNAME_MAX + 1];

	memset(name, 'a', sizeof(name));
	cr_expect_eq(hostname_meant(name, HOSTNAME_MAX, NULL, 0, meant), HOSTNAME_MAX);
	cr_expect_lt(hostname_meant(name, HOSTNAME_MAX + 1, NULL, 0, meant), 0);
	memcpy(name + 251, ".tor", 4);
	cr_expect_lt(hostname_meant(name, 255, ".tor", 4, meant), 0, "it grows by two");
	cr_expect_lt(hostname_meant("a\0b", 3, NULL, 0, meant), 0);
}

static const struct {
	const char *name;
	bool good;
} plain[] = {
	{ "a", true },	      { "a-b.c_d.test", true }, { "_srv._tcp.test", true },
	{ "A.B", true },      { "a.1x", true },		{ "", false },
	{ ".", false },	      { "a.", false },		{ ".a", false },
	{ "a..b", false },    { "-a", false },		{ "a-", false },
	{ "a.-b", false },    { "a-.b", false },	{ "a b", false },
	{ "a\nb", false },    { "a\033", false },	{ "a\x7f", false },
	{ "a\x80", false },   { "a/b", false },		{ "1", false },
	{ "1.2.3.4", false }, { "a.0x1", false },	{ "a.9", false },
};

Test(hostname, from_elsewhere_is_plain)
{
	char name[300];

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		cr_expect_eq(hostname_is_plain(plain[i].name, strlen(plain[i].name)), plain[i].good,
			     "%s", plain[i].name);
	memset(name, 'a', sizeof(name));
	cr_expect(hostname_is_plain(name, 63));
	cr_expect_not(hostname_is_plain(name, 64));
	for (size_t i = 3; i < sizeof(name); i += 4)
		name[i] = '.';
	cr_expect(hostname_is_plain(name, 253));
	cr_expect_not(hostname_is_plain(name, 254));
	cr_expect_not(hostname_is_plain("a\0b", 3));
}
