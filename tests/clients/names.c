/*
 * names CALL ARGUMENT...: one resolver call for each argument, and what it gave, a line each:
 *
 *   NAME ADDRESS ... [ALIAS ...]      an entry; addresses of the pool as `placeholder`
 *   NAME                              the name of an address
 *   failed VALUE [ERRNO]              h_errno, EAI_… or what the call says instead
 *
 * ARGUMENT is a hostname, or an address where the call takes one. `of:NAME` is the address that
 * gethostbyname(3) gives for NAME first. `-f FAMILY` and `-s SIZE` (of the buffer), `-n FLAGS` (of
 * getnameinfo), `-q TYPE` (of a DNS query), `-a` addresses as they are.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int family = AF_INET, flags, type = 1;
static size_t size = 4096;
static bool whole_addresses;
static char *buffer;

static void print_address(int of, const void *address)
{
	char text[INET6_ADDRSTRLEN];
	uint32_t v4;

	memcpy(&v4, (const char *)address + (of == AF_INET ? 0 : 12), sizeof(v4));
	if (!whole_addresses && ntohl(v4) >> 22 == (127u << 24 | 64u << 16) >> 22)
		printf(" %splaceholder", of == AF_INET ? "" : "mapped-");
	else
		printf(" %s", inet_ntop(of, address, text, sizeof(text)));
}

static void print_failure(const char *what, int value)
{
	static const char *const h_errors[] = { "NETDB_SUCCESS", "HOST_NOT_FOUND", "TRY_AGAIN",
						"NO_RECOVERY", "NO_DATA" };

	if (what)
		printf("failed %s\n", what);
	else if (value >= 0 && value <= 4)
		printf("failed %s\n", h_errors[value]);
	else
		printf("failed NETDB_INTERNAL %s\n", strerrorname_np(errno));
}

static void print_entry(const struct hostent *entry, int problem)
{
	if (!entry) {
		print_failure(NULL, problem);
		return;
	}
	printf("%s", entry->h_name);
	for (char **at = entry->h_addr_list; *at; at++)
		print_address(entry->h_addrtype, *at);
	for (char **at = entry->h_aliases; *at; at++)
		printf(" [%s]", *at);
	puts("");
}

static const char *eai_name(int code)
{
	switch (code) {
	case EAI_NONAME:
		return "EAI_NONAME";
	case EAI_AGAIN:
		return "EAI_AGAIN";
	case EAI_FAIL:
		return "EAI_FAIL";
	case EAI_OVERFLOW:
		return "EAI_OVERFLOW";
	case EAI_FAMILY:
		return "EAI_FAMILY";
	case EAI_BADFLAGS:
		return "EAI_BADFLAGS";
	case EAI_SYSTEM:
		return "EAI_SYSTEM";
	default:
		return "EAI_other";
	}
}

/* The bytes of an address argument, and their number. */
static socklen_t read_address(const char *text, unsigned char bytes[16])
{
	if (strncmp(text, "of:", 3) == 0) {
		const struct hostent *entry = gethostbyname(text + 3);
		if (!entry)
			errx(1, "%s: not found", text + 3);
		memcpy(bytes, entry->h_addr_list[0], 4);
		return 4;
	}
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, bytes) != 1)
		errx(2, "%s: no address", text);
	return family == AF_INET ? 4 : 16;
}

/* ---- entries ---- */

static void by_gethostbyname(const char *argument)
{
	const struct hostent *entry = gethostbyname(argument);
	print_entry(entry, h_errno);
}

static void by_gethostbyname2(const char *argument)
{
	const struct hostent *entry = gethostbyname2(argument, family);
	print_entry(entry, h_errno);
}

static void print_r(int r, const struct hostent *result, int problem)
{
	if (r == ERANGE)
		printf("ERANGE ");
	print_entry(result, problem);
}

