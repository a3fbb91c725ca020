/* script.h - the scripted bot: a small graph of nodes with keyword rules, buttons and lists, written in JSON. Pure: reading,
 * checking and running touch nothing outside their arguments. Private to bot/ (and its fuzz target).
 *
 *   { "version": 1, "start": "menu",
 *     "rules":    [ { "any": ["atendente", "falar com alguém"], "go": "person" } ],      tried in every node
 *     "fallback": { "go": "lost", "after": 2, "then": "person" },                       nothing matched; the 2nd time in a row
 *     "nodes": { "menu": { "say": [ <content with "type"> … ],
 *                          "choices": { "<button or row id>": "<node>" },
 *                          "rules": [ … ], "handoff": "<reason>" } } }
 *
 * A rule holds when one phrase of "any" and every phrase of "all" stands in the text as whole words, without regard to case
 * and accents. "{{name}}" in a text becomes the person's first name.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"

enum {
    SCRIPT_MAX_BYTES = 256 << 10,
    SCRIPT_MAX_NODES = 500,
    SCRIPT_MAX_SAY = 10, /* messages of one node */
};

struct script;

/* ST_INVALID: the message names the place ("nodes.menu.say[0].buttons: at most 3") and what is wrong. */
enum status script_parse(struct arena *a, struct str text, const struct script **ret, struct err *e)
    ATTR_MUST_CHECK;
/* Every part at fault, one problem each, at most max (1 or more) into ret; their number. */
size_t script_problems(struct arena *a, struct str text, struct err *ret, size_t max);
/* The one a new tenant has. */
struct str script_builtin(void);

struct script_input {
    struct str text;   /* what the person wrote since the last answer, lines joined */
    struct str choice; /* id of the last button or row tapped, empty: none */
    struct str state;  /* what the last run gave back, empty at first */
    struct str name;   /* the person's */
};

struct script_say {
    struct str type, content;
};

struct script_output {
    struct script_say *say;
    size_t n_say;
    struct str state;
    struct str handoff; /* reason, empty: none */
    struct str node;    /* where it went and why, for the trace */
    struct str because;
};

/* Total: any input leads to an output with something to say or a handoff. */
void script_run(struct arena *a, const struct script *s, const struct script_input *in,
                struct script_output *ret);
