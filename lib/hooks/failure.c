#include "hooks/failure.h"
#include "base/bytes.h"
#include "base/cold.h"
#include "base/file.h"
#include "base/literal.h"
#include "base/log.h"
#include "base/why.h"
#include "hooks/hook.h"
#include "isosocks.h"
#include "socks5/failure.h"
#include "socks5/wire.h"

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* The last failure. Odd while somebody writes it; who finds it odd goes away. */
static struct isosocks_failure last;
static _Atomic unsigned version;

static void copy(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		length = size - 1;
	memcpy(to, from, length);
	memset(to + length, 0, size - length);
}

static void copy_text(char *to, size_t size, const char *from)
{
	copy(to, size, from, strlen(from));
}

/* ---- for the program ---- */

static void keep_last(const struct isosocks_failure *failure)
{
	unsigned now = atomic_load_explicit(&version, memory_order_relaxed);

	if (now % 2 || !atomic_compare_exchange_strong(&version, &now, now + 1))
		return;
	last = *failure;
	atomic_store(&version, now + 2);
}

HOOK int isosocks_last_failure(struct isosocks_failure *ret, size_t size)
{
	const unsigned before = atomic_load(&version);
	struct isosocks_failure found = last;

	/* Half of an answer is none; the next failure will be whole. */
	atomic_thread_fence(memory_order_acquire);
	if (before == 0 || before % 2 || atomic_load(&version) != before)
		return 0;
	memset(ret, 0, size);
	memcpy(ret, &found, size < sizeof(found) ? size : sizeof(found));
	return 1;
}

/* ---- for isosocksctl why ---- */

/* Two processes that fail at once may write the same record; then one of the two is lost. */
static void write_record(int fd, struct why_record *record)
{
	struct why_head head = { 0 };

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) || head.magic != WHY_MAGIC)
		head = (struct why_head){ .magic = WHY_MAGIC };
	head.number++;
	record->number = head.number;
	const off_t at =
		(off_t)(sizeof(head) + head.number % WHY_RECORDS * sizeof(struct why_record));
	if (file_write(fd, record, sizeof(*record), at) == sizeof(*record))
		file_write(fd, &head, sizeof(head), 0);
}

/* What a record is made in: a connect() that fails may have hardly any stack. */
struct desk {
	struct why_record record;
	char path[PATH_MAX];
};

static void put_application(struct desk *desk)
{
	char *to = desk->record.application;
	const size_t size = sizeof(desk->record.application);
	const ssize_t length = readlink("/proc/self/exe", desk->path, sizeof(desk->path));
	const size_t cut = length >= (ssize_t)size ? (size_t)length - size + 1 : 0;

	copy(to, size, desk->path + cut, length > 0 ? (size_t)length - cut : 0);
}

/* The names in the keys' own encoding, KLEN KEY VLEN VALUE, between blanks. */
static void put_key_names(const struct keys *keys, char *to, size_t size)
{
	struct bytes_writer text = bytes_writer((uint8_t *)to, size - 1);
	const uint8_t *at = keys->wire;

	memset(to, 0, size);
	for (unsigned i = 0; i < keys->count && at < keys->wire + keys->length; i++) {
		const size_t name = (size_t)at[0] << 8 | at[1];
		const size_t value = (size_t)at[2 + name] << 8 | at[3 + name];
		if (i > 0)
			bytes_put_text(&text, " ");
		bytes_put(&text, at + 2, name);
		at += 4 + name + value;
	}
}

static void fill_record(const struct session *session, const struct isosocks_failure *failure,
			struct desk *desk)
{
	struct why_record *record = &desk->record;
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	record->magic = WHY_MAGIC;
	record->time = (uint64_t)now.tv_sec;
	record->process = (uint32_t)getpid();
	record->error = failure->error;
	record->port = failure->port;
	record->stage = (uint8_t)failure->stage;
	record->method = failure->method;
	record->code = failure->code;
	copy_text(record->host, sizeof(record->host), failure->host);
	put_application(desk);
	put_key_names(&session->keys, record->keys, sizeof(record->keys));
}