static void by_gethostbyname_r(const char *argument)
{
	struct hostent entry, *result;
	int problem = 0;
	const int r = gethostbyname_r(argument, &entry, buffer, size, &result, &problem);
	print_r(r, result, problem);
}

static void by_gethostbyname2_r(const char *argument)
{
	struct hostent entry, *result;
	int problem = 0;
	const int r = gethostbyname2_r(argument, family, &entry, buffer, size, &result, &problem);
	print_r(r, result, problem);
}

static void by_gethostbyaddr(const char *argument)
{
	unsigned char bytes[16];
	const socklen_t length = read_address(argument, bytes);
	const struct hostent *entry = gethostbyaddr(bytes, length, family);
	print_entry(entry, h_errno);
}

static void by_gethostbyaddr_r(const char *argument)
{
	struct hostent entry, *result;
	unsigned char bytes[16];
	const socklen_t length = read_address(argument, bytes);
	int problem = 0;
	const int r =
		gethostbyaddr_r(bytes, length, family, &entry, buffer, size, &result, &problem);
	print_r(r, result, problem);
}

static void by_gethostent(const char *argument)
{
	const struct hostent *entry;

	(void)argument;
	for (int pass = 0; pass < 2; pass++) {
		sethostent(pass);
		while ((entry = gethostent()))
			print_entry(entry, 0);
		endhostent();
	}
}

static void by_gethostent_r(const char *argument)
{
	struct hostent entry, *result;
	int problem = 0, r;

	(void)argument;
	while ((r = gethostent_r(&entry, buffer, size, &result, &problem)) == 0)
		print_entry(result, problem);
	printf("end %s\n", strerrorname_np(r));
}

static void by_gethostid(const char *argument)
{
	(void)argument;
	printf("%lx\n", gethostid());
}

/* ---- networks ---- */

static void print_network(const struct netent *entry)
{
	puts(entry ? entry->n_name : "failed");
}

static void by_getnetbyname(const char *argument)
{
	print_network(getnetbyname(argument));
}

static void by_getnetbyname_r(const char *argument)
{
	struct netent entry, *result = NULL;
	int problem;

	getnetbyname_r(argument, &entry, buffer, size, &result, &problem);
	print_network(result);
}

static void by_getnetbyaddr(const char *argument)
{
	print_network(getnetbyaddr(inet_network(argument), AF_INET));
}

static void by_getnetbyaddr_r(const char *argument)
{
	struct netent entry, *result = NULL;
	int problem;

	getnetbyaddr_r(inet_network(argument), AF_INET, &entry, buffer, size, &result, &problem);
	print_network(result);
}

/* ---- getaddrinfo, getnameinfo ---- */

static void print_list(int r, struct addrinfo *list)
{
	if (r != 0) {
		print_failure(eai_name(r), 0);
		return;
	}
	printf("list");
	for (const struct addrinfo *at = list; at; at = at->ai_next) {
		const struct sockaddr_in *v4 = (const void *)at->ai_addr;
		const struct sockaddr_in6 *v6 = (const void *)at->ai_addr;
		print_address(at->ai_family, at->ai_family == AF_INET ? (const void *)&v4->sin_addr
								      : &v6->sin6_addr);
	}
	puts("");
	freeaddrinfo(list);
}

static const struct addrinfo stream_hints = { .ai_socktype = SOCK_STREAM };

static void by_getaddrinfo(const char *argument)
{
	struct addrinfo *list = NULL;
	const int r = getaddrinfo(argument, "80", &stream_hints, &list);
	print_list(r, list);
}

static void by_getaddrinfo_a(const char *argument)
{
	struct gaicb request = { .ar_name = argument,
				 .ar_service = "80",
				 .ar_request = &stream_hints };
	struct gaicb *list[] = { NULL, &request };
	const int r = getaddrinfo_a(GAI_WAIT, list, 2, NULL);

	if (r != 0)
		print_failure(eai_name(r), 0);
	else
		print_list(gai_error(&request), request.ar_result);
}

