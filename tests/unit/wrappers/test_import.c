#include "import.h"
#include "config.h"

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
	{ "TorFoo 1\n", NULL,
	  "1: TorFoo is a setting of neither torsocks, proxychains, tsocks nor dante" },
	/* torsocks */
	{ "TorAddress 127.0.0.2\nTorPort 9150\n",
	  "[proxy]\nurl=socks5://127.0.0.2:9150\n\n[network]\nloopback=deny\n", "" },
	{ "TorPort 9150\n", "[proxy]\nurl=socks5://127.0.0.1:9150\n\n[network]\nloopback=deny\n",
	  "" },
	{ "TorPort 9150", "[proxy]\nurl=socks5://127.0.0.1:9150\n\n[network]\nloopback=deny\n",
	  "1: the last line does not end; torsocks takes its last character for the end" },
	{ "TorAddress ::1\nTorPort 9050 # Tor's\n",
	  "[proxy]\nurl=socks5://[::1]:9050\n\n[network]\nloopback=deny\n", "" },
	{ "SOCKS5Username a:b\nSOCKS5Password c@d\n",
	  "[proxy]\nurl=socks5://a%3Ab:c%40d@127.0.0.1:9050\n\n[network]\nloopback=deny\n", "" },
	{ "SOCKS5Username us#er\nSOCKS5Password pa#ss\n",
	  "[proxy]\nurl=socks5://us%23er:pa%23ss@127.0.0.1:9050\n\n[network]\nloopback=deny\n",
	  "" },
	{ "\nSOCKS5Username alice\n",
	  "[proxy]\nurl=socks5://127.0.0.1:9050\n\n[network]\nloopback=deny\n",
	  "2: torsocks sends neither SOCKS5Username nor SOCKS5Password without the other" },
	{ "AllowInbound 1\nAllowOutboundLocalhost 0\nIsolatePID 1\n",
	  "[isolation]\nby=user;application;process\n\n[network]\nlisten=any\nloopback=deny\n",
	  "" },
	{ "AllowInbound 0\nAllowInbound 1\nIsolatePID 1\nIsolatePID 0\n"
	  "AllowOutboundLocalhost 0\nAllowOutboundLocalhost 1\n",
	  "[network]\nlisten=any\nloopback=direct\n",
	  "6: AllowOutboundLocalhost 1: UDP to this machine is direct as well" },
	{ "OnionAddrRange 127.42.42.0/24\n", "[network]\nloopback=deny\n",
	  "1: OnionAddrRange: placeholders have a range of their own; see [names] pool" },
	{ "AllowInbound yes\n", NULL, "1: AllowInbound yes: give 0 or 1" },
	{ "\nTorPort\n", NULL, "2: TorPort has no value" },
	{ "TorPort 70000\n", NULL, "1: TorPort 70000: should be from 1 to 65535" },
	{ "TorPort 9050\nTorAddress tor\n", NULL,
	  "2: TorAddress tor: should be an address; torsocks takes no name either" },
	{ "TorPort 9050\nTorFoo 1\n #x\n",
	  "[proxy]\nurl=socks5://127.0.0.1:9050\n\n[network]\nloopback=deny\n",
	  "2: TorFoo: torsocks does not know it and ignores it\n"
	  "3: #x: torsocks does not know it and ignores it" },
	/* proxychains */
	{ "strict_chain\nproxy_dns\nremote_dns_subnet 224\ntcp_read_time_out 1\n"
	  "tcp_read_time_out 15000\n  # a comment\n[ProxyList]\nsocks5 127.0.0.1 1080\n"
	  "socks5 127.0.0.1 1081\n",
	  "# isosocks-proxy --listen 127.0.0.1:1080 --upstream 'socks5://127.0.0.1:1080' "
	  "--upstream 'socks5://127.0.0.1:1081'\n\n"
	  "[proxy]\nurl=socks5://127.0.0.1:1080\ntimeout=15\n\n[network]\nloopback=proxy\n",
	  "3: remote_dns_subnet: placeholders have a range of their own; see [names] pool\n"
	  "8: isosocks-proxy has to stand in between; the result's first line is how it is "
	  "started" },
	{ "random_chain\nchain_len = 2\nproxy_dns\n[ProxyList]\nhttp 192.0.2.1 80 me pa'ss\n"
	  "socks4 192.0.2.2 1080 me\nsocks5 192.0.2.3 1080\n",
	  "# isosocks-proxy --listen 127.0.0.1:1080 "
	  "--upstream "
	  "'http://me:pa%27ss@192.0.2.1:80,socks4a://me@192.0.2.2:1080,socks5://192.0.2.3:1080' "
	  "--upstream "
	  "'http://me:pa%27ss@192.0.2.1:80,socks4a://me@192.0.2.2:1080,socks5://192.0.2.3:1080' "
	  "--pick random\n\n"
	  "[proxy]\nurl=socks5://127.0.0.1:1080\n\n[network]\nloopback=proxy\n",
	  "5: isosocks-proxy has to stand in between; the result's first line is how it is "
	  "started" },
	{ "round_robin_chain\nproxy_dns\n[ProxyList]\nsocks5 192.0.2.1 1\nsocks5 192.0.2.2 2\n",
	  "# isosocks-proxy --listen 127.0.0.1:1080 "
	  "--upstream 'socks5://192.0.2.1:1,socks5://192.0.2.2:2' --pick rotate\n\n"
	  "[proxy]\nurl=socks5://127.0.0.1:1080\n\n[network]\nloopback=proxy\n",
	  "4: isosocks-proxy has to stand in between; the result's first line is how it is "
	  "started" },
	{ "proxy_dns\n[ProxyList]\nsocks4 127.0.0.1 9050\nhttp exit.test 3128\n",
	  "# isosocks-proxy --listen 127.0.0.1:1080 --upstream 'socks4a://127.0.0.1:9050' "
	  "--upstream 'http://exit.test:3128'\n\n"
	  "[proxy]\nurl=socks5://127.0.0.1:1080\n\n[network]\nloopback=proxy\n",
	  "2: dynamic_chain: a proxy that is dead is not left out of the chain\n"
	  "3: isosocks-proxy has to stand in between; the result's first line is how it is "
	  "started" },
	{ "proxy_dns\n[ProxyList]\nhttp 127.0.0.1';x 80\n", NULL,
	  "3: 127.0.0.1';x: should be an address or a name" },
	{ "proxy_dns\n[ProxyList]\nraw 127.0.0.1 80\n", NULL,
	  "3: raw: should be socks5, socks4 or http" },
	{ "proxy_dns\nchain_len 3\n", NULL, "2: chain_len3: should be chain_len = N, up to 16" },
	{ "[ProxyList]\nsocks5 127.0.0.1 1080 user pa#ss\n",
	  "[proxy]\nurl=socks5://user:pa%23ss@127.0.0.1:1080\n\n[network]\nloopback=proxy\n",
	  "2: a proxy that asks for no password is refused; proxychains goes on without\n"
	  "1: without proxy_dns, names were asked of the machine's own nameserver; they go to the "
	  "proxy now" },
	{ "proxy_dns\n[ProxyList]\nsocks5 127.0.0.1 1080 user\n",
	  "[proxy]\nurl=socks5://127.0.0.1:1080\n\n[network]\nloopback=proxy\n",
	  "3: user: left out; proxychains sends an empty password with it, which RFC 1929 does not "
	  "have" },
	{ "proxy_dns\n[ProxyList]\nsocks5 127.0.0.1 1080 # local\n",
	  "[proxy]\nurl=socks5://%23:local@127.0.0.1:1080\n\n[network]\nloopback=proxy\n",
	  "3: #: proxychains knows no comment behind a proxy, and takes this for a username\n"
	  "3: a proxy that asks for no password is refused; proxychains goes on without" },
	{ "proxy_dns\n[ProxyList]\nsocks5://us:er@127.0.0.1:1080\nsocks5 127.0.0.1 0\n",
	  "[proxy]\nurl=socks5://us:er@127.0.0.1:1080\n\n[network]\nloopback=proxy\n",
	  "3: a proxy that asks for no password is refused; proxychains goes on without\n"
	  "4: 127.0.0.1: proxychains leaves out a proxy with port 0" },
	{ "localnet 127.0.0.0/255.0.0.0\nlocalnet ::1/128\nlocalnet 10.0.0.0/255.0.0.0\n"
	  "localnet 192.168.1.0:80/255.255.255.0\nlocalnet fd00::/8\n",
	  "[network]\nloopback=direct\ndirect=10.0.0.0/8;192.168.1.0/24:80;[fd00::/8]\n", "" },
	{ "localnet 192.168.1.5/255.255.255.0\nlocalnet fd00::1/8\nlocalnet [fd00::1]:80/16\n",
	  "[network]\nloopback=proxy\ndirect=192.168.1.0/24;[fd00::/8];[fd00::/16]:80\n", "" },
	{ "localnet 127.0.0.1/255.255.255.255\n", "[network]\nloopback=direct\n",
	  "1: 127.0.0.1/32: all of 127.0.0.0/8 is direct on every port\n"
	  "2: with 127.0.0.0/8, ::1 is direct as well" },
	{ "localnet 127.0.0.0:8080/255.0.0.0\nlocalnet ::1/128\n", "[network]\nloopback=direct\n",
	  "1: 127.0.0.0/8:8080: all of 127.0.0.0/8 is direct on every port" },
	{ "localnet 0.0.0.0/0\nlocalnet ::/0\n", "[network]\nloopback=direct\ndirect=0.0.0.0/0\n",
	  "2: [::/0]: goes to the proxy; a network of IPv6 that has IPv4's ::ffff:0:0/96 inside "
	  "cannot be direct" },
	{ "localnet 10.0.0.0:53/8\n", "[network]\nloopback=proxy\n",
	  "1: 10.0.0.0/8:53: port 53 is never direct" },
	{ "quiet_mode\nlocalnet 10.0.0.0/255.0.255.0\n", NULL,
	  "2: localnet 10.0.0.0/255.0.255.0: should be ADDRESS[:PORT]/LENGTH or "
	  "ADDRESS[:PORT]/MASK, the mask's bits in a row" },
	{ "localnet 10.0.0.0/33\n", NULL,
	  "1: localnet 10.0.0.0/33: should be ADDRESS[:PORT]/LENGTH or ADDRESS[:PORT]/MASK, the "
	  "mask's bits in a row" },
	{ "quiet_mode\n[ProxyList]\nsocks5 tor 9050\n", NULL,
	  "3: [proxy] url: the host must be an IP address, because a name would need a DNS query "
	  "outside the proxy: give for example 127.0.0.1" },
	{ "[ProxyList]\nsocks5 127.0.0.1\n", NULL,
	  "2: a proxy is TYPE ADDRESS PORT, which socks5 is not" },
	{ "proxy_dns\nfoo bar\n", "[network]\nloopback=proxy\n",
	  "2: foo: proxychains does not know it and ignores it" },
	/* tsocks */
	{ "server = 127.0.0.1 # here\nserver_type = 5\nserver_port = 9050\n"
	  "local = 192.168.0.0/255.255.255.0\n",
	  "[proxy]\nurl=socks5://127.0.0.1:9050\n\n"
	  "[network]\nloopback=direct\ndirect=192.168.0.0/24\n",
	  "3: names were asked of the machine's own nameserver; they go to the proxy now" },
	{ "server_type = 5\nserver = 127.0.0.1\ndefault_user = m#e\ndefault_pass = se=cret #x\n"
	  "path {\nreaches = 150.0.0.0:80-1024/255.0.0.0\nserver = 10.1.7.25\n}\n",
	  "[proxy]\nurl=socks5://m%23e:se%3Dcret@127.0.0.1:1080\n\n[network]\nloopback=direct\n",
	  "5: path: one proxy is for all destinations, which is the default server\n"
	  "4: a proxy that asks for no password is refused; tsocks goes on without\n"
	  "4: names were asked of the machine's own nameserver; they go to the proxy now" },
	{ "server = 127.0.0.1\nserver_type = 5\nlocal = 10.0.0.1/255.0.0.0\nserver_port=1\n",
	  "[proxy]\nurl=socks5://127.0.0.1:1080\n\n[network]\nloopback=direct\n",
	  "3: local 10.0.0.1/255.0.0.0: ignored, as tsocks does: should be NETWORK/MASK\n"
	  "4: server_port=1: ignored, as tsocks does: should be NAME = VALUE, with blanks\n"
	  "2: names were asked of the machine's own nameserver; they go to the proxy now" },
	{ "server = 127.0.0.1\nserver_type = 6\n", NULL, "2: server_type 6: should be 4 or 5" },
	/* dante */
	{ "debug: 1\nresolveprotocol: fake\n"
	  "route {\n  from: 0.0.0.0/0 to: 10.0.0.0/8 via: direct\n}\n"
	  "route { from: 0.0.0.0/0 to: 0.0.0.0/0 via: 127.0.0.1 port = 1080\n"
	  "  proxyprotocol: socks_v5\n  protocol: tcp\n  command: connect\n}\n",
	  "[proxy]\nurl=socks5://127.0.0.1:1080\n\n[network]\nloopback=direct\ndirect=10.0.0.0/8\n",
	  "2: resolveprotocol: names always go to the proxy" },
	{ "route {\n from: 0/0 to: .example.com port = 80 via: direct }\nroute {\n", NULL,
	  "3: the route has no }" },
	{ "route { from: 10.0.0.1/32 to: 0.0.0.0/0 via: 10.1.1.1 port eq 1081 protocol: udp }\n"
	  "route { to: .example.com via: direct }\n"
	  "route { from: 10.0.0.1/32 to: 0.0.0.0/0 via: 10.1.1.1 port eq 1081 }\n",
	  "[proxy]\nurl=socks5://10.1.1.1:1081\n\n[network]\nloopback=direct\n",
	  "1: the route is left out: only connects of TCP are proxied\n"
	  "2: to .example.com: goes to the proxy; only a network can be direct\n"
	  "3: from 10.0.0.1/32: the route is for all of this machine's addresses" },
};

