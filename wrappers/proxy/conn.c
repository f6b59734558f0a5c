#include "conn.h"

#include "answer.h"
#include "deadline.h"
#include "dial.h"
#include "fault.h"
#include "isolation.h"
#include "pairs.h"
#include "record.h"
#include "relay.h"
#include "settings.h"
#include "shared.h"
#include "stream.h"
#include "upstream.h"
#include "writer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Of what a client sends during the handshake: more than the longest message, which is a pair. */
#define INPUT_MAX (16 * 1024)

enum state {
	CONN_READING, /* towards the next whole message */
	CONN_WAITING, /* an answer is on its way, or the target is being connected to */
	CONN_RELAYING,
	CONN_DRAINING, /* nothing more will be said; what comes is thrown away */
	CONN_ENDED,
};

struct conn {
	struct shared *shared;
	const struct settings *settings;
	int client;
	int target;
	void (*gone)(void *data, struct conn *conn);
	void *data;

	enum state state;
	enum step step;
	GByteArray *in; /* not yet understood; NULL when there is nothing */
	gsize held;	/* what the handshake holds of `shared->held` */
	struct watch watch;
	struct deadline deadline;
	guint timer;
	guint reaper;

	struct writer writer;
	GByteArray *answer;
	void (*after)(struct conn *conn); /* once the answer is written */

	struct record record;
	struct credentials *isolation; /* method 97's pairs as the upstream understands them */

	struct dial *dial;
	GByteArray *early; /* the target's first bytes, from the upstream */
	struct relay *relay;
};

static void advance(struct conn *conn);
static void read_on(struct conn *conn);

/* ---- the end ---- */

static gboolean on_reap(gpointer data)
{
	struct conn *conn = data;

	conn->reaper = 0;
	conn->gone(conn->data, conn);
	return G_SOURCE_REMOVE;
}

static void set_held(struct conn *conn, gsize held)
{
	conn->shared->held += held - conn->held;
	conn->held = held;
}

/* The sockets close now; the memory stays for those who are still on the stack. */
static void finish(struct conn *conn)
{
	if (conn->state == CONN_ENDED)
		return;
	conn->state = CONN_ENDED;
	record_log_close(&conn->record, conn->settings->log,
			 conn->relay ? relay_up(conn->relay) : 0,
			 conn->relay ? relay_down(conn->relay) : 0);
	watch_stop(&conn->watch);
	deadline_stop(&conn->deadline);
	g_clear_handle_id(&conn->timer, g_source_remove);
	writer_done(&conn->writer);
	if (conn->relay)
		relay_stop(conn->relay);
	stream_close(&conn->client);
	stream_close(&conn->target);
	set_held(conn, 0);
	conn->shared->clients--;
	conn->reaper = g_idle_add_full(G_PRIORITY_HIGH, on_reap, conn, NULL);
}

static void finish_now(void *data)
{
	finish(data);
}

static void finish_with_reset(struct conn *conn)
{
	if (conn->state == CONN_ENDED)
		return;
	watch_stop(&conn->watch);
	writer_done(&conn->writer);
	if (conn->relay)
		relay_stop(conn->relay);
	stream_reset(&conn->client);
	stream_reset(&conn->target);
	finish(conn);
}

/* Reads on, so that what the client has still under way does not reset the answer out of its hands.
 */
static void fall_silent(struct conn *conn)
{
	conn->state = CONN_DRAINING;
	deadline_stop(&conn->deadline);
	read_on(conn);
}

static void end_stream(struct conn *conn)
{
	shutdown(conn->client, SHUT_WR);
	fall_silent(conn);
	if (conn->state == CONN_DRAINING)
		deadline_start(&conn->deadline, conn->shared->farewells, finish_now, conn);
}

static void on_late(void *data)
{
	struct conn *conn = data;

	record_log_error(&conn->record, conn->settings->log, conn->step,
			 conn->shared->crowded ? "it made room for other clients"
					       : "it took longer than --handshake-timeout",
			 -1);
	finish(conn);
}

static void violation(struct conn *conn, const char *why)
{
	record_log_error(&conn->record, conn->settings->log, conn->step, why, -1);
	end_stream(conn);
}

/* ---- input ---- */

/* What all handshakes hold is bounded, and so the oldest may have to go: this one, too. */
static void account(struct conn *conn)
{
	const struct pairs *pairs = conn->record.pairs;
	gboolean over = !deadline_is_running(&conn->deadline);

	if (conn->state == CONN_ENDED)
		return;
	set_held(conn, over ? 0 : (conn->in ? conn->in->len : 0) + (pairs ? pairs_size(pairs) : 0));
	while (conn->shared->held > SHARED_HELD_MAX && shared_make_room(conn->shared))
		continue;
}

