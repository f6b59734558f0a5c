#include "fault.h"

#include <errno.h>
#include <string.h>

#define DELAY_MAX   (24u * 60 * 60 * 1000)
#define OUTPUT_MAX  (1024u * 1024)
#define PAIRS_LIMIT 65535u /* NR PAIRS is two octets */

enum argument {
	ARGUMENT_NONE,
	ARGUMENT_BYTE,	    /* two hex digits */
	ARGUMENT_NUMBER,    /* decimal, up to the row's limit */
	ARGUMENT_NUMBER_AT, /* N[@STEP] */
	ARGUMENT_STEP,
	ARGUMENT_TEXT, /* percent-escapes allowed */
	ARGUMENT_ATYP,
};

struct kind {
	const char *name;
	enum argument argument;
	enum step step; /* where it acts, unless ARG says */
	guint limit;
	const char *form;
	const char *help;
};

static const struct kind kinds[FAULT_COUNT] = {
	[FAULT_REPLY] = { "reply", ARGUMENT_BYTE, STEP_REQUEST, 0, "XX",
			  "answer the request with reply code XX (hex) and close; connect "
			  "nowhere" },
	[FAULT_STATUS] = { "status", ARGUMENT_BYTE, STEP_AUTH, 0, "XX",
			   "answer the authentication with STATUS XX (hex), whatever was sent" },
	[FAULT_METHOD] = { "method", ARGUMENT_BYTE, STEP_GREETING, 0, "XX",
			   "choose method XX (hex), offered or not" },
	[FAULT_DELAY] = { "delay", ARGUMENT_NUMBER, STEP_REQUEST, DELAY_MAX, "MS",
			  "wait MS milliseconds before the reply" },
	[FAULT_DELAY_METHOD] = { "delay-method", ARGUMENT_NUMBER, STEP_GREETING, DELAY_MAX, "MS",
				 "wait before the answer to the greeting" },
	[FAULT_DELAY_AUTH] = { "delay-auth", ARGUMENT_NUMBER, STEP_AUTH, DELAY_MAX, "MS",
			       "wait before the answer to the authentication" },
	[FAULT_SILENT] = { "silent", ARGUMENT_STEP, STEP_ACCEPT, 0, "STEP",
			   "say nothing more from STEP on: accept, greeting, auth or request" },
	[FAULT_CLOSE] = { "close", ARGUMENT_STEP, STEP_ACCEPT, 0, "STEP",
			  "end the stream (FIN) instead of the answer at STEP" },
	[FAULT_RESET] = { "reset", ARGUMENT_STEP, STEP_ACCEPT, 0, "STEP",
			  "reset the connection (RST) instead of the answer at STEP" },
	[FAULT_CUT] = { "cut", ARGUMENT_NUMBER_AT, STEP_REQUEST, OUTPUT_MAX, "N[@STEP]",
			"send only N bytes of the answer at STEP (request), then end the stream" },
	[FAULT_STALL] = { "stall", ARGUMENT_NUMBER_AT, STEP_REQUEST, OUTPUT_MAX, "N[@STEP]",
			  "send only N bytes of the answer at STEP (request), then say nothing "
			  "more" },
	[FAULT_GARBAGE] = { "garbage", ARGUMENT_NUMBER_AT, STEP_GREETING, OUTPUT_MAX, "N[@STEP]",
			    "send N pseudo-random bytes, always the same, instead of the answer at "
			    "STEP (greeting), then close" },
	[FAULT_BYTES] = { "bytes", ARGUMENT_NONE, STEP_ACCEPT, 0, "",
			  "write the handshake one byte at a time" },
	[FAULT_SPLIT] = { "split", ARGUMENT_NUMBER, STEP_ACCEPT, OUTPUT_MAX, "N",
			  "write the handshake in pieces of N bytes" },
	[FAULT_GLUE] = { "glue", ARGUMENT_TEXT, STEP_REQUEST, 0, "TEXT",
			 "put TEXT (%XX allowed) behind a good reply, in the same write" },
	[FAULT_ATYP] = { "atyp", ARGUMENT_ATYP, STEP_REQUEST, 0, "0|1|3|4",
			 "form of BND.ADDR in the reply: none, IPv4, a name, IPv6" },
	[FAULT_VERSION] = { "version", ARGUMENT_BYTE, STEP_REQUEST, 0, "XX",
			    "VER of the reply (hex)" },
	[FAULT_RSV] = { "rsv", ARGUMENT_BYTE, STEP_REQUEST, 0, "XX", "RSV of the reply (hex)" },
	[FAULT_AUTH_VERSION] = { "auth-version", ARGUMENT_BYTE, STEP_AUTH, 0, "XX",
				 "VER of the answer to the authentication (hex)" },
	[FAULT_HTTP] = { "http", ARGUMENT_NONE, STEP_GREETING, 0, "",
			 "answer the greeting as a web server would, then close" },
	[FAULT_PAIRS] = { "pairs", ARGUMENT_NUMBER, STEP_AUTH, PAIRS_LIMIT, "N",
			  "put N pairs into the answer of method 97" },
	[FAULT_PAIRS_CUT] = { "pairs-cut", ARGUMENT_NONE, STEP_AUTH, 0, "",
			      "announce a pair in the answer of method 97, end within it" },
	[FAULT_REFUSE_PAIRS] = { "refuse-pairs", ARGUMENT_NONE, STEP_AUTH, 0, "",
				 "method 02: refuse the username <torS0X>0 with STATUS 01" },
	[FAULT_TOR_BADAUTH] = { "tor-badauth", ARGUMENT_NONE, STEP_AUTH, 0, "",
				"answer the authentication as a Tor refuses it: 05 01 00 01 00..., "
				"then close" },
};

