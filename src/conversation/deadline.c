/* deadline.c - when something must happen to a conversation. The next deadline follows from the row and the settings alone,
 * so one that was stored too early, or under other settings, is found anew when it is looked at.
 *
 *   waiting        pickup:   a person should have taken it        escalate: … and supervisors should know
 *   a person's     answer:   the customer was not answered; none while the customer has nothing open
 *   the bot's      answer:   the bot should have spoken           expire:   nobody wrote for long
 *
 * The clocks of people's deadlines stand still outside working hours.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/change.h"

enum { DOUBLINGS = 10, HOUR_MS = 3600 * 1000 };

static void set(struct conversation *c, const char *kind, int64_t at_ms) {
    c->deadline_kind = str_of(kind);
    c->deadline_at_ms = at_ms;
}

/* Told after once, twice, four times … the time: a conversation that nobody wants does not fill the record. */
static int64_t escalate_minutes(const struct team_settings *team, int64_t step) {
    int64_t doublings = step - 1 < DOUBLINGS ? step - 1 : DOUBLINGS;
    int64_t rest = step - 1 - doublings;

    return (team->escalate_minutes << doublings) * (rest + 1);
}

void deadline_find(struct conversation *c, const struct team_settings *team) {
    int64_t since_ms = c->unanswered_at_ms;

    if (conversation_is_closed(c)) {
        set(c, "", 0);
    } else if (str_eq(c->owner, STR("none"))) {
        if (c->deadline_step == 0)
            set(c, "pickup", team_add_minutes(team, c->waiting_since_ms, team->pickup_minutes));
        else
            set(c, "escalate",
                team_add_minutes(team, c->waiting_since_ms,
                                 escalate_minutes(team, c->deadline_step)));
    } else if (str_eq(c->owner, STR("person"))) {
        if (since_ms == 0) {
            set(c, "", 0);
            return;
        }
        since_ms = since_ms > c->assigned_at_ms ? since_ms : c->assigned_at_ms;
        set(c, "answer", team_add_minutes(team, since_ms, team->silence_minutes));
    } else if (since_ms != 0) {
        set(c, "answer", since_ms + BOT_ANSWER_MS);
    } else {
        set(c, "expire", c->last_at_ms + team->expire_hours * HOUR_MS);
    }
}
