/*
 * A configuration file: whatever is accepted compiles to a policy that the library takes, comes
 * back from it to the same bytes, and can be explained and looked over.
 */
#include "compile.h"
#include "config.h"
#include "explain.h"
#include "rule.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void assert_round_trip(const struct config *config)
{
	g_autoptr(GByteArray) first = compile_policy(config, NULL);
	CONFIG_AUTO restored = NULL;
	g_autoptr(GByteArray) second = NULL;

	if (!first)
		return; /* too large for the environment */
	restored = compile_restore(first->data, first->len, NULL);
	require(restored != NULL);
	second = compile_policy(restored, NULL);
	require(second && second->len == first->len &&
		memcmp(first->data, second->data, first->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *text = g_malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (!config_load_text(config, CONFIG_FILE, "f", text, size, &error)) {
		require(error && g_str_has_prefix(error->message, "f:"));
		return 0;
	}
	assert_round_trip(config);
	g_autoptr(GPtrArray) idle = rule_find_idle(config);
	g_autofree char *explained = explain_config(config);
	require(explained && idle);
	return 0;
}
