/*
 * config: everything a policy says, as isosocks gathers it: built-in values, then each source on
 * top of the lower one. Every setting is one row of a table, whichever source it comes from. One
 * thread; the caller owns the struct.
 */
#ifndef WRAPPERS_CONFIG_H
#define WRAPPERS_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Where a value came from: the higher wins, and a name given twice in one of them is an error. */
enum config_source {
	CONFIG_BUILT_IN,
	CONFIG_SYSTEM, /* the file of the machine's administrator */
	CONFIG_OUTER,  /* the policy of an isosocks around this one */
	CONFIG_FILE,   /* the user's, or the one that was named instead */
	CONFIG_ENVIRONMENT,
	CONFIG_COMMAND_LINE,
};

enum config_guard {
	CONFIG_GUARD_OFF,
	CONFIG_GUARD_ON,
	CONFIG_GUARD_REQUIRED, /* nothing is run where the kernel has none, or no leash */
};

#define CONFIG_FILE_MAX (1024 * 1024)

/* One place, whatever the installation: an administrator's rules hold for all of them. */
#define CONFIG_SYSTEM_FILE "/etc/isosocks.conf"

struct config_pair {
	char *name;
	char *value; /* length bytes and a NUL; it may contain others */
	size_t length;
	enum config_source source;
};

/* One item of [network] direct= or deny=. */
struct config_rule {
	uint8_t address[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d */
	uint8_t prefix;
	uint8_t action;	 /* enum blob_action */
	uint16_t port;	 /* 0: every port */
	char *suffix;	 /* instead of an address, or NULL */
	uint32_t origin; /* index in origins, BLOB_NONE: not from a file */
	uint32_t line;
	enum config_source source;
};

/* [application LABEL] */
struct config_application {
	char *label;
	GPtrArray *match; /* char *: globs over the executable's path */
	GArray *users;	  /* uint32_t */
	GPtrArray *pairs; /* struct config_pair * */
	uint32_t proxy;	  /* index in proxies, BLOB_NONE: the default one */
	uint32_t origin;
	uint32_t line;
	uint32_t by; /* counts when has_by */
	bool has_by;
	uint8_t action; /* enum blob_action */
	enum config_source source;
};

struct config {
	uint8_t session[16];
	uint8_t cookie[16];
	GArray *proxies;	   /* struct url; the first is the default and always there */
	bool separate_credentials; /* the default proxy's came beside its URL: they outlive it */
	uint32_t timeout;
	uint32_t by; /* enum keys_by */
	uint8_t methods[4];
	uint8_t retry;
	uint8_t pipeline;
	uint8_t require;
	bool require_given;
	uint8_t resolve;
	uint8_t family;
	uint8_t loopback;
	uint8_t listen;
	uint8_t guard;	     /* enum config_guard */
	bool guard_is_bound; /* the machine's administrator wants it: nothing lowers it */
	uint8_t why;
	uint8_t pool[4];
	uint8_t pool_prefix;
	uint32_t min_uid; /* of the policy for the whole machine */
	uint8_t log_level;
	uint8_t log_format;
	bool log_wanted; /* also without a file */
	bool quiet;
	char *log_file;		 /* absolute, or NULL */
	char *token;		 /* or NULL */
	char *alias;		 /* or NULL */
	const char *path;	 /* of the file that is being read, or NULL */
	uint32_t line;		 /* in it */
	GPtrArray *origins;	 /* char *: configuration files */
	GPtrArray *pairs;	 /* struct config_pair * */
	GArray *rules;		 /* struct config_rule */
	GPtrArray *applications; /* struct config_application *, in the order they are tried */
};

#define CONFIG_ERROR config_error_quark()
GQuark config_error_quark(void);

enum config_error {
	CONFIG_ERROR_VALUE, /* a value that is not accepted, or a setting nobody knows */
	CONFIG_ERROR_FILE,  /* a file that is not one of settings */
};

/* The built-in values, with a session of zeros. */
struct config *config_new(void);
void config_free(struct config *config);

/* A variable of this kind frees what it points at when its scope ends. */
#define CONFIG_AUTO __attribute__((cleanup(config_free_at))) struct config *
void config_free_at(struct config **config);

struct config_pair *config_pair_new(const char *name, const char *value, size_t length,
				    enum config_source source);
struct config_application *config_application_new(const char *label);

/* The session becomes 128 fresh random bits. */
gboolean config_new_session(struct config *config, GError **error);

/*
 * Sets [group] key to what a configuration file would have as its value. Errors say what is
 * accepted, not where the value stood: that is the caller's to prefix.
 */
gboolean config_set(struct config *config, enum config_source source, const char *group,
		    const char *key, const char *value, GError **error);

/* What no file has, or not in this form. */
gboolean config_set_address(struct config *config, const char *address, GError **error);
gboolean config_set_port(struct config *config, const char *port, GError **error);
gboolean config_set_credentials(struct config *config, const char *username, const char *password,
				GError **error);
gboolean config_set_token(struct config *config, enum config_source source, const char *token,
			  GError **error);
gboolean config_set_pair(struct config *config, enum config_source source, const char *name,
			 const char *value, size_t length, GError **error);

/*
 * Takes a configuration file, or the text of one, on top of what is set. Errors read `PATH:LINE:
 * [group] key: text`.
 */
gboolean config_load_file(struct config *config, enum config_source source, const char *path,
			  GError **error);
gboolean config_load_text(struct config *config, enum config_source source, const char *path,
			  const char *text, size_t length, GError **error);

/*
 * The same, but goes on behind an error: all of them (char *), none when the file is good. What is
 * right in it has been taken.
 */
GPtrArray *config_check_file(struct config *config, enum config_source source, const char *path);

/*
 * Takes the file of the system and then this one of the user's: path, or the usual one where path
 * is NULL and that is there. An administrator's deny and require hold whatever the user's says.
 */
gboolean config_load_usual(struct config *config, const char *path, GError **error);

/* The file of this user's own settings, there or not. NULL: the user has no folder for one. */
char *config_user_file(void);

/* The level that counts: nothing is written unless a file or -d or ISOSOCKS_LOG asked for it; -q
 * wins. */
uint8_t config_log_level(const struct config *config);

/* A key's words, methods and parts, as a file has them. Free what is a char *. */
const char *config_word(const char *group, const char *key, uint8_t number);
char *config_methods_text(const uint8_t methods[4]);
char *config_by_text(uint32_t by);
char *config_url_text(const struct config *config, uint32_t proxy);

/* Whether any proxy has some. */
bool config_has_credentials(const struct config *config);

/* The default proxy as socks5://ADDRESS:PORT, without credentials. Free it. */
char *config_proxy_text(const struct config *config);

/*
 * The first group that names this executable (a real path: what runs, not a script or a link) and
 * this user, as the library will find it. NULL: none does.
 */
const struct config_application *config_find_application(const struct config *config,
							 const char *executable, uint32_t user);

/*
 * Whether this executable is let go directly: isosocks then preloads the library, which stays out
 * of the way, and installs no filter.
 */
bool config_is_direct(const struct config *config, const char *executable, uint32_t user);

/* A user's number, or a name that is in /etc/passwd. */
gboolean config_parse_user(const char *text, guint64 *ret_user);

/* Whether it is a name suffix such as .example.com. */
bool config_is_suffix(const char *text);

/* A user's text as an error message may show it: short, printable, in double quotes. */
char *config_quote(const char *text);

#endif
