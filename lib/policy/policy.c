#include "policy/policy.h"

#include "base/log.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define BY_ALL	    0x1fu /* every bit of enum keys_by */
#define TIMEOUT_MAX 86400 /* a day */
#define TEXT_MAX    255	  /* RFC 1929 §2: UNAME and PASSWD; the name of a pair */
#define LANES	    4

/* ---- checksum ---- */

/*
 * For a fixed word a bijection of the state, and for a fixed state one of the word: two
 * inputs that differ in one word end differently, whatever follows.
 */
static inline uint64_t mix(uint64_t state, uint64_t word)
{
	state = (state ^ word) * 0x9e3779b97f4a7c15u;
	return state ^ state >> 32;
}

static inline uint64_t load_word(const uint8_t *at, size_t length)
{
	uint64_t word = 0;
	memcpy(&word, at, length);
	return word;
}

/* Words go to the lanes in turn, because one chain of multiplications would wait for itself. */
uint64_t policy_checksum(const void *from, size_t length)
{
	uint64_t lanes[LANES] = { 1, 2, 3, 4 };
	uint64_t state = mix(0, length);
	const uint8_t *at = from;
	size_t left = length;

	for (; left >= sizeof(lanes); left -= sizeof(lanes), at += sizeof(lanes)) {
		for (int i = 0; i < LANES; i++)
			lanes[i] = mix(lanes[i], load_word(at + i * 8, 8));
	}
	for (int i = 0; i < LANES; i++)
		state = mix(state, lanes[i]);
	for (; left >= 8; left -= 8, at += 8)
		state = mix(state, load_word(at, 8));
	return left > 0 ? mix(state, load_word(at, left)) : state;
}

/* ---- validation: a chain of questions, asked once ---- */

/* What is being validated; `bad` stays. */
struct check {
	const uint8_t *blob;
	uint32_t size;
	bool bad;
};

static void expect(struct check *check, bool good)
{
	if (!good)
		check->bad = true;
}

/* Text of min to max bytes behind the header. No text stands nowhere in particular, but not
 * outside. */
static void check_span(struct check *check, struct blob_span span, uint32_t min, uint32_t max)
{
	expect(check, span.length >= min && span.length <= max);
	expect(check, span.offset <= check->size && span.length <= check->size - span.offset);
	expect(check, span.length == 0 || span.offset >= sizeof(struct blob_header));
}

/* The records of a table, NULL when they are not all inside. */
static const void *check_table(struct check *check, struct blob_table table, size_t record)
{
	const uint64_t end = table.offset + (uint64_t)table.count * record;

	expect(check, table.offset % 8 == 0 && end <= check->size);
	expect(check, table.count == 0 || table.offset >= sizeof(struct blob_header));
	return check->bad ? NULL : check->blob + table.offset;
}

static void check_zero(struct check *check, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		expect(check, bytes[i] == 0);
}

/* An index below count, or none. */
static void check_index(struct check *check, uint32_t index, uint32_t count)
{
	expect(check, index == BLOB_NONE || index < count);
}

static void check_spans(struct check *check, struct blob_table table)
{
	const struct blob_span *span = check_table(check, table, sizeof(*span));

	for (uint32_t i = 0; span && i < table.count; i++)
		check_span(check, span[i], 0, BLOB_MAX);
}

static void check_pairs(struct check *check, struct blob_table table)
{
	const struct blob_pair *pair = check_table(check, table, sizeof(*pair));

	for (uint32_t i = 0; pair && i < table.count; i++) {
		check_span(check, pair[i].name, 1, TEXT_MAX);
		check_span(check, pair[i].value, 0, BLOB_MAX);
	}
}

static void check_proxies(struct check *check, struct blob_table table)
{
	const struct blob_proxy *proxy = check_table(check, table, sizeof(*proxy));

	expect(check, table.count > 0);
	for (uint32_t i = 0; proxy && i < table.count; i++) {
		expect(check, proxy[i].port != 0);
		expect(check, proxy[i].has_credentials <= 1);
		check_zero(check, proxy[i].zero, sizeof(proxy[i].zero));
		check_span(check, proxy[i].username, 0, TEXT_MAX);
		check_span(check, proxy[i].password, 0, TEXT_MAX);
	}
}

