/* script_check.h - how a checked script looks in memory; private to script*.c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "bot/script.h"

struct script_phrases {
    struct str *at;
    size_t n;
}; /* folded, with one space between words */

struct script_rule {
    struct script_phrases any, all;
    size_t go; /* index of the node */
};

struct script_choice {
    struct str id;
    size_t go;
};

struct script_node {
    struct str name;
    const struct json *say; /* array of contents */
    struct script_choice *choices;
    size_t n_choices;
    struct script_rule *rules;
    size_t n_rules;
    struct str handoff;
};

struct script {
    struct script_node *nodes;
    size_t n_nodes;
    size_t start;
    struct script_rule *rules;
    size_t n_rules;
    size_t fallback, fallback_then;
    int64_t fallback_after;
};

enum { SCRIPT_NOWHERE = SCRIPT_MAX_NODES + 1 };
size_t script_find_node(const struct script *s, struct str name);
/* Lower case, no accents, punctuation to single spaces, one space at both ends: " quero o preco ". */
struct str script_words(struct arena *a, struct str text);