static const char *const step_names[STEP_COUNT] = { "accept", "greeting", "auth", "request" };

struct faults {
	GPtrArray *list;
};

static void fault_free(gpointer data)
{
	struct fault *fault = data;
	g_clear_pointer(&fault->bytes, g_bytes_unref);
	g_free(fault->host);
	g_free(fault->text);
	g_free(fault);
}

struct faults *faults_new(void)
{
	struct faults *faults = g_new0(struct faults, 1);
	faults->list = g_ptr_array_new_with_free_func(fault_free);
	return faults;
}

void faults_free(struct faults *faults)
{
	if (!faults)
		return;
	g_ptr_array_unref(faults->list);
	g_free(faults);
}

const char *step_name(enum step step)
{
	return step_names[step];
}

static gboolean fail(GError **error, const char *text, const char *right)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--fault %s: %s", text, right);
	return FALSE;
}

static gboolean find_kind(const char *name, enum fault_id *ret)
{
	for (int i = 0; i < FAULT_COUNT; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*ret = (enum fault_id)i;
			return TRUE;
		}
	}
	return FALSE;
}

static gboolean find_step(const char *name, enum step *ret)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		if (strcmp(step_names[i], name) == 0) {
			*ret = (enum step)i;
			return TRUE;
		}
	}
	return FALSE;
}

/* Takes "*TIMES" off the end. A star in a text is written %2A. */
static gboolean parse_times(char *text, struct fault *fault)
{
	char *star = strrchr(text, '*');
	guint64 times;

	fault->left = -1;
	if (!star)
		return TRUE;
	if (!g_ascii_string_to_unsigned(star + 1, 10, 1, G_MAXINT32, &times, NULL))
		return FALSE;
	fault->left = (gint64)times;
	*star = '\0';
	return TRUE;
}

/*
 * Takes "HOST=" off the front. A kind has no '=' in its name, so what stands before the first ':'
 * is a kind or the beginning of "HOST=KIND"; an IPv6 address has colons of its own and no kind's
 * name.
 */
static char *parse_host(char *text, struct fault *fault)
{
	g_autofree char *head = g_strndup(text, strcspn(text, ":"));
	enum fault_id ignored;
	char *equals = strchr(text, '=');

	if (!equals || find_kind(head, &ignored))
		return text;
	*equals = '\0';
	gsize length = strlen(text);
	gboolean bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
	fault->host = bracketed ? g_strndup(text + 1, length - 2) : g_strdup(text);
	return equals + 1;
}

static gboolean parse_byte(const char *text, guint *ret)
{
	if (strlen(text) != 2 || !g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]))
		return FALSE;
	*ret = (guint)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
	return TRUE;
}

static gboolean parse_number(const char *text, guint limit, guint *ret)
{
	guint64 value;

	if (!g_ascii_string_to_unsigned(text, 10, 0, limit, &value, NULL))
		return FALSE;
	*ret = (guint)value;
	return TRUE;
}