/* Without a signal: asked about until it is over. */
static void by_getaddrinfo_a_nowait(const char *argument)
{
	struct gaicb request = { .ar_name = argument,
				 .ar_service = "80",
				 .ar_request = &stream_hints };
	struct gaicb *list[] = { &request };
	const struct gaicb *const waited[] = { &request };
	int r = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);

	while (r == 0 && gai_error(&request) == EAI_INPROGRESS)
		gai_suspend(waited, 1, NULL);
	print_list(r == 0 ? gai_error(&request) : r, request.ar_result);
}

static sem_t told;

static void tell_by_thread(union sigval value)
{
	print_list(gai_error(value.sival_ptr), ((struct gaicb *)value.sival_ptr)->ar_result);
	sem_post(&told);
}

static void by_getaddrinfo_a_thread(const char *argument)
{
	struct gaicb request = { .ar_name = argument,
				 .ar_service = "80",
				 .ar_request = &stream_hints };
	struct gaicb *list[] = { &request };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD,
				  .sigev_value.sival_ptr = &request,
				  .sigev_notify_function = tell_by_thread };

	sem_init(&told, 0, 0);
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, &event) != 0)
		errx(1, "getaddrinfo_a");
	while (sem_wait(&told) < 0)
		;
}

static void by_getaddrinfo_a_signal(const char *argument)
{
	struct gaicb request = { .ar_name = argument,
				 .ar_service = "80",
				 .ar_request = &stream_hints };
	struct gaicb *list[] = { &request };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGUSR1,
				  .sigev_value.sival_ptr = &request };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, &event) != 0)
		errx(1, "getaddrinfo_a");
	while (sigwaitinfo(&set, &info) < 0)
		;
	if (info.si_code != SI_ASYNCNL || info.si_value.sival_ptr != &request)
		errx(1, "not the signal that was asked for");
	print_list(gai_error(&request), request.ar_result);
}

static void by_getnameinfo(const char *argument)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { 0 };
	unsigned char bytes[16];
	char service[32];
	const socklen_t length = read_address(argument, bytes);

	at.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		memcpy(&at.v4.sin_addr, bytes, length);
	else
		memcpy(&at.v6.sin6_addr, bytes, length);
	at.v4.sin_port = htons(80);
	const int r = getnameinfo(&at.any, family == AF_INET ? sizeof(at.v4) : sizeof(at.v6),
				  buffer, (socklen_t)size, service, sizeof(service), flags);
	if (r != 0)
		print_failure(eai_name(r), 0);
	else
		printf("%s %s\n", buffer, service);
}

/* ---- libresolv ---- */

/* The records of a message, by libc's own reader. */
static void print_message(const unsigned char *message, int length)
{
	ns_msg parsed;
	ns_rr record;
	char name[NS_MAXDNAME];

	if (length < 0) {
		print_failure(NULL, h_errno);
		return;
	}
	if (ns_initparse(message, length, &parsed) < 0)
		errx(1, "no DNS message");
	printf("rcode %d", ns_msg_getflag(parsed, ns_f_rcode));
	for (int i = 0; i < ns_msg_count(parsed, ns_s_an); i++) {
		if (ns_parserr(&parsed, ns_s_an, i, &record) < 0)
			errx(1, "no DNS record");
		if (ns_rr_type(record) == ns_t_a || ns_rr_type(record) == ns_t_aaaa)
			print_address(ns_rr_type(record) == ns_t_a ? AF_INET : AF_INET6,
				      ns_rr_rdata(record));
		else if (ns_name_uncompress(message, message + length, ns_rr_rdata(record), name,
					    sizeof(name)) >= 0)
			printf(" %s", name);
	}
	puts("");
}

static unsigned char answer[65536];
static struct __res_state state;

static int answer_size(void)
{
	return size < sizeof(answer) ? (int)size : (int)sizeof(answer);
}

