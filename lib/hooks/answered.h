/*
 * answered: what of a proxy's answer may reach a program. It is the word of whoever runs the proxy,
 * or of a nameserver behind it. Pure; any thread.
 */
#ifndef HOOKS_ANSWERED_H
#define HOOKS_ANSWERED_H

#include "names/hosts.h"
#include "policy/policy.h"
#include "socks5/wire.h"

/* The address of a name: 0; -EHOSTUNREACH for one that would be connected to past the proxy;
 * -EPROTO. */
int answered_address(const struct policy *policy, const struct blob_proxy *proxy,
		     const struct socks5_address *bound, struct hosts_address *ret);

/* The name of an address: its length; -EHOSTUNREACH for what is no host name; -EPROTO. */
int answered_name(const struct socks5_address *bound, char ret_name[256]);

#endif