/* Names are denied only: `direct` would need the very query that must not leave. */
static void check_suffix(struct check *check, const struct blob_rule *rule)
{
	check_span(check, rule->suffix, 0, BLOB_MAX);
	if (check->bad || rule->suffix.length == 0)
		return;
	expect(check, rule->suffix.length >= 2 && check->blob[rule->suffix.offset] == '.');
	expect(check, rule->action == BLOB_ACTION_DENY);
}

static void check_rules(struct check *check, struct blob_table table, uint32_t origins)
{
	const struct blob_rule *rule = check_table(check, table, sizeof(*rule));

	for (uint32_t i = 0; rule && i < table.count; i++) {
		expect(check, rule[i].prefix <= 128);
		expect(check,
		       rule[i].action == BLOB_ACTION_DIRECT || rule[i].action == BLOB_ACTION_DENY);
		check_index(check, rule[i].origin, origins);
		check_suffix(check, &rule[i]);
	}
}

static void check_application(struct check *check, const struct blob_application *application,
			      const struct blob_header *header)
{
	check_span(check, application->label, 0, BLOB_MAX);
	check_spans(check, application->match);
	check_table(check, application->users, sizeof(uint32_t));
	check_pairs(check, application->pairs);
	check_index(check, application->proxy, header->proxies.count);
	check_index(check, application->origin, header->origins.count);
	expect(check, (application->by & ~BY_ALL) == 0);
	expect(check, application->has_by <= 1);
	expect(check, application->action <= BLOB_ACTION_DENY);
	check_zero(check, application->zero, sizeof(application->zero));
}

static void check_applications(struct check *check, const struct blob_header *header)
{
	const struct blob_table table = header->applications;
	const struct blob_application *application =
		check_table(check, table, sizeof(*application));

	for (uint32_t i = 0; application && i < table.count && !check->bad; i++)
		check_application(check, &application[i], header);
}

static bool is_method(uint8_t method)
{
	return method == 0x00 || method == 0x02 || method == 0x97;
}

/* One to three methods, each once, and the end behind them. */
static void check_methods(struct check *check, const uint8_t methods[4])
{
	unsigned count = 0;

	while (count < 4 && methods[count] != BLOB_NO_METHOD) {
		expect(check, is_method(methods[count]));
		for (unsigned i = 0; i < count; i++)
			expect(check, methods[i] != methods[count]);
		count++;
	}
	expect(check, count >= 1 && count <= 3);
}