static int make_query(const char *name, unsigned char *query, int room)
{
	const int length = res_mkquery(QUERY, name, C_IN, type, NULL, 0, NULL, query, room);

	if (length < 0)
		errx(1, "res_mkquery");
	return length;
}

/* The name under a domain, as res_querydomain takes it. */
static const char *split(const char *name, char host[256])
{
	const char *dot = strchr(name, '.');

	snprintf(host, 256, "%.*s", (int)(dot - name), name);
	return dot + 1;
}

static void by_res_query(const char *argument)
{
	print_message(answer, res_query(argument, C_IN, type, answer, answer_size()));
}

static void by_res_search(const char *argument)
{
	print_message(answer, res_search(argument, C_IN, type, answer, answer_size()));
}

static void by_res_querydomain(const char *argument)
{
	char host[256];
	const char *domain = split(argument, host);
	print_message(answer, res_querydomain(host, domain, C_IN, type, answer, answer_size()));
}

static void by_res_send(const char *argument)
{
	unsigned char query[512];
	const int length = make_query(argument, query, sizeof(query));
	print_message(answer, res_send(query, length, answer, answer_size()));
}

static void by_res_nquery(const char *argument)
{
	print_message(answer, res_nquery(&state, argument, C_IN, type, answer, answer_size()));
}

static void by_res_nsearch(const char *argument)
{
	print_message(answer, res_nsearch(&state, argument, C_IN, type, answer, answer_size()));
}

static void by_res_nquerydomain(const char *argument)
{
	char host[256];
	const char *domain = split(argument, host);
	print_message(answer,
		      res_nquerydomain(&state, host, domain, C_IN, type, answer, answer_size()));
}

static void by_res_nsend(const char *argument)
{
	unsigned char query[512];
	const int length = make_query(argument, query, sizeof(query));
	print_message(answer, res_nsend(&state, query, length, answer, answer_size()));
}

