#include "answer.h"

#include <string.h>

GByteArray *answer_garbage(guint length)
{
	GByteArray *out = g_byte_array_sized_new(length);
	guint32 state = 0x69736f73;

	for (guint i = 0; i < length; i++) {
		state ^= state << 13; /* Marsaglia's xorshift32 */
		state ^= state >> 17;
		state ^= state << 5;
		g_byte_array_append(out, (const guint8[]){ state >> 24 }, 1);
	}
	return out;
}

static GByteArray *new_text(const char *text)
{
	return g_byte_array_append(g_byte_array_new(), (const guint8 *)text, (guint)strlen(text));
}

/* RFC 1928 §3. */
GByteArray *answer_method(struct faults *faults, guint8 method, gboolean *ret_last)
{
	const guint8 bytes[2] = { MESSAGE_VERSION, method };

	if (faults_take(faults, FAULT_HTTP, STEP_GREETING, NULL)) {
		*ret_last = TRUE;
		return new_text("HTTP/1.0 501 Not Implemented\r\n"
				"Content-Type: text/html\r\n\r\n"
				"<html><head><title>This is not a SOCKS proxy</title></head>"
				"<body><h1>501 Not Implemented</h1></body></html>\r\n");
	}
	return g_byte_array_append(g_byte_array_new(), bytes, sizeof(bytes));
}

static void append_u16(GByteArray *out, guint value)
{
	const guint8 bytes[2] = { (guint8)(value >> 8), (guint8)value };
	g_byte_array_append(out, bytes, sizeof(bytes));
}

static void append_pair(GByteArray *out, guint index)
{
	g_autofree char *name = g_strdup_printf("org.isosocks.test.%u", index);
	guint length = (guint)strlen(name);

	append_u16(out, length);
	g_byte_array_append(out, (const guint8 *)name, length);
	append_u16(out, 2);
	g_byte_array_append(out, (const guint8 *)"ok", 2);
}

/*
 * Proposal 229 §2.1, the response: no pair is defined, so there are none but a fault's.
 *   +----+--------+----------+-------
 *   |VER | STATUS | NR PAIRS | pairs
 *   +----+--------+----------+-------
 *   | 1  |   1    |    2     |
 *   +----+--------+----------+-------
 */
static void append_pairs(struct faults *faults, GByteArray *out, gboolean *ret_last)
{
	const struct fault *fault = faults_take(faults, FAULT_PAIRS, STEP_AUTH, NULL);
	gboolean cut = faults_take(faults, FAULT_PAIRS_CUT, STEP_AUTH, NULL) != NULL;
	guint count = fault ? fault->number : 0;

	append_u16(out, MIN(count + (cut ? 1 : 0), G_MAXUINT16));
	for (guint i = 0; i < count; i++)
		append_pair(out, i);
	if (cut) {
		append_u16(out, 1);
		*ret_last = TRUE;
	}
}

GByteArray *answer_status(struct faults *faults, guint8 method, guint8 status, gboolean *ret_last)
{
	const struct fault *version = faults_take(faults, FAULT_AUTH_VERSION, STEP_AUTH, NULL);
	const guint8 head[2] = { version ? (guint8)version->number : MESSAGE_AUTH_VERSION, status };
	GByteArray *out = g_byte_array_new();

	if (faults_take(faults, FAULT_TOR_BADAUTH, STEP_AUTH, NULL)) {
		reply_append(out, REPLY_GENERAL_FAILURE, NULL);
		*ret_last = TRUE;
		return out;
	}
	g_byte_array_append(out, head, sizeof(head));
	if (method == METHOD_PAIRS)
		append_pairs(faults, out, ret_last);
	return out;
}

/* The address in another form: what it says is of no use, how it is read is what is tested. */
static struct address reshape(guint type)
{
	struct address shaped = { .type = (guint8)type };

	if (type == ADDRESS_NAME)
		address_set_name(&shaped, "bound.isosocks.test", 0);
	else if (type == ADDRESS_IPV6)
		shaped.length = 16;
	else
		shaped.length = 4;
	return shaped;
}

GByteArray *answer_reply(struct faults *faults, guint8 reply, const struct address *bound,
			 const char *host)
{
	const struct fault *atyp = faults_take(faults, FAULT_ATYP, STEP_REQUEST, host);
	const struct fault *version = faults_take(faults, FAULT_VERSION, STEP_REQUEST, host);
	const struct fault *rsv = faults_take(faults, FAULT_RSV, STEP_REQUEST, host);
	struct address shaped = reshape(atyp ? atyp->number : 0);
	GByteArray *out = g_byte_array_new();

	reply_append(out, reply, atyp ? &shaped : bound);
	if (version)
		out->data[0] = (guint8)version->number;
	if (rsv)
		out->data[2] = (guint8)rsv->number;
	if (reply != REPLY_SUCCEEDED)
		return out;
	const struct fault *glue = faults_take(faults, FAULT_GLUE, STEP_REQUEST, host);
	if (glue) {
		gsize length;
		const guint8 *bytes = g_bytes_get_data(glue->bytes, &length);
		g_byte_array_append(out, bytes, (guint)length);
	}
	return out;
}