static uint32_t load_address(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* Whole, and inside 127.0.0.0/8 or 198.18.0.0/15 (RFC 2544): no placeholder leaves the machine. */
static void check_pool(struct check *check, const struct blob_header *header)
{
	const uint32_t base = load_address(header->pool);
	const uint8_t prefix = header->pool_prefix;
	const bool is_loopback = base >> 24 == 127;
	const bool is_benchmark = base >> 17 == (198u << 8 | 18u) >> 1;

	expect(check, prefix >= 8 && prefix <= 30);
	expect(check, prefix > 30 || (base & (0xffffffffu >> prefix)) == 0);
	expect(check, is_loopback || is_benchmark);
}

static void check_settings(struct check *check, const struct blob_header *header)
{
	expect(check, header->timeout >= 1 && header->timeout <= TIMEOUT_MAX);
	expect(check, (header->by & ~BY_ALL) == 0);
	expect(check, header->pipeline <= BLOB_PIPELINE_NO);
	expect(check, header->require <= BLOB_REQUIRE_ALWAYS);
	expect(check, header->resolve <= BLOB_RESOLVE_PROXY);
	expect(check, header->family <= BLOB_FAMILY_BOTH);
	expect(check, header->loopback <= BLOB_LOOPBACK_DENY);
	expect(check, header->listen <= BLOB_LISTEN_ANY);
	expect(check, header->guard <= 1);
	expect(check, header->log_level <= LOG_DEBUG);
	expect(check, header->log_format <= LOG_JSON);
	expect(check, header->why <= 1);
	check_methods(check, header->methods);
	check_pool(check, header);
}

static void check_contents(struct check *check, const struct blob_header *header)
{
	check_span(check, header->token, 0, BLOB_MAX);
	check_span(check, header->alias, 0, BLOB_MAX);
	check_span(check, header->log_file, 0, BLOB_MAX);
	check_spans(check, header->origins);
	check_proxies(check, header->proxies);
	check_pairs(check, header->pairs);
	check_rules(check, header->rules, header->origins.count);
	check_applications(check, header);
}

/* Where the checksum begins: the first byte behind its own field. */
#define SUMMED (offsetof(struct blob_header, checksum) + sizeof(uint64_t))

int policy_open(struct policy *policy, const void *blob, size_t length)
{
	const struct blob_header *header = blob;
	struct check check = { .blob = blob, .size = (uint32_t)length };

	if ((uintptr_t)blob % 8 != 0 || length < offsetof(struct blob_header, size))
		return -EBADMSG;
	if (memcmp(header->magic, BLOB_MAGIC, sizeof(header->magic)) != 0)
		return -EBADMSG;
	if (header->version != BLOB_VERSION)
		return -EPROTONOSUPPORT;
	if (length < sizeof(*header) || length > BLOB_MAX || header->size != length)
		return -EBADMSG;
	if (header->checksum != policy_checksum(check.blob + SUMMED, length - SUMMED))
		return -EBADMSG;
	check_settings(&check, header);
	check_contents(&check, header);
	if (check.bad)
		return -EBADMSG;
	*policy = (struct policy){ .header = header };
	return 0;
}

/* ---- what holds besides ---- */

void policy_hold(struct policy *policy, const struct policy *machine)
{
	policy->machine = machine->header;
}

/* The other policy; its header may be NULL. */
static struct policy machine_of(const struct policy *policy)
{
	return (struct policy){ .header = policy->machine };
}

uint8_t policy_require(const struct policy *policy)
{
	const uint8_t own = policy->header->require;

	return policy->machine && policy->machine->require > own ? policy->machine->require : own;
}

/* ---- access ---- */

static const void *record_at(const struct policy *policy, struct blob_table table, size_t record,
			     uint32_t index)
{
	if (index >= table.count)
		return NULL;
	return (const uint8_t *)policy->header + table.offset + record * index;
}

struct policy_text policy_text(const struct policy *policy, struct blob_span span)
{
	return (struct policy_text){ (const char *)policy->header + span.offset, span.length };
}

const struct blob_proxy *policy_proxy(const struct policy *policy, uint32_t index)
{
	return record_at(policy, policy->header->proxies, sizeof(struct blob_proxy),
			 index == BLOB_NONE ? 0 : index);
}

const struct blob_pair *policy_pair(const struct policy *policy, struct blob_table pairs,
				    uint32_t index)
{
	return record_at(policy, pairs, sizeof(struct blob_pair), index);
}

const struct blob_rule *policy_rule(const struct policy *policy, uint32_t index)
{
	return record_at(policy, policy->header->rules, sizeof(struct blob_rule), index);
}

/* ---- addresses ---- */

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
static const uint8_t loopback4[16] = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 };
static const uint8_t loopback6[16] = { [15] = 1 };
static const uint8_t unspecified4[16] = { [10] = 0xff, [11] = 0xff };
static const uint8_t unspecified6[16];

static bool is_same(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) == 0;
}

static bool is_ipv4(const uint8_t address[16])
{
	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

bool policy_is_placeholder(const struct policy *policy, const uint8_t address[16])
{
	const uint32_t host = 0xffffffffu >> policy->header->pool_prefix;

	if (!is_ipv4(address))
		return false;
	return (load_address(address + 12) & ~host) == load_address(policy->header->pool);
}

bool policy_is_loopback(const struct policy *policy, const uint8_t address[16])
{
	if (is_ipv4(address) && address[12] == 127)
		return !policy_is_placeholder(policy, address);
	return is_same(address, loopback6) || is_same(address, unspecified4) ||
	       is_same(address, unspecified6);
}

/* The kernel connects the unspecified address to the loopback one; rules have to see the latter
 * too. */
static const uint8_t *stands_for(const uint8_t address[16])
{
	if (is_same(address, unspecified4))
		return loopback4;
	return is_same(address, unspecified6) ? loopback6 : address;
}

/* ---- rules ---- */

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static bool is_same_name(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (lower((uint8_t)a[i]) != lower((uint8_t)b[i]))
			return false;
	}
	return true;
}

