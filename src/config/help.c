/* help.c - the table as people read it: --help, the manual, doctor.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "config/load.h"
#include "config/table.h"

enum {
    WIDTH = 80,
    INDENT = 6,
};

/* Words of s in lines of at most WIDTH, each behind INDENT spaces. */
static void add_wrapped(struct buf *b, struct str s) {
    size_t column = 0;

    while (s.len > 0) {
        struct str word;

        (void)str_cut(&s, ' ', &word);
        if (column > 0 && column + 1 + word.len > WIDTH) {
            buf_add_char(b, '\n');
            column = 0;
        }
        if (column == 0) {
            buf_printf(b, "%*s", INDENT, "");
            column = INDENT;
        } else {
            buf_add_char(b, ' ');
            column++;
        }
        buf_add(b, word);
        column += word.len;
    }
    buf_add_char(b, '\n');
}

static struct str default_of(const struct setting *s) {
    return s->fallback[0] ? str_of(s->fallback) : STR("none");
}

static bool starts_group(const struct setting *s) {
    return s == config_table || strcmp(s[-1].group, s->group) != 0;
}

/* Secrets have no flag of their own, only that of their file, unless that is a setting itself. */
static struct str usual_flag(struct arena *a, const struct setting *s) {
    struct str flag = setting_flag(a, s);

    if (s->type != SETTING_SECRET)
        return flag;
    if (setting_find(arena_printf(a, "%s_file", s->key)))
        return STR_EMPTY;
    return arena_printf(a, "%.*s-file PATH", STR_ARG(flag));
}

void config_help(struct buf *b) {
    ATTR_CLEANUP(arena_done_p)
    struct arena a = {0};

    buf_add(b, STR("Each setting is a flag or an environment variable: --http-threads 4 or\n"
                   "PROSA_HTTP_THREADS=4; the flag wins. With -file or _FILE behind its name, the\n"
                   "value is read from a file. Secrets are taken from a file or the environment\n"
                   "only.\n"));
    for (size_t i = 0; i < config_table_len; i++) {
        const struct setting *s = &config_table[i];
        struct str flag;

        if (starts_group(s))
            buf_printf(b, "\n%s\n", s->group);
        flag = usual_flag(&a, s);
        if (flag.len == 0)
            flag = setting_env(&a, s);
        buf_printf(b, "  %.*s (default: %.*s)\n", STR_ARG(flag), STR_ARG(default_of(s)));
        add_wrapped(b, str_of(s->help));
        add_wrapped(b, arena_printf(&a, "Wants %.*s.", STR_ARG(setting_wants(&a, s))));
    }
}

static void add_markdown_row(struct buf *b, struct arena *a, const struct setting *s) {
    const char *quote = s->fallback[0] ? "`" : "";
    struct str flag = usual_flag(a, s);

    buf_printf(b, "| `%.*s`", STR_ARG(setting_env(a, s)));
    if (flag.len > 0)
        buf_printf(b, "<br>`%.*s`", STR_ARG(flag));
    buf_printf(b, " | %s%.*s%s | %.*s | %s%s", quote, STR_ARG(default_of(s)), quote,
               STR_ARG(setting_wants(a, s)), s->help, s->is_reloadable ? " Reloadable." : "");
    if (s->alias.env)
        buf_printf(b, " `%s=true` is another name for `%s`; the setting itself wins.", s->alias.env,
                   s->alias.means);
    buf_add(b, STR(" |\n"));
}

void config_markdown(struct buf *b) {
    ATTR_CLEANUP(arena_done_p)
    struct arena a = {0};

    buf_add(b, STR("# Configuration\n\n"
                   "<!-- Generated from src/config/table.c; a test compares. Do not edit. -->\n\n"
                   "A setting comes from its default, then the environment, then a flag; the last "
                   "one that says something wins. An empty\nvariable counts as not set. With "
                   "`_FILE` (or `-file`) behind its name, the value is read from the file named "
                   "there.\nSecrets are taken from a file or the environment only: everybody on a "
                   "machine can read a command line. Durations are\nmilliseconds or carry a unit "
                   "(`500ms`, `10s`, `2m`, `1h`), sizes are bytes or carry one (`64KiB`, `4MiB`, "
                   "`1GiB`).\n\nAn unknown `PROSA_…` variable or flag, or a value out of range, "
                   "stops the start with a message that names it. On SIGHUP,\nsettings marked "
                   "*Reloadable* take their new value; a change of any other is reported and waits "
                   "for a restart.\n"));
    for (size_t i = 0; i < config_table_len; i++) {
        const struct setting *s = &config_table[i];

        if (starts_group(s))
            buf_printf(b,
                       "\n## %s\n\n| Setting | Default | Allowed | Meaning |\n"
                       "| --- | --- | --- | --- |\n",
                       s->group);
        add_markdown_row(b, &a, s);
    }
}

void config_dump(struct buf *b, const struct config *c) {
    ATTR_CLEANUP(arena_done_p)
    struct arena a = {0};

    for (size_t i = 0; i < config_table_len; i++) {
        const struct setting *s = &config_table[i];
        struct str value = setting_format(&a, s, c), from = c->sources[i].name;

        if (value.len == 0)
            value = STR("(none)");
        if (from.len == 0)
            from = STR("default");
        buf_printf(b, "%-24s %.*s  (%.*s)\n", s->key, STR_ARG(value), STR_ARG(from));
    }
}
