/* parse.c - what stands behind a command's name: its options and arguments, and the settings that
 * every command takes and config/ checks.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"

struct reading {
    struct cli *c;
    int argc, at;
    char **argv;
};

static const struct option *find_option(const struct command *command, struct str name) {
    for (const struct option *o = command->options; o && o->name; o++)
        if (str_eq(name, str_of(o->name)))
            return o;
    return NULL;
}

static bool has_next(const struct reading *r) {
    return r->at + 1 < r->argc;
}

static enum status take_own(struct reading *r, const struct option *option, struct str value,
                            bool has_value, struct err *e) {
    if (!option->value && has_value)
        FAIL(e, ST_INVALID, "option --%s takes no value", option->name);
    if (option->value && !has_value) {
        if (!has_next(r))
            FAIL(e, ST_INVALID, "option --%s wants %s", option->name, option->value);
        value = str_of(r->argv[++r->at]);
    }
    if (r->c->n_given == CLI_MAX_GIVEN)
        FAIL(e, ST_INVALID, "there are more than %d options", CLI_MAX_GIVEN);
    r->c->given[r->c->n_given++] = (struct given){.option = option, .value = value};
    return ST_OK;
}

/* Not ours: a setting of the process. Its value is in the same argument or the next one, unless
 * that is an option itself; whether it is a setting at all is for config/ to say. */
static void take_setting(struct reading *r, bool has_value) {
    struct cli *c = r->c;

    c->settings[c->n_settings++] = r->argv[r->at];
    if (!has_value && has_next(r) && !str_starts(str_of(r->argv[r->at + 1]), STR("--")))
        c->settings[c->n_settings++] = r->argv[++r->at];
}

static enum status take_option(struct reading *r, struct err *e) {
    struct str value = str_of(r->argv[r->at]), name;
    bool has_value = str_cut(&value, '=', &name);
    const struct option *option;

    (void)str_eat(&name, STR("--"));
    if (str_eq(name, STR("json")) && !has_value) {
        r->c->is_json = true;
        return ST_OK;
    }
    option = find_option(r->c->command, name);
    if (option)
        return take_own(r, option, value, has_value, e);
    if (r->c->command->opens == OPENS_NOTHING)
        FAIL(e, ST_INVALID, "there is no option \"--%.*s\"", STR_ARG(str_sub(name, 0, 40)));
    take_setting(r, has_value);
    return ST_OK;
}

static enum status take_argument(struct reading *r, struct err *e) {
    if (r->c->n_args == CLI_MAX_ARGS)
        FAIL(e, ST_INVALID, "there are too many arguments");
    r->c->args[r->c->n_args++] = str_of(r->argv[r->at]);
    return ST_OK;
}

/* Arguments named in the table: "SLUG [ID]" wants one or two. */
static enum status check_arguments(const struct cli *c, struct err *e) {
    struct str names = str_of(c->command->args), name;
    size_t n = 0;

    while (names.len > 0) {
        (void)str_cut(&names, ' ', &name);
        if (n++ >= c->n_args && !str_starts(name, STR("[")))
            FAIL(e, ST_INVALID, "%.*s is missing", STR_ARG(name));
    }
    if (c->n_args > n)
        FAIL(e, ST_INVALID, "argument \"%.*s\" is one too many",
             STR_ARG(str_sub(c->args[n], 0, 40)));
    for (const struct option *o = c->command->options; o && o->name; o++)
        if (o->is_required && !cli_has(c, o->name))
            FAIL(e, ST_INVALID, "option --%s %s is missing", o->name, o->value);
    return ST_OK;
}

enum status cli_parse(struct cli *c, int argc, char *argv[], struct err *e) {
    struct reading r = {.c = c, .argc = argc, .argv = argv};
    bool is_rest = false;

    c->settings = arena_array_of(&c->arena, (size_t)argc + 1, char *);
    for (; r.at < argc; r.at++) {
        struct str word = str_of(argv[r.at]);

        if (!is_rest && str_eq(word, STR("--")))
            is_rest = true;
        else if (!is_rest && str_starts(word, STR("--")))
            TRY(take_option(&r, e));
        else if (!is_rest && word.len > 1 && word.ptr[0] == '-')
            FAIL(e, ST_INVALID, "there is no option \"%.*s\"", STR_ARG(str_sub(word, 0, 40)));
        else
            TRY(take_argument(&r, e));
    }
    return check_arguments(c, e);
}

bool cli_has(const struct cli *c, const char *option) {
    for (size_t i = 0; i < c->n_given; i++)
        if (strcmp(c->given[i].option->name, option) == 0)
            return true;
    return false;
}

struct str cli_value(const struct cli *c, const char *option) {
    for (size_t i = c->n_given; i > 0; i--)
        if (strcmp(c->given[i - 1].option->name, option) == 0)
            return c->given[i - 1].value;
    return STR_EMPTY;
}

struct str cli_arg(const struct cli *c, size_t i) {
    return i < c->n_args ? c->args[i] : STR_EMPTY;
}

enum status cli_arg_uuid(const struct cli *c, size_t i, struct uuid *ret, struct err *e) {
    struct str text = cli_arg(c, i);

    *ret = (struct uuid){0};
    if (text.len > 0 && !uuid_parse(text, ret))
        FAIL(e, ST_INVALID, "\"%.*s\" is no id", STR_ARG(str_sub(text, 0, 40)));
    return ST_OK;
}

enum status cli_number(const struct cli *c, const char *option, int64_t min, int64_t max,
                       int64_t *ret, struct err *e) {
    struct str text = cli_value(c, option);

    if (text.len > 0 && !str_parse_i64(text, min, max, ret))
        FAIL(e, ST_INVALID, "--%s is a number from %lld to %lld", option, (long long)min,
             (long long)max);
    return ST_OK;
}

enum status cli_limit(const struct cli *c, size_t *ret, struct err *e) {
    int64_t limit = CLI_LIST_DEFAULT;

    TRY(cli_number(c, "limit", 1, CLI_LIST_MAX, &limit, e));
    *ret = (size_t)limit;
    return ST_OK;
}
