#include "record.h"

#include "jsonlog.h"
#include "pairs.h"

#include <string.h>

void record_clear(struct record *record)
{
	g_clear_pointer(&record->pairs, pairs_free);
	g_clear_pointer(&record->login, g_free);
	g_clear_pointer(&record->host, g_free);
}

void record_set_host(struct record *record)
{
	gsize length;

	g_free(record->host);
	record->host = address_host(&record->request.target, &length);
}

static void add_pairs(const struct record *record, GString *line)
{
	struct pair pair;
	gsize at = 0;

	jsonlog_open_object(line, "pairs");
	while (record->pairs && pairs_next(record->pairs, &at, &pair))
		jsonlog_add_text(line, pair.name, pair.value, pair.length);
	jsonlog_close_object(line);
}

/* What the handshake has told so far. */
static void add_handshake(const struct record *record, GString *line)
{
	if (record->greeted)
		jsonlog_add_numbers(line, "offered", record->greeting.methods,
				    record->greeting.count);
	if (record->has_method)
		jsonlog_add_number(line, "method", record->method);
	add_pairs(record, line);
	if (record->login) {
		jsonlog_add_text(line, "username", record->login->user, record->login->user_length);
		jsonlog_add_text(line, "password", record->login->password,
				 record->login->password_length);
	}
	if (record->fault)
		jsonlog_add_text(line, "fault", record->fault, strlen(record->fault));
}

void record_log_accept(const struct record *record, struct jsonlog *log, const char *peer)
{
	if (!log)
		return;
	GString *line = jsonlog_begin("accept", record->number);

	jsonlog_add_text(line, "peer", peer, strlen(peer));
	jsonlog_write(log, line);
}

void record_log_error(const struct record *record, struct jsonlog *log, enum step step,
		      const char *why, int reply)
{
	if (!log)
		return;
	GString *line = jsonlog_begin("handshake-error", record->number);

	jsonlog_add_text(line, "step", step_name(step), strlen(step_name(step)));
	jsonlog_add_text(line, "why", why, strlen(why));
	add_handshake(record, line);
	if (reply >= 0)
		jsonlog_add_number(line, "reply", reply);
	jsonlog_write(log, line);
}

void record_log_request(const struct record *record, struct jsonlog *log, int reply)
{
	if (!log)
		return;
	GString *line = jsonlog_begin("request", record->number);
	const struct address *target = &record->request.target;
	gsize length;
	g_autofree char *host = address_host(target, &length);

	add_handshake(record, line);
	jsonlog_add_number(line, "cmd", record->request.command);
	jsonlog_add_number(line, "atyp", target->type);
	jsonlog_add_text(line, "host", host, length);
	jsonlog_add_number(line, "port", target->port);
	if (reply >= 0)
		jsonlog_add_number(line, "reply", reply);
	else
		jsonlog_add_null(line, "reply");
	if (record->via)
		jsonlog_add_text(line, "via", record->via, strlen(record->via));
	if (record->why)
		jsonlog_add_text(line, "why", record->why, strlen(record->why));
	jsonlog_add_number(line, "reads", record->reads);
	jsonlog_write(log, line);
}

void record_log_close(const struct record *record, struct jsonlog *log, guint64 up, guint64 down)
{
	if (!log)
		return;
	GString *line = jsonlog_begin("close", record->number);

	jsonlog_add_number(line, "up", (gint64)up);
	jsonlog_add_number(line, "down", (gint64)down);
	jsonlog_write(log, line);
}
