#include "call.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *channel;

/* ---- telling ---- */

/* `what=errno`; -1 from a call, or anything else for good. */
void tell(long r)
{
	printf("%s=%s\n", channel, r < 0 ? strerrorname_np(errno) : "0");
	fflush(stdout);
}

void tell_negative(long r)
{
	errno = (int)-r;
	tell(r < 0 ? -1 : r);
}

/* A kernel without this family or protocol proves nothing either way. */
static void miss(const char *what)
{
	warn("%s", what);
	exit(MISSING);
}

static bool is_missing(void)
{
	return errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT || errno == EAFNOSUPPORT ||
	       errno == ENOPROTOOPT;
}

/* A socket, or the end of this program with the refusal told. */
int open_socket(int family, int type, int protocol)
{
	const int fd = socket(family, type, protocol);

	if (fd >= 0)
		return fd;
	tell(-1);
	if (is_missing())
		miss("socket");
	exit(0);
}

/* ---- addresses ---- */

socklen_t fill(union address *to, const char *text, uint16_t port)
{
	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &to->v4.sin_addr) == 1) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(port);
		return sizeof(to->v4);
	}
	if (inet_pton(AF_INET6, text, &to->v6.sin6_addr) != 1)
		errx(1, "%s: no address", text);
	to->v6.sin6_family = AF_INET6;
	to->v6.sin6_port = htons(port);
	return sizeof(to->v6);
}

int family_of(const char *text)
{
	return strchr(text, ':') ? AF_INET6 : AF_INET;
}

/* ---- what is asked for ---- */

static const struct call *const tables[] = { datagram_calls, protocol_calls, stream_calls,
					     past_calls,     uring_calls,    name_calls,
					     group_calls,    listener_calls, descriptor_calls,
					     child_calls };

static const struct call *find_call(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct call *at = tables[i]; at->name; at++)
			if (strcmp(at->name, name) == 0)
				return at;
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: call CHANNEL [PROGRAM ARGS]");
	channel = argv[1];
	if (argc == 3 && strcmp(channel, "helper") == 0)
		descriptors_help(argv[2]);
	const struct call *call = find_call(channel);
	if (call)
		call->run();
	else if (children_run(channel, argv + 2))
		tell(-1);
	else
		errx(2, "%s: no such channel", channel);
	return 0;
}
