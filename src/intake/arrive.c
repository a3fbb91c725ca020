/* arrive.c - mails bring their files along, answer from other addresses, and come back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "intake/arrive.h"

#include "conversation/conversation.h"

/* --- files -------------------------------------------------------------------------------------------------------------- */

/* An adapter wrote it: it is JSON. */
static const struct json *content_of(struct arena *a, const struct inbound *ev) {
    const struct json *content;
    struct err ignored = ERR_INIT;

    return json_parse(a, ev->content, JSON_LIMITS_DEFAULT, &content, &ignored) == ST_OK ? content
                                                                                        : NULL;
}

static struct str unsupported(struct arena *a, const struct inbound *ev, const struct err *why) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 64u << 10};
    const struct json *content = content_of(a, ev);
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "kind", STR("file"));
    json_put_opt(&o, "filename", json_str(json_path(content, "media", "filename", NULL)));
    json_put_str(&o, "errors", str_of(why->message));
    if (json_bool(json_get(content, "is_auto"), false))
        json_put_bool(&o, "is_auto", true);
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

static struct str name_of(struct arena *a, const struct inbound *ev) {
    return json_str(json_path(content_of(a, ev), "media", "filename", NULL));
}

enum status arrive_keep_files(const struct media_deps *deps, struct arena *a,
                              struct tenant_id tenant, struct inbound *events, size_t n,
                              struct media **ret, struct err *e) {
    *ret = NULL;
    for (size_t i = 0; i < n; i++) {
        struct inbound *ev = &events[i];
        struct err why = ERR_INIT;
        enum status st;

        if (ev->file.len == 0)
            continue;
        if (!*ret)
            *ret = arena_array_of(a, n, struct media);
        st = media_keep(deps, a, tenant, ev->file, name_of(a, ev), &(*ret)[i], &why);
        if (st == ST_OK) {
            ev->type = (*ret)[i].kind;
        } else if (st == ST_INVALID) {
            ev->type = STR("unsupported");
            ev->content = unsupported(a, ev, &why);
            ev->file = STR_EMPTY;
        } else {
            *e = why;
            return st;
        }
    }
    return ST_OK;
}

/* --- who wrote ------------------------------------------------------------------------------------------------------------ */

/* The conversation of the message that correlation names; ST_NOT_FOUND also for one of another account. */
static enum status find_answered(struct arena *a, struct tx *tx, const struct account *account,
                                 struct str correlation, struct conversation *ret, struct err *e) {
    struct message_id id;
    struct message m;

    if (!uuid_parse(correlation, &id.v))
        FAIL(e, ST_NOT_FOUND, "it answers no message of ours");
    TRY(message_get(a, tx, account->tenant, id, &m, e));
    if (!uuid_eq(m.account.v, account->id.v))
        FAIL(e, ST_NOT_FOUND, "it answers a message of another account");
    return conversation_get(a, tx, account->tenant, m.conversation, ret, e);
}

enum status arrive_mail(struct arena *a, struct tx *tx, const struct account *account,
                        const struct inbound *ev, int64_t now_ms, bool *ret_is_own, struct err *e) {
    struct conversation c;
    struct err miss = ERR_INIT;
    enum status st;

    *ret_is_own = str_eq_nocase(ev->party.email, account->address);
    if (*ret_is_own || ev->correlation.len == 0)
        return ST_OK;
    st = find_answered(a, tx, account, ev->correlation, &c, &miss);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    return lead_learn_address(a, tx, account->tenant, c.lead, &ev->party, now_ms, e);
}

/* --- what came back ---------------------------------------------------------------------------------------------------------- */

/* RFC 3463: 5.1.x is the address itself, 5.2.1 a mailbox that is closed; 5.0.0 and plain codes say nothing so certain. */
static bool is_address_dead(int64_t code) {
    return (code >= 510 && code <= 519) || (code >= 5100 && code <= 5199) || code == 521;
}

enum status arrive_bounce(struct arena *a, struct tx *tx, const struct account *account,
                          const struct inbound *status, int64_t now_ms, struct err *e) {
    struct conversation c;
    struct err miss = ERR_INIT;
    enum status st;

    if (status->delivery != DELIVERY_FAILED || !is_address_dead(status->error_code) ||
        status->party.email.len == 0)
        return ST_OK;
    /* Anybody can write a report: only one on a message that we did send counts. */
    st = find_answered(a, tx, account, status->correlation, &c, &miss);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    return lead_learn_bounce(a, tx, account->tenant, status->party.email, now_ms, e);
}
