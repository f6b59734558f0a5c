/*
 * Nothing leaves by another door. Each channel of tests/leak/channels is run without isosocks, with
 * it, and with --no-guard, as nobody and as root, in a lab with a cable out of it; the frames at
 * the far end are counted. Without isosocks there has to be one, or the channel would prove
 * nothing; with it there must be none, whatever the policy lets go elsewhere. What --no-guard lets
 * out, and the family `open`, is measured only: LEAK_TABLE=FILE appends a line for each channel,
 * user and policy, from which tests/leak/report makes what the manual says about it.
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

/*
 * The policies, with what each lets go: a printer, whose address no channel has; guests; a proxy
 * that refuses as everything at the far end does.
 */
#define PRINTER	  "192.168.1.20"
#define ELSEWHERE "192.0.2.77"

enum policy { DEFAULT, DIRECT, LISTEN, PROXY, POLICIES };

static const struct {
	const char *name, *settings, *options;
	const char *address; /* what goes there may */
	unsigned port;
} policies[POLICIES] = {
	[DEFAULT] = { "default", "", "", NULL, 0 },
	[DIRECT] = { "direct", "direct=" PRINTER ":631", "-c direct.conf", PRINTER, 631 },
	[LISTEN] = { "listen", "listen=any", "-c listen.conf", NULL, 0 },
	[PROXY] = { "proxy", "", "-x " ELSEWHERE ":1080", ELSEWHERE, 1080 },
};

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
	for (enum policy policy = DEFAULT; policy < POLICIES; policy++) {
		g_autofree char *name = g_strconcat(policies[policy].name, ".conf", NULL);
		g_autofree char *path = lab_path(name);
		g_autofree char *text =
			g_strconcat("[network]\n", policies[policy].settings, "\n", NULL);
		cr_assert(g_file_set_contents(path, text, -1, NULL));
	}
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

static struct lab_result run(const struct channel *channel, enum mode mode, enum policy policy,
			     enum lab_user user)
{
	g_autofree char *script = g_strdup_printf("{ %s\n}; echo ended $?", channel->command);
	g_autofree char *quoted = g_shell_quote(script);
	g_autofree char *command =
		g_strdup_printf("timeout -s KILL %d sh -c %s </dev/null",
				is_heavy(channel->family) ? HEAVY_PATIENCE : PATIENCE, quoted);
	g_autofree char *line = g_shell_quote(command);
	g_autofree char *options =
		g_strconcat(policies[policy].options, mode == UNGUARDED ? " --no-guard" : "", NULL);

	if (mode == BARE)
		return lab_shell(user, "%s", command);
	return lab_run(user, options, "sh -c %s", line);
}

/* That nothing came out proves nothing where nothing was tried. */
static void expect_tried(const struct channel *channel, const char *mode,
			 const struct lab_result *result)
{
	cr_expect(result->status == 137 || strstr(result->out, "ended "),
		  "%s, %s: was not tried: %d\n%s%s", channel->name, mode, result->status,
		  result->out, result->err);
}

static void note(const struct channel *channel, enum policy policy, enum lab_user user,
		 const unsigned frames[MODES])
{
	const char *path = g_getenv("LEAK_TABLE");
	const int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%s %s %s %s %u %u %u\n", channel->family, channel->name, user_names[user],
		policies[policy].name, frames[BARE], frames[GUARDED], frames[UNGUARDED]);
	close(fd);
}

static enum far_mark mark_of(const struct channel *channel)
{
	return strcmp(channel->family, "groups") == 0 ? FAR_GROUP_REPORT : FAR_FRAME;
}

/* Listeners answer guests where the policy says so. */
static bool is_invited(const struct channel *channel, enum policy policy)
{
	return policy == LISTEN && strcmp(channel->family, "listeners") == 0 &&
	       g_str_has_prefix(channel->name, "listen-") &&
	       !g_str_has_suffix(channel->name, "-asm");
}

/* What the guard does not hold back; behind something that the policy has let go if it has. */
static bool is_open(const struct channel *channel, enum policy policy)
{
	return strcmp(channel->family, "open") == 0 ||
	       (strcmp(channel->family, "behind") == 0 && policy != DEFAULT);
}

static void expect_frames(const struct channel *channel, enum mode mode, enum policy policy,
			  enum lab_user user, unsigned frames, const struct lab_result *result)
{
	const bool some = mode == BARE ? !channel->is_missing : is_invited(channel, policy);

