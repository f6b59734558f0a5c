/*
 * errors: the table that the library turns replies into errno by, and what else a connection can
 * fail with.
 */
#include "ctl.h"
#include "json.h"
#include "show.h"

#include "socks5/failure.h"
#include "socks5/reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *dialect(const struct reply_row *row)
{
	switch (row->dialect) {
	case REPLY_PROPOSAL_229:
		return "229";
	case REPLY_PROPOSAL_304:
		return "304";
	default:
		return "1928";
	}
}

static void print_row(const char *code, const char *by, int error, const char *meaning)
{
	g_autofree char *label =
		g_strdup_printf("%-4s  %-4s  %-15s  ", code, by, strerrorname_np(error));

	show_entry(stdout, SCREEN_PLAIN, label, "%s", meaning);
}

static void print_table(void)
{
	char code[sizeof("FF")];

	show_entry(stdout, SCREEN_HEADING, "CODE  BY    ERRNO            MEANING", "%s", "");
	for (size_t i = 0; i < reply_count; i++) {
		g_snprintf(code, sizeof(code), "%02X", reply_rows[i].code);
		print_row(code, dialect(&reply_rows[i]), reply_rows[i].error,
			  reply_rows[i].meaning);
	}
	for (size_t i = 0; i < failure_count; i++)
		print_row("-", "-", failure_rows[i].error, failure_rows[i].meaning);
	show_line(stdout, "%s", "");
	show_entry(stdout, SCREEN_PLAIN, "", "%s",
		   "BY: 1928 is RFC 1928; 229 Tor proposal 229, where method 97 was agreed on; "
		   "304 Tor");
	show_entry(stdout, SCREEN_PLAIN, "", "%s", "proposal 304, with every other method.");
}

static void add_row(GString *json, int code, const char *by, int error, const char *meaning)
{
	json_next(json);
	g_string_append_c(json, '{');
	if (by) {
		json_add_number(json, "code", code);
		json_add_text(json, "by", by);
	}
	json_add_text(json, "errno", strerrorname_np(error));
	json_add_number(json, "number", error);
	json_add_text(json, "meaning", meaning);
	g_string_append_c(json, '}');
}

static void print_json(void)
{
	g_autoptr(GString) json = g_string_new("[");

	for (size_t i = 0; i < reply_count; i++)
		add_row(json, reply_rows[i].code, dialect(&reply_rows[i]), reply_rows[i].error,
			reply_rows[i].meaning);
	for (size_t i = 0; i < failure_count; i++)
		add_row(json, 0, NULL, failure_rows[i].error, failure_rows[i].meaning);
	puts(g_string_append_c(json, ']')->str);
}

int ctl_errors(int argc, char **argv)
{
	gboolean as_json = FALSE;
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "for a program to read", NULL },
		{ 0 },
	};
	int status;

	if (!ctl_parse(&argc, argv, entries, NULL, 0, 0, &status))
		return status;
	if (as_json)
		print_json();
	else
		print_table();
	return CTL_YES;
}
