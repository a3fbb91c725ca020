/* load.c - puts a struct config together: defaults, environment, flags, then what must hold between
 * settings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "config/table.h"

enum {
    VALUE_SHOWN_BYTES = 64,
};

static const struct str file_suffix = {.ptr = "_file", .len = 5};

/* A setting as somebody named it: where from, and whether the value is in a file. */
struct given {
    const struct setting *setting;
    struct str name; /* "PROSA_WORKERS", "--workers": for messages */
    bool is_file;
};

static struct config_source *source_of(struct config *c, const struct setting *s) {
    return &c->sources[s - config_table];
}

static bool is_explicit(const struct config *c, const struct setting *s) {
    return c->sources[s - config_table].name.len > 0;
}

static void warn(struct config *c, struct str text) {
    if (c->n_warnings < CONFIG_WARNINGS_MAX)
        c->warnings[c->n_warnings++] = text;
}

static bool is_confidential(const struct setting *s) {
    return s->type == SETTING_SECRET || s->type == SETTING_DSN;
}

static enum status fail_value(struct config *c, const struct given *g, struct str value,
                              struct err *e) {
    struct str wants = setting_wants(&c->arena, g->setting);

    if (is_confidential(g->setting) || g->is_file)
        FAIL(e, ST_INVALID, "could not use %.*s: wants %.*s", STR_ARG(g->name), STR_ARG(wants));
    FAIL(e, ST_INVALID, "could not use %.*s \"%.*s\": wants %.*s", STR_ARG(g->name),
         STR_ARG(str_sub(value, 0, VALUE_SHOWN_BYTES)), STR_ARG(wants));
}

static enum status set_value(struct config *c, const struct given *g, struct str value,
                             struct err *e) {
    struct str text = value;

    if (g->is_file)
        TRY(load_file(&c->arena, g->name, value, &text, e));
    if (!setting_parse(g->setting, text, c))
        return fail_value(c, g, text, e);
    source_of(c, g->setting)->name = g->name;
    return ST_OK;
}

/* The setting itself first: tls_key_file is one, not the file of a tls_key. */
static bool find_given(struct str key, struct given *g) {
    g->setting = setting_find(key);
    g->is_file = false;
    if (!g->setting && key.len > file_suffix.len &&
        str_eq_nocase(str_sub(key, key.len - file_suffix.len + 1, key.len), STR("file")) &&
        (key.ptr[key.len - file_suffix.len] == '_' || key.ptr[key.len - file_suffix.len] == '-')) {
        g->setting = setting_find(str_sub(key, 0, key.len - file_suffix.len));
        g->is_file = true;
    }
    return g->setting != NULL;
}

/* name_of is setting_flag or setting_env. */
static enum status fail_unknown(struct arena *a, struct str name, struct str key,
                                struct str (*name_of)(struct arena *, const struct setting *),
                                struct err *e) {
    const struct setting *near = setting_nearest(key);

    if (!near)
        FAIL(e, ST_INVALID, "could not use %.*s: no such setting",
             STR_ARG(str_sub(name, 0, VALUE_SHOWN_BYTES)));
    FAIL(e, ST_INVALID, "could not use %.*s: no such setting; did you mean %.*s?", STR_ARG(name),
         STR_ARG(name_of(a, near)));
}

/* Kubernetes puts PROSA_SERVICE_HOST, PROSA_PORT=tcp://…, PROSA_PORT_8080_TCP_ADDR and the like
 * into every pod when a service is called "prosa" (documentation of Kubernetes, "Service",
 * environment variables). They are not ours. */
static bool is_service_link(struct str key, struct str value) {
    static const struct str port = {.ptr = "PORT_", .len = 5};

    if (str_ends(key, STR("SERVICE_HOST")) || str_contains(key, STR("SERVICE_PORT")))
        return true;
    if (str_ends(key, STR("PORT")))
        return str_contains(value, STR("://"));
    for (size_t i = 0; i + port.len < key.len; i++) {
        char next = key.ptr[i + port.len];

        if (str_starts(str_sub(key, i, key.len), port) && next >= '0' && next <= '9')
            return true;
    }
    return false;
}