Test(import, translates_all_kinds)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func(g_free);
		g_autoptr(GError) error = NULL;
		g_autofree char *result = import_text(rows[i].text, remarks, &error);

		cr_expect_eq(g_strcmp0(result, rows[i].result), 0, "%s: %s, %s", rows[i].text,
			     result, error ? error->message : "");
		g_ptr_array_add(remarks, NULL);
		g_autofree char *said = g_strjoinv("\n", (char **)remarks->pdata);
		cr_expect_str_eq(error ? error->message : said, rows[i].said, "%s\n%s\n%s",
				 rows[i].text, error ? error->message : said, rows[i].said);
	}
}

/* Whatever is in a file, what comes out goes through isosocks' own reader. */
Test(import, gives_out_nothing_that_is_not_accepted)
{
	static const char pieces[][32] = { "TorPort",	 "TorAddress",	"SOCKS5Username",
					   "localnet ",	 "[ProxyList]", "socks5 ",
					   "server = ",	 "route { ",	"via: ",
					   "to: ",	 " port = ",	"}",
					   "10.0.0.0",	 "127.0.0.1",	"::1",
					   "/255.0.0.0", "/8",		":",
					   "#",		 "=",		"\n",
					   " ",		 "9050",	"0",
					   "\xff",	 "\x1b[m",	";",
					   "socks4 " };
	guint32 state = 7;

	for (int i = 0; i < 20000; i++) {
		g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func(g_free);
		g_autoptr(GString) text = g_string_new(NULL);
		CONFIG_AUTO config = config_new();
		g_autoptr(GError) error = NULL;

		for (int n = 0; n < 12; n++) {
			state = state * 1664525u + 1013904223u;
			g_string_append(text, pieces[(state >> 8) % G_N_ELEMENTS(pieces)]);
		}
		g_autofree char *result = import_text(text->str, remarks, NULL);
		cr_assert(!result || config_load_text(config, CONFIG_FILE, "result", result,
						      strlen(result), &error),
			  "%s\n%s\n%s", text->str, result, error ? error->message : "");
	}
}