/* `.example.com` stands for example.com and all below it. A trailing dot of the name does not
 * count. */
static bool matches_suffix(struct policy_text suffix, const struct policy_target *target)
{
	size_t length = target->name_length;

	if (!target->name)
		return false;
	if (length > 0 && target->name[length - 1] == '.')
		length--;
	if (length == suffix.length - 1)
		return is_same_name(target->name, suffix.at + 1, length);
	return length >= suffix.length &&
	       is_same_name(target->name + length - suffix.length, suffix.at, suffix.length);
}

/* The target as rules are compared with it: looked at once, not for each of a thousand rules. */
struct question {
	const struct policy_target *target;
	uint64_t address[2]; /* high half first, as numbers */
	uint64_t stands_for[2];
	bool is_ipv4;
	bool is_unspecified; /* stands_for is where the kernel connects to, */
	bool is_translated;  /* or where a translator on the way may */
	bool is_placeholder;
};

static uint64_t load_half(const uint8_t *at)
{
	uint64_t half;

	memcpy(&half, at, sizeof(half));
	return be64toh(half);
}

static void load_halves(const uint8_t address[16], uint64_t halves[2])
{
	halves[0] = load_half(address);
	halves[1] = load_half(address + 8);
}

/* IPv6 networks whose addresses have an IPv4 address in them, and lead to it. */
static const struct {
	uint8_t bytes[12];
	uint8_t length, at; /* bytes that count; where the IPv4 address is */
} translated[] = {
	{ { 0 }, 12, 12 },				   /* RFC 4291 §2.5.5.1 */
	{ { [8] = 0xff, 0xff }, 12, 12 },		   /* RFC 2765 §2.1 */
	{ { 0x00, 0x64, 0xff, 0x9b }, 12, 12 },		   /* RFC 6052 §2.1 */
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 6, 12 }, /* RFC 8215 */
	{ { 0x20, 0x02 }, 2, 2 },			   /* RFC 3056 §2 */
};

/* Whether there is an IPv4 address in it, and which, as the same number as a mapped one. */
static bool load_translated(const uint8_t address[16], uint64_t halves[2])
{
	for (size_t i = 0; i < sizeof(translated) / sizeof(*translated); i++) {
		if (memcmp(address, translated[i].bytes, translated[i].length) != 0)
			continue;
		halves[0] = 0;
		halves[1] = 0xffff00000000u | load_address(address + translated[i].at);
		return true;
	}
	return false;
}

static void ask(const struct policy *policy, const struct policy_target *target,
		struct question *question)
{
	question->target = target;
	question->is_ipv4 = is_ipv4(target->address);
	question->is_placeholder = policy_is_placeholder(policy, target->address);
	load_halves(target->address, question->address);
	question->is_unspecified = stands_for(target->address) != target->address;
	load_halves(stands_for(target->address), question->stands_for);
	question->is_translated = !question->is_ipv4 && !question->is_unspecified &&
				  !is_same(target->address, loopback6) &&
				  load_translated(target->address, question->stands_for);
}

/* Of 64 bits the first ones, as many as count. */
static inline uint64_t mask_of(unsigned bits)
{
	return bits == 0 ? 0 : bits >= 64 ? UINT64_MAX : UINT64_MAX << (64 - bits);
}

/*
 * Prefix 0 is every address of both families, and the only one that says anything of a placeholder:
 * what the name resolves to is not known here. Else the families are apart: an IPv6 prefix shorter
 * than ::ffff:0:0/96 does not mean all of IPv4.
 */
