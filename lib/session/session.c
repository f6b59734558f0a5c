#include "session/session.h"
#include "base/cold.h"
#include "base/error.h"
#include "base/file.h"
#include "base/libc.h"
#include "base/log.h"
#include "base/pass.h"
#include "base/why.h"
#include "names/map.h"
#include "policy/url.h"
#include "session/environment.h"
#include "session/inheritance.h"
#include "session/self.h"
#include "session/source.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SHOWN_MAX 64 /* bytes of a variable's name in the log */
#define TOKEN_MAX KEYS_PAYLOAD_MAX

static struct session session __attribute__((aligned(64)));
static char log_file[PATH_MAX];

/* The policy, and right behind it the executable's path: what is used of both is on one page. */
static uint8_t blob[BLOB_MAX + PATH_MAX] __attribute__((aligned(8)));

/* A name that others chose, which must not make of the line anything but a line: of the characters
 * that names are made of. */
static void put_name(struct log_line *line, const char *name, size_t length)
{
	for (size_t i = 0; i < length && i < SHOWN_MAX; i++) {
		const uint8_t c = (uint8_t)name[i];
		const bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		const bool is_good = is_letter || (c >= '-' && c <= '9' && c != '/') || c == '_';
		bytes_put_u8(&line->text, is_good ? c : '?');
	}
}

/* One line for what makes every call fail; the variable is named, its value may be a secret. */
COLD static int complain_of(const char *prefix, const char *name, size_t length,
			    const char *problem)
{
	struct log_line line;

	if (!log_wants(LOG_ERROR))
		return -EACCES;
	log_begin(&line, LOG_ERROR);
	bytes_put_text(&line.text, prefix);
	put_name(&line, name, length);
	bytes_put_text(&line.text, ": ");
	bytes_put_text(&line.text, problem);
	bytes_put_text(&line.text, "; every network call of this process fails");
	log_end(&line);
	return -EACCES;
}

static int complain(const char *variable, const char *problem)
{
	return complain_of(variable, "", 0, problem);
}

static int check_known(const struct environment *environment)
{
	const char *name = environment->unknown;

	if (!name)
		return 0;
	return complain_of("ISOSOCKS_", name, strcspn(name, "="),
			   "is not known: there are PROXY, ISOLATION, KEY_NAME, KEYS, BY, CONFIG, "
			   "LOG, LOG_FORMAT, LOG_FILE, USERNAME and PASSWORD");
}

/* ---- policy ---- */

/* Of processes that nobody started with isosocks: one for each user and boot. Children get this
 * policy, so it is sealed anew. */
static void share_session(const struct user *user)
{
	struct {
		char boot[40];
		uint32_t user, space;
	} facts = { .user = user->number, .space = user->space };
	struct blob_header *header = (struct blob_header *)(void *)blob;
	const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (libc()->read(fd, facts.boot, sizeof(facts.boot)) < 0)
			facts.boot[0] = '\0';
		libc()->close(fd);
	}
	for (unsigned i = 0; i < 2; i++) {
		const uint64_t half = policy_checksum(&facts, sizeof(facts) - i);
		memcpy(header->session + i * sizeof(half), &half, sizeof(half));
	}
	const size_t head = offsetof(struct blob_header, checksum) + sizeof(header->checksum);
	header->checksum = policy_checksum(blob + head, header->size - head);
}

/* ---- log ---- */

