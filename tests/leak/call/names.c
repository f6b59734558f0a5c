/* names: every function that asks a nameserver, and questions made by hand. */
#include "call.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <dlfcn.h>
#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- DNS by hand ---- */

static const uint8_t query[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\0\4leak\7example\4test\0\0\1\0\1";

static void dns_datagram(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, 53);
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);

	tell(sendto(fd, query, sizeof(query) - 1, 0, &to.any, length));
}

static void dns_stream(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, 53);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tell(connect(fd, &to.any, length));
}

/* ---- names ---- */

static void tell_lookup(int r)
{
	printf("%s=%s\n", channel, r == 0 ? "0" : gai_strerror(r));
}

static void lookup(const char *name, const char *service, const struct addrinfo *hints)
{
	struct addrinfo *found;
	tell_lookup(getaddrinfo(name, service, hints, &found));
}

static void gai_null(void)
{
	lookup(NAME, NULL, NULL);
}

static void gai_inet(void)
{
	lookup(NAME, "80", &(struct addrinfo){ .ai_family = AF_INET });
}

static void gai_inet6(void)
{
	lookup(NAME, "80", &(struct addrinfo){ .ai_family = AF_INET6 });
}

static void gai_unspec(void)
{
	lookup(NAME, "http", &(struct addrinfo){ .ai_family = AF_UNSPEC });
}

static void gai_canonname(void)
{
	lookup(NAME, NULL, &(struct addrinfo){ .ai_flags = AI_CANONNAME });
}

static void gai_passive(void)
{
	lookup(NAME, "80", &(struct addrinfo){ .ai_flags = AI_PASSIVE });
}

static void gai_mapped(void)
{
	lookup(NAME, "80",
	       &(struct addrinfo){ .ai_family = AF_INET6,
				   .ai_flags = AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG });
}

static void gai_idn(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	lookup("b\xc3\xbc"
	       "cher.example.test",
	       NULL, &(struct addrinfo){ .ai_flags = AI_IDN });
}

static void gai_raw(void)
{
	lookup(NAME, NULL, &(struct addrinfo){ .ai_socktype = SOCK_RAW });
}

/* A literal is no question to anybody; the datagram to it shows that it was understood. */
static void send_to_literal(const char *literal, int flags)
{
	const struct addrinfo hints = { .ai_flags = flags, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found;
	const int r = getaddrinfo(literal, "4242", &hints, &found);

	if (r != 0) {
		tell_lookup(r);
		return;
	}
	const int fd = open_socket(found->ai_family, SOCK_DGRAM, 0);
	tell(sendto(fd, "leak", 4, 0, found->ai_addr, found->ai_addrlen));
}

static void gai_literal6(void)
{
	send_to_literal(TARGET6, 0);
}

static void gai_numeric(void)
{
	send_to_literal(TARGET4, AI_NUMERICHOST);
}

static void gai_a(void)
{
	struct gaicb one = { .ar_name = NAME }, *list[] = { &one };
	const int r = getaddrinfo_a(GAI_WAIT, list, 1, NULL);

	tell_lookup(r == 0 ? gai_error(&one) : r);
}

static void gai_a_nowait(void)
{
	struct gaicb one = { .ar_name = NAME }, *list[] = { &one };
	const struct gaicb *const awaited[] = { &one };
	const int r = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);

	while (r == 0 && gai_error(&one) == EAI_INPROGRESS)
		gai_suspend(awaited, 1, NULL);
	tell_lookup(r == 0 ? gai_error(&one) : r);
}

static void tell_host(const struct hostent *found)
{
	printf("%s=%s\n", channel, found ? "0" : hstrerror(h_errno));
}

static void host_name(void)
{
	tell_host(gethostbyname(NAME));
}

static void host_name2(void)
{
	tell_host(gethostbyname2(NAME, AF_INET6));
}

static void host_name_r(void)
{
	struct hostent host, *found = NULL;
	char room[4096];

	gethostbyname_r(NAME, &host, room, sizeof(room), &found, &h_errno);
	tell_host(found);
}

static void host_name2_r(void)
{
	struct hostent host, *found = NULL;
	char room[4096];

	gethostbyname2_r(NAME, AF_INET, &host, room, sizeof(room), &found, &h_errno);
	tell_host(found);
}

static void host_address(void)
{
	const struct in_addr address = { inet_addr(TARGET4) };
	tell_host(gethostbyaddr(&address, sizeof(address), AF_INET));
}

static void host_address6(void)
{
	struct in6_addr address;

	inet_pton(AF_INET6, TARGET6, &address);
	tell_host(gethostbyaddr(&address, sizeof(address), AF_INET6));
}

static void host_address_r(void)
{
	const struct in_addr address = { inet_addr(TARGET4) };
	struct hostent host, *found = NULL;
	char room[4096];

	gethostbyaddr_r(&address, sizeof(address), AF_INET, &host, room, sizeof(room), &found,
			&h_errno);
	tell_host(found);
}

static void name_info_of(const char *target, int flags)
{
	union address of;
	const socklen_t length = fill(&of, target, 80);
	char name[NI_MAXHOST];

	tell_lookup(getnameinfo(&of.any, length, name, sizeof(name), NULL, 0, flags));
}

static void name_info(void)
{
	name_info_of(TARGET4, 0);
}

static void name_info_required(void)
{
	name_info_of(TARGET4, NI_NAMEREQD);
}

static void name_info6(void)
{
	name_info_of(TARGET6, NI_NAMEREQD);
}

