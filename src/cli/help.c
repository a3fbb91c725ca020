/* help.c - the table of commands as people read it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

enum {
    NAME_WIDTH = 26,
};

static void add_row(struct buf *b, struct str name, const char *text) {
    int pad = name.len < NAME_WIDTH ? NAME_WIDTH - (int)name.len : 1;

    buf_printf(b, "  %.*s%*s%s\n", STR_ARG(name), pad, "", text);
}

static void add_options(struct buf *b, const struct command *command) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    for (const struct option *o = command->options; o && o->name; o++)
        add_row(b, arena_printf(&a, "--%s %s", o->name, o->value ? o->value : ""), o->help);
    if (command->run)
        add_row(b, STR("--json"), "print JSON");
    add_row(b, STR("--help"), "print this");
}

static void add_usage(struct buf *b, const struct command *command, struct str path) {
    buf_printf(b, "  prosa%s%.*s", path.len > 0 ? " " : "", STR_ARG(path));
    if (command->subcommands)
        buf_add(b, STR(" COMMAND"));
    if (command->args)
        buf_printf(b, " %s", command->args);
    for (const struct option *o = command->options; o && o->name; o++)
        if (o->is_required)
            buf_printf(b, " --%s %s", o->name, o->value);
    buf_add(b, STR(" [OPTIONS]\n"));
}

void cli_help(struct buf *b, const struct command *command, struct str path) {
    buf_printf(b, "prosa%s%.*s - %s\n\n", path.len > 0 ? " " : "", STR_ARG(path), command->summary);
    add_usage(b, command, path);
    if (command->help)
        buf_printf(b, "\n%s\n", command->help);
    if (command->subcommands) {
        buf_add(b, STR("\nCommands\n"));
        for (const struct command *s = command->subcommands; s->name; s++)
            add_row(b, str_of(s->name), s->summary);
        buf_printf(b, "\n`prosa help%s%.*s COMMAND` tells more about one.\n",
                   path.len > 0 ? " " : "", STR_ARG(path));
        return;
    }
    buf_add(b, STR("\nOptions\n"));
    add_options(b, command);
    if (command->opens != OPENS_NOTHING)
        buf_add(b, STR("\nEvery setting of `prosa help serve` is an option here as well, such as"
                       " --database-url\n(PROSA_DATABASE_URL).\n"));
}
