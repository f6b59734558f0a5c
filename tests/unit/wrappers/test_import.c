#include "import.h"

#include <criterion/criterion.h>
#include <string.h>

/* A text, what becomes of it (NULL: nothing), and the remarks or the error. */
static const struct {
	const char *text;
	const char *result;
	const char *said;
} rows[] = {
	{ "", "", "" },
	{ "# nothing\n\n", "", "" },
	{ "TorAddress 127.0.0.2\nTorPort 9150\n", "[proxy]\nurl=socks5://127.0.0.2:9150\n", "" },
	{ "TorPort 9150", "[proxy]\nurl=socks5://127.0.0.1:9150\n", "" },
	{ "TorAddress ::1\n", "[proxy]\nurl=socks5://[::1]:9050\n", "" },
	{ "SOCKS5Username a:b\nSOCKS5Password c@d\n",
	  "[proxy]\nurl=socks5://a%3Ab:c%40d@127.0.0.1:9050\n", "" },
	{ "AllowInbound 1\nAllowOutboundLocalhost 0\nIsolatePID 1\n",
	  "[isolation]\nby=user;application;process\n\n[network]\nlisten=any\nloopback=deny\n",
	  "" },
	{ "OnionAddrRange 127.42.42.0/24\n", "",
	  "1: OnionAddrRange: placeholders have a range of their own; see [names] pool" },
	{ "AllowInbound yes\n", NULL, "1: AllowInbound yes: give 0 or 1" },
	{ "\nTorPort\n", NULL, "2: TorPort has no value" },
	{ "TorFoo 1\n", NULL, "1: TorFoo is a setting of neither torsocks nor proxychains" },
	{ "strict_chain\nproxy_dns\nremote_dns_subnet 224\ntcp_read_time_out 15000\n"
	  "[ProxyList]\nsocks5 127.0.0.1 1080 user pass\nsocks5 127.0.0.1 1081\n",
	  "[proxy]\nurl=socks5://user:pass@127.0.0.1:1080\ntimeout=15\n",
	  "3: remote_dns_subnet: placeholders have a range of their own; see [names] pool\n"
	  "7: 127.0.0.1: there is one proxy, the first of the list" },
	{ "localnet 127.0.0.0/255.0.0.0\nlocalnet ::1/128\nlocalnet 10.0.0.0/255.0.0.0\n"
	  "localnet 192.168.1.0:80/255.255.255.0\nlocalnet fd00::/8\n",
	  "[network]\nloopback=direct\ndirect=10.0.0.0/8;192.168.1.0/24:80;[fd00::/8]\n", "" },
	{ "[ProxyList]\nsocks4 127.0.0.1 9050\n", NULL,
	  "2: the proxy is a socks4 one; isosocks speaks socks5 alone (Tor takes both)" },
	{ "[ProxyList]\nsocks5 127.0.0.1\n", NULL,
	  "2: a proxy is TYPE ADDRESS PORT, which socks5 is not" },
	{ "random_chain\n", "", "1: random_chain: there is one proxy, the first of the list" },
};

Test(import, translates_both_kinds)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func(g_free);
		g_autoptr(GError) error = NULL;
		g_autofree char *result = import_text(rows[i].text, remarks, &error);

		cr_expect_eq(g_strcmp0(result, rows[i].result), 0, "%s: %s, %s", rows[i].text,
			     result, error ? error->message : "");
		g_ptr_array_add(remarks, NULL);
		g_autofree char *said = g_strjoinv("\n", (char **)remarks->pdata);
		cr_expect_str_eq(error ? error->message : said, rows[i].said, "%s", rows[i].text);
	}
}

/* What comes out goes through isosocks' own reader. */
Test(import, gives_out_nothing_that_is_not_accepted)
{
	static const char *const texts[] = { "TorAddress localhost\n", "TorPort 70000\n",
					     "localnet 10.0.0.0/33\n",
					     "AllowInbound 1\nAllowInbound 0\n" };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func(g_free);
		g_autoptr(GError) error = NULL;

		cr_expect_null(import_text(texts[i], remarks, &error), "%s", texts[i]);
		cr_expect(error && strstr(error->message, "the result"), "%s", texts[i]);
	}
}
