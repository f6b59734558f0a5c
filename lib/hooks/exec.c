/*
 * exec: programs that this one executes, and what they inherit. Each gets the library, the policy
 * and the names again where its environment has lost them; nothing else of it changes. Without the
 * guard, what the library cannot reach is not executed. Runs in children of vfork(2), on their
 * parent's memory, and on stacks that have hardly any room: nothing is allocated but what is found
 * again (hooks/area), and what needs room is over before libc is called.
 */
#include "base/bytes.h"
#include "base/cold.h"
#include "base/log.h"
#include "elf/preload.h"
#include "hooks/actions.h"
#include "hooks/area.h"
#include "hooks/hook.h"
#include "hooks/pending.h"
#include "hooks/program.h"
#include "names/map.h"
#include "session/inheritance.h"
#include "session/session.h"

#include <alloca.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PRELOAD	     "LD_PRELOAD="
#define POLICY	     "ISOSOCKS_POLICY="
#define NAMES	     "ISOSOCKS_NAMES="
#define SHELL	     "/bin/sh"
#define ON_STACK_MAX 2048 /* some two hundred variables; threads' stacks may be small */
#define SHOWN_MAX    256  /* bytes of a path in the log */
#define ADDED_MAX    4	  /* variables besides the user's, and the NULL */
#define UNKNOWN	     ((struct program){ .info.kind = ELF_OTHER, .gained = PRIVILEGE_NONE })

/* One call of the family, as the application made it. */
struct call {
	enum { CALL_EXECVE, CALL_EXECVPE, CALL_FEXECVE, CALL_EXECVEAT, CALL_SPAWN, CALL_SPAWNP } to;
	int fd;
	const char *path;
	char *const *arguments;
	char *const *environment;
	int flags;
	pid_t *ret_pid;
	const posix_spawn_file_actions_t *actions;
	const posix_spawnattr_t *attributes;
};

/* What the program's environment gets. */
struct change {
	const char *preload; /* its own LD_PRELOAD, "" when it has none */
	char runtime[sizeof(((struct elf_info *)0)->runtime)]; /* a sanitizer's, or "" */
	const char *library;				       /* to be added to it, or NULL */
	bool takes_out;					       /* the library is taken out of it */
	const char *policy;				       /* the whole variable, or NULL */
	const char *variables;
	char names[sizeof(NAMES) + HANDED_TEXT_SIZE]; /* the whole variable, or "" */
	int fd; /* the names, on a descriptor made for this, or -1 */
	char sealed[sizeof(POLICY) + SEALED_TEXT_SIZE]; /* the whole variable, or "" */
	int sealed_fd;					/* the policy, likewise */
};

/* ---- what an environment has ---- */

static bool is_variable(const char *entry, const char *name)
{
	return strncmp(entry, name, strlen(name)) == 0;
}

/* The value behind `NAME=`, or NULL. */
static const char *find_first(char *const *environment, const char *name)
{
	for (; environment && *environment; environment++)
		if (is_variable(*environment, name))
			return *environment + strlen(name);
	return NULL;
}

/* The one of several that the dynamic linker takes. */
static const char *find_last(char *const *environment, const char *name)
{
	const char *value = NULL;

	for (; environment && *environment; environment++)
		if (is_variable(*environment, name))
			value = *environment + strlen(name);
	return value;
}

static bool changes_preload(const struct change *change)
{
	return change->library || *change->runtime || change->takes_out;
}

/* ---- the names ---- */

