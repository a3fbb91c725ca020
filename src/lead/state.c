/* state.c - where a lead stands on its way to a sale, and which steps there are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/store.h"

static const char *const states[] = LEAD_STATES;
_Static_assert(ARRAY_LEN(states) == LEAD_N_STATES, "as many as there are");

enum { /* places in LEAD_STATES */
       NEW,
       CONTACTING,
       REPLIED,
       QUALIFYING,
       SCHEDULED,
       WON,
       LOST,
       OPTED_OUT,
       UNREACHABLE,
       NONE
};

static int place_of(struct str state) {
    for (int i = 0; i < LEAD_N_STATES; i++) {
        if (str_eq(state, str_of(states[i])))
            return i;
    }
    return NONE;
}

bool lead_is_state(struct str state) {
    return place_of(state) != NONE;
}

bool lead_may_move(struct str from, struct str to, enum lead_mover by) {
    int f = place_of(from), t = place_of(to);

    if (f == NONE || t == NONE || f == t)
        return f == t && f != NONE;
    if (t == OPTED_OUT)
        return true;
    if (f == OPTED_OUT) /* neither a drag nor a message undoes what the lead asked for */
        return by == LEAD_OWN_WISH && (t == CONTACTING || t == REPLIED);
    if (t == UNREACHABLE || f == UNREACHABLE || by == LEAD_PERSON)
        return true;
    return t > f && f < WON;
}

static struct str state_data(struct arena *a, struct str from, const struct lead_step *step) {
    struct json_out o;
    struct buf b;
    struct str text;

    buf_init(&b, 4096);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "from", from);
    json_put_str(&o, "to", step->to);
    json_put_opt(&o, "why", utf8_cut_points(step->why, 500));
    json_end(&o);
    text = arena_str(a, buf_str(&b));
    buf_done(&b);
    return text;
}

enum status lead_step(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                      const struct lead_step *step, int64_t now_ms, struct err *e) {
    const enum lead_mover by = step->is_own_wish     ? LEAD_OWN_WISH
                               : step->actor.len > 0 ? LEAD_PERSON
                                                     : LEAD_PROGRAM;
    struct str from;
    int64_t moved = 0;

    if (!lead_is_state(step->to))
        FAIL(e, ST_INVALID, "state: no state \"%.*s\"", STR_ARG(utf8_cut_bytes(step->to, 40)));
    TRY(store_lead_state(a, tx, tenant, lead, &from, e));
    if (str_eq(from, step->to))
        return ST_OK;
    if (!lead_may_move(from, step->to, by)) {
        e->cause = "illegal-transition";
        FAIL(e, ST_CONFLICT, "a lead does not go from %.*s to %.*s", STR_ARG(from),
             STR_ARG(step->to));
    }
    TRY(store_lead_set_state(tx, tenant, lead, from, step->to, now_ms, &moved, e));
    if (moved == 0) {
        e->cause = "illegal-transition";
        FAIL(e, ST_CONFLICT, "the lead was moved by somebody else meanwhile");
    }
    return lead_note(tx,
                     &(struct lead_event){
                         .tenant = tenant,
                         .lead = lead,
                         .kind = STR("lead.state"),
                         .data = state_data(a, from, step),
                         .actor = step->actor,
                         .at_ms = now_ms,
                     },
                     e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_move(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                      struct str to_state, struct str why, int64_t now_ms, struct err *e) {
    return lead_step(a, tx, tenant, lead, &(struct lead_step){.to = to_state, .why = why}, now_ms,
                     e);
}

static bool may_reply(struct str state) {
    int place = place_of(state);

    return place == NEW || place == CONTACTING || place == UNREACHABLE;
}

enum status lead_heard(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       const struct lead *lead, int64_t now_ms, struct err *e) {
    enum {
        GRAIN_MS = 60 * 1000
    }; /* a burst is remembered once: the list's index is not rewritten for each message */
    const struct lead_step step = {.to = STR("replied")};
    struct str state;

    if (now_ms - lead->last_inbound_at_ms >= GRAIN_MS)
        TRY(store_lead_heard(tx, tenant, lead->id, now_ms, e));
    if (!may_reply(lead->state))
        return ST_OK;
    /* Under the lock: a merge or a stop may have come between. */
    TRY(store_lead_state(a, tx, tenant, lead->id, &state, e));
    return may_reply(state) ? lead_step(a, tx, tenant, lead->id, &step, now_ms, e) : ST_OK;
}
