#include "support/control.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static FILE *control;

static const char *read_line(void)
{
	static char line[4096];

	cr_assert(fgets(line, sizeof(line), control), "the control port says no more");
	return line;
}

void control_command(const char *text)
{
	/* Not by stdio: a stream that is read and written would have to be positioned between. */
	cr_assert_eq(dprintf(fileno(control), "%s\r\n", text), (int)strlen(text) + 2);
	const char *line = read_line();
	while (g_str_has_prefix(line, "650 "))
		line = read_line();
	/* 251 and 252 are 250 with a remark. */
	cr_assert(g_str_has_prefix(line, "25"), "%s: %s", text, line);
}

void control_open(unsigned port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval limit = { .tv_sec = 20 };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	control = fdopen(fd, "r");
	control_command("AUTHENTICATE");
	control_command("SETEVENTS STREAM");
}

char *control_new_stream(const char *part)
{
	for (int lines = 0; lines < 1000; lines++) {
		const char *line = read_line();
		if ((strstr(line, " NEW ") || strstr(line, " NEWRESOLVE ")) && strstr(line, part))
			return g_strdup(line);
	}
	cr_assert_fail("no stream with %s", part);
	return NULL;
}

unsigned control_circuit(const char *new_stream)
{
	unsigned stream, circuit, seen;
	char state[32];

	cr_assert_eq(sscanf(new_stream, "650 STREAM %u ", &stream), 1, "%s", new_stream);
	for (int lines = 0; lines < 1000; lines++) {
		const char *line = read_line();
		if (sscanf(line, "650 STREAM %u %31s %u ", &seen, state, &circuit) != 3 ||
		    seen != stream)
			continue;
		if (strcmp(state, "SUCCEEDED") == 0)
			return circuit;
		cr_assert_str_neq(state, "CLOSED", "not connected: %s", new_stream);
	}
	cr_assert_fail("nothing more of %s", new_stream);
	return 0;
}
