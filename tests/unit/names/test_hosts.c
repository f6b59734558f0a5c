#include "names/hosts.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static void open_directory(void)
{
	strcpy(path, "/tmp/isosocks-hosts-XXXXXX");
	cr_assert(mkdtemp(path));
	strcat(path, "/hosts");
}

static void remove_directory(void)
{
	unlink(path);
	rmdir(path);
	path[strlen(path) - strlen("/hosts")] = '\0';
	rmdir(path);
}

TestSuite(hosts, .init = open_directory, .fini = remove_directory);

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	cr_assert(file);
	cr_assert_eq(fwrite(text, 1, length, file), length);
	cr_assert_eq(fclose(file), 0);
}

/* The addresses found, with a space behind each. */
static const char *find(const char *name)
{
	static char text[HOSTS_MAX * (INET6_ADDRSTRLEN + 1)];
	struct hosts_address found[HOSTS_MAX];
	unsigned count = hosts_find(path, name, strlen(name), found);

	cr_assert_leq(count, HOSTS_MAX);
	text[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		char one[INET6_ADDRSTRLEN];
		cr_assert(inet_ntop(found[i].family, found[i].bytes, one, sizeof(one)));
		strcat(strcat(text, one), " ");
	}
	return text;
}

static void expect(const char *file, const char *name, const char *found)
{
	write_file(file, strlen(file));
	cr_assert_str_eq(find(name), found, "%s in \"%s\": %s", name, file, find(name));
}

Test(hosts, finds_names_as_hosts_5_has_them)
{
	static const char file[] = "# a comment 10.9.9.9 host\n"
				   "\n"
				   "10.0.0.1\thost.example.org  host\t\thostess # hidden\n"
				   "  10.0.0.2 indented \r\n"
				   "10.0.0.3 cut#hidden2\n"
				   "2001:db8::1 six host\n"
				   "10.0.0.4 MiXed.Case dotted.\n"
				   "10.0.0.5\n"
				   "10.0.0.6 last";

	expect(file, "host", "10.0.0.1 2001:db8::1 ");
	expect(file, "HOST.", "10.0.0.1 2001:db8::1 ");
	expect(file, "host.example.org", "10.0.0.1 ");
	expect(file, "hostess", "10.0.0.1 ");
	expect(file, "hidden", "");
	expect(file, "hidden2", "");
	expect(file, "indented", "10.0.0.2 ");
	expect(file, "cut", "10.0.0.3 ");
	expect(file, "six", "2001:db8::1 ");
	expect(file, "mixed.case", "10.0.0.4 ");
	expect(file, "dotted", "10.0.0.4 ");
	expect(file, "last", "10.0.0.6 ");
	expect(file, "hos", "");
	expect(file, "hostesse", "");
	expect(file, "10.0.0.5", "");
	expect(file, "comment", "");
}

Test(hosts, gives_each_address_once_in_the_files_order)
{
	expect("10.0.0.2 a a\n10.0.0.1 a\n10.0.0.2 b a\n::1 a\n0:0::1 a\n", "a",
	       "10.0.0.2 10.0.0.1 ::1 ");
}

Test(hosts, stops_at_16_addresses)
{
	char file[1024] = "";
	struct hosts_address found[HOSTS_MAX + 1];

	for (int i = 0; i < 40; i++)
		sprintf(file + strlen(file), "10.0.0.%d many\n", i);
	write_file(file, strlen(file));
	memset(found, 0xaa, sizeof(found));
	cr_assert_eq(hosts_find(path, "many", 4, found), HOSTS_MAX);
	cr_assert_eq(found[HOSTS_MAX - 1].bytes[3], 15);
	cr_assert_eq(found[HOSTS_MAX].family, 0xaa, "wrote past its end");
}

Test(hosts, passes_over_lines_that_are_none)
{
	static const char file[] = "10.0.0 a\n256.0.0.1 a\nfe80::1%lo a\nname a\n"
				   "1111111111111111111111111111111111111111111111111111111 a\n"
				   "10.0.0.1/8 a\n"
				   "127.0.0.9 a\n";

	expect(file, "a", "127.0.0.9 ");
}

