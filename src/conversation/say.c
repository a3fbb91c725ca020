/* say.c - what the house itself tells the customer. The text goes out by a job of the same transaction: what happened and
 * what is said of it are one commit, and sending belongs to the outbox.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/change.h"

static struct str payload(struct arena *a, const struct change *ch, const char *what,
                          struct str text, struct str once) {
    struct buf b;
    struct json_out o;

    buf_init(&b, 64u << 10);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "conversation", uuid_format(a, ch->c.id.v));
    json_put_str(&o, "what", str_of(what));
    json_put_str(&o, "text", text);
    json_put_str(&o, "once", once);
    json_put_i64(&o, "version", ch->c.owner_version);
    json_end(&o);

    struct str data = arena_str(a, buf_str(&b));

    buf_done(&b);
    return data;
}

enum status change_say(struct change *ch, const char *what, struct str text, struct str once,
                       struct err *e) {
    struct str id = uuid_format(ch->a, ch->c.id.v);

    if (text.len == 0)
        return ST_OK;
    return queue_put(ch->tx,
                     (struct job_put){
                         .tenant = ch->c.tenant,
                         .kind = CONVERSATION_SAY_JOB,
                         .key = arena_printf(ch->a, "%.*s:%.*s", STR_ARG(id), STR_ARG(once)),
                         .coalesce = QUEUE_MOVE, /* the newest owner_version counts */
                         .priority = QUEUE_DIRECT,
                         .payload = payload(ch->a, ch, what, text, once),
                     },
                     NULL, e);
}

enum status change_say_away(struct change *ch, struct err *e) {
    if (team_is_open(&ch->team, ch->now_ms))
        return ST_OK;

    int64_t back_ms = team_add_minutes(&ch->team, ch->now_ms, 0);

    return change_say(ch, "out_of_hours", ch->team.texts.out_of_hours,
                      arena_printf(ch->a, "away:%lld", (long long)back_ms), e);
}

enum status change_say_waiting(struct change *ch, bool is_asked, struct err *e) {
    if (!team_is_open(&ch->team, ch->now_ms))
        return change_say_away(ch, e);
    if (!is_asked) /* the bot has said it in its own words */
        return ST_OK;
    return change_say(ch, "waiting", ch->team.texts.waiting,
                      arena_printf(ch->a, "waiting:%lld", (long long)ch->c.waiting_since_ms), e);
}
