/* table.h - what a row of the settings table says. Private to config/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

enum setting_type {                   /* the field behind it */
                    SETTING_TEXT,     /* struct str; min and max are bytes */
                    SETTING_SECRET,   /* struct str, never from a flag and never shown */
                    SETTING_DSN,      /* struct str, shown without its password */
                    SETTING_URL,      /* struct str, http or https, no slash at the end */
                    SETTING_NUMBER,   /* uint32_t */
                    SETTING_DURATION, /* uint32_t, milliseconds */
                    SETTING_SIZE,     /* uint32_t, bytes */
                    SETTING_BOOL,     /* bool */
                    SETTING_CHOICE,   /* an enum: one of the choices */
                    SETTING_SET,      /* uint32_t: any of the choices, or-ed, at least one */
};

struct choice {
    const char *name; /* NULL ends a list */
    uint32_t value;
};

/* Another system's variable that means a value of this setting when it is true. */
struct setting_alias {
    const char *env;
    const char *means;
};

struct setting {
    const char *key; /* lower_case; --lower-case and PROSA_LOWER_CASE follow from it */
    const char *group;
    enum setting_type type;
    bool is_reloadable;
    size_t offset;
    const char *fallback; /* text of the default; "" is none */
    int64_t min, max;
    const struct choice *choices;
    const char
        *wants; /* what check demands, for messages and manual; NULL: follows from the type */
    bool (*check)(struct str v);
    struct setting_alias alias;
    const char *help;
};

extern const struct setting config_table[];
extern const size_t config_table_len;

struct setting_unit {
    struct str name;
    uint32_t factor; /* 0 ends a list */
};

extern const struct setting_unit setting_durations[];
extern const struct setting_unit setting_sizes[];

/* Without '_' versus '-' or letter case: key of a flag's or variable's name. NULL when there is no
 * such setting. */
const struct setting *setting_find(struct str key);
/* The key most like a misspelt one; NULL when none is near. */
const struct setting *setting_nearest(struct str key);

struct str setting_flag(struct arena *a, const struct setting *s); /* "--http-threads" */
struct str setting_env(struct arena *a, const struct setting *s);  /* "PROSA_HTTP_THREADS" */
/* "1 to 512", "5s to 25s", "off, replies or all": what a value may be. */
struct str setting_wants(struct arena *a, const struct setting *s);
/* Text as people write it into the field of c; false when it is not allowed. Texts are copied into
 * c's arena. */
bool setting_parse(const struct setting *s, struct str text, struct config *c);
/* The field of c as people write it, secrets masked. */
struct str setting_format(struct arena *a, const struct setting *s, const struct config *c);
/* True when x and y hold the same value. */
bool setting_same(const struct setting *s, const struct config *x, const struct config *y);
void setting_copy(const struct setting *s, const struct config *from, struct config *to);

static inline const void *setting_field(const struct setting *s, const struct config *c) {
    return (const char *)c + s->offset;
}

static inline uint32_t setting_number(const struct setting *s, const struct config *c) {
    return *(const uint32_t *)setting_field(s, c);
}

static inline struct str setting_text(const struct setting *s, const struct config *c) {
    return *(const struct str *)setting_field(s, c);
}

/* "true", "on", "yes", "1" and their opposites, any letter case. */
bool setting_parse_bool(struct str v, bool *ret);

bool check_listen(struct str v);
bool check_networks(struct str v);
bool check_database(struct str v);
bool check_graph_version(struct str v);