COLD static void keep_record(const struct session *session, const struct isosocks_failure *failure)
{
	const int fd = file_open(session->why_file, O_RDWR | O_CREAT, false);
	struct desk *desk = fd < 0 ? MAP_FAILED
				   : mmap(NULL, sizeof(*desk), PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (desk != MAP_FAILED) {
		fill_record(session, failure, desk);
		write_record(fd, &desk->record);
		munmap(desk, sizeof(*desk));
	}
	if (fd >= 0)
		libc()->close(fd);
}

static void keep(const struct session *session, const struct isosocks_failure *failure)
{
	ERROR_PROTECT;

	keep_last(failure);
	if (session->why_file)
		keep_record(session, failure);
}

/* ---- what happened ---- */

static void put_target(struct isosocks_failure *failure, const struct socks5_address *target)
{
	struct bytes_writer host = bytes_writer(failure->host, sizeof(failure->host) - 1);

	failure->port = target->port;
	if (target->type == SOCKS5_NAME)
		bytes_put(&host, target->bytes, target->length);
	else if (target->type == SOCKS5_IPV4)
		literal_put_ipv4(&host, target->bytes);
	else
		literal_put_ipv6(&host, target->bytes);
}

static int stage_of(enum socks5_stage stage)
{
	switch (stage) {
	case SOCKS5_STAGE_METHOD:
		return ISOSOCKS_METHOD;
	case SOCKS5_STAGE_AUTHENTICATION:
		return ISOSOCKS_AUTHENTICATION;
	case SOCKS5_STAGE_REPLY:
		return ISOSOCKS_REPLY;
	default:
		return ISOSOCKS_PROXY;
	}
}

/* In the words that everything uses. */
static const char *meaning_of(const struct isosocks_failure *failure)
{
	const struct failure known = {
		.error = failure->error,
		.stage = (uint8_t)failure->stage,
		.method = failure->method,
		.code = failure->code,
	};
	return failure_meaning(&known);
}

static struct isosocks_failure describe(const struct tunnel *tunnel, int error)
{
	uint8_t code;
	const enum socks5_stage stage = socks5_client_stage(&tunnel->client, &code);
	struct isosocks_failure failure = {
		.error = -error,
		.stage = error == -ENETDOWN ? ISOSOCKS_PROXY : stage_of(stage),
		.method = socks5_client_method(&tunnel->client),
	};

	if (failure.stage == ISOSOCKS_AUTHENTICATION || failure.stage == ISOSOCKS_REPLY)
		failure.code = code;
	return failure;
}

COLD const char *failure_text(const struct tunnel *tunnel, int error)
{
	const struct isosocks_failure failure = describe(tunnel, error);
	return meaning_of(&failure);
}

COLD void failure_of_tunnel(const struct session *session, const struct tunnel *tunnel, int error)
{
	struct isosocks_failure failure = describe(tunnel, error);

	put_target(&failure, &tunnel->plan.request.target);
	copy_text(failure.meaning, sizeof(failure.meaning), meaning_of(&failure));
	keep(session, &failure);
}

static struct isosocks_failure describe_refusal(const struct session *session,
						const struct policy_target *target, int error)
{
	struct isosocks_failure failure = {
		.error = -error,
		.stage = ISOSOCKS_POLICY,
		.method = SOCKS5_NO_ACCEPTABLE,
		.port = target->port,
	};
	const struct failure known = {
		.error = -error,
		.stage = ISOSOCKS_POLICY,
		.code = session->error < 0 ? FAILURE_UNUSABLE : FAILURE_RULE,
	};
	const struct in6_addr *address = (const struct in6_addr *)(const void *)target->address;
	struct bytes_writer host = bytes_writer(failure.host, sizeof(failure.host) - 1);

	if (target->name)
		bytes_put(&host, target->name, target->name_length);
	else if (IN6_IS_ADDR_V4MAPPED(address))
		literal_put_ipv4(&host, target->address + 12);
	else
		literal_put_ipv6(&host, target->address);
	copy_text(failure.meaning, sizeof(failure.meaning), failure_meaning(&known));
	return failure;
}

COLD static void log_refusal(const struct isosocks_failure *failure, const char *what)
{
	log_connection(LOG_DEBUG, &(struct log_connection){
					  .host = failure->host,
					  .host_length = strlen(failure->host),
					  .port = failure->port,
					  .what = what,
					  .sentence = failure->meaning,
					  .error = failure->error,
				  });
}

COLD void failure_of_policy(const struct session *session, const struct policy_target *target,
			    int error)
{
	const struct isosocks_failure failure = describe_refusal(session, target, error);

	keep(session, &failure);
	if (log_wants(LOG_DEBUG))
		log_refusal(&failure, "failed: ");
}

COLD void failure_of_datagram(const struct session *session, const struct policy_target *target,
			      int error)
{
	if (!log_wants(LOG_DEBUG))
		return;
	const struct isosocks_failure failure = describe_refusal(session, target, error);
	log_refusal(&failure, "a datagram failed: ");
}
