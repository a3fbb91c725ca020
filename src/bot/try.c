/* try.c - trying a bot out: what is wrong with a script, and what would be answered to a given talk. Nothing is stored but
 * what a model's answer cost.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bot/turn.h"

#include "base/clock.h"

enum {
    PROBLEMS_MAX = 50,
    LAST_ATTEMPT = 1 << 20, /* nobody waits for a second try */
};

_Static_assert((int)BOT_TRY_SAYS >= (int)SCRIPT_MAX_SAY, "an answer has room for what a node says");

/* --- what is wrong ---------------------------------------------------------------------------------------------------- */

static bool is_path_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80 || (c != '\0' && strchr("._-[]", c));
}

/* "nodes.menu.say: at most 10 messages" is a path and what is wrong there. */
static struct bot_problem problem_of(struct arena *a, const struct err *e) {
    struct str message = arena_str(a, str_of(e->message)), rest = message, path;

    if (str_cut(&rest, ':', &path) && path.len > 0 && rest.len > 0) {
        for (size_t i = 0; i < path.len; i++)
            if (!is_path_char(path.ptr[i]))
                return (struct bot_problem){.message = message};
        return (struct bot_problem){.path = path, .message = str_trim(rest)};
    }
    return (struct bot_problem){.message = message};
}

void bot_problems(struct arena *a, struct str script, struct bot_problem **ret, size_t *ret_n) {
    struct err *found = arena_array_of(a, PROBLEMS_MAX, struct err);

    *ret_n = script_problems(a, script, found, PROBLEMS_MAX);
    *ret = arena_array_of(a, *ret_n + 1, struct bot_problem);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = problem_of(a, &found[i]);
}

/* --- what would be said ----------------------------------------------------------------------------------------------- */

/* The script goes through the talk again, turn by turn: lines of the customer that stand together are one turn. */
static enum status try_script(struct arena *a, const struct bot_try *in, struct bot_answer *ret,
                              struct err *e) {
    struct str text = in->bot->script.len > 0 ? in->bot->script : script_builtin();
    const struct script *script;
    struct script_input turn = {.name = in->name};
    struct script_output out = {0};

    TRY(script_parse(a, text, &script, e));
    for (size_t i = 0; i < in->n_lines; i++) {
        const struct bot_line *line = &in->lines[i];
        bool is_last = i + 1 == in->n_lines || in->lines[i + 1].is_bot;

        if (line->is_bot)
            continue;
        turn.text = arena_printf(a, "%.*s%.*s\n", STR_ARG(turn.text), STR_ARG(line->text));
        if (line->choice.len > 0)
            turn.choice = line->choice;
        if (!is_last)
            continue;
        script_run(a, script, &turn, &out);
        turn = (struct script_input){.name = in->name, .state = out.state};
    }
    for (size_t i = 0; i < out.n_say; i++) {
        ret->say[i].type = out.say[i].type;
        ret->say[i].content = out.say[i].content;
    }
    ret->n_say = out.n_say;
    ret->handoff = out.handoff;
    ret->how = script_how(a, &out);
    return ST_OK;
}

static void see(struct arena *a, const struct bot_try *in, struct seen *ret) {
    *ret = (struct seen){.bot = *in->bot,
                         .messages = arena_array_of(a, in->n_lines, struct message),
                         .n_messages = in->n_lines};
    for (size_t i = 0; i < in->n_lines; i++) {
        const struct bot_line *line = &in->lines[in->n_lines - 1 - i]; /* newest first */

        ret->messages[i] = (struct message){
            .direction = line->is_bot ? STR("out") : STR("in"),
            .type = STR("text"),
            .text = line->text,
        };
    }
}

static enum status try_model(struct bot_deps *deps, struct arena *a, const struct bot_try *in,
                             struct bot_answer *ret, struct err *e) {
    const struct job job = {.tenant = in->bot->tenant, .attempt = LAST_ATTEMPT};
    struct decision d = {0};
    struct seen seen;

    TRY(bot_check_model(a, in->bot->model, e));
    see(a, in, &seen);
    TRY(model_decide(deps, a, &job, &seen, &d, e));
    for (size_t i = 0; i < d.n_say; i++) {
        ret->say[i].type = d.say[i].type;
        ret->say[i].content = d.say[i].content;
    }
    ret->n_say = d.n_say;
    ret->handoff = d.handoff;
    ret->how = d.how;
    ret->cost_micros = d.cost_micros;
    return ST_OK;
}

enum status bot_try(struct bot_deps *deps, struct arena *a, const struct bot_try *in,
                    struct bot_answer *ret, struct err *e) {
    int64_t started_ms = clock_mono_ms();

    *ret = (struct bot_answer){0};
    if (in->n_lines == 0 || in->lines[in->n_lines - 1].is_bot)
        FAIL(e, ST_INVALID, "messages: the last one must be the customer's");
    if (in->n_lines > BOT_TRY_LINES)
        FAIL(e, ST_INVALID, "messages: at most %d", BOT_TRY_LINES);
    if (str_eq(in->bot->kind, STR("model")))
        TRY(try_model(deps, a, in, ret, e));
    else
        TRY(try_script(a, in, ret, e));
    ret->took_ms = clock_mono_ms() - started_ms;
    return ST_OK;
}