static gboolean parse_number_at(const char *text, guint limit, struct fault *fault)
{
	const char *at = strchr(text, '@');
	g_autofree char *number = at ? g_strndup(text, (gsize)(at - text)) : g_strdup(text);

	if (at && (!find_step(at + 1, &fault->step) || fault->step == STEP_ACCEPT))
		return FALSE;
	return parse_number(number, limit, &fault->number);
}

static gboolean parse_atyp(const char *text, guint *ret)
{
	return strlen(text) == 1 && strchr("0134", text[0]) && parse_number(text, 4, ret);
}

static gboolean parse_text(const char *text, struct fault *fault)
{
	fault->bytes = g_uri_unescape_bytes(text, -1, NULL, NULL);
	return fault->bytes != NULL;
}

static gboolean parse_argument(const struct kind *kind, const char *text, struct fault *fault)
{
	if (kind->argument == ARGUMENT_NONE)
		return text == NULL;
	if (!text)
		return FALSE;
	switch (kind->argument) {
	case ARGUMENT_BYTE:
		return parse_byte(text, &fault->number);
	case ARGUMENT_NUMBER:
		return parse_number(text, kind->limit, &fault->number);
	case ARGUMENT_NUMBER_AT:
		return parse_number_at(text, kind->limit, fault);
	case ARGUMENT_STEP:
		return find_step(text, &fault->step);
	case ARGUMENT_TEXT:
		return parse_text(text, fault);
	case ARGUMENT_ATYP:
		return parse_atyp(text, &fault->number);
	default:
		return FALSE;
	}
}

static gboolean parse_kind(char *text, struct fault *fault, const char *whole, GError **error)
{
	char *colon = strchr(text, ':');

	if (colon)
		*colon = '\0';
	if (!find_kind(text, &fault->id))
		return fail(error, whole, "no such kind; \"--fault help\" lists them");
	const struct kind *kind = &kinds[fault->id];
	fault->step = kind->step;
	if (!parse_argument(kind, colon ? colon + 1 : NULL, fault)) {
		g_autofree char *right = g_strdup_printf("should be %s%s%s", kind->name,
							 *kind->form ? ":" : "", kind->form);
		return fail(error, whole, right);
	}
	if (fault->id == FAULT_SPLIT && fault->number == 0)
		return fail(error, whole, "pieces of 0 bytes: should be 1 or more");
	if (fault->host && fault->step != STEP_REQUEST)
		return fail(error, whole, "acts before the host is known: should be without HOST=");
	return TRUE;
}

gboolean faults_add(struct faults *faults, const char *text, GError **error)
{
	struct fault *fault = g_new0(struct fault, 1);
	g_autofree char *copy = g_strdup(text);

	fault->text = g_strdup(text);
	if (!parse_times(copy, fault)) {
		fault_free(fault);
		return fail(error, text, "after * should be a number of times, 1 or more");
	}
	if (!parse_kind(parse_host(copy, fault), fault, text, error)) {
		fault_free(fault);
		return FALSE;
	}
	g_ptr_array_add(faults->list, fault);
	return TRUE;
}

static gboolean is_for_host(const struct fault *fault, const char *host)
{
	return !fault->host || (host && g_ascii_strcasecmp(fault->host, host) == 0);
}

const struct fault *faults_take(struct faults *faults, enum fault_id id, enum step step,
				const char *host)
{
	for (guint i = 0; i < faults->list->len; i++) {
		struct fault *fault = g_ptr_array_index(faults->list, i);
		if (fault->id != id || fault->step != step || fault->left == 0 ||
		    !is_for_host(fault, host))
			continue;
		if (fault->left > 0)
			fault->left--;
		return fault;
	}
	return NULL;
}

char *faults_help(void)
{
	GString *text =
		g_string_new("--fault [HOST=]KIND[:ARG][*TIMES]\n"
			     "HOST= limits a fault to requests for that host, *TIMES to the "
			     "first TIMES of them.\n\n");

	for (int i = 0; i < FAULT_COUNT; i++) {
		g_autofree char *usage =
			g_strconcat(kinds[i].name, *kinds[i].form ? ":" : "", kinds[i].form, NULL);
		g_string_append_printf(text, "  %-18s %s\n", usage, kinds[i].help);
	}
	return g_string_free(text, FALSE);
}

const char *const *faults_kinds(void)
{
	static const char *names[FAULT_COUNT + 1];

	for (int i = 0; i < FAULT_COUNT; i++)
		names[i] = kinds[i].name;
	return names;
}