static void take_input(struct conn *conn, const guint8 *bytes, gsize length)
{
	if (conn->state != CONN_READING)
		return;
	conn->record.reads++;
	if (!conn->in)
		conn->in = g_byte_array_new();
	g_byte_array_append(conn->in, bytes, (guint)length);
	advance(conn);
	account(conn);
}

static void receive(struct conn *conn)
{
	guint8 chunk[INPUT_MAX];
	gsize room = INPUT_MAX - (conn->in && conn->state == CONN_READING ? conn->in->len : 0);
	gssize n = stream_receive(conn->client, chunk, room);

	if (n == -EAGAIN)
		return;
	if (n > 0) {
		take_input(conn, chunk, (gsize)n);
		return;
	}
	if (conn->state == CONN_READING)
		record_log_error(&conn->record, conn->settings->log, conn->step,
				 n < 0 ? g_strerror((int)-n) : "the client ended the stream", -1);
	finish(conn);
}

static void on_client(void *data, guint32 events)
{
	struct conn *conn = data;

	if (conn->state == CONN_READING || conn->state == CONN_DRAINING)
		receive(conn);
	else if (events & (EPOLLERR | EPOLLHUP))
		finish(conn);
}

static void wait_for(struct conn *conn, guint32 events)
{
	if (!watch_set(&conn->watch, events))
		finish(conn);
}

static void read_on(struct conn *conn)
{
	wait_for(conn, EPOLLIN);
}

/* Nothing is read while something else must happen first; but a client that is gone is noticed. */
static void hold(struct conn *conn)
{
	conn->state = CONN_WAITING;
	deadline_stop(&conn->deadline);
	wait_for(conn, 0);
}

static void release(struct conn *conn)
{
	watch_stop(&conn->watch);
}

static void consume(struct conn *conn, int used)
{
	g_byte_array_remove_range(conn->in, 0, (guint)used);
	if (conn->in->len == 0)
		g_clear_pointer(&conn->in, g_byte_array_unref);
}

/* ---- answers ---- */

static void on_written(void *data, gboolean failed)
{
	struct conn *conn = data;

	if (failed)
		finish(conn);
	else
		conn->after(conn);
}

/* The answer up to its first N bytes, if a fault of this kind is set. */
static gboolean shorten(struct conn *conn, enum fault_id id)
{
	const struct fault *fault =
		faults_take(conn->settings->faults, id, conn->step, conn->record.host);

	if (fault && fault->number < conn->answer->len)
		g_byte_array_set_size(conn->answer, fault->number);
	return fault != NULL;
}

static void send_answer(struct conn *conn)
{
	g_autoptr(GByteArray) answer = NULL;

	release(conn);
	if (shorten(conn, FAULT_CUT))
		conn->after = end_stream;
	else if (shorten(conn, FAULT_STALL))
		conn->after = fall_silent;
	answer = g_steal_pointer(&conn->answer);
	writer_send(&conn->writer, answer);
}

static gboolean on_delay(gpointer data)
{
	struct conn *conn = data;

	conn->timer = 0;
	send_answer(conn);
	return G_SOURCE_REMOVE;
}

static void send_answer_delayed(struct conn *conn)
{
	static const enum fault_id delays[STEP_COUNT] = {
		[STEP_GREETING] = FAULT_DELAY_METHOD,
		[STEP_AUTH] = FAULT_DELAY_AUTH,
		[STEP_REQUEST] = FAULT_DELAY,
	};
	const struct fault *delay = faults_take(conn->settings->faults, delays[conn->step],
						conn->step, conn->record.host);

	conn->state = CONN_WAITING;
	if (!delay) {
		send_answer(conn);
		return;
	}
	hold(conn);
	conn->timer = g_timeout_add(delay->number, on_delay, conn);
}

/* Takes over the bytes. What comes `after` is decided by the step, unless a fault ends it all. */
static void answer(struct conn *conn, GByteArray *bytes, void (*after)(struct conn *conn))
{
	const struct fault *garbage =
		faults_take(conn->settings->faults, FAULT_GARBAGE, conn->step, conn->record.host);

	conn->answer = bytes;
	conn->after = after;
	if (garbage) {
		g_byte_array_unref(conn->answer);
		conn->answer = answer_garbage(garbage->number);
		conn->after = end_stream;
	}
	send_answer_delayed(conn);
}