static inline bool matches_address(const struct blob_rule *rule, const struct question *question)
{
	const unsigned prefix = rule->prefix;

	if (prefix == 0)
		return true;
	if (question->is_placeholder || (question->is_ipv4 && prefix < 96))
		return false;
	const uint64_t low = prefix > 64 ? UINT64_MAX << (128 - prefix) : 0;
	const uint64_t rule_low = load_half(rule->address + 8) & low;
	/* What may be translated is denied, but not let go: the way there is another one. */
	const bool has_other =
		question->is_unspecified ||
		(question->is_translated && prefix >= 96 && rule->action == BLOB_ACTION_DENY);

	/* Most differ here. */
	if (((rule_low ^ question->address[1]) & low) != 0 && !has_other)
		return false;
	const uint64_t high = mask_of(prefix);
	const uint64_t rule_high = load_half(rule->address) & high;

	return (rule_high == (question->address[0] & high) &&
		rule_low == (question->address[1] & low)) ||
	       (has_other && rule_high == (question->stands_for[0] & high) &&
		rule_low == (question->stands_for[1] & low));
}

static inline bool matches(const struct policy *policy, const struct blob_rule *rule,
			   const struct question *question)
{
	if (rule->port != 0 && rule->port != question->target->port)
		return false;
	if (rule->suffix.length > 0)
		return matches_suffix(policy_text(policy, rule->suffix), question->target);
	return matches_address(rule, question);
}

/* The first rule that denies; without one *ret_direct is the first that lets go, or NULL. One pass:
 * the rules are many and lie behind each other. */
static const struct blob_rule *find_rule(const struct policy *policy,
					 const struct question *question,
					 const struct blob_rule **ret_direct)
{
	const struct blob_rule *rule = policy_rule(policy, 0);
	const struct blob_rule *const end = rule ? rule + policy->header->rules.count : NULL;

	*ret_direct = NULL;
	for (; rule < end; rule++) {
		if (!matches(policy, rule, question))
			continue;
		if (rule->action == BLOB_ACTION_DENY)
			return rule;
		if (!*ret_direct)
			*ret_direct = rule;
	}
	return NULL;
}

/* Of both policies. What is a placeholder is so by the first one's pool. */
static const struct blob_rule *find_deny(const struct policy *policy,
					 const struct question *question,
					 const struct blob_rule **ret_direct)
{
	const struct policy machine = machine_of(policy);
	const struct blob_rule *rule = find_rule(policy, question, ret_direct), *unused;

	return rule || !machine.header ? rule : find_rule(&machine, question, &unused);
}

/* ---- the verdict ---- */

/* Only streams go through the proxy. */
static enum policy_verdict proxy_or_deny(const struct policy_target *target)
{
	return target->is_stream ? POLICY_PROXY : POLICY_DENY;
}

/* Port 53 is where a local resolver would send names on to the network. */
static enum policy_verdict decide_loopback(const struct policy *policy,
					   const struct policy_target *target)
{
	if (target->port == 53 || policy->header->loopback == BLOB_LOOPBACK_DENY)
		return POLICY_DENY;
	if (policy->header->loopback == BLOB_LOOPBACK_PROXY)
		return proxy_or_deny(target);
	return POLICY_DIRECT;
}

/* No name is asked of a nameserver, so no rule lets port 53 go directly. */
static enum policy_verdict decide_undenied(const struct policy *policy,
					   const struct question *question,
					   const struct blob_rule *direct,
					   const struct blob_rule **ret_rule)
{
	const struct policy_target *target = question->target;

	*ret_rule = NULL;
	if (question->is_placeholder)
		return proxy_or_deny(target);
	if (policy_is_loopback(policy, target->address))
		return decide_loopback(policy, target);
	*ret_rule = target->port == 53 ? NULL : direct;
	return *ret_rule ? POLICY_DIRECT : proxy_or_deny(target);
}

enum policy_verdict policy_decide(const struct policy *policy, const struct policy_target *target,
				  const struct blob_rule **ret_rule)
{
	struct question question;

	ask(policy, target, &question);
	const struct blob_rule *direct;
	const struct blob_rule *rule = find_deny(policy, &question, &direct);
	const enum policy_verdict verdict =
		rule ? POLICY_DENY : decide_undenied(policy, &question, direct, &rule);

	if (ret_rule)
		*ret_rule = rule;
	return verdict;
}