/* Copies a text that is not ours to keep. false when it does not fit. */
static bool keep_text(char *to, size_t size, const char *from, size_t length)
{
	if (length == 0 || length >= size)
		return false;
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

/* The program may change its directory, so the path becomes absolute here. */
static bool keep_path(const char *path, size_t length)
{
	size_t folder = 0;

	if (length > 0 && path[0] != '/') {
		if (!getcwd(log_file, sizeof(log_file) - 1))
			return false;
		folder = strlen(log_file);
		log_file[folder++] = '/';
	}
	return keep_text(log_file + folder, sizeof(log_file) - folder, path, length);
}

static int check_log(const struct environment *environment)
{
	enum log_level level;
	enum log_format format;

	if (environment->log &&
	    log_parse_level(environment->log, strlen(environment->log), &level) < 0)
		return complain("ISOSOCKS_LOG", "give none, error, warning, info or debug");
	if (environment->log_format &&
	    log_parse_format(environment->log_format, strlen(environment->log_format), &format) < 0)
		return complain("ISOSOCKS_LOG_FORMAT", "give text or json");
	if (environment->log_file && strlen(environment->log_file) >= PATH_MAX)
		return complain("ISOSOCKS_LOG_FILE", "the path is too long");
	return 0;
}

static void open_log(const struct environment *environment)
{
	enum log_level level = LOG_NONE;
	enum log_format format = LOG_TEXT;
	struct policy_text file = { 0 };

	if (session.error == 0 && session.policy.header) {
		level = (enum log_level)session.policy.header->log_level;
		format = (enum log_format)session.policy.header->log_format;
		file = policy_text(&session.policy, session.policy.header->log_file);
	}
	if (environment->log &&
	    log_parse_level(environment->log, strlen(environment->log), &level) < 0)
		level = LOG_ERROR;
	if (environment->log_format)
		log_parse_format(environment->log_format, strlen(environment->log_format), &format);
	if (environment->log_file) {
		file = (struct policy_text){ environment->log_file, strlen(environment->log_file) };
		if (level == LOG_NONE && !environment->log && file.length > 0)
			level = LOG_ERROR;
	}
	const bool to_file = level != LOG_NONE && keep_path(file.at, file.length);
	/* Nothing is written to one that cannot be settled: it is found to lead through a link. */
	if (to_file)
		file_settle(log_file);
	log_configure(level, format, to_file ? log_file : NULL);
}

/* Without the variable the folder is where pam_systemd(8) has it. A process with privileges that
 * its user has not leaves that user's files alone. */
static void open_why(const struct environment *environment, uint32_t user)
{
	const char *runtime = environment->runtime;
	static char file[PATH_MAX];
	struct bytes_writer path = bytes_writer(file, sizeof(file));

	if (!session.policy.header->why || environment->trust == TRUST_NOTHING)
		return;
	if (runtime && *runtime == '/' && strlen(runtime) + sizeof("/" WHY_FILE) <= sizeof(file)) {
		bytes_put_text(&path, runtime);
	} else {
		bytes_put_text(&path, "/run/user/");
		bytes_put_decimal(&path, user);
	}
	bytes_put_text(&path, "/" WHY_FILE);
	bytes_put_u8(&path, '\0');
	session.why_file = file_settle(file) == 0 ? file : NULL;
}

/* People who come from there would think it did something. */
static void warn_of_torsocks(const char *variable)
{
	struct log_line line;

	if (!variable || !log_wants(LOG_WARNING))
		return;
	log_begin(&line, LOG_WARNING);
	put_name(&line, variable, strcspn(variable, "="));
	bytes_put_text(&line.text, " is a variable of torsocks: isosocks takes no notice of it");
	log_end(&line);
}

static void warn_of_unheeded(const char *variable)
{
	struct log_line line;

	if (!variable || !log_wants(LOG_WARNING))
		return;
	log_begin(&line, LOG_WARNING);
	bytes_put_text(&line.text, "ISOSOCKS_");
	put_name(&line, variable, strcspn(variable, "="));
	bytes_put_text(&line.text, ": no notice is taken of it where /etc/ld.so.preload brought "
				   "the library: run isosocks");
	log_end(&line);
}

/* ---- names ---- */

#define FEW_NAMES 1024 /* in a program that is let go */

static int open_pool(struct pool *pool, int fd)
{
	const struct blob_header *header = session.policy.header;
	const uint32_t address = (uint32_t)header->pool[0] << 24 | (uint32_t)header->pool[1] << 16 |
				 (uint32_t)header->pool[2] << 8 | header->pool[3];

	return pool_open(pool, fd, address, header->pool_prefix,
			 session.names_most > 0 ? session.names_most : FEW_NAMES);
}

/*
 * Its descriptor may be closed, and another file have its number, as soon as the program runs. One
 * that was closed by the parent's hand (posix_spawn(3), close_range(2)) is looked for in its
 * ancestors; one of another user's is not kept.
 */
static void open_names(const char *inherited)
{
	int fd = map_find(inherited);

	session.names_most = map_room();
	if (fd < 0)
		fd = map_find_again(inherited);
	const int foreign = fd < 0 ? map_find_foreign(inherited) : -ENOENT;
	if (foreign >= 0)
		libc()->close(foreign);
	session.shares_names = fd >= 0 && open_pool(&session.pool, fd) == 0;
	session.names_user = geteuid();
}

/* All who come here at once open a map, and the first one's stays. */
struct pool *session_pool(struct session *s)
{
	struct layout *none = NULL;
	struct pool fresh;

	if (__atomic_load_n(&s->pool.map, __ATOMIC_ACQUIRE))
		return &s->pool;
	if (open_pool(&fresh, -1) < 0)
		return NULL;
	__atomic_store_n(&s->pool.base, fresh.base, __ATOMIC_RELAXED);
	__atomic_store_n(&s->pool.space, fresh.space, __ATOMIC_RELAXED);
	__atomic_store_n(&s->pool.entries, fresh.entries, __ATOMIC_RELAXED);
	if (!__atomic_compare_exchange_n(&s->pool.map, &none, fresh.map, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		pool_close(&fresh);
	return &s->pool;
}

int session_isolate_names(void)
{
	const int r = pool_isolate(&session.pool);

	if (r == 0) {
		session.shares_names = false;
		session.names_user = geteuid();
	}
	return r;
}

/* ---- the program ---- */

/* The executable's path as it was started; a file replaced since has " (deleted)" behind it, which
 * /proc says later. */
static const char *find_application(void)
{
	char *const application = (char *)blob + session.policy.header->size;
	const ssize_t length = readlink("/proc/self/exe", application, PATH_MAX - 1);

	if (length > 0) {
		application[length] = '\0';
		return application;
	}
	const char *started = (const char *)getauxval(AT_EXECFN);
	return started && keep_text(application, PATH_MAX, started, strlen(started)) ? application
										     : NULL;
}

static int refuse_application(const struct policy *policy,
			      const struct blob_application *application)
{
	const struct policy_text label = policy_text(policy, application->label);

	return complain_of("application ", label.at, label.length, "the policy denies it");
}

/* The user whom groups of the policy name, as the machine numbers users. */
static uint32_t find_user(const struct source *source)
{
	if (source->kind != SOURCE_VARIABLE)
		return source->user.number;
	return user_find(source->user.number).number;
}

/* The group of this policy that names the program and the user, or NULL. 0, or -EACCES where it
 * denies the program. */
static int find_group(const struct policy *policy, const struct source *source,
		      const struct blob_application **ret)
{
	*ret = NULL;
	if (policy->header->applications.count > 0)
		*ret = policy_find_application(policy, find_application(), find_user(source));
	if (!*ret || (*ret)->action != BLOB_ACTION_DENY)
		return 0;
	return refuse_application(policy, *ret);
}

/* What the administrator says of it holds, whatever policy somebody gave it. */
static int check_machine(const struct source *source)
{
	const struct policy machine = { .header = session.policy.machine };
	const struct blob_application *unused;

	return machine.header ? find_group(&machine, source, &unused) : 0;
}

/*
 * What the policy says of this program as a whole. 0, or -EACCES; session.passive when the program
 * is let go.
 */
static int read_application(const struct source *source, const struct environment *environment)
{
	const bool has_groups = session.policy.header->applications.count > 0;
	int r;

	if (source_spares(source, &session.policy, has_groups ? find_application() : NULL)) {
		session.passive = true;
		return 0;
	}
	open_log(environment);
	open_why(environment, source->user.number);
	r = find_group(&session.policy, source, &session.application);
	if (r == 0)
		r = check_machine(source);
	if (r < 0)
		return r;
	session.direct = session.application && session.application->action == BLOB_ACTION_DIRECT;
	session.passive = session.direct;
	return 0;
}

/* ---- proxy and credentials ---- */

static void keep_credentials(const void *username, size_t username_length, const void *password,
			     size_t password_length)
{
	session.has_credentials = true;
	session.username_length = (uint8_t)username_length;
	session.password_length = (uint8_t)password_length;
	memcpy(session.username, username, username_length);
	memcpy(session.password, password, password_length);
}

static int read_proxy_url(const char *text)
{
	struct url url;
	const char *problem;

	if (!text)
		return 0;
	if (url_parse(text, &url, &problem) < 0)
		return complain("ISOSOCKS_PROXY", problem);
	memcpy(session.proxy.address, url.address, sizeof(url.address));
	session.proxy.port = url.port;
	session.has_credentials = false;
	if (url.has_credentials)
		keep_credentials(url.username, url.username_length, url.password,
				 url.password_length);
	return 0;
}

/* RFC 1929 §2: UNAME and PASSWD have 1 to 255 bytes. */
static bool is_credential(const char *text)
{
	return text && *text && strlen(text) <= 255;
}

static int read_credentials(const char *username, const char *password)
{
	if (!username && !password)
		return 0;
	if (!is_credential(username) || !is_credential(password))
		return complain("ISOSOCKS_USERNAME, ISOSOCKS_PASSWORD",
				"both are needed, of 1 to 255 bytes each");
	keep_credentials(username, strlen(username), password, strlen(password));
	return 0;
}

static int read_proxy(const struct environment *environment)
{
	session.proxy = *policy_proxy(&session.policy,
				      session.application ? session.application->proxy : BLOB_NONE);
	if (session.proxy.has_credentials) {
		const struct policy_text username =
			policy_text(&session.policy, session.proxy.username);
		const struct policy_text password =
			policy_text(&session.policy, session.proxy.password);
		keep_credentials(username.at, username.length, password.at, password.length);
	}
	int r = read_proxy_url(environment->proxy);
	return r < 0 ? r : read_credentials(environment->username, environment->password);
}

/* ---- keys ---- */

/* What a variable inside says replaces what was said outside: with a token the derived value comes
 * back, and has that token. */
static bool is_replaced(const struct environment *environment, struct policy_text name)
{
	return environment->isolation && name.length == 9 && memcmp(name.at, "ISOLATION", 9) == 0;
}

static int add_policy_keys(const struct environment *environment, struct blob_table pairs)
{
	int r = 0;

	for (uint32_t i = 0; i < pairs.count && r == 0; i++) {
		const struct blob_pair *pair = policy_pair(&session.policy, pairs, i);
		const struct policy_text name = policy_text(&session.policy, pair->name);
		const struct policy_text value = policy_text(&session.policy, pair->value);
		if (!is_replaced(environment, name))
			r = keys_set(&session.keys, name.at, name.length, value.at, value.length);
	}
	return r;
}

static struct keys given; /* by variables */

/* Adds what a variable says, which may say it once. NULL, or what is wrong. */
static const char *add_key(const char *name, size_t name_length, const char *value, size_t length)
{
	if (keys_have(&given, name, name_length))
		return "a key is given twice";
	int r = keys_set(&given, name, name_length, value, length);
	if (r == 0)
		r = keys_set(&session.keys, name, name_length, value, length);
	if (r == -EPERM)
		return "USERNAME and PASSWD are the proxy's credentials: give ISOSOCKS_USERNAME "
		       "and ISOSOCKS_PASSWORD";
	if (r == -E2BIG)
		return "all keys together have more than the 8192 bytes accepted";
	return r < 0 ? "a key's name has 1 to 255 of A-Z a-z 0-9 . _ and -" : NULL;
}

/* The name of a variable in every shell. */
static bool is_plain(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!(name[i] >= 'A' && name[i] <= 'Z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '_')
			return false;
	}
	return length > 0;
}

static int add_variable_keys(void)
{
	unsigned index = 0;
	const char *assignment;

	while ((assignment = environment_next_key(&index))) {
		const size_t length = strcspn(assignment, "=");
		const char *value = assignment + length + 1;
		const char *problem =
			is_plain(assignment, length)
				? add_key(assignment, length, value, strlen(value))
				: "only A-Z, 0-9 and _ may stand behind ISOSOCKS_KEY_: "
				  "ISOSOCKS_KEYS takes every name";
		if (problem)
			return complain_of("ISOSOCKS_KEY_", assignment, length, problem);
	}
	return 0;
}

static int add_listed_keys(const char *list)
{
	const char *name;
	size_t name_length, value_length;
	static char value[KEYS_PAYLOAD_MAX]; /* read once, and too large for a foreign stack */
	int r = 0;

	while (list && (r = keys_next(&list, &name, &name_length, value, sizeof(value),
				      &value_length)) > 0) {
		const char *problem = add_key(name, name_length, value, value_length);
		if (problem)
			return complain("ISOSOCKS_KEYS", problem);
	}
	if (r == -E2BIG)
		return complain("ISOSOCKS_KEYS", "a value has more than the 8192 bytes accepted");
	if (r < 0)
		return complain("ISOSOCKS_KEYS",
				"give name=value&name=value, with values percent-escaped");
	return 0;
}

/* What takes a part away is believed of those alone who could do without the library. */
static int read_by(const struct environment *environment)
{
	const char *list = environment->by;
	uint32_t by;

	session.by = session.policy.header->by;
	if (session.application && session.application->has_by)
		session.by = session.application->by;
	if (!list)
		return 0;
	if (keys_parse_by(list, strlen(list), &by) < 0)
		return complain("ISOSOCKS_BY", "give a list of user, application, session, "
					       "process, destination; or none");
	session.by = environment->trust == TRUST_EVERYTHING ? by : session.by | by;
	return 0;
}

static int add_isolation(const struct environment *environment)
{
	struct policy_text token = policy_text(&session.policy, session.policy.header->token);

	if (environment->isolation)
		token = (struct policy_text){ environment->isolation,
					      strlen(environment->isolation) };
	if (environment->isolation && (token.length == 0 || token.length > TOKEN_MAX))
		return complain("ISOSOCKS_ISOLATION", "the token must have 1 to 8192 bytes");
	session.user = (uint32_t)getauxval(AT_EUID);
	const struct keys_facts facts = {
		.by = session.by,
		.user = session.user,
		.application = session.by & KEYS_BY_APPLICATION ? find_application() : NULL,
		.session = session.policy.header->session,
		.token = token.length > 0 ? token.at : NULL,
		.token_length = token.length,
	};
	if (keys_set_isolation(&session.keys, &facts) == 0)
		return 0;
	return complain(environment->isolation ? "ISOSOCKS_ISOLATION" : "ISOLATION",
			"all keys together have more than the 8192 bytes accepted");
}

static int read_keys(const struct environment *environment)
{
	int r = add_policy_keys(environment, session.policy.header->pairs);

	if (r == 0 && session.application)
		r = add_policy_keys(environment, session.application->pairs);
	if (r == 0)
		r = add_variable_keys();
	if (r == 0)
		r = add_listed_keys(environment->keys);
	if (r == 0)
		r = read_by(environment);
	unsigned set = session.keys.count;
	if (r == 0 && session.has_credentials)
		r = keys_set_credentials(&session.keys, session.username, session.username_length,
					 session.password, session.password_length);
	if (r == 0)
		r = add_isolation(environment);
	if (policy_text(&session.policy, session.policy.header->token).length > 0 ||
	    environment->isolation)
		set++;
	session.keys_must_arrive =
		policy_keys_must_arrive(policy_require(&session.policy), set,
					session.keys.count - (session.has_credentials ? 2u : 0u));
	/* While the program's own filter, which may forbid the questions, is not there yet. */
	if (r == 0 && (session.by & KEYS_BY_PROCESS))
		self_process((uint8_t[KEYS_PROCESS_SIZE]){ 0 });
	return r < 0 ? -EACCES : 0;
}

/* ---- the session ---- */

/* What the policy makes of this process. */
static int read_settings(const struct environment *environment)
{
	int r = check_known(environment);

	if (r == 0)
		r = check_log(environment);
	if (r == 0)
		r = read_proxy(environment);
	if (r == 0)
		r = read_keys(environment);
	if (r == 0)
		open_names(environment->names);
	session.stays_on_loopback =
		r == 0 && policy_stays_on_loopback(&session.policy, &session.proxy);
	session.proxy_is_elsewhere =
		r == 0 && !policy_is_loopback(&session.policy, session.proxy.address);
	return r;
}

/* Whom it concerns is known before any of it does anything. */
static int read_everything(const struct environment *environment)
{
	struct source source;
	const bool asked_for = environment->trust == TRUST_EVERYTHING;
	int r = source_open(environment->policy, asked_for, blob, &session.policy, &source);

	session.error = r;
	session.passive = r == 0 && source.kind == SOURCE_NONE;
	if (session.passive)
		return 0;
	if (r < 0) {
		open_log(environment);
		return complain(source.problem, "nothing is let through");
	}
	pass_put(session.policy.header->cookie);
	if (source.kind == SOURCE_SYSTEM)
		share_session(&source.user);
	r = read_application(&source, environment);
	if (r < 0 || session.passive)
		return r;
	warn_of_torsocks(environment->torsocks);
	warn_of_unheeded(environment->unheeded);
	return read_settings(environment);
}

static void init(void)
{
	ERROR_PROTECT;
	struct environment environment;
	const enum trust trust = environment_trust();

	if (trust == TRUST_NOTHING)
		environment_clear();
	inheritance_read();
	environment_read(&environment, trust);
	session.error = read_everything(&environment);
}

/* Besides these: the process that reads it just now. */
enum { UNREAD = 0, READ = -1 };

/*
 * No signal meanwhile: a handler that asks for the session would wait for the thread it interrupts.
 * The raw call: libc's leaves the signal out that pthread_cancel sends.
 */
COLD static void init_undisturbed(void)
{
	static const sigset_t all = { .__val = { [0 ... sizeof(all) / sizeof(unsigned long) - 1] =
							 ULONG_MAX } };
	sigset_t saved;

	libc()->syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &saved, _NSIG / 8);
	init();
	libc()->syscall(SYS_rt_sigprocmask, SIG_SETMASK, &saved, NULL, _NSIG / 8);
}

/* Nothing init() calls comes back here, so whoever is reading is another thread; or one of the
 * parent's, when this process was forked meanwhile: that one does not go on here. */
static void wait_or_read(_Atomic int *state)
{
	int now = atomic_load_explicit(state, memory_order_acquire);
	const int self = (int)getpid();

	if (now == READ)
		return;
	if (now == self || !atomic_compare_exchange_strong(state, &now, self)) {
		sched_yield();
		return;
	}
	if (now != UNREAD) {
		memset(&session, 0, sizeof(session));
		memset(&given, 0, sizeof(given));
	}
	init_undisturbed();
	atomic_store_explicit(state, READ, memory_order_release);
}

struct session *session_get(void)
{
	static _Atomic int state LIBC_WITH_DATA = UNREAD;

	while (atomic_load_explicit(&state, memory_order_acquire) != READ)
		wait_or_read(&state);
	return &session;
}