/* A fault that takes the place of the step's answer. TRUE when there was one. */
static gboolean is_intercepted(struct conn *conn)
{
	static const struct {
		enum fault_id id;
		void (*act)(struct conn *conn);
	} rows[] = {
		{ FAULT_SILENT, fall_silent },
		{ FAULT_CLOSE, end_stream },
		{ FAULT_RESET, finish_with_reset },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct fault *fault = faults_take(conn->settings->faults, rows[i].id,
							conn->step, conn->record.host);
		if (!fault)
			continue;
		conn->record.fault = fault->text;
		if (conn->step == STEP_REQUEST)
			record_log_request(&conn->record, conn->settings->log, -1);
		rows[i].act(conn);
		return TRUE;
	}
	return FALSE;
}

static void next_message(struct conn *conn, enum step step)
{
	conn->step = step;
	conn->state = CONN_READING;
	if (!deadline_is_running(&conn->deadline))
		deadline_start(&conn->deadline, conn->shared->handshakes, on_late, conn);
	advance(conn);
}

/* ---- greeting ---- */

static void after_method(struct conn *conn)
{
	next_message(conn, conn->record.method == METHOD_NONE ? STEP_REQUEST : STEP_AUTH);
}

static gboolean is_method(guint8 method)
{
	return method == METHOD_NONE || method == METHOD_PASSWORD || method == METHOD_PAIRS;
}

static guint8 choose_method(struct conn *conn)
{
	const struct settings *settings = conn->settings;
	const struct fault *fault =
		faults_take(settings->faults, FAULT_METHOD, STEP_GREETING, NULL);

	if (fault) {
		conn->record.fault = fault->text;
		return (guint8)fault->number;
	}
	return greeting_choose(&conn->record.greeting, settings->methods, settings->method_count);
}

static void answer_greeting(struct conn *conn)
{
	gboolean last = FALSE;
	GByteArray *bytes;

	if (is_intercepted(conn))
		return;
	conn->record.method = choose_method(conn);
	conn->record.has_method = TRUE;
	bytes = answer_method(conn->settings->faults, conn->record.method, &last);
	if (!is_method(conn->record.method))
		record_log_error(&conn->record, conn->settings->log, conn->step,
				 "no method in common", -1);
	answer(conn, bytes, is_method(conn->record.method) && !last ? after_method : end_stream);
}

/* The steps return FALSE when they need more input, and have acted otherwise. */
static gboolean take_greeting(struct conn *conn)
{
	int used = greeting_parse(conn->in->data, conn->in->len, &conn->record.greeting);

	if (used == 0)
		return FALSE;
	if (used < 0) {
		violation(conn, "the first byte is not SOCKS5's version");
		return TRUE;
	}
	consume(conn, used);
	conn->record.greeted = TRUE;
	answer_greeting(conn);
	return TRUE;
}

/* ---- authentication ---- */

static void after_status(struct conn *conn)
{
	next_message(conn, STEP_REQUEST);
}

static void answer_auth(struct conn *conn, guint8 status, const char *why)
{
	struct faults *faults = conn->settings->faults;
	const struct fault *fault = faults_take(faults, FAULT_STATUS, STEP_AUTH, NULL);
	gboolean last = FALSE;
	GByteArray *bytes;

	if (fault) {
		status = (guint8)fault->number;
		conn->record.fault = fault->text;
		why = "a fault decides the status";
	}
	if (status != STATUS_OK)
		record_log_error(&conn->record, conn->settings->log, conn->step, why, -1);
	bytes = answer_status(faults, conn->record.method, status, &last);
	answer(conn, bytes, status == STATUS_OK && !last ? after_status : end_stream);
}

static gboolean is_refused_by_fault(struct conn *conn)
{
	const struct credentials *login = conn->record.login;

	return login->user_length == strlen(ISOLATION_USER) &&
	       memcmp(login->user, ISOLATION_USER, login->user_length) == 0 &&
	       faults_take(conn->settings->faults, FAULT_REFUSE_PAIRS, STEP_AUTH, NULL);
}

static void answer_password(struct conn *conn)
{
	const struct settings *settings = conn->settings;

	if (is_intercepted(conn))
		return;
	if (is_refused_by_fault(conn))
		answer_auth(conn, STATUS_FAILED, "a fault refuses pairs in a password");
	else if (settings->user &&
		 !credentials_equal(conn->record.login, settings->user, settings->password))
		answer_auth(conn, STATUS_FAILED, "wrong username or password");
	else
		answer_auth(conn, STATUS_OK, NULL);
}