const struct blob_rule *policy_find_deny(const struct policy *policy,
					 const struct policy_target *target)
{
	struct question question;

	const struct blob_rule *direct;

	ask(policy, target, &question);
	return find_deny(policy, &question, &direct);
}

/* ---- what a rule says of more than one target ---- */

static const struct blob_rule *next_rule(const struct policy *policy, const struct blob_rule *rule)
{
	const struct blob_rule *const first = policy_rule(policy, 0);

	if (!rule)
		return first;
	return rule + 1 < first + policy->header->rules.count ? rule + 1 : NULL;
}

bool policy_denies_name(const struct policy *policy, const char *name, size_t length,
			bool at_every_port)
{
	const struct policy_target target = { .name = name, .name_length = length };

	for (const struct blob_rule *rule = NULL; (rule = next_rule(policy, rule));) {
		const bool is_named = rule->suffix.length > 0 &&
				      matches_suffix(policy_text(policy, rule->suffix), &target);
		const bool is_all =
			rule->suffix.length == 0 && rule->prefix == 0 && rule->port == 0;
		if (rule->action == BLOB_ACTION_DENY && (is_named || is_all) &&
		    (rule->port == 0 || !at_every_port))
			return true;
	}
	const struct policy machine = machine_of(policy);
	return machine.header && policy_denies_name(&machine, name, length, at_every_port);
}

bool policy_has_denied_names(const struct policy *policy)
{
	const struct policy machine = machine_of(policy);

	for (const struct blob_rule *rule = NULL; (rule = next_rule(policy, rule));) {
		if (rule->suffix.length > 0)
			return true;
	}
	return machine.header && policy_has_denied_names(&machine);
}

/* Whether a rule of this action has the address, at every port or at some. */
static bool is_in_rule(const struct policy *policy, const uint8_t address[16], uint8_t action,
		       bool at_every_port)
{
	struct policy_target target = { .is_stream = true };
	struct question question;

	memcpy(target.address, address, sizeof(target.address));
	ask(policy, &target, &question);
	for (const struct blob_rule *rule = NULL; (rule = next_rule(policy, rule));) {
		if (rule->action == action && rule->suffix.length == 0 &&
		    (rule->port == 0 || !at_every_port) && matches_address(rule, &question))
			return true;
	}
	return false;
}

bool policy_denies_address(const struct policy *policy, const uint8_t address[16])
{
	const struct policy machine = machine_of(policy);

	return is_in_rule(policy, address, BLOB_ACTION_DENY, true) ||
	       (machine.header && policy_denies_address(&machine, address));
}

bool policy_may_be_direct(const struct policy *policy, const uint8_t address[16])
{
	return policy_is_loopback(policy, address) || policy_is_placeholder(policy, address) ||
	       is_in_rule(policy, address, BLOB_ACTION_DIRECT, false);
}

bool policy_lets_a_port_go(const struct policy *policy)
{
	for (const struct blob_rule *rule = NULL; (rule = next_rule(policy, rule));) {
		if (rule->action == BLOB_ACTION_DIRECT && rule->prefix == 0)
			return true;
	}
	return false;
}

/* ---- the proxies themselves ---- */

static bool is_at(const struct policy *policy, const struct blob_proxy *proxy,
		  const struct policy_target *target)
{
	if (!target->is_stream || target->port != proxy->port)
		return false;
	return is_same(target->address, proxy->address) ||
	       (policy_is_loopback(policy, target->address) &&
		policy_is_loopback(policy, proxy->address));
}

bool policy_is_a_proxy(const struct policy *policy, const struct blob_proxy *proxy,
		       const struct policy_target *target)
{
	bool found = is_at(policy, proxy, target);

	for (uint32_t i = 0; i < policy->header->proxies.count && !found; i++)
		found = is_at(policy, policy_proxy(policy, i), target);
	return found;
}

bool policy_is_address_of(const struct policy *policy, const struct blob_proxy *proxy,
			  const uint8_t address[16])
{
	bool found = is_same(proxy->address, address);

	for (uint32_t i = 0; i < policy->header->proxies.count && !found; i++)
		found = is_same(policy_proxy(policy, i)->address, address);
	return found;
}

