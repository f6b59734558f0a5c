#include "hooks/passing.h"
#include "base/pass.h"
#include "base/question.h"
#include "hooks/hook.h"
#include "hooks/leash.h"
#include "hooks/route.h"
#include "tunnel/table.h"

#include <netinet/in.h>
#include <string.h>

/* ---- one descriptor ---- */

static int domain_of(int fd)
{
	int domain = AF_UNIX;
	socklen_t length = sizeof(domain);

	libc()->getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
	return domain;
}

/* Connected: as if it were connected now. Not connected: the hooks see it connect, but what they do
 * not see is held back by the leash. */
static bool is_allowed(struct session *session, int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	struct route route;

	if (leash_has(fd))
		return true;
	if (!question_is_allowed(QUESTION_PEER))
		return false;
	if (libc()->getpeername(fd, (struct sockaddr *)&peer, &length) < 0)
		return !session->stays_on_loopback;
	return route_connect(session, fd, (struct sockaddr *)&peer, length, &route) == ROUTE_LIBC;
}

/* A program that has given up asking gets what it is sent: it makes no sockets either, and who
 * sends it something is mostly its own parent, under the policy. */
static bool is_refused(struct session *session, int fd)
{
	table_put_kind(fd, TABLE_KIND_UNKNOWN); /* whatever had this number before */
	if (!question_is_allowed(QUESTION_OPTION))
		return false;
	const int domain = domain_of(fd);

	if (domain == AF_UNIX || domain == AF_NETLINK)
		return false;
	if (domain != AF_INET && domain != AF_INET6)
		return true;
	return session->error < 0 || !is_allowed(session, fd);
}

/* ---- all of a message ---- */

#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04 /* Linux 6.5 */
#endif

/* Descriptors of any kind that this part of the control data has brought. */
static size_t rights_in(const struct cmsghdr *control)
{
	if (control->cmsg_level != SOL_SOCKET ||
	    (control->cmsg_type != SCM_RIGHTS && control->cmsg_type != SCM_PIDFD) ||
	    control->cmsg_len < CMSG_LEN(0))
		return 0;
	return (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

static int right_at(const struct cmsghdr *control, size_t index)
{
	int fd;

	memcpy(&fd, CMSG_DATA(control) + index * sizeof(fd), sizeof(fd));
	return fd;
}

static bool has_refused(struct session *session, struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);

	for (; control; control = CMSG_NXTHDR(message, control)) {
		const size_t count = rights_in(control);
		for (size_t i = 0; i < count; i++) {
			if (is_refused(session, right_at(control, i)))
				return true;
		}
	}
	return false;
}

static void close_all(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);

	for (; control; control = CMSG_NXTHDR(message, control)) {
		const size_t count = rights_in(control);
		for (size_t i = 0; i < count; i++)
			libc()->close(right_at(control, i));
	}
	message->msg_controllen = 0;
}

/* Closes what came with a refused descriptor. */
static bool refuse(struct msghdr *message)
{
	struct session *session;

	if (message->msg_controllen < sizeof(struct cmsghdr))
		return false;
	session = session_get();
	if (session->passive || !has_refused(session, message))
		return false;
	close_all(message);
	return true;
}

ssize_t passing_received(ssize_t result, struct msghdr *message)
{
	const int saved = errno;

	if (result < 0)
		return result;
	if (refuse(message))
		return hook_return(-EACCES, saved);
	errno = saved;
	return result;
}

int passing_received_many(int result, struct mmsghdr *messages)
{
	const int saved = errno;

	for (int i = 0; i < result; i++) {
		if (refuse(&messages[i].msg_hdr))
			messages[i].msg_hdr.msg_flags |= MSG_CTRUNC;
	}
	errno = saved;
	return result;
}

/* ---- taken from another process ---- */

/* The call itself: an older libc has no function for it. */
HOOK int pidfd_getfd(int process, int fd, unsigned flags)
{
	const int saved = errno;
	struct session *session = session_get();
	const int taken = pass_pidfd_getfd(process, fd, flags);

	if (taken < 0 || session->passive || !is_refused(session, taken))
		return taken;
	libc()->close(taken);
	return hook_return(-EACCES, saved);
}