static gboolean take_password(struct conn *conn)
{
	struct credentials login;
	int used = credentials_parse(conn->in->data, conn->in->len, &login);

	if (used == 0)
		return FALSE;
	if (used < 0) {
		violation(conn, "the authentication's version is not 1");
		return TRUE;
	}
	consume(conn, used);
	conn->record.login = g_memdup2(&login, sizeof(login));
	answer_password(conn);
	return TRUE;
}

static gboolean pair_equals(const struct pairs *pairs, const char *name, const char *value)
{
	struct pair pair;

	return pairs_find(pairs, name, &pair) && pair.length == strlen(value) &&
	       memcmp(pair.value, value, pair.length) == 0;
}

static gboolean may_enter_with_pairs(const struct conn *conn)
{
	const struct settings *settings = conn->settings;

	return !settings->user || (pair_equals(conn->record.pairs, "USERNAME", settings->user) &&
				   pair_equals(conn->record.pairs, "PASSWD", settings->password));
}

static void answer_pairs(struct conn *conn, int used)
{
	if (used == -EPROTO)
		violation(conn, "the authentication's version is not 1, or a name is empty");
	else if (is_intercepted(conn))
		return;
	else if (used < 0)
		answer_auth(conn, STATUS_INVALID,
			    "a bad name, a name twice, or more than 8 KiB of pairs");
	else if (may_enter_with_pairs(conn))
		answer_auth(conn, STATUS_OK, NULL);
	else
		answer_auth(conn, STATUS_FAILED, "wrong USERNAME or PASSWD");
}

static gboolean take_pairs(struct conn *conn)
{
	if (!conn->record.pairs)
		conn->record.pairs = pairs_new();
	int used = pairs_parse(conn->record.pairs, conn->in->data, conn->in->len);
	if (used > 0)
		consume(conn, used);
	if (used >= 0 && !pairs_is_complete(conn->record.pairs))
		return FALSE;
	answer_pairs(conn, used);
	return TRUE;
}

static gboolean take_auth(struct conn *conn)
{
	return conn->record.method == METHOD_PAIRS ? take_pairs(conn) : take_password(conn);
}

/* ---- request ---- */

static void on_relayed(void *data, gboolean broken)
{
	if (broken)
		finish_with_reset(data);
	else
		finish(data);
}

/* A relay may last for days, and needs nothing of what led to it. */
static void forget_handshake(struct conn *conn)
{
	record_clear(&conn->record);
	g_clear_pointer(&conn->isolation, g_free);
	g_clear_pointer(&conn->dial, dial_free);
}

static void start_relay(struct conn *conn)
{
	g_autoptr(GByteArray) up = g_steal_pointer(&conn->in);
	g_autoptr(GByteArray) down = g_steal_pointer(&conn->early);

	conn->state = CONN_RELAYING;
	forget_handshake(conn);
	conn->relay = relay_new(conn->client, conn->target, on_relayed, conn);
	relay_start(conn->relay, up, down);
}

static void send_reply(struct conn *conn, guint8 reply, const struct address *bound)
{
	answer(conn, answer_reply(conn->settings->faults, reply, bound, conn->record.host),
	       conn->target >= 0 ? start_relay : end_stream);
}

static void on_dialled(void *data, const struct dial_result *result)
{
	struct conn *conn = data;
	guint8 reply = upstream_translate(result->reply, conn->record.method);

	conn->target = result->socket;
	if (conn->state == CONN_ENDED) {
		stream_close(&conn->target);
		return;
	}
	release(conn);
	if (result->early)
		conn->early = g_byte_array_ref(result->early);
	conn->record.via = result->via;
	conn->record.why = result->why;
	record_log_request(&conn->record, conn->settings->log, reply);
	conn->record.via = conn->record.why = NULL;
	send_reply(conn, reply, reply == REPLY_SUCCEEDED ? &result->bound : NULL);
}

static void set_text(guint8 bytes[static 255], guint8 *ret_length, const char *text)
{
	*ret_length = (guint8)strlen(text);
	memcpy(bytes, text, *ret_length);
}

/*
 * What the upstream authenticates with. Credentials that this proxy asked for have done their work
 * here; any other pair, USERNAME and PASSWD too, tells clients apart and must go on doing so.
 */
static const struct credentials *upstream_login(struct conn *conn)
{
	if (conn->record.method != METHOD_PAIRS)
		return conn->record.login;
	g_autofree char *password =
		isolation_password(conn->record.pairs, conn->settings->user == NULL);
	if (!password)
		return NULL;
	conn->isolation = g_new0(struct credentials, 1);
	set_text(conn->isolation->user, &conn->isolation->user_length, ISOLATION_USER);
	set_text(conn->isolation->password, &conn->isolation->password_length, password);
	return conn->isolation;
}

