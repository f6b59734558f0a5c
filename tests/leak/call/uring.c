/* uring: the kernel is asked by a ring in memory, not by calls. */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	struct io_uring_params params;
	uint8_t *sq, *cq;
	struct io_uring_sqe *entries;
};

static void ring_open(struct ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0) {
		tell(-1);
		exit(errno == ENOSYS || errno == EPERM ? MISSING : 0);
	}
	const struct io_sqring_offsets *sq = &ring->params.sq_off;
	const struct io_cqring_offsets *cq = &ring->params.cq_off;
	ring->sq = mmap(NULL, sq->array + ring->params.sq_entries * 4, PROT_READ | PROT_WRITE,
			MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->cq = mmap(NULL, cq->cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe),
			PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->entries = mmap(NULL, ring->params.sq_entries * sizeof(struct io_uring_sqe),
			     PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
}

static int ring_run(struct ring *ring, const struct io_uring_sqe *entry)
{
	uint32_t *tail = (uint32_t *)(void *)(ring->sq + ring->params.sq_off.tail);
	uint32_t *head = (uint32_t *)(void *)(ring->cq + ring->params.cq_off.head);
	uint32_t *order = (uint32_t *)(void *)(ring->sq + ring->params.sq_off.array);
	const struct io_uring_cqe *results =
		(const struct io_uring_cqe *)(void *)(ring->cq + ring->params.cq_off.cqes);
	const uint32_t at = *tail & (ring->params.sq_entries - 1);

	ring->entries[at] = *entry;
	order[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	const int r = results[*head & (ring->params.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return r;
}

static int ring_connect(struct ring *ring, int fd)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const struct io_uring_sqe entry = {
		.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&to, .off = length
	};

	return ring_run(ring, &entry);
}

static void uring_connect(void)
{
	struct ring ring;
	const int fd = open_socket(AF_INET, SOCK_STREAM, 0);

	ring_open(&ring);
	tell_negative(ring_connect(&ring, fd));
}

static void uring_sendmsg(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);
	const struct msghdr message = message_to(&to, length);
	const struct io_uring_sqe entry = {
		.opcode = IORING_OP_SENDMSG, .fd = fd, .addr = (uintptr_t)&message, .len = 1
	};
	struct ring ring;

	ring_open(&ring);
	tell_negative(ring_run(&ring, &entry));
}

static void uring_socket(void)
{
	enum { OP_SOCKET = 45 }; /* which older headers lack */
	const struct io_uring_sqe entry = {
		.opcode = OP_SOCKET, .fd = AF_INET, .off = SOCK_STREAM, .len = 0
	};
	struct ring ring;

	ring_open(&ring);
	const int fd = ring_run(&ring, &entry);
	tell_negative(fd < 0 ? fd : ring_connect(&ring, fd));
	if (fd == -EINVAL)
		exit(MISSING);
}

/* The ring without libc's syscall(): only the filter is left. */
static void uring_asm(void)
{
	struct io_uring_params params = { 0 };
	const long fd = kernel(SYS_io_uring_setup, 4, (long)&params, 0, 0, 0, 0);

	if (fd < 0) {
		tell_negative(fd);
		exit(fd == -ENOSYS || fd == -EPERM ? MISSING : 0);
	}
	uring_connect();
}

const struct call uring_calls[] = {
	{ "udp-uring", uring_sendmsg },
	{ "uring-connect", uring_connect },
	{ "uring-socket", uring_socket },
	{ "uring-asm", uring_asm },
	{ NULL, NULL },
};
