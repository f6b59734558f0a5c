#include "socks5/failure.h"
#include "socks5/reply.h"
#include "socks5/wire.h"

#include <errno.h>

#define OTHER_FAMILY "let the proxy listen on an address of the other family too, and give that"
#define LOOK_AT_KEYS "look at the credentials, at the keys, and at the proxy's own log"
#define ASK_STATUS   "isosocksctl status tells whether the proxy answers"

const struct failure_row failure_rows[] = {
	{ ISOSOCKS_POLICY, FAILURE_UNUSABLE, EACCES, "the policy is unusable",
	  "isosocksctl check names what is wrong with the configuration" },
	{ ISOSOCKS_POLICY, FAILURE_RULE, EHOSTUNREACH,
	  "a placeholder whose name this process does not know",
	  "a program that got the address from another one has to look the name up itself" },
	{ ISOSOCKS_POLICY, FAILURE_RULE, EAFNOSUPPORT,
	  "an IPv4 socket cannot reach a proxy on an IPv6 address", OTHER_FAMILY },
	{ ISOSOCKS_POLICY, FAILURE_RULE, EADDRNOTAVAIL,
	  "bound to an IPv6 address, and the proxy is on an IPv4 one", OTHER_FAMILY },
	{ ISOSOCKS_POLICY, FAILURE_RULE, EPROTONOSUPPORT,
	  "no method by which all that must arrive could go",
	  "see [proxy] methods and [isolation] require" },
	{ ISOSOCKS_POLICY, FAILURE_RULE, EACCES, "the policy denies it",
	  "isosocksctl explain HOST:PORT names the rule" },
	{ ISOSOCKS_PROXY, 0, ENETDOWN, "the proxy cannot be reached", ASK_STATUS },
	{ ISOSOCKS_PROXY, 0, ETIMEDOUT, "the proxy was silent for the whole timeout", ASK_STATUS },
	{ ISOSOCKS_PROXY, 0, EPROTO, "an answer that is not SOCKS5", ASK_STATUS },
	{ ISOSOCKS_PROXY, 0, ECONNRESET, "the proxy broke the connection off", ASK_STATUS },
	{ ISOSOCKS_METHOD, 0, EPROTONOSUPPORT, "the proxy takes none of the methods offered",
	  "keys that must arrive need methods 97 or 02 of the proxy: see [isolation] require" },
	{ ISOSOCKS_AUTHENTICATION, 0, EINVAL, "the proxy calls the keys invalid arguments",
	  LOOK_AT_KEYS },
	{ ISOSOCKS_AUTHENTICATION, 0, EPERM, "the proxy refused the credentials or the keys",
	  LOOK_AT_KEYS },
	{ ISOSOCKS_REPLY, 0, EPROTO, "a reply code without a meaning",
	  "the proxy speaks of the target, not of itself: try another target, or later" },
};

const size_t failure_count = sizeof(failure_rows) / sizeof(failure_rows[0]);

static const struct failure_row *find(const struct failure *failure)
{
	const bool known = failure->stage <= ISOSOCKS_REPLY;
	const uint8_t stage = known ? failure->stage : ISOSOCKS_PROXY;
	const struct failure_row *last = NULL;

	for (size_t i = 0; i < failure_count; i++) {
		const struct failure_row *row = &failure_rows[i];
		if (row->stage != stage || (stage == ISOSOCKS_POLICY && row->code != failure->code))
			continue;
		if (row->error == failure->error)
			return row;
		last = row;
	}
	return last ? last : &failure_rows[0];
}

const char *failure_meaning(const struct failure *failure)
{
	const struct reply_row *reply =
		failure->stage == ISOSOCKS_REPLY
			? reply_find(failure->code, failure->method == SOCKS5_EXTENDED)
			: NULL;

	return reply ? reply->meaning : find(failure)->meaning;
}

const char *failure_hint(const struct failure *failure)
{
	return find(failure)->hint;
}
