/* arrive.c - mails bring their files along, answer from other addresses, and come back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "intake/arrive.h"

#include "conversation/conversation.h"
#include "dispatch/dispatch.h"
#include "provider/email.h"

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

static enum status answered_message(struct arena *a, struct tx *tx, const struct account *account,
                                    struct message_id id, struct lead_id *ret, struct err *e) {
    struct message m;
    struct conversation c;

    TRY(message_get(a, tx, account->tenant, id, &m, e));
    if (!uuid_eq(m.account.v, account->id.v))
        FAIL(e, ST_NOT_FOUND, "it answers a message of another account");
    TRY(conversation_get(a, tx, account->tenant, m.conversation, &c, e));
    *ret = c.lead;
    return ST_OK;
}

/* A test of a campaign went to an address of ours, with another person's data. */
static enum status answered_recipient(struct arena *a, struct tx *tx, const struct account *account,
                                      struct recipient_id id, struct lead_id *ret, struct err *e) {
    struct recipient r;

    TRY(recipient_get(a, tx, account->tenant, id, &r, e));
    if (r.is_test || !uuid_eq(r.account.v, account->id.v))
        FAIL(e, ST_NOT_FOUND, "it answers a test, or a mail of another account");
    *ret = r.lead;
    return ST_OK;
}

/* Whom the mail that correlation names went to; ST_NOT_FOUND also for one of another account. */
static enum status find_answered(struct arena *a, struct tx *tx, const struct account *account,
                                 struct str correlation, struct lead_id *ret, struct err *e) {
    struct uuid id;

    if (str_eat(&correlation, STR("r:")) && uuid_parse(correlation, &id))
        return answered_recipient(a, tx, account, (struct recipient_id){id}, ret, e);
    if (uuid_parse(correlation, &id))
        return answered_message(a, tx, account, (struct message_id){id}, ret, e);
    FAIL(e, ST_NOT_FOUND, "it answers no message of ours");
}

/* Addresses that many programs write from are nobody's. */
static bool is_programs(struct str email) {
    static const char *const names[] = {"mailer-daemon@", "postmaster@", "noreply@", "no-reply@"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_starts(email, str_of(names[i])))
            return true;
    return false;
}

enum status arrive_mail(struct arena *a, struct tx *tx, const struct account *account,
                        const struct inbound *ev, int64_t now_ms, bool *ret_is_own, struct err *e) {
    struct lead_id lead;
    struct err miss = ERR_INIT;
    enum status st;

    *ret_is_own = str_eq_nocase(ev->party.email, account->address);
    if (*ret_is_own || ev->correlation.len == 0 || is_programs(ev->party.email))
        return ST_OK;
    st = find_answered(a, tx, account, ev->correlation, &lead, &miss);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK) {
        *e = miss;
        return st;
    }
    return lead_learn_address(a, tx, account->tenant, lead, &ev->party, now_ms, e);
}

/* --- what came back ---------------------------------------------------------------------------------------------------------- */

/* Anybody can write a report: it counts where it is about a mail that we did send, to an address of who got it. */
static enum status is_theirs(struct arena *a, struct tx *tx, const struct account *account,
                             const struct inbound *status, bool *ret, struct err *e) {
    struct lead_id lead;
    struct str key;
    struct lead_list owners;

    *ret = false;
    TRY(find_answered(a, tx, account, status->correlation, &lead, e));
    if (!lead_key_of(a, status->party.email, &key))
        return ST_OK;
    TRY(lead_list_keys(a, tx, account->tenant, &key, 1, &owners, e));
    *ret = owners.n > 0 && uuid_eq(owners.items[0].v, lead.v);
    return ST_OK;
}

enum status arrive_bounce(struct arena *a, struct tx *tx, const struct account *account,
                          const struct inbound *status, int64_t now_ms, struct err *e) {
    struct err miss = ERR_INIT;
    enum status st;
    bool is_known;

    if (status->delivery != DELIVERY_FAILED || !email_is_no_address(status->error_code) ||
        status->party.email.len == 0)
        return ST_OK;
    st = is_theirs(a, tx, account, status, &is_known, &miss);
    if (st != ST_OK && st != ST_NOT_FOUND) {
        *e = miss;
        return st;
    }
    return st == ST_OK && is_known
               ? lead_learn_bounce(a, tx, account->tenant, status->party.email, now_ms, e)
               : ST_OK;
}
