/*
 * Nothing leaves by another door. Each channel of tests/leak/channels is run without isosocks, with
 * it, and with --no-guard, as nobody and as root, in a lab with a cable out of it; the frames at
 * the far end are counted. Without isosocks there has to be one, or the channel would prove
 * nothing; with it there must be none. What --no-guard lets out is measured only: LEAK_TABLE=FILE
 * appends a line for each run, from which tests/leak/report makes what the manual says about it.
 */
#include "support/far.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNELS "tests/leak/channels"
#define COLUMNS	 5
#define MISSING	 77 /* exit status of `call` where the kernel lacks what it tries */

/* Seconds. A program that waits for what will not come is ended; its frame, if any, has been sent.
 */
#define PATIENCE       15
#define HEAVY_PATIENCE 20

struct channel {
	char *family, *name, *users, *needs, *command;
	bool is_missing; /* the kernel has no such thing */
};

enum mode { BARE, GUARDED, UNGUARDED, MODES };

static const char *const mode_names[] = { "without isosocks", "guarded", "without the guard" };
static const char *const user_names[] = { "nobody", "root" };

/* ---- the list ---- */

static bool parse_channel(const char *line, struct channel *ret_channel)
{
	char **columns;

	if (*line == '#' || *line == '\0')
		return false;
	columns = g_strsplit(line, " ", COLUMNS);
	cr_assert_eq(g_strv_length(columns), COLUMNS, "%s: %s", CHANNELS, line);
	*ret_channel = (struct channel){ columns[0], columns[1], columns[2],
					 columns[3], columns[4], false };
	g_free(columns); /* the array, not what is in it */
	return true;
}

static void clear_channel(gpointer data)
{
	struct channel *channel = data;

	g_free(channel->family);
	g_free(channel->name);
	g_free(channel->users);
	g_free(channel->needs);
	g_free(channel->command);
}