Test(hosts, strips_one_trailing_dot_and_no_more)
{
	expect("10.0.0.1 a\n10.0.0.2 b.\n10.0.0.3 c..\n", "a.", "10.0.0.1 ");
	expect("10.0.0.1 a\n10.0.0.2 b.\n10.0.0.3 c..\n", "a..", "");
	expect("10.0.0.1 a\n10.0.0.2 b.\n10.0.0.3 c..\n", "b.", "10.0.0.2 ");
	expect("10.0.0.1 a\n10.0.0.2 b.\n10.0.0.3 c..\n", "c", "");
	expect("10.0.0.1 a.b\n", "a", "");
	expect("10.0.0.1 . \n", "", "");
	expect("10.0.0.1 . \n", ".", "");
}

Test(hosts, answers_localhost_itself)
{
	expect("", "localhost", "127.0.0.1 ::1 ");
	expect("", "LocalHost.", "127.0.0.1 ::1 ");
	expect("", "a.b.localhost", "127.0.0.1 ::1 ");
	expect("", "notlocalhost", "");
	expect("", ".localhost", "");
	expect("", "localhost.example.org", "");
}

Test(hosts, lets_the_file_win_over_its_own_answers)
{
	expect("127.0.0.7 localhost\n", "localhost", "127.0.0.7 ");
	expect("127.0.0.7 x.localhost\n", "x.localhost", "127.0.0.7 ");
	expect("127.0.0.7 x.localhost\n", "localhost", "127.0.0.1 ::1 ");
}

Test(hosts, answers_the_machines_own_hostname)
{
	char node[65], file[128];

	cr_assert_eq(gethostname(node, sizeof(node)), 0);
	expect("", node, "127.0.0.1 ::1 ");
	snprintf(file, sizeof(file), "10.1.2.3 %s\n", node);
	expect(file, node, "10.1.2.3 ");
	strcat(node, "x");
	expect("", node, "");
}

Test(hosts, takes_a_missing_file_and_a_directory_for_empty)
{
	cr_assert_str_eq(find("localhost"), "127.0.0.1 ::1 ");
	cr_assert_str_eq(find("host"), "");
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_str_eq(find("localhost"), "127.0.0.1 ::1 ");
	cr_assert_str_eq(find("host"), "");
	rmdir(path);
}

Test(hosts, does_not_wait_for_a_fifo)
{
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_str_eq(find("host"), "");
}

Test(hosts, leaves_errno_alone)
{
	errno = 4242;
	find("host");
	cr_assert_eq(errno, 4242);
}

/* One line of many names, long words, long comments: 10 MB, and the wanted name at every place of a
 * buffer. */
Test(hosts, reads_files_and_lines_of_any_length)
{
	const size_t size = 10 << 20;
	char *file = malloc(size);
	size_t at = 0;

	cr_assert(file);
	at += (size_t)sprintf(file, "10.0.0.1 first ");
	for (unsigned i = 0; at < size / 2; i++)
		at += (size_t)sprintf(file + at, "name%u.example ", i);
	at += (size_t)sprintf(file + at, "middle\n10.0.0.2 ");
	memset(file + at, 'x', size - at);
	memset(file + size - (1 << 20), '#', 1 << 19);
	memcpy(file + size - 21, "\n10.0.0.3 first \"last", 21);
	file[size - 5] = ' ';
	write_file(file, size);
	cr_assert_str_eq(find("first"), "10.0.0.1 10.0.0.3 ");
	cr_assert_str_eq(find("middle"), "10.0.0.1 ");
	cr_assert_str_eq(find("name100.example"), "10.0.0.1 ");
	cr_assert_str_eq(find("last"), "10.0.0.3 ");
	cr_assert_str_eq(find("name"), "");
	free(file);
}

Test(hosts, finds_a_name_wherever_the_buffer_ends)
{
	char file[4200];

	for (size_t pad = 4060; pad < 4110; pad++) {
		memset(file, '#', pad);
		size_t length = pad + (size_t)sprintf(file + pad, "\n2001:db8::77 one two\n");
		write_file(file, length);
		cr_assert_str_eq(find("two"), "2001:db8::77 ", "behind %zu bytes", pad);
	}
}