static enum status load_variable(struct config *c, struct str variable, struct err *e) {
    struct str value = variable, name, key;
    struct given g = {0};

    (void)str_cut(&value, '=', &name);
    key = name;
    if (!str_eat(&key, STR("PROSA_")) || value.len == 0)
        return ST_OK;
    if (!find_given(key, &g)) {
        if (is_service_link(key, value))
            return ST_OK;
        return fail_unknown(&c->arena, name, key, setting_env, e);
    }
    if (is_explicit(c, g.setting))
        FAIL(e, ST_INVALID, "could not use %.*s: %.*s is set too", STR_ARG(name),
             STR_ARG(source_of(c, g.setting)->name));
    g.name = arena_str(&c->arena, name);
    return set_value(c, &g, value, e);
}

static enum status load_environment(struct config *c, char *const envp[], struct err *e) {
    for (; *envp; envp++)
        TRY(load_variable(c, str_of(*envp), e));
    return ST_OK;
}

static struct str variable_value(char *const envp[], struct str wanted) {
    for (; *envp; envp++) {
        struct str value = str_of(*envp), name;

        if (str_cut(&value, '=', &name) && str_eq(name, wanted))
            return str_trim(value);
    }
    return STR_EMPTY;
}

/* A true alias sets what was not set; one that says other than the setting itself is overruled and
 * reported. */
static enum status load_alias(struct config *c, const struct setting *s, char *const envp[],
                              struct err *e) {
    struct str env = str_of(s->alias.env), means = str_of(s->alias.means);
    struct str value = variable_value(envp, env);
    struct str now;
    bool on;

    if (value.len == 0)
        return ST_OK;
    if (!setting_parse_bool(value, &on))
        FAIL(e, ST_INVALID, "could not use %.*s \"%.*s\": wants true or false", STR_ARG(env),
             STR_ARG(str_sub(value, 0, VALUE_SHOWN_BYTES)));
    if (!is_explicit(c, s)) {
        if (on)
            return set_value(c, &(struct given){.setting = s, .name = env}, means, e);
        return ST_OK;
    }
    now = setting_format(&c->arena, s, c);
    if (on != str_eq(now, means))
        warn(c, arena_printf(&c->arena, "%.*s=%.*s is overruled by %.*s, which says %.*s",
                             STR_ARG(env), STR_ARG(value), STR_ARG(source_of(c, s)->name),
                             STR_ARG(now)));
    return ST_OK;
}

static enum status load_aliases(struct config *c, char *const envp[], struct err *e) {
    for (size_t i = 0; i < config_table_len; i++) {
        if (config_table[i].alias.env)
            TRY(load_alias(c, &config_table[i], envp, e));
    }
    return ST_OK;
}

/* The flag at argv[*at] and its value, which may be the next argument. */
static enum status load_flag(struct config *c, int argc, char *const argv[], int *at,
                             struct err *e) {
    struct str value = str_of(argv[*at]), name, key;
    struct given g = {0};
    bool has_value = str_cut(&value, '=', &name);

    key = name;
    if (!str_eat(&key, STR("--")))
        FAIL(e, ST_INVALID, "could not use argument \"%.*s\": flags begin with --",
             STR_ARG(str_sub(name, 0, VALUE_SHOWN_BYTES)));
    if (!find_given(key, &g))
        return fail_unknown(&c->arena, name, key, setting_flag, e);
    if (g.setting->type == SETTING_SECRET && !g.is_file)
        FAIL(e, ST_DENIED,
             "could not use %.*s: everybody can read a command line; use %.*s or %.*s-file",
             STR_ARG(name), STR_ARG(setting_env(&c->arena, g.setting)), STR_ARG(name));
    if (!has_value && g.setting->type == SETTING_BOOL && !g.is_file) {
        value = STR("true");
    } else if (!has_value) {
        if (*at + 1 == argc)
            FAIL(e, ST_INVALID, "could not use %.*s: it needs a value", STR_ARG(name));
        value = str_of(argv[++*at]);
    }
    g.name = arena_str(&c->arena, name);
    return set_value(c, &g, value, e);
}