/* A map's descriptor that is there behind exec. */
static bool lasts(int fd)
{
	const int flags = fd < 0 ? -1 : libc()->fcntl(fd, F_GETFD);
	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* A copy of what this process knows, for a program that would know nothing. */
static int copy_names(const struct session *session)
{
	if (!__atomic_load_n(&session->pool.map, __ATOMIC_ACQUIRE))
		return -ENOENT;
	const int fd = map_create();
	int r = fd < 0 ? fd : pool_copy(&session->pool, fd);

	if (r == 0)
		return fd;
	if (fd >= 0)
		libc()->close(fd);
	return r;
}

/* The names of who this process was are not for what it executes as another user. */
static void keep_back(int fd)
{
	if (fd >= 0)
		libc()->fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* For the program alone: the descriptor that was lost, or a copy. */
static int open_names(const struct session *session, int fd, const char *inherited)
{
	if (fd >= 0)
		return handed_duplicate(fd);
	fd = session->shares_names ? map_find_again(inherited) : -ENOENT;
	return fd >= 0 ? fd : copy_names(session);
}

/*
 * Without the memory for it the program knows no names yet, and says so when it is given an
 * address: that is no reason not to execute it. A descriptor made here is in this process for as
 * long as the call takes; what another thread executes meanwhile may have it too, and does not look
 * for it.
 */
static void choose_names(const struct session *session, const char *given, struct change *change)
{
	const char *inherited = inheritance_get()->names;
	int fd = map_find(given);

	if (lasts(fd))
		return;
	keep_back(map_find_foreign(given));
	keep_back(map_find_foreign(inherited));
	if (fd < 0)
		fd = map_find(inherited);
	if (!lasts(fd))
		fd = change->fd = open_names(session, fd, inherited);
	if (fd < 0)
		return;
	memcpy(change->names, NAMES, sizeof(NAMES) - 1);
	if (handed_describe(fd, change->names + sizeof(NAMES) - 1) < 0)
		change->names[0] = '\0';
}

/* ---- the policy ---- */

/* The policy on a descriptor that lasts: the one that this process was given, or a new one. */
static int open_sealed(const struct session *session, int fd, struct change *change)
{
	const struct blob_header *header = session->policy.header;

	if (fd < 0)
		fd = sealed_find(inheritance_get()->policy);
	if (lasts(fd))
		return fd;
	change->sealed_fd = fd >= 0 ? handed_duplicate(fd) : sealed_create(header, header->size);
	return change->sealed_fd;
}

/* Where there is no memory to be had for it the policy goes as text: the program is to have it. */
static const char *write_policy(const struct session *session, int fd, struct change *change)
{
	if (!session->policy.header || !sealed_is_wanted(&session->policy))
		return inheritance_policy(session);
	fd = open_sealed(session, fd, change);
	memcpy(change->sealed, POLICY, sizeof(POLICY) - 1);
	if (fd < 0 || sealed_describe(fd, change->sealed + sizeof(POLICY) - 1) < 0)
		return inheritance_policy(session);
	return change->sealed;
}

static void choose_policy(const struct session *session, const char *given, struct change *change)
{
	int fd = -1;

	if (!inheritance_get()->has_policy || (given && !sealed_is_text(given)))
		return;
	if (given)
		fd = sealed_find(given);
	if (!lasts(fd))
		change->policy = write_policy(session, fd, change);
}

static void close_made(const struct change *change)
{
	ERROR_PROTECT;

	if (change->fd >= 0)
		libc()->close(change->fd);
	if (change->sealed_fd >= 0)
		libc()->close(change->sealed_fd);
}

/* ---- what changes ---- */

/*
 * The dynamic linker of musl does not start a program that it cannot preload something into; that
 * of another machine's glibc says so and goes on, and the program's own children may be of ours.
 */
static void choose_preload(const struct inheritance *inherited, const struct elf_info *program,
			   struct change *change)
{
	const bool has_library = preload_has(change->preload, PRELOAD_OURS);
	const char *runtime = program->runtime;

	if (!inherited->library)
		return;
	if (program->kind == ELF_MUSL) {
		change->takes_out = has_library;
		return;
	}
	if (!has_library)
		change->library = inherited->library;
	if (*runtime && !preload_has(change->preload, preload_place(runtime, strlen(runtime))))
		memcpy(change->runtime, runtime, sizeof(change->runtime));
}

static bool has_ours(char *const *environment)
{
	for (; environment && *environment; environment++)
		if (is_variable(*environment, "ISOSOCKS_") && !is_variable(*environment, NAMES))
			return true;
	return false;
}

/*
 * Whether an environment was cleared, rather than that one variable was taken out: then the library
 * and the policy are gone, too. Under the whole machine's preload there is nothing of ours in it
 * but the user's variables, and it is taken for a cleared one when none of them is left: what comes
 * back adds isolation, and what does not could be missed.
 */
static bool is_cleared(const struct inheritance *inherited, const struct change *change,
		       char *const *environment)
{
	const bool has_policy = find_first(environment, POLICY) != NULL;

	if (!inherited->asked_for)
		return !has_ours(environment);
	return (inherited->library || inherited->has_policy) &&
	       (change->library || !inherited->library) && !(inherited->has_policy && has_policy);
}

/* -E2BIG. */
static int choose(const struct session *session, char *const *environment,
		  const struct elf_info *program, struct change *change)
{
	const struct inheritance *inherited = inheritance_get();
	const char *preload = find_last(environment, PRELOAD);

	*change = (struct change){ .preload = preload ? preload : "", .fd = -1, .sealed_fd = -1 };
	choose_preload(inherited, program, change);
	if ((inherited->is_cut || *inherited->variables) &&
	    is_cleared(inherited, change, environment)) {
		if (inherited->is_cut)
			return -E2BIG;
		change->variables = inherited->variables;
	}
	choose_policy(session, find_first(environment, POLICY), change);
	choose_names(session, find_first(environment, NAMES), change);
	return 0;
}

static bool is_none(const struct change *change)
{
	return !changes_preload(change) && !change->policy && !change->names[0] &&
	       !(change->variables && *change->variables);
}

static bool is_replaced(const struct change *change, const char *entry)
{
	return (changes_preload(change) && is_variable(entry, PRELOAD)) ||
	       (change->policy && is_variable(entry, POLICY)) ||
	       (change->names[0] && is_variable(entry, NAMES));
}

/* ---- the new environment: an array, and behind it the text that is new ---- */

static size_t count(char *const *entries)
{
	size_t n = 0;

	while (entries && entries[n])
		n++;
	return n;
}

static size_t count_variables(const struct change *change)
{
	size_t n = 0;

	for (const char *at = change->variables; at && *at; at += strlen(at) + 1)
		n++;
	return n;
}

static const char *runtime_of(const struct change *change)
{
	return *change->runtime ? change->runtime : NULL;
}

static size_t slots_of(char *const *environment, const struct change *change)
{
	return count(environment) + count_variables(change) + ADDED_MAX;
}

static size_t size_of(char *const *environment, const struct change *change)
{
	return slots_of(environment, change) * sizeof(char *) + sizeof(PRELOAD) +
	       preload_size(change->library, runtime_of(change), change->preload);
}

static char *const *compose(char *const *environment, const struct change *change, void *memory,
			    size_t size)
{
	const size_t slots = slots_of(environment, change) * sizeof(char *);
	struct bytes_writer text = bytes_writer((char *)memory + slots, size - slots);
	const char **entry = memory;

	for (; environment && *environment; environment++)
		if (!is_replaced(change, *environment))
			*entry++ = *environment;
	if (changes_preload(change)) {
		*entry++ = (const char *)text.at;
		bytes_put_text(&text, PRELOAD);
		if (change->takes_out)
			preload_put_others(&text, change->preload);
		else
			preload_put(&text, change->library, runtime_of(change), change->preload);
		bytes_put_u8(&text, '\0');
	}
	if (change->policy)
		*entry++ = change->policy;
	if (change->names[0])
		*entry++ = change->names;
	for (const char *at = change->variables; at && *at; at += strlen(at) + 1)
		*entry++ = at;
	*entry = NULL;
	return memory;
}

/* ---- the program ---- */

static int inspect(const struct call *call, struct program *program)
{
	switch (call->to) {
	case CALL_FEXECVE:
		return program_open_descriptor(call->fd, program);
	case CALL_EXECVEAT:
		if (call->path && !*call->path && (call->flags & AT_EMPTY_PATH))
			return program_open_descriptor(call->fd, program);
		return program_open(call->fd, call->path, program);
	case CALL_EXECVPE:
	case CALL_SPAWNP:
		return program_find(call->path, program);
	default:
		return program_open(AT_FDCWD, call->path, program);
	}
}

static void put_path(struct bytes_writer *w, const char *path)
{
	for (unsigned i = 0; path[i] && i < SHOWN_MAX; i++)
		bytes_put_u8(w, path[i] >= ' ' && path[i] <= '~' ? (uint8_t)path[i] : '?');
}

COLD static void warn(const struct call *call, const char *obstacle, const char *consequence)
{
	struct log_line line;

	if (!log_wants(LOG_WARNING))
		return;
	log_begin(&line, LOG_WARNING);
	put_path(&line.text, call->path ? call->path : "a program given by descriptor");
	bytes_put_u8(&line.text, ' ');
	bytes_put_text(&line.text, obstacle);
	bytes_put_text(&line.text, consequence);
	log_end(&line);
}

static bool is_guarded(const struct session *session)
{
	return session->policy.header && session->policy.header->guard;
}

/* 0 or -EPERM. What is not known of the program stays as it is. */
static int check(const struct session *session, const struct call *call, struct program *program)
{
	const int r = inspect(call, program);

	if (r < 0)
		*program = UNKNOWN;
	if (r == -ENOENT)
		return 0;
	const char *obstacle = r == 0 ? program_obstacle(program)
				      : "cannot be read, so that nobody knows what it is";
	if (!obstacle)
		return 0;
	if (is_guarded(session)) {
		warn(call, obstacle, "; its network calls fail");
		return 0;
	}
	warn(call, obstacle, "; without the guard it is not executed");
	return -EPERM;
}

/* ---- the calls ---- */

/* -errno; spawning also 0. */
static int invoke(const struct call *call, char *const *environment)
{
	switch (call->to) {
	case CALL_EXECVE:
		libc()->execve(call->path, call->arguments, environment);
		break;
	case CALL_EXECVPE:
		libc()->execvpe(call->path, call->arguments, environment);
		break;
	case CALL_FEXECVE:
		libc()->fexecve(call->fd, call->arguments, environment);
		break;
	case CALL_EXECVEAT:
		libc()->execveat(call->fd, call->path, call->arguments, environment, call->flags);
		break;
	case CALL_SPAWN:
		return -libc()->posix_spawn(call->ret_pid, call->path, call->actions,
					    call->attributes, call->arguments, environment);
	case CALL_SPAWNP:
		return -libc()->posix_spawnp(call->ret_pid, call->path, call->actions,
					     call->attributes, call->arguments, environment);
	}
	return error_last();
}

static int invoke_on_stack(const struct call *call, const struct change *change, size_t size)
{
	return invoke(call, compose(call->environment, change, alloca(size), size));
}

static int invoke_changed(const struct call *call, const struct change *change)
{
	const size_t size = size_of(call->environment, change);

	if (size <= ON_STACK_MAX)
		return invoke_on_stack(call, change, size);
	void *memory = area_take(size);
	if (!memory)
		return -E2BIG;
	const int r = invoke(call, compose(call->environment, change, memory, size));
	area_put(memory);
	return r;
}

/* A socket that is still connecting means nothing to another program. */
__attribute__((noinline)) static int invoke_alone(const struct call *call,
						  const struct change *change)
{
	struct pending_kept kept;

	actions_hand_over(call->actions);
	pending_before_exec(&kept, call->to != CALL_SPAWN && call->to != CALL_SPAWNP);
	const int r =
		is_none(change) ? invoke(call, call->environment) : invoke_changed(call, change);
	pending_after_exec(&kept);
	return r;
}

/* Looks at the program, and finds what its environment needs. */
__attribute__((noinline)) static int prepare(const struct session *session, const struct call *call,
					     struct change *change)
{
	struct program program;
	const int r = check(session, call, &program);

	return r < 0 ? r : choose(session, call->environment, &program.info, change);
}

/* The end of every hook but system and popen: -errno, and where a program was spawned 0. */
static int run(const struct call *call)
{
	const struct session *session = session_get();
	struct change change;

	if (session->passive)
		return invoke(call, call->environment);
	int r = prepare(session, call, &change);
	if (r < 0)
		return r;
	r = invoke_alone(call, &change);
	close_made(&change);
	return r;
}

static int execute(const struct call *call)
{
	const int saved = errno;

	return hook_return(run(call), saved);
}

HOOK int execve(const char *path, char *const arguments[], char *const environment[])
{
	return execute(&(struct call){ .to = CALL_EXECVE,
				       .path = path,
				       .arguments = arguments,
				       .environment = environment });
}

HOOK int execv(const char *path, char *const arguments[])
{
	return execve(path, arguments, environ);
}

HOOK int execvpe(const char *file, char *const arguments[], char *const environment[])
{
	return execute(&(struct call){ .to = CALL_EXECVPE,
				       .path = file,
				       .arguments = arguments,
				       .environment = environment });
}

HOOK int execvp(const char *file, char *const arguments[])
{
	return execvpe(file, arguments, environ);
}

HOOK int fexecve(int fd, char *const arguments[], char *const environment[])
{
	return execute(&(struct call){
		.to = CALL_FEXECVE, .fd = fd, .arguments = arguments, .environment = environment });
}

HOOK int execveat(int folder, const char *path, char *const arguments[], char *const environment[],
		  int flags)
{
	return execute(&(struct call){ .to = CALL_EXECVEAT,
				       .fd = folder,
				       .path = path,
				       .arguments = arguments,
				       .environment = environment,
				       .flags = flags });
}

/* ---- arguments in a row ---- */

/* With the NULL. */
static size_t count_arguments(const char *first, va_list *rest)
{
	size_t n = 1;

	for (; first; first = va_arg(*rest, const char *))
		n++;
	return n;
}

static void take_arguments(char **to, const char *first, va_list *rest)
{
	for (; first; first = va_arg(*rest, const char *))
		*to++ = (char *)first;
	*to = NULL;
}

/* The array must be in the frame of the hook. What follows the NULL is left in `list`. */
#define ARGUMENTS(array, list, first)                                                              \
	va_list list;                                                                              \
	va_start(list, first);                                                                     \
	char **array = alloca(count_arguments(first, &list) * sizeof(char *));                     \
	va_end(list);                                                                              \
	va_start(list, first);                                                                     \
	take_arguments(array, first, &list)

HOOK int execl(const char *path, const char *argument, ...)
{
	ARGUMENTS(arguments, rest, argument);
	va_end(rest);
	return execve(path, arguments, environ);
}

HOOK int execlp(const char *file, const char *argument, ...)
{
	ARGUMENTS(arguments, rest, argument);
	va_end(rest);
	return execvpe(file, arguments, environ);
}

HOOK int execle(const char *path, const char *argument, ...)
{
	ARGUMENTS(arguments, rest, argument);
	char *const *environment = va_arg(rest, char *const *);
	va_end(rest);
	return execve(path, arguments, environment);
}

/* ---- spawning: the error is returned, and errno is not touched ---- */

static int spawn(const struct call *call)
{
	ERROR_PROTECT;

	return -run(call);
}

HOOK int posix_spawn(pid_t *ret_pid, const char *path, const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attributes, char *const arguments[],
		     char *const environment[])
{
	return spawn(&(struct call){ .to = CALL_SPAWN,
				     .path = path,
				     .arguments = arguments,
				     .environment = environment,
				     .ret_pid = ret_pid,
				     .actions = actions,
				     .attributes = attributes });
}

HOOK int posix_spawnp(pid_t *ret_pid, const char *file, const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attributes, char *const arguments[],
		      char *const environment[])
{
	return spawn(&(struct call){ .to = CALL_SPAWNP,
				     .path = file,
				     .arguments = arguments,
				     .environment = environment,
				     .ret_pid = ret_pid,
				     .actions = actions,
				     .attributes = attributes });
}

/*
 * ---- system and popen ----
 *
 * libc starts the shell by calls that no hook sees, with the environment as it is. Where that has
 * lost something, the command becomes one that gives it to a second shell:
 * `LD_PRELOAD='…' … exec /bin/sh -c 'command' sh`.
 */

static void put_quoted(struct bytes_writer *w, const char *text)
{
	bytes_put_u8(w, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			bytes_put_text(w, "'\\''");
		else
			bytes_put_u8(w, (uint8_t)*text);
	}
	bytes_put_u8(w, '\'');
}

/* `NAME=value` as a shell's assignment, and a blank. */
static void put_assignment(struct bytes_writer *w, const char *entry)
{
	const size_t length = strcspn(entry, "=") + 1;

	bytes_put(w, entry, length);
	put_quoted(w, entry + length);
	bytes_put_u8(w, ' ');
}

#define COMMAND_FRAME sizeof("exec " SHELL " -c '' sh")

/* The most that it can become: every byte quoted, in each variable a pair of quotes and a blank. */
static size_t command_size(const char *command, char *const *added)
{
	size_t size = COMMAND_FRAME + 4 * strlen(command);

	for (; *added; added++)
		size += 4 * strlen(*added) + 3;
	return size;
}

static const char *put_command(const char *command, char *const *added, char *memory, size_t size)
{
	struct bytes_writer text = bytes_writer(memory, size);

	for (; *added; added++)
		put_assignment(&text, *added);
	bytes_put_text(&text, "exec " SHELL " -c ");
	put_quoted(&text, command);
	bytes_put_text(&text, " sh");
	bytes_put_u8(&text, '\0');
	return memory;
}

/* A command that may have become another one. */
struct command {
	const char *text;
	char *memory;
	size_t size;
	struct change change;
};

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static int make_command(const char *text, struct command *ret)
{
	char *const none[] = { NULL };
	const size_t size = size_of(none, &ret->change);
	char *memory = map(size);

	if (!memory)
		return -ENOMEM;
	char *const *added = compose(none, &ret->change, memory, size);
	ret->size = command_size(text, added);
	ret->memory = map(ret->size);
	if (ret->memory)
		ret->text = put_command(text, added, ret->memory, ret->size);
	munmap(memory, size);
	return ret->memory ? 0 : -ENOMEM;
}

__attribute__((noinline)) static int choose_for_shell(const struct session *session,
						      struct change *change)
{
	const struct elf_info shell = { .kind = ELF_DYNAMIC };

	return choose(session, environ, &shell, change);
}

static int command_init(struct command *command, const char *text)
{
	const struct session *session = session_get();

	*command = (struct command){ .text = text, .change = { .fd = -1, .sealed_fd = -1 } };
	if (!text || session->passive)
		return 0;
	int r = choose_for_shell(session, &command->change);
	return r < 0 || is_none(&command->change) ? r : make_command(text, command);
}

static void command_done(struct command *command)
{
	ERROR_PROTECT;

	if (command->memory)
		munmap(command->memory, command->size);
	close_made(&command->change);
}

HOOK int system(const char *text)
{
	const int saved = errno;
	struct command command;
	struct pending_kept kept;
	int r = command_init(&command, text);

	if (r < 0) {
		command_done(&command);
		return hook_return(r, saved);
	}
	errno = saved;
	pending_before_exec(&kept, false);
	r = libc()->system(command.text);
	pending_after_exec(&kept);
	command_done(&command);
	return r;
}

HOOK struct _IO_FILE *popen(const char *text, const char *mode)
{
	const int saved = errno;
	struct command command;
	struct _IO_FILE *stream = NULL;
	struct pending_kept kept;
	int r = command_init(&command, text);

	errno = r < 0 ? -r : saved;
	pending_before_exec(&kept, false);
	if (r == 0)
		stream = libc()->popen(command.text, mode);
	pending_after_exec(&kept);
	command_done(&command);
	return stream;
}
