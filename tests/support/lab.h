/*
 * lab: a machine of its own for one test: a network namespace with nothing but loopback, so that
 * whatever does not go through the proxy goes nowhere; the programs as built; a proxy that writes
 * down what it was asked. A Criterion test is a process, and the lab is that process: nothing has
 * to be taken down but the children, which end with it.
 */
#ifndef SUPPORT_LAB_H
#define SUPPORT_LAB_H

#include <glib.h>
#include <stdbool.h>

/* Who runs a program. Root hides bugs, and so does its absence. */
enum lab_user {
	LAB_NOBODY, /* uid 65534, no capabilities */
	LAB_ROOT,
	LAB_USERS,
};

struct lab_result {
	int status; /* exit status, or 128 + the signal */
	char *out;
	char *err;
};

/* Opens the lab, or skips the test with the reason where namespaces cannot be had. */
void lab_open(void);

/* The lab's folder, and a file in it, which every user may read; free it. */
const char *lab_folder(void);
char *lab_path(const char *name);

/* Puts a file of the lab's with this text where the machine has one, for what the test starts; its
 * own name in the lab's folder is the same. */
void lab_replace(const char *path, const char *text);

/* Writes a configuration file, and returns the option that names it; free it. */
char *lab_config(const char *text);

/* The path of a built program: "isosocks", "isosocks-proxy", or a client of tests/clients; free it.
 */
char *lab_program(const char *name);

/*
 * Skips the test where the lab has no second user and not all of root's rights: for an ordinary
 * user a user namespace gives him one number, so that LAB_NOBODY and LAB_ROOT are the same.
 */
void lab_need_root(void);

/* What makes a command run as nobody, in front of it. */
const char *lab_lowered(void);

/*
 * Gives the lab an /etc of its own, without settings of isosocks or a list to preload; skips the
 * test where that needs rights that it has not.
 */
void lab_cover_etc(void);

/*
 * Starts isosocks-proxy with these further options (a shell-quoted string, NULL for none) and
 * returns its port. A later proxy takes the place of an earlier one in what follows.
 */
unsigned lab_proxy(const char *options);

/* Starts a server of tests/clients/serve.c that names itself so; its port, on 127.0.0.1 and ::1. */
unsigned lab_serve(const char *name);

/*
 * Starts a program in the background that ends with the lab and prints its first line when it is
 * ready; NULL argv-terminated. Returns that line.
 */
char *lab_start(const char *const *argv);

/* Starts a program in the background, and waits until 127.0.0.1:port takes connections. */
void lab_daemon(const char *command, unsigned port);

/* The port of the proxy started last. */
unsigned lab_port(void);

/* The PID lab_proxy started last, for tests that kill or stop it. */
GPid lab_proxy_pid(void);

/* Runs a shell command (printf format) as user, without isosocks, and waits. Standard input is
 * empty. */
struct lab_result lab_shell(enum lab_user user, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same under `isosocks -x 127.0.0.1:PORT OPTIONS`; command is one simple command. */
struct lab_result lab_run(enum lab_user user, const char *options, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

/* Skips the test, visibly, when a program is missing; in CI that is a failure. */
void lab_need(const char *program);

/* The same for a program of a package that not every release of Debian has: where this one has it
 * not, the test is skipped in CI as well. */
void lab_need_of(const char *program, const char *package);

/* The proxy's log so far: its "request" lines, one string each, NULL-terminated. */
char **lab_requests(void);

/* The only request in the log; fails the test when there is another number. Forgets it for the next
 * call. */
char *lab_only_request(void);

/* Forgets what the proxy has logged so far. */
void lab_forget(void);

/* Fails unless the line has this JSON member, written as the proxy writes it: "\"port\":80". */
void lab_assert_has(const char *line, const char *member);

/* Fails, showing both outputs, unless the program ended with this status. */
void lab_assert_status(const struct lab_result *result, int status);

/* Fails, showing both outputs, unless standard output has this text. */
void lab_assert_out(const struct lab_result *result, const char *text);

#endif
