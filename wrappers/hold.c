#include "hold.h"

#include "compile.h"
#include "config.h"

#include "policy/blob.h"

#include <string.h>

/* ---- where it was said ---- */

static guint find_text(const GPtrArray *texts, const char *text)
{
	for (guint i = 0; i < texts->len; i++)
		if (strcmp(texts->pdata[i], text) == 0)
			return i;
	return texts->len;
}

static uint32_t take_origin(struct config *config, const struct config *machine, uint32_t origin)
{
	if (origin >= machine->origins->len)
		return BLOB_NONE;
	const char *path = machine->origins->pdata[origin];
	const guint found = find_text(config->origins, path);

	if (found == config->origins->len)
		g_ptr_array_add(config->origins, g_strdup(path));
	return found;
}

/* ---- rules ---- */

static bool is_same_rule(const struct config_rule *a, const struct config_rule *b)
{
	return a->action == b->action && a->port == b->port && a->prefix == b->prefix &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
	       g_strcmp0(a->suffix, b->suffix) == 0;
}

static bool has_rule(const struct config *config, const struct config_rule *rule)
{
	for (guint i = 0; i < config->rules->len; i++)
		if (is_same_rule(&g_array_index(config->rules, struct config_rule, i), rule))
			return true;
	return false;
}

static void hold_rule(struct config *config, const struct config *machine,
		      const struct config_rule *rule)
{
	g_autofree char *suffix = compile_suffix(rule->suffix, machine->alias);
	struct config_rule copy = *rule;

	copy.suffix = suffix;
	if (rule->action != BLOB_ACTION_DENY || has_rule(config, &copy))
		return;
	copy.suffix = g_steal_pointer(&suffix);
	copy.origin = take_origin(config, machine, rule->origin);
	g_array_append_val(config->rules, copy);
}

/* ---- applications ---- */

static bool is_same_list(const GPtrArray *a, const GPtrArray *b)
{
	bool same = a->len == b->len;

	for (guint i = 0; same && i < a->len; i++)
		same = strcmp(a->pdata[i], b->pdata[i]) == 0;
	return same;
}

static bool is_same_group(const struct config_application *a, const struct config_application *b)
{
	return a->action == b->action && strcmp(a->label, b->label) == 0 &&
	       is_same_list(a->match, b->match) && a->users->len == b->users->len &&
	       (a->users->len == 0 ||
		memcmp(a->users->data, b->users->data, a->users->len * sizeof(uint32_t)) == 0);
}

static bool has_group(const struct config *config, const struct config_application *group)
{
	for (guint i = 0; i < config->applications->len; i++)
		if (is_same_group(config->applications->pdata[i], group))
			return true;
	return false;
}

/* Before all others: a policy that lacks it has not been made from this file, so nobody can say
 * which of its groups the file would have before it. */
static void hold_group(struct config *config, const struct config *machine,
		       const struct config_application *group, guint *place)
{
	struct config_application *copy;

	if (group->action != BLOB_ACTION_DENY || has_group(config, group))
		return;
	copy = config_application_new(group->label);
	for (guint i = 0; i < group->match->len; i++)
		g_ptr_array_add(copy->match, g_strdup(group->match->pdata[i]));
	if (group->users->len > 0)
		g_array_append_vals(copy->users, group->users->data, group->users->len);
	copy->action = BLOB_ACTION_DENY;
	copy->source = group->source;
	copy->origin = take_origin(config, machine, group->origin);
	copy->line = group->line;
	g_ptr_array_insert(config->applications, (int)(*place)++, copy);
}

void hold_demands(struct config *config, const struct config *machine)
{
	guint place = 0;

	for (guint i = 0; i < machine->rules->len; i++)
		hold_rule(config, machine, &g_array_index(machine->rules, struct config_rule, i));
	for (guint i = 0; i < machine->applications->len; i++)
		hold_group(config, machine, machine->applications->pdata[i], &place);
	if (machine->require_given)
		config->require = MAX(config->require, machine->require);
}