/* What programs of before glibc 2.34 are linked to. */
#define OLD(name)                                                                                  \
	__typeof__(name) old_##name;                                                               \
	__asm__(".symver old_" #name ",__" #name "@GLIBC_2.2.5")
OLD(res_query);
OLD(res_search);
OLD(res_querydomain);
OLD(res_send);
OLD(res_nquery);
OLD(res_nsearch);
OLD(res_nquerydomain);
OLD(res_nsend);

static void by_old_res_query(const char *argument)
{
	print_message(answer, old_res_query(argument, C_IN, type, answer, answer_size()));
}

static void by_old_res_search(const char *argument)
{
	print_message(answer, old_res_search(argument, C_IN, type, answer, answer_size()));
}

static void by_old_res_querydomain(const char *argument)
{
	char host[256];
	const char *domain = split(argument, host);
	print_message(answer, old_res_querydomain(host, domain, C_IN, type, answer, answer_size()));
}

static void by_old_res_send(const char *argument)
{
	unsigned char query[512];
	const int length = make_query(argument, query, sizeof(query));
	print_message(answer, old_res_send(query, length, answer, answer_size()));
}

static void by_old_res_nquery(const char *argument)
{
	print_message(answer, old_res_nquery(&state, argument, C_IN, type, answer, answer_size()));
}

static void by_old_res_nsearch(const char *argument)
{
	print_message(answer, old_res_nsearch(&state, argument, C_IN, type, answer, answer_size()));
}

static void by_old_res_nquerydomain(const char *argument)
{
	char host[256];
	const char *domain = split(argument, host);
	print_message(answer, old_res_nquerydomain(&state, host, domain, C_IN, type, answer,
						   answer_size()));
}

static void by_old_res_nsend(const char *argument)
{
	unsigned char query[512];
	const int length = make_query(argument, query, sizeof(query));
	print_message(answer, old_res_nsend(&state, query, length, answer, answer_size()));
}

/* ---- bad arguments: whatever they give, the program goes on ---- */

static void by_nothing(const char *argument)
{
	struct hostent entry, *result;
	char host[100], bytes[16] = { 0 };
	int problem;

	(void)argument;
	gethostbyname2_r("a.test", -1, &entry, buffer, size, &result, &problem);
	gethostbyaddr_r(bytes, 3, AF_INET, &entry, buffer, size, &result, &problem);
	gethostbyaddr_r(bytes, 4, 99, &entry, buffer, size, &result, &problem);
	gethostbyaddr(bytes, 5, AF_INET6);
	getaddrinfo_a(99, NULL, 0, NULL);
	getaddrinfo_a(GAI_WAIT, NULL, 0, NULL);
	getaddrinfo_a(GAI_NOWAIT, NULL, 0, NULL);
	getnameinfo((const struct sockaddr *)bytes, 1, host, sizeof(host), NULL, 0, 0);
	getnameinfo((const struct sockaddr *)bytes, 16, NULL, 0, NULL, 0, 0);
	res_query("", C_IN, type, answer, sizeof(answer));
	res_query("..", C_IN, type, answer, sizeof(answer));
	res_query("a.test", -1, -1, answer, sizeof(answer));
	res_query("a.test", C_IN, type, answer, 0);
	res_query("a.test", C_IN, type, answer, 12);
	res_query("a.test", C_IN, type, answer, -1);
	res_send(answer, 0, answer, sizeof(answer));
	res_send(answer, -1, answer, sizeof(answer));
	res_send(answer, 12, answer, 3);
	memset(answer, 0xc0, 600);
	res_send(answer, 600, answer, sizeof(answer));
	answer[2] = 0;
	res_send(answer, 600, answer, sizeof(answer));
	puts("alive");
}

#define CALL(name)                                                                                 \
	{                                                                                          \
#name, by_##name                                                                   \
	}
static const struct {
	const char *name;
	void (*call)(const char *argument);
} calls[] = {
	CALL(gethostbyname),
	CALL(gethostbyname2),
	CALL(gethostbyname_r),
	CALL(gethostbyname2_r),
	CALL(gethostbyaddr),
	CALL(gethostbyaddr_r),
	CALL(gethostent),
	CALL(gethostent_r),
	CALL(gethostid),
	CALL(getnetbyname),
	CALL(getnetbyname_r),
	CALL(getnetbyaddr),
	CALL(getnetbyaddr_r),
	CALL(getaddrinfo),
	CALL(getaddrinfo_a),
	CALL(getaddrinfo_a_nowait),
	CALL(getaddrinfo_a_thread),
	CALL(getaddrinfo_a_signal),
	CALL(getnameinfo),
	CALL(res_query),
	CALL(res_search),
	CALL(res_querydomain),
	CALL(res_send),
	CALL(res_nquery),
	CALL(res_nsearch),
	CALL(res_nquerydomain),
	CALL(res_nsend),
	CALL(old_res_query),
	CALL(old_res_search),
	CALL(old_res_querydomain),
	CALL(old_res_send),
	CALL(old_res_nquery),
	CALL(old_res_nsearch),
	CALL(old_res_nquerydomain),
	CALL(old_res_nsend),
	CALL(nothing),
};

static void run(const char *name, const char *argument)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name) == 0) {
			calls[i].call(argument);
			return;
		}
	}
	errx(2, "%s: no such call", name);
}

int main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "af:s:n:q:")) != -1) {
		switch (c) {
		case 'a':
			whole_addresses = true;
			break;
		case 'f':
			family = atoi(optarg);
			break;
		case 's':
			size = (size_t)atoi(optarg);
			break;
		case 'n':
			flags = (int)strtol(optarg, NULL, 0);
			break;
		case 'q':
			type = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 >= argc)
		errx(2, "usage: names [OPTIONS] CALL ARGUMENT...");
	buffer = malloc(size); /* of this very size, so that a byte too many is seen */
	res_ninit(&state);
	for (int i = optind + 1; i < argc; i++)
		run(argv[optind], argv[i]);
	free(buffer);
	return 0;
}
