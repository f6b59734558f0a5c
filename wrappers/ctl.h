/*
 * ctl: what the commands of isosocksctl share. A command is a function in a file of its own,
 * ctl_<command>.c, declared here, and a row of the table in isosocksctl.c; dispatch and help walk
 * that table. One thread; a command prints its answer to standard output and what is wrong to
 * standard error.
 */
#ifndef WRAPPERS_CTL_H
#define WRAPPERS_CTL_H

#include <glib.h>

/* The exit status of isosocksctl. doctor has two more, 3 and 4: isosocksctl(8). */
enum ctl_status {
	CTL_YES,
	CTL_NO,
	CTL_USAGE,
};

/* argv[0] is the command's name; both end with NULL as main's do. */
typedef int ctl_function(int argc, char **argv);

ctl_function ctl_check;
ctl_function ctl_compile;
ctl_function ctl_doctor;
ctl_function ctl_env;
ctl_function ctl_errors;
ctl_function ctl_explain;
ctl_function ctl_import;
ctl_function ctl_status;
ctl_function ctl_system;
ctl_function ctl_why;

/*
 * Takes a command's options out of argv; what is left behind argv[0] are its arguments, least to
 * most of them. arguments is their form, for help: "[FILE]". false when the command is done, with
 * *ret_status: --help was given, or something is wrong, which has been said.
 */
gboolean ctl_parse(int *argc, char **argv, const GOptionEntry *entries, const char *arguments,
		   int least, int most, int *ret_status);

/* Says what is wrong, one line with the command's name in front, and returns the status. */
int ctl_fail(int status, const char *command, const char *format, ...) G_GNUC_PRINTF(3, 4);

#endif