static void net_name(void)
{
	printf("%s=%s\n", channel, getnetbyname("leaknet") ? "0" : hstrerror(h_errno));
}

static void net_address(void)
{
	printf("%s=%s\n", channel, getnetbyaddr(0xcb007100, AF_INET) ? "0" : hstrerror(h_errno));
}

static uint8_t answer[512];

static void tell_answer(int length)
{
	printf("%s=%s\n", channel, length >= 0 ? "0" : hstrerror(h_errno));
}

static void q_query(void)
{
	tell_answer(res_query(NAME, ns_c_in, ns_t_a, answer, sizeof(answer)));
}

static void q_search(void)
{
	tell_answer(res_search(NAME, ns_c_in, ns_t_mx, answer, sizeof(answer)));
}

static void q_domain(void)
{
	tell_answer(
		res_querydomain("leak", "example.test", ns_c_in, ns_t_txt, answer, sizeof(answer)));
}

static void q_send(void)
{
	tell_answer(res_send(query, sizeof(query) - 1, answer, sizeof(answer)));
}

static struct __res_state state;

static void q_nquery(void)
{
	res_ninit(&state);
	tell_answer(res_nquery(&state, NAME, ns_c_in, ns_t_a, answer, sizeof(answer)));
}

static void q_nsearch(void)
{
	res_ninit(&state);
	tell_answer(res_nsearch(&state, NAME, ns_c_in, ns_t_srv, answer, sizeof(answer)));
}

static void q_ndomain(void)
{
	res_ninit(&state);
	tell_answer(res_nquerydomain(&state, "leak", "example.test", ns_c_in, ns_t_a, answer,
				     sizeof(answer)));
}

static void q_nsend(void)
{
	res_ninit(&state);
	tell_answer(res_nsend(&state, query, sizeof(query) - 1, answer, sizeof(answer)));
}

/* By TCP, where the resolver is told so. */
static void q_stream(void)
{
	res_ninit(&state);
	state.options |= RES_USEVC;
	tell_answer(res_nquery(&state, NAME, ns_c_in, ns_t_a, answer, sizeof(answer)));
}

/* ---- what libc does inside itself ---- */

/* A privileged port first, so this is root's. */
static void by_rcmd(void)
{
	char *host = strdup(NAME);
	tell(rcmd_af(&host, htons(514), "nobody", "nobody", "true", NULL, AF_INET));
}

static void by_rexec(void)
{
	char *host = strdup(NAME);
	tell(rexec_af(&host, htons(512), "nobody", "x", "true", NULL, AF_INET));
}

static void by_ruserok(void)
{
	tell(ruserok(NAME, 0, "nobody", "nobody"));
}

/* Sun's RPC: libc keeps it for programs linked long ago. */
static void by_callrpc(void)
{
	int (*call)(const char *, unsigned long, unsigned long, unsigned long, void *, void *,
		    void *, void *) =
		(int (*)(const char *, unsigned long, unsigned long, unsigned long, void *, void *,
			 void *, void *))dlvsym(RTLD_DEFAULT, "callrpc", "GLIBC_2.2.5");
	void *none = dlvsym(RTLD_DEFAULT, "xdr_void", "GLIBC_2.2.5");

	if (!call || !none)
		exit(MISSING);
	tell(call(TARGET4, 100000, 2, 0, none, NULL, none, NULL) == 0 ? 0 : -1);
}

const struct call name_calls[] = {
	{ "rcmd", by_rcmd },
	{ "rexec", by_rexec },
	{ "ruserok", by_ruserok },
	{ "callrpc", by_callrpc },
	{ "dns-datagram", dns_datagram },
	{ "dns-stream", dns_stream },
	{ "getaddrinfo-null", gai_null },
	{ "getaddrinfo-inet", gai_inet },
	{ "getaddrinfo-inet6", gai_inet6 },
	{ "getaddrinfo-unspec", gai_unspec },
	{ "getaddrinfo-canonname", gai_canonname },
	{ "getaddrinfo-passive", gai_passive },
	{ "getaddrinfo-mapped", gai_mapped },
	{ "getaddrinfo-idn", gai_idn },
	{ "getaddrinfo-raw", gai_raw },
	{ "getaddrinfo-literal6", gai_literal6 },
	{ "getaddrinfo-numeric", gai_numeric },
	{ "getaddrinfo_a", gai_a },
	{ "getaddrinfo_a-nowait", gai_a_nowait },
	{ "gethostbyname", host_name },
	{ "gethostbyname2", host_name2 },
	{ "gethostbyname_r", host_name_r },
	{ "gethostbyname2_r", host_name2_r },
	{ "gethostbyaddr", host_address },
	{ "gethostbyaddr6", host_address6 },
	{ "gethostbyaddr_r", host_address_r },
	{ "getnameinfo", name_info },
	{ "getnameinfo-namereqd", name_info_required },
	{ "getnameinfo6", name_info6 },
	{ "getnetbyname", net_name },
	{ "getnetbyaddr", net_address },
	{ "res_query", q_query },
	{ "res_search", q_search },
	{ "res_querydomain", q_domain },
	{ "res_send", q_send },
	{ "res_nquery", q_nquery },
	{ "res_nsearch", q_nsearch },
	{ "res_nquerydomain", q_ndomain },
	{ "res_nsend", q_nsend },
	{ "res_nquery-tcp", q_stream },
	{ NULL, NULL },
};