static gboolean is_command(guint8 command)
{
	return command == COMMAND_CONNECT || command == COMMAND_RESOLVE ||
	       command == COMMAND_RESOLVE_PTR;
}

static void dial(struct conn *conn)
{
	hold(conn);
	if (conn->state == CONN_ENDED)
		return;
	conn->dial = dial_new(&conn->record.request, conn->shared, upstream_login(conn), on_dialled,
			      conn);
	dial_start(conn->dial);
}

static void carry_out(struct conn *conn)
{
	const struct fault *fault;

	if (is_intercepted(conn))
		return;
	fault = faults_take(conn->settings->faults, FAULT_REPLY, STEP_REQUEST, conn->record.host);
	if (fault) {
		conn->record.fault = fault->text;
		record_log_request(&conn->record, conn->settings->log, (int)fault->number);
		send_reply(conn, (guint8)fault->number, NULL);
	} else if (!is_command(conn->record.request.command)) {
		record_log_request(&conn->record, conn->settings->log, REPLY_COMMAND_NOT_SUPPORTED);
		send_reply(conn, REPLY_COMMAND_NOT_SUPPORTED, NULL);
	} else {
		dial(conn);
	}
}

static void refuse_request(struct conn *conn, int cause)
{
	guint8 reply = cause == -EAFNOSUPPORT ? REPLY_ADDRESS_NOT_SUPPORTED : REPLY_GENERAL_FAILURE;

	record_log_error(&conn->record, conn->settings->log, conn->step,
			 cause == -EAFNOSUPPORT
				 ? "unknown address type"
				 : "a wrong version or reserved byte, or an impossible name",
			 reply);
	send_reply(conn, reply, NULL);
}

static gboolean take_request(struct conn *conn)
{
	int used = request_parse(conn->in->data, conn->in->len, &conn->record.request);

	if (used == 0)
		return FALSE;
	if (used < 0) {
		refuse_request(conn, used);
		return TRUE;
	}
	consume(conn, used);
	deadline_stop(&conn->deadline);
	record_set_host(&conn->record);
	carry_out(conn);
	return TRUE;
}

/* ---- the whole ---- */

static void advance(struct conn *conn)
{
	static gboolean (*const take[STEP_COUNT])(struct conn * conn) = {
		[STEP_GREETING] = take_greeting,
		[STEP_AUTH] = take_auth,
		[STEP_REQUEST] = take_request,
	};

	while (conn->state == CONN_READING) {
		if (!conn->in || !take[conn->step](conn)) {
			read_on(conn);
			return;
		}
	}
}

struct conn *conn_new(struct shared *shared, int client, guint64 number,
		      void (*gone)(void *data, struct conn *conn), void *data)
{
	struct conn *conn = g_new0(struct conn, 1);
	conn->shared = shared;
	conn->settings = shared->settings;
	conn->client = client;
	conn->target = -1;
	conn->record.number = number;
	conn->gone = gone;
	conn->data = data;
	watch_init(&conn->watch, client, on_client, conn);
	writer_init(&conn->writer, client, on_written, conn);
	shared->clients++;
	return conn;
}

static void set_pieces(struct conn *conn)
{
	struct faults *faults = conn->settings->faults;
	const struct fault *split = faults_take(faults, FAULT_SPLIT, STEP_ACCEPT, NULL);

	if (split)
		conn->writer.piece = split->number;
	if (faults_take(faults, FAULT_BYTES, STEP_ACCEPT, NULL))
		conn->writer.piece = 1;
}

void conn_start(struct conn *conn, const char *peer)
{
	record_log_accept(&conn->record, conn->settings->log, peer);
	set_pieces(conn);
	conn->step = STEP_ACCEPT;
	if (!is_intercepted(conn))
		next_message(conn, STEP_GREETING);
}

void conn_free(struct conn *conn)
{
	if (!conn)
		return;
	finish(conn);
	g_clear_handle_id(&conn->reaper, g_source_remove);
	dial_free(conn->dial);
	relay_free(conn->relay);
	record_clear(&conn->record);
	g_clear_pointer(&conn->in, g_byte_array_unref);
	g_clear_pointer(&conn->early, g_byte_array_unref);
	g_clear_pointer(&conn->answer, g_byte_array_unref);
	g_free(conn->isolation);
	g_free(conn);
}