	if (some)
		cr_expect_gt(frames, 0, "%s as %s, %s, %s: no frame\n%s%s", channel->name,
			     user_names[user], mode_names[mode], policies[policy].name, result->out,
			     result->err);
	else if (mode == GUARDED && !is_open(channel, policy))
		cr_expect_eq(frames, 0, "%s as %s, policy %s: %u frames past the proxy\n%s%s",
			     channel->name, user_names[user], policies[policy].name, frames,
			     result->out, result->err);
}

static unsigned count_frames(struct channel *channel, enum mode mode, enum policy policy,
			     enum lab_user user)
{
	struct lab_result result = run(channel, mode, policy, user);
	const unsigned frames = far_count(mark_of(channel));

	if (mode == BARE && strstr(result.out, "ended " G_STRINGIFY(MISSING)))
		channel->is_missing = true;
	expect_tried(channel, mode_names[mode], &result);
	expect_frames(channel, mode, policy, user, frames, &result);
	g_free(result.out);
	g_free(result.err);
	return frames;
}

static void try_policy(struct channel *channel, enum policy policy, enum lab_user user,
		       unsigned frames[MODES], enum mode last)
{
	far_except(policies[policy].address, policies[policy].port);
	for (enum mode mode = GUARDED; mode <= last; mode++)
		frames[mode] = count_frames(channel, mode, policy, user);
	far_except(NULL, 0);
	note(channel, policy, user, frames);
}

/* Under each of these policies; of the others than the default one the last mode may be left out.
 */
static void try_channel(struct channel *channel, enum policy first, enum policy last,
			enum mode last_mode, enum lab_user user)
{
	unsigned frames[MODES] = { 0 };

	if (strcmp(channel->users, "root") == 0 && user != LAB_ROOT)
		return;
	frames[BARE] = count_frames(channel, BARE, DEFAULT, user);
	if (channel->is_missing)
		fprintf(stderr, "%s: left out, this kernel has no such thing\n", channel->name);
	for (enum policy policy = first; policy <= last && !channel->is_missing; policy++)
		try_policy(channel, policy, user, frames, last_mode);
}

static void try_channels(const char *family, enum policy first, enum policy last,
			 enum mode last_mode)
{
	g_autoptr(GArray) channels = load(family);

	cr_assert_gt(channels->len, 0);
	for (guint i = 0; i < channels->len; i++) {
		struct channel *channel = &g_array_index(channels, struct channel, i);
		if (!has_needs(channel))
			continue;
		for (enum lab_user user = 0; user < LAB_USERS; user++)
			try_channel(channel, first, last, last_mode, user);
	}
}

static void try_family(const char *family)
{
	open_leak_lab(is_heavy(family));
	try_channels(family, DEFAULT, DEFAULT, UNGUARDED);
}

/* ---- the families ---- */

/* The heavy ones last. */
static const char *const all_families[] = { "names",  "datagrams", "streams",	  "past",
					    "groups", "listeners", "descriptors", "children",
					    "tools",  "scripts",   "open",	  "behind",
					    "heavy" };

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
FAMILY("open", by_what_is_open)
FAMILY("behind", behind_what_is_let_go)

/* What policies that let something go differ in; the rest is in heavy_leak. */
static void try_policy_with(enum policy policy)
{
	static const char *const families[] = { "datagrams", "streams",	    "past",  "listeners",
						"behind",    "descriptors", "groups" };

	open_leak_lab(false);
	for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
		try_channels(families[i], policy, policy, GUARDED);
}

Test(leak, with_a_direct_rule)
{
	try_policy_with(DIRECT);
}

Test(leak, with_guests)
{
	try_policy_with(LISTEN);
}

Test(leak, with_a_proxy_elsewhere)
{
	try_policy_with(PROXY);
}

Test(heavy_leak, by_large_programs)
{
	open_leak_lab(true);
	try_channels("heavy", DEFAULT, PROXY, UNGUARDED);
}

Test(heavy_leak, by_everything_else_under_every_policy)
{
	open_leak_lab(false);
	for (size_t i = 0; i + 1 < G_N_ELEMENTS(all_families); i++)
		try_channels(all_families[i], DIRECT, PROXY, UNGUARDED);
}

/* No row is in a family that nobody runs, and the list says how long it is. */
Test(leak, list_is_whole)
{
	g_autofree char *printed = NULL;
	g_autoptr(GArray) all = load(NULL);
	guint rows = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(all_families); i++) {
		g_autoptr(GArray) some = load(all_families[i]);
		rows += some->len;
	}
	cr_assert_eq(rows, all->len);
	cr_assert_geq(rows, 250);
	cr_assert(g_spawn_command_line_sync("sh -c ./" CHANNELS, &printed, NULL, NULL, NULL));
	cr_assert_eq((guint)atoi(printed), rows, "%s", printed);
}