static enum status load_flags(struct config *c, int argc, char *const argv[], struct err *e) {
    for (int at = 0; at < argc; at++)
        TRY(load_flag(c, argc, argv, &at, e));
    return ST_OK;
}

/* What no single row can say. */
static enum status check_whole(struct config *c, struct err *e) {
    const uint32_t all = CONFIG_ROLE_API | CONFIG_ROLE_WORKER | CONFIG_ROLE_SCHEDULER;

    if ((c->tls_cert_file.len > 0) != (c->tls_key_file.len > 0))
        FAIL(e, ST_INVALID, "could not use %s alone: tls_cert_file and tls_key_file go together",
             c->tls_cert_file.len > 0 ? "tls_cert_file" : "tls_key_file");
    if (c->master_key.len > 0 && is_explicit(c, setting_find(STR("master_key_file"))))
        FAIL(e, ST_INVALID, "could not use both master_key and master_key_file");
    if (c->roles != all && str_starts(c->database_url, STR("sqlite:")))
        warn(c, STR("roles leaves some out, but SQLite serves one process: nobody else does them"));
    if (c->httpc_allow_private)
        warn(c, STR("httpc_allow_private lets tenants' URLs reach private addresses"));
    return ST_OK;
}

static struct config *new_default(void) {
    struct config *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    atomic_init(&c->refs, 1);
    c->sources = arena_array_of(&c->arena, config_table_len, struct config_source);
    for (size_t i = 0; i < config_table_len; i++) {
        bool ok = setting_parse(&config_table[i], str_of(config_table[i].fallback), c);

        assert(ok); /* the table is ours */
    }
    return c;
}

enum status config_load(int argc, char *const argv[], char *const envp[], struct config **ret,
                        struct err *e) {
    ATTR_CLEANUP(config_unref_p)
    struct config *c = new_default();

    TRY(load_environment(c, envp, e));
    TRY(load_flags(c, argc, argv, e));
    TRY(load_aliases(c, envp, e));
    TRY(check_whole(c, e));
    *ret = TAKE(c);
    return ST_OK;
}

static void keep_old(const struct config *old, struct config *c, const struct setting *s) {
    setting_copy(s, old, c);
    source_of(c, s)->name = arena_str(&c->arena, old->sources[s - config_table].name);
    warn(c, arena_printf(&c->arena, "%s changed; that needs a restart", s->key));
}

enum status config_reload(const struct config *old, int argc, char *const argv[],
                          char *const envp[], struct config **ret, struct err *e) {
    ATTR_CLEANUP(config_unref_p)
    struct config *c = NULL;

    TRY(config_load(argc, argv, envp, &c, e));
    for (size_t i = 0; i < config_table_len; i++) {
        const struct setting *s = &config_table[i];

        if (!s->is_reloadable && !setting_same(s, old, c))
            keep_old(old, c, s);
    }
    *ret = TAKE(c);
    return ST_OK;
}

struct str config_data_dir(struct arena *a, const struct config *c) {
    struct str path = c->database_url;

    if (c->data_dir.len > 0)
        return c->data_dir;
    if (str_eat(&path, STR("sqlite:")))
        return arena_printf(a, "%.*s.files", STR_ARG(path));
    return STR("prosa-data");
}

struct config *config_ref(struct config *c) {
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void config_unref(struct config *c) {
    if (!c || atomic_fetch_sub(&c->refs, 1) > 1)
        return;
    arena_done(&c->arena);
    free(c);
}

void config_unref_p(struct config **c) {
    config_unref(*c);
}