/* ---- devices ---- */

static bool have_same_prefix(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
	const uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

/* All of 127.0.0.0/8, or ::1: placeholders are on the loopback device too. */
static bool is_on_loopback(const uint8_t address[16], unsigned prefix)
{
	return (prefix >= 104 && have_same_prefix(address, loopback4, 104)) ||
	       (prefix == 128 && is_same(address, loopback6));
}

static bool is_direct_elsewhere(const struct blob_rule *rule)
{
	return rule->action == BLOB_ACTION_DIRECT && !is_on_loopback(rule->address, rule->prefix);
}

bool policy_stays_on_loopback(const struct policy *policy, const struct blob_proxy *proxy)
{
	const struct blob_rule *rule;

	if (policy->header->listen == BLOB_LISTEN_ANY ||
	    !is_on_loopback(stands_for(proxy->address), 128))
		return false;
	for (uint32_t i = 0; (rule = policy_rule(policy, i)); i++) {
		if (is_direct_elsewhere(rule))
			return false;
	}
	return true;
}

/* ---- applications ---- */

/* Upon a mismatch the last * takes one character more: no other one could do better. */
bool policy_glob(struct policy_text glob, struct policy_text text)
{
	size_t g = 0, t = 0, star = SIZE_MAX, resume = 0;

	while (t < text.length) {
		if (g < glob.length && glob.at[g] == '*') {
			star = g++;
			resume = t;
		} else if (g < glob.length && (glob.at[g] == '?' || glob.at[g] == text.at[t])) {
			g++;
			t++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			t = ++resume;
		} else {
			return false;
		}
	}
	while (g < glob.length && glob.at[g] == '*')
		g++;
	return g == glob.length;
}

static bool names_user(const struct policy *policy, const struct blob_application *application,
		       uint32_t user)
{
	const struct blob_table users = application->users;
	const uint32_t *named;

	for (uint32_t i = 0; (named = record_at(policy, users, sizeof(*named), i)); i++) {
		if (*named == user)
			return true;
	}
	return users.count == 0;
}

static bool names_executable(const struct policy *policy,
			     const struct blob_application *application, const char *executable)
{
	const struct policy_text text = { executable, executable ? strlen(executable) : 0 };
	const struct blob_span *glob;

	for (uint32_t i = 0; (glob = record_at(policy, application->match, sizeof(*glob), i));
	     i++) {
		if (policy_glob(policy_text(policy, *glob), text))
			return true;
	}
	return application->match.count == 0;
}

const struct blob_application *policy_find_application(const struct policy *policy,
						       const char *executable, uint32_t user)
{
	const struct blob_table table = policy->header->applications;
	const struct blob_application *application;

	for (uint32_t i = 0; (application = record_at(policy, table, sizeof(*application), i));
	     i++) {
		if (names_user(policy, application, user) &&
		    names_executable(policy, application, executable))
			return application;
	}
	return NULL;
}

bool policy_names_user(const struct policy *policy, const char *executable, uint32_t user)
{
	const struct blob_table table = policy->header->applications;
	const struct blob_application *application;

	for (uint32_t i = 0; (application = record_at(policy, table, sizeof(*application), i));
	     i++) {
		if (application->users.count > 0 && names_user(policy, application, user) &&
		    names_executable(policy, application, executable))
			return true;
	}
	return false;
}

/* ---- methods ---- */

bool policy_keys_must_arrive(uint32_t require, unsigned set, unsigned all)
{
	switch (require) {
	case BLOB_REQUIRE_NEVER:
		return false;
	case BLOB_REQUIRE_ALWAYS:
		return all > 0;
	default:
		return set > 0;
	}
}

unsigned policy_methods(const struct policy *policy, bool keys_must_arrive, bool has_credentials,
			uint8_t methods[3])
{
	const uint8_t *method = policy->header->methods;
	unsigned count = 0;

	for (; *method != BLOB_NO_METHOD; method++) {
		if (*method == 0x00 && (keys_must_arrive || has_credentials))
			continue;
		if (*method == 0x02 && keys_must_arrive && has_credentials)
			continue;
		methods[count++] = *method;
	}
	return count;
}
