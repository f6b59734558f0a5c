/*
 * tornet: the Tor network of tests/tor/network.py in the lab of one test, with exits, onion
 * services and the servers behind them. It takes a quarter of a minute to boot: a test does all it
 * can in one.
 */
#ifndef SUPPORT_TORNET_H
#define SUPPORT_TORNET_H

enum {
	TORNET_EXTENDED = 9050, /* SOCKS with ExtendedErrors */
	TORNET_CONTROL = 9051,
	TORNET_PLAIN = 9060,
	TORNET_ONION_ONLY = 9070,
};

/* Boots the network in the open lab and opens its client's control port. */
void tornet_start(void);

/*
 * What the network said of itself: the hostnames of the onion services "open", "auth", "ghost" and
 * "offline"; "key" and "other_key", client keys that "auth" takes and does not take.
 */
const char *tornet_get(const char *name);

#endif
