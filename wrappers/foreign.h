/*
 * foreign: what the configuration of another tool says, in isosocks' terms, on its way to an
 * isosocks.conf. A reader of one kind fills it in line by line; each setting is held against
 * isosocks' own reader at once, so that what is wrong has the line of the file. Where the same
 * cannot be had the reader leaves a remark. One thread.
 */
#ifndef WRAPPERS_FOREIGN_H
#define WRAPPERS_FOREIGN_H

#include <glib.h>

struct foreign_setting {
	char *value; /* NULL: not given */
	unsigned line;
};

/* One proxy, as it stands in the file; `user` and `password` NULL: none. */
struct foreign_proxy {
	char *type;
	char *address;
	char *port;
	char *user;
	char *password;
	unsigned line;
};

enum foreign_key {
	FOREIGN_TIMEOUT,
	FOREIGN_BY,
	FOREIGN_LISTEN,
	FOREIGN_LOOPBACK,
	FOREIGN_KEYS,
};

/* How several proxies are used. */
enum foreign_chain {
	FOREIGN_FIRST, /* the first alone */
	FOREIGN_ALL,   /* one behind the other */
	FOREIGN_RANDOM,
	FOREIGN_ROTATE,
};

struct foreign {
	GPtrArray *proxies; /* struct foreign_proxy * */
	enum foreign_chain chain;
	unsigned chain_length; /* of the last two; 0: 1 */
	struct foreign_setting settings[FOREIGN_KEYS];
	GString *direct; /* items of direct= */
	GPtrArray *remarks;
	unsigned line;	 /* the one that is read; 0: the file as a whole */
	gboolean local4; /* 127.0.0.0/8 is direct */
	gboolean local6; /* ::1 is direct */
	gpointer state;	 /* the reader's own, as large as it asked for, zero at first */
};

/* A kind of file, and who reads it. */
struct foreign_kind {
	const char *name;
	gsize state_size;
	/* Whether a line that is no comment is one of its own. */
	gboolean (*knows)(const char *line);
	/* A line without its end. */
	gboolean (*take)(struct foreign *foreign, const char *line, GError **error);
	/* Behind the last line, which had an end or not; what the state points to is freed. */
	gboolean (*end)(struct foreign *foreign, gboolean ended, GError **error);
};

extern const struct foreign_kind foreign_torsocks;
extern const struct foreign_kind foreign_proxychains;
extern const struct foreign_kind foreign_tsocks;
extern const struct foreign_kind foreign_dante;

gboolean foreign_fail(const struct foreign *foreign, GError **error, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
void foreign_remark(struct foreign *foreign, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The last one counts, as everywhere. NULL takes it back. */
void foreign_set(struct foreign *foreign, enum foreign_key key, const char *value);

/* A new proxy with the line that is read, which the reader goes on to fill in. */
struct foreign_proxy *foreign_add_proxy(struct foreign *foreign, const char *type);

/*
 * A network that is reached directly: `mask` is a length or, for IPv4, a mask; `port` 0 is any.
 * Host bits are masked away. FALSE, without an error: it is no network at all.
 */
gboolean foreign_add_direct(struct foreign *foreign, const char *address, const char *mask,
			    unsigned port);

/* Whether anything on the loopback device was among those, both families or one; then the rest of
 * it is direct as well, and a remark says so. */
gboolean foreign_has_loopback(struct foreign *foreign);

/* The words of a line, blanks between them; the caller frees them. */
char **foreign_words(const char *line);

/* Whether the first word of the line is one of these, NULL at the end. */
gboolean foreign_begins(const char *line, const char *const *names);

#endif