/* The channels of a family, or all of them for NULL. */
static GArray *load(const char *family)
{
	GArray *channels = g_array_new(FALSE, FALSE, sizeof(struct channel));
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct channel channel;

	g_array_set_clear_func(channels, clear_channel);
	cr_assert(g_file_get_contents(CHANNELS, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		if (!parse_channel(*line, &channel))
			continue;
		if (!family || strcmp(channel.family, family) == 0)
			g_array_append_val(channels, channel);
		else
			clear_channel(&channel);
	}
	return channels;
}

static bool is_heavy(const char *family)
{
	return g_str_has_prefix(family, "heavy");
}

/* ---- what they need ---- */

static void run_here(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void run_here(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *command = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	const struct lab_result result = lab_shell(LAB_ROOT, "%s", command);
	lab_assert_status(&result, 0);
}

/* Builds for which a compiler is needed that may not be there; without it they are missing too. */
static void build_others(bool heavy)
{
	g_autofree char *sources = g_canonicalize_filename("tests/leak", NULL);
	static const struct {
		bool heavy;
		const char *command;
	} builds[] = {
		{ false, "musl-gcc -w -static -o plain-musl %s/plain.c" },
		{ false, "musl-gcc -w -o plain-musl-dynamic %s/plain.c" },
		{ true, "gcc -w -m32 -o plain-32 %s/plain.c" },
		{ true, "gcc -w -m32 -static -o plain-32-static %s/plain.c" },
		{ true, "CGO_ENABLED=0 go build -o leak-go %s/leak.go" },
		{ true, "CGO_ENABLED=1 go build -o leak-cgo %s/leak.go" },
		{ true, "cp %s/Leak.java ." },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(builds); i++) {
		g_autofree char *command = NULL;

		if (builds[i].heavy && !heavy)
			continue;
		command = g_strdup_printf(builds[i].command, sources);
		lab_shell(LAB_ROOT, "HOME=$PWD GOCACHE=$PWD/go-cache %s", command);
	}
}

static void start_helpers(void)
{
	g_autofree char *call = lab_path("call");
	g_autofree char *helper = lab_path("helper");
	g_autofree char *far_end = lab_path("far-end");
	const char *near[] = { call, "helper", helper, NULL };
	const char *far[] = { call, "helper", far_end, NULL };

	lab_start(near);
	far_start(far);
}

static void open_leak_lab(bool heavy)
{
	lab_open();
	far_open();
	/* A proxy that reaches nothing: what arrives at the far end came past it. */
	lab_proxy("--fault reply:05");
	run_here("cp build/tests/leak/* . && chmod 755 call plain plain-static && "
		 "cp plain plain-setuid && chmod 4755 plain-setuid");
	build_others(heavy);
	start_helpers();
}

static bool is_there(const char *need)
{
	g_autofree char *path =
		g_str_has_prefix(need, "./") ? lab_path(need) : g_find_program_in_path(need);
	return path && g_file_test(path, G_FILE_TEST_EXISTS);
}

static bool has_needs(const struct channel *channel)
{
	g_auto(GStrv) needs = g_strsplit(channel->needs, ",", -1);

	for (char **need = needs; *need; need++) {
		if (strcmp(*need, "-") == 0 || is_there(*need))
			continue;
		cr_assert_null(g_getenv("CI"), "%s: %s is not there", channel->name, *need);
		fprintf(stderr, "%s: left out, %s is not there\n", channel->name, *need);
		return false;
	}
	return true;
}

/* ---- one run ---- */

static struct lab_result run(const struct channel *channel, enum mode mode, enum lab_user user)
{
	g_autofree char *script = g_strdup_printf("{ %s\n}; echo ended $?", channel->command);
	g_autofree char *quoted = g_shell_quote(script);
	g_autofree char *command =
		g_strdup_printf("timeout -s KILL %d sh -c %s </dev/null",
				is_heavy(channel->family) ? HEAVY_PATIENCE : PATIENCE, quoted);
	g_autofree char *line = g_shell_quote(command);

	if (mode == BARE)
		return lab_shell(user, "%s", command);
	return lab_run(user, mode == UNGUARDED ? "--no-guard" : NULL, "sh -c %s", line);
}

/* That nothing came out proves nothing where nothing was tried. */
static void expect_tried(const struct channel *channel, const char *mode,
			 const struct lab_result *result)
{
	cr_expect(result->status == 137 || strstr(result->out, "ended "),
		  "%s, %s: was not tried: %d\n%s%s", channel->name, mode, result->status,
		  result->out, result->err);
}

static void note(const struct channel *channel, enum lab_user user, const unsigned frames[MODES])
{
	const char *path = g_getenv("LEAK_TABLE");
	const int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%s %s %s %u %u %u\n", channel->family, channel->name, user_names[user],
		frames[BARE], frames[GUARDED], frames[UNGUARDED]);
	close(fd);
}

static enum far_mark mark_of(const struct channel *channel)
{
	return strcmp(channel->family, "groups") == 0 ? FAR_GROUP_REPORT : FAR_FRAME;
}

static unsigned count_frames(struct channel *channel, enum mode mode, enum lab_user user)
{
	struct lab_result result = run(channel, mode, user);
	const unsigned frames = far_count(mark_of(channel));

	if (mode == BARE && strstr(result.out, "ended " G_STRINGIFY(MISSING)))
		channel->is_missing = true;
	expect_tried(channel, mode_names[mode], &result);
	if (mode == BARE && !channel->is_missing)
		cr_expect_gt(frames, 0, "%s as %s: no frame without isosocks\n%s%s", channel->name,
			     user_names[user], result.out, result.err);
	if (mode == GUARDED)
		cr_expect_eq(frames, 0, "%s as %s: %u frames past the proxy\n%s%s", channel->name,
			     user_names[user], frames, result.out, result.err);
	g_free(result.out);
	g_free(result.err);
	return frames;
}

static void try_channel(struct channel *channel, enum lab_user user)
{
	unsigned frames[MODES] = { 0 };

	if (strcmp(channel->users, "root") == 0 && user != LAB_ROOT)
		return;
	for (enum mode mode = BARE; mode < MODES && !channel->is_missing; mode++)
		frames[mode] = count_frames(channel, mode, user);
	if (channel->is_missing)
		fprintf(stderr, "%s: left out, this kernel has no such thing\n", channel->name);
	else
		note(channel, user, frames);
}

static void try_family(const char *family)
{
	g_autoptr(GArray) channels = load(family);

	cr_assert_gt(channels->len, 0);
	open_leak_lab(is_heavy(family));
	for (guint i = 0; i < channels->len; i++) {
		struct channel *channel = &g_array_index(channels, struct channel, i);
		if (!has_needs(channel))
			continue;
		for (enum lab_user user = 0; user < LAB_USERS; user++)
			try_channel(channel, user);
	}
}

/* ---- the families ---- */

#define FAMILY(family, test)                                                                       \
	Test(leak, test)                                                                           \
	{                                                                                          \
		try_family(family);                                                                \
	}

FAMILY("names", by_names)
FAMILY("datagrams", by_datagrams)
FAMILY("streams", by_streams)
FAMILY("past", past_the_hooks)
FAMILY("groups", by_groups)
FAMILY("listeners", by_listeners)
FAMILY("descriptors", by_descriptors)
FAMILY("children", by_children)
FAMILY("tools", by_tools)
FAMILY("scripts", by_scripts)

Test(heavy_leak, by_large_programs)
{
	try_family("heavy");
}

/* No row is in a family that nobody runs, and the list says how long it is. */
Test(leak, list_is_whole)
{
	static const char *const families[] = { "names",  "datagrams", "streams",     "past",
						"groups", "listeners", "descriptors", "children",
						"tools",  "scripts",   "heavy" };
	g_autofree char *printed = NULL;
	g_autoptr(GArray) all = load(NULL);
	guint rows = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
		g_autoptr(GArray) some = load(families[i]);
		rows += some->len;
	}
	cr_assert_eq(rows, all->len);
	cr_assert_geq(rows, 71);
	cr_assert(g_spawn_command_line_sync("sh -c ./" CHANNELS, &printed, NULL, NULL, NULL));
	cr_assert_eq((guint)atoi(printed), rows, "%s", printed);
}
