/*
 * Programs and what they say of a proxy that is slow, and of one that refuses: each with its own
 * way to wait for a connect. The proxy's log shows that the request was made, by name and with the
 * keys; the program's own words show that the errno reached it.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

#define PAGE	"a page behind a slow proxy\n"
#define REFUSED "Connection refused"

struct row {
	const char *need;
	const char *command; /* of sh */
	const char *output;  /* that standard output and error must have */
	const char *host;    /* that the proxy must have been asked for */
	unsigned requests;   /* at least so many times */
};

static const struct row light[] = {
	{ "curl", "curl -sS http://slow.test/page", PAGE, "slow.test", 1 },
	{ "curl", "curl -sS http://refused.test/", "Failed to connect to refused.test",
	  "refused.test", 1 },
	{ "curl", "curl -sS --interface 127.0.0.1 http://slow.test/page", PAGE, "slow.test", 1 },
	{ "curl", "curl -sS --interface 127.0.0.1 http://refused.test/",
	  "Failed to connect to refused.test", "refused.test", 1 },
	{ "wget", "wget -T 60 -t 1 -qO- http://slow.test/page", PAGE, "slow.test", 1 },
	{ "wget", "wget -T 60 -t 1 -O- http://refused.test/", REFUSED, "refused.test", 1 },
	{ "wget", "wget --bind-address=127.0.0.1 -t 1 -qO- http://slow.test/page", PAGE,
	  "slow.test", 1 },
	{ "wget", "wget --bind-address=127.0.0.1 -t 1 -O- http://refused.test/", REFUSED,
	  "refused.test", 1 },
	{ "ssh", "ssh -F none -b 127.0.0.1 -o BatchMode=yes refused.test", REFUSED, "refused.test",
	  1 },
	{ "ssh", "ssh -F none -o ConnectTimeout=60 -o BatchMode=yes refused.test", REFUSED,
	  "refused.test", 1 },
	{ "/usr/bin/python3",
	  "/usr/bin/python3 -c \"\n"
	  "import asyncio\n"
	  "async def one():\n"
	  "    r, w = await asyncio.open_connection('slow.test', 80)\n"
	  "    w.write(b'GET /page HTTP/1.0\\r\\n\\r\\n'); return (await r.read()).count(b'slow "
	  "proxy')\n"
	  "async def main(): print('pages', sum(await asyncio.gather(*(one() for i in "
	  "range(20)))))\n"
	  "asyncio.run(main())\n\"",
	  "pages 20\n", "slow.test", 20 },
	{ "/usr/bin/python3",
	  "/usr/bin/python3 -c \"\n"
	  "import asyncio\n"
	  "asyncio.run(asyncio.open_connection('refused.test', 80))\n\"",
	  "ConnectionRefusedError: [Errno 111]", "refused.test", 1 },
};

static const struct row heavy[] = {
	{ "node",
	  "node -e \"require('http').get('http://slow.test/page', r => r.pipe(process.stdout))\"",
	  PAGE, "slow.test", 1 },
	{ "node", "node -e \"require('http').get('http://refused.test/')\"", "ECONNREFUSED",
	  "refused.test", 1 },
	{ "node",
	  "UV_USE_IO_URING=1 node -e \"require('http').get('http://slow.test/page', "
	  "r => r.pipe(process.stdout))\"",
	  PAGE, "slow.test", 1 },
	{ "node", "UV_USE_IO_URING=1 node -e \"require('http').get('http://refused.test/')\"",
	  "ECONNREFUSED", "refused.test", 1 },
	{ "ruby", "ruby -rnet/http -e \"print Net::HTTP.get(URI('http://slow.test/page'))\"", PAGE,
	  "slow.test", 1 },
	{ "ruby", "ruby -rsocket -e \"TCPSocket.new('refused.test', 80)\"", "ECONNREFUSED",
	  "refused.test", 1 },
	{ "php", "php -r \"echo file_get_contents('http://slow.test/page');\"", PAGE, "slow.test",
	  1 },
	{ "php", "php -r \"file_get_contents('http://refused.test/');\"", REFUSED, "refused.test",
	  1 },
	{ "ab", "ab -q -n 40 -c 10 http://slow.test/page", "Complete requests:      40\n",
	  "slow.test", 40 },
	{ "ab", "ab -q -n 1 http://refused.test/page", REFUSED " (111)", "refused.test", 1 },
};

