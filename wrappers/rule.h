/*
 * rule: one item of [network] direct= or deny=: text to struct config_rule and back, and which
 * rules can never match anything. Pure; the caller owns what comes out.
 */
#ifndef WRAPPERS_RULE_H
#define WRAPPERS_RULE_H

#include "config.h"

/* What an item may be, as errors say it. */
#define RULE_ACCEPTED	     "ADDRESS[/LENGTH][:PORT], [IPV6[/LENGTH]][:PORT] or *:PORT"
#define RULE_ACCEPTED_SUFFIX RULE_ACCEPTED ", or .SUFFIX[:PORT]"

/* An item without blanks around it. action, origin and line stay as they are in *ret_rule. A suffix
 * is accepted where that is a denying one. */
gboolean rule_parse(const char *text, struct config_rule *ret_rule);

/* The same as text; free it. */
char *rule_text(const struct config_rule *rule);

/*
 * The rules and applications that can never decide anything, a sentence for each with its place in
 * front: `FILE:LINE: [network] direct: 10.0.0.1: …` (char *).
 */
GPtrArray *rule_find_idle(const struct config *config);

#endif
