/*
 * resolve [OPTIONS] [NODE [SERVICE]]: one getaddrinfo(), and what it gave, a line each:
 *
 *   resolve=0 | resolve=EAI_NONAME | resolve=EAI_SYSTEM ENETDOWN
 *   errno=kept | errno=EAGAIN            what the call made of errno
 *   inet stream 6 80 placeholder         family, type, protocol, port, class of the address
 *   canonname=NAME                       behind the address that has it
 *
 * A missing NODE or SERVICE is NULL. -H no hints, -f FAMILY, -t TYPE, -p PROTOCOL, -F FLAGS as
 * numbers (0x… too), -a addresses in place of their class, -x 41ff… the node in hexadecimal.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	bool no_hints, addresses;
	char *node;
	const char *service;
	struct addrinfo hints;
} options;

#define ROW(name)                                                                                  \
	{                                                                                          \
		name, #name                                                                        \
	}
static const struct {
	int value;
	const char *name;
} codes[] = {
	{ 0, "0" },	     ROW(EAI_BADFLAGS),	  ROW(EAI_NONAME),   ROW(EAI_AGAIN),
	ROW(EAI_FAIL),	     ROW(EAI_FAMILY),	  ROW(EAI_SOCKTYPE), ROW(EAI_SERVICE),
	ROW(EAI_MEMORY),     ROW(EAI_SYSTEM),	  ROW(EAI_OVERFLOW), ROW(EAI_NODATA),
	ROW(EAI_ADDRFAMILY), ROW(EAI_IDN_ENCODE),
};

static const char *code_name(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].value == code)
			return codes[i].name;
	}
	return "unknown";
}

/* The pool is 127.64.0.0/10. */
static const char *class_of(uint32_t address)
{
	if (address >> 22 == (127u << 24 | 64u << 16) >> 22)
		return "placeholder";
	return address >> 24 == 127 ? "loopback" : address == 0 ? "any" : "other";
}

static const char *class6_of(const struct in6_addr *address)
{
	static char mapped[32];
	uint32_t v4;

	if (IN6_IS_ADDR_LOOPBACK(address))
		return "loopback";
	if (IN6_IS_ADDR_UNSPECIFIED(address))
		return "any";
	if (!IN6_IS_ADDR_V4MAPPED(address))
		return "other";
	memcpy(&v4, address->s6_addr + 12, sizeof(v4));
	snprintf(mapped, sizeof(mapped), "mapped-%s", class_of(ntohl(v4)));
	return mapped;
}

static void print_address(const struct addrinfo *at)
{
	const struct sockaddr_in6 *v6 = (const void *)at->ai_addr;
	const struct sockaddr_in *v4 = (const void *)at->ai_addr;
	const bool is_v4 = at->ai_family == AF_INET;
	char text[INET6_ADDRSTRLEN];

	printf("%s %s %d %u ", is_v4 ? "inet" : "inet6",
	       at->ai_socktype == SOCK_STREAM  ? "stream"
	       : at->ai_socktype == SOCK_DGRAM ? "dgram"
					       : "raw",
	       at->ai_protocol, ntohs(is_v4 ? v4->sin_port : v6->sin6_port));
	if (!options.addresses) {
		puts(is_v4 ? class_of(ntohl(v4->sin_addr.s_addr)) : class6_of(&v6->sin6_addr));
		return;
	}
	inet_ntop(at->ai_family, is_v4 ? (const void *)&v4->sin_addr : &v6->sin6_addr, text,
		  sizeof(text));
	printf("%s", text);
	if (!is_v4 && v6->sin6_scope_id != 0)
		printf("%%%u", v6->sin6_scope_id);
	puts("");
}

static char *from_hexadecimal(const char *text)
{
	const size_t length = strlen(text) / 2;
	char *bytes = calloc(length + 1, 1);

	for (size_t i = 0; i < length; i++) {
		unsigned byte;
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			errx(2, "-x takes hexadecimal");
		bytes[i] = (char)byte;
	}
	return bytes;
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 0);
}

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "Haf:t:p:F:x:")) != -1) {
		switch (c) {
		case 'H':
			options.no_hints = true;
			break;
		case 'a':
			options.addresses = true;
			break;
		case 'f':
			options.hints.ai_family = number(optarg);
			break;
		case 't':
			options.hints.ai_socktype = number(optarg);
			break;
		case 'p':
			options.hints.ai_protocol = number(optarg);
			break;
		case 'F':
			options.hints.ai_flags = number(optarg);
			break;
		case 'x':
			options.node = from_hexadecimal(optarg);
			break;
		default:
			errx(2, "bad option");
		}
	}
	if (optind < argc && !options.node)
		options.node = strdup(argv[optind++]);
	if (optind < argc)
		options.service = argv[optind];
}

int main(int argc, char **argv)
{
	struct addrinfo *list = NULL;

	read_options(argc, argv);
	errno = EDOM;
	const int r = getaddrinfo(options.node, options.service,
				  options.no_hints ? NULL : &options.hints, &list);
	const int after = errno;

	printf("resolve=%s", code_name(r));
	printf(r == EAI_SYSTEM ? " %s\n" : "\n", strerrorname_np(after));
	printf("errno=%s\n", after == EDOM ? "kept" : strerrorname_np(after));
	for (const struct addrinfo *at = r == 0 ? list : NULL; at; at = at->ai_next) {
		print_address(at);
		if (at->ai_canonname)
			printf("canonname=%s\n", at->ai_canonname);
	}
	if (r == 0)
		freeaddrinfo(list);
	free(options.node);
	return 0;
}