static void start_nginx(void)
{
	const char *folder = lab_folder();
	char *file = lab_path("nginx.conf");
	char *page = lab_path("page");
	char *text = g_strdup_printf(
		"user root; daemon off; master_process off; pid %s/nginx.pid; error_log stderr "
		"crit;\n"
		"events {} http { access_log off; client_body_temp_path %s/t1; proxy_temp_path "
		"%s/t2;\nfastcgi_temp_path %s/t3; uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;\n"
		"server { listen 127.0.0.1:8080; root %s; } }\n",
		folder, folder, folder, folder, folder, folder, folder);
	char *command = g_strdup_printf("nginx -e stderr -c %s", file);

	g_file_set_contents(page, PAGE, -1, NULL);
	g_file_set_contents(file, text, -1, NULL);
	lab_daemon(command, 8080);
	g_free(command);
	g_free(text);
	g_free(page);
	g_free(file);
}

static unsigned count_requests(const char *host)
{
	char **requests = lab_requests();
	char *member = g_strdup_printf("\"host\":\"%s\"", host);
	unsigned found = 0;

	for (char **line = requests; *line; line++)
		found += strstr(*line, member) && strstr(*line, "\"ISOLATION\":\"alice\"");
	g_free(member);
	g_strfreev(requests);
	return found;
}

static void run_row(const struct row *row, enum lab_user user)
{
	char *quoted = g_shell_quote(row->command);

	lab_forget();
	const struct lab_result result = lab_run(user, "-k ISOLATION=alice", "sh -c %s", quoted);
	cr_assert(strstr(result.out, row->output) || strstr(result.err, row->output),
		  "%s: no «%s» in\nstdout: %s\nstderr: %s", row->command, row->output, result.out,
		  result.err);
	const unsigned requests = count_requests(row->host);
	cr_assert_geq(requests, row->requests, "%s: %u requests for %s with the key", row->command,
		      requests, row->host);
	g_free(quoted);
}

static void run_rows(const struct row *rows, size_t count)
{
	lab_need("nginx");
	for (size_t i = 0; i < count; i++)
		lab_need(rows[i].need);
	lab_open();
	start_nginx();
	lab_proxy("--map slow.test=127.0.0.1:8080 --fault slow.test=delay:200 "
		  "--fault refused.test=delay:200 --fault refused.test=reply:05");
	for (size_t i = 0; i < count; i++) {
		for (enum lab_user user = 0; user < LAB_USERS; user++)
			run_row(&rows[i], user);
	}
}

Test(real_clients, see_a_slow_proxy_and_a_refusal)
{
	run_rows(light, G_N_ELEMENTS(light));
}

Test(heavy_clients, see_a_slow_proxy_and_a_refusal)
{
	run_rows(heavy, G_N_ELEMENTS(heavy));
}

/*
 * The proxy never answers for the first URL. A curl that waited inside connect() would never come
 * to the others.
 */
Test(real_clients, fetch_in_parallel)
{
	lab_need("curl");
	lab_need("nginx");
	lab_open();
	start_nginx();
	lab_proxy("--map h2.test=127.0.0.1:8080 --map h3.test=127.0.0.1:8080 "
		  "--fault h1.test=silent:request");
	const struct lab_result result = lab_run(
		LAB_NOBODY, NULL,
		"curl -sS -Z --parallel-immediate --max-time 10 http://h1.test/page "
		"http://h2.test/page http://h3.test/page http://h2.test/page http://h3.test/page");
	lab_assert_out(&result, PAGE PAGE PAGE PAGE);
}
