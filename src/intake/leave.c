/* leave.c - the links by which people leave a mailing (RFC 2369, RFC 8058). What the link says is signed by a key of the
 * account's own, so nobody can make one up; whoever has it may leave in that person's name, which is what it is for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/consent.h"
#include "conversation/conversation.h"
#include "dispatch/dispatch.h"
#include "intake/arrive.h"
#include "intake/intake.h"
#include "outbox/outbox.h"
#include "provider/email.h"
#include "stats/stats.h"

#include "base/clock.h"

static struct stats_counter leavings =
    STATS_COUNTER("prosa_unsubscribes_total", "Links to leave a mailing that were used.");

#define PAGE_HEAD                                                                                       \
    "<!doctype html><html lang=\"pt-BR\"><meta charset=\"utf-8\">"                                      \
    "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">" \
    "<title>E-mails</title><style>body{font:18px/1.5 system-ui,sans-serif;max-width:34em;"              \
    "margin:4em auto;padding:0 1em;color:#222;background:#fff}button{font:inherit;padding:.6em "        \
    "1.2em;border:0;border-radius:.4em;background:#1f5fbf;color:#fff;cursor:pointer}"                   \
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}}</style><main>"

static const char ask_page[] = PAGE_HEAD
    "<h1>Parar de receber e-mails?</h1><p>Não enviaremos mais mensagens de divulgação para "
    "este endereço. Respostas a quem nos escreve continuam.</p>"
    "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" "
    "value=\"One-Click\"><button>Parar de receber</button></form></main></html>";
static const char done_page[] = PAGE_HEAD
    "<h1>Pronto</h1><p>Este endereço não receberá mais mensagens de divulgação.</p></main></html>";
static const char wrong_page[] = PAGE_HEAD
    "<h1>Este link não vale mais</h1><p>Responda ao e-mail com a palavra SAIR, e pararemos "
    "de escrever.</p></main></html>";

struct leaving {
    struct app *app;
    struct req *r;
    struct str token;
    bool is_asked; /* only looked at: nothing changes */
    bool is_good;
};

static void page(struct resp *ret, unsigned status, const char *html) {
    resp_text(ret, status, str_of(html));
    ret->content_type = STR("text/html; charset=utf-8");
    resp_header(ret, "Content-Security-Policy",
                STR("default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                    "frame-ancestors 'none'; base-uri 'none'"));
    resp_header(ret, "Referrer-Policy", STR("no-referrer"));
    resp_header(ret, "Cache-Control", STR("no-store"));
}

/* Who it is about; ST_NOT_FOUND: no link of ours, or one whose key is gone. */
static enum status read_token(struct arena *a, struct tx *tx, struct app *app, struct str token,
                              struct account *account, struct email_leave *leave, struct err *e) {
    struct str key;

    if (!email_leave_read(a, token, leave))
        FAIL(e, ST_NOT_FOUND, "that is no link of ours");
    TRY(account_get(a, tx, leave->account, account, e));
    TRY(account_secret(a, tx, app_outbox(app)->keys, account, "unsubscribe_key", &key, e));
    if (!email_leave_check(a, key, token))
        FAIL(e, ST_NOT_FOUND, "that is no link of ours");
    return ST_OK;
}

/* A test went to one of us, with somebody else's data: it is not they who press the link. */
static enum status is_of_test(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct uuid about, bool *ret, struct err *e) {
    struct recipient r;
    struct err miss = ERR_INIT;
    enum status st = recipient_get(a, tx, tenant, (struct recipient_id){about}, &r, &miss);

    *ret = st == ST_OK && r.is_test;
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *e = miss;
    return st;
}

static enum status stop(struct arena *a, struct tx *tx, const struct account *account,
                        const struct email_leave *about, const struct consent_proof *proof,
                        struct err *e) {
    const struct consent_wish wish = {.tenant = account->tenant,
                                      .channel = STR(CONSENT_EMAIL),
                                      .is_stop = true,
                                      .proof = proof,
                                      .now_ms = clock_now_ms()};
    bool is_test;

    TRY(is_of_test(a, tx, account->tenant, about->about, &is_test, e));
    if (is_test)
        return ST_OK;
    TRY(lead_set_consent(a, tx, about->lead, &wish, e));
    return dispatch_opted_out(a, tx, account->tenant, about->lead, wish.now_ms, e);
}

static enum status leave(struct tx *tx, void *ctx, struct err *e) {
    struct leaving *l = ctx;
    struct account account;
    struct email_leave about;
    const struct consent_proof proof = {.source = STR("list-unsubscribe"),
                                        .text = STR("List-Unsubscribe=One-Click")};

    l->is_good = false;
    TRY(read_token(l->r->arena, tx, l->app, l->token, &account, &about, e));
    if (!l->is_asked)
        TRY(stop(l->r->arena, tx, &account, &about, &proof, e));
    l->is_good = true;
    return ST_OK;
}

enum status leave_by_mail(struct app *app, struct arena *a, struct tx *tx,
                          const struct account *account, const struct left_mail *mail,
                          struct err *e) {
    const struct consent_proof proof = {
        .source = STR("list-unsubscribe"), .text = mail->subject, .message = mail->message};
    struct account named;
    struct email_leave about;
    struct err miss = ERR_INIT;
    enum status st = ST_NOT_FOUND;

    if (mail->token.len > 0)
        st = read_token(a, tx, app, mail->token, &named, &about, &miss);
    if (st == ST_OK && uuid_eq(named.id.v, account->id.v))
        st = stop(a, tx, account, &about, &proof, &miss);
    else if (st == ST_OK)
        st = ST_NOT_FOUND;
    if (st ==
        ST_NOT_FOUND) { /* no token, or of somebody who is gone: whoever writes is who leaves */
        const struct email_leave sender = {.account = account->id, .lead = mail->sender};

        st = stop(a, tx, account, &sender, &proof, e);
        if (st != ST_OK)
            return st;
    } else if (st != ST_OK) {
        *e = miss;
        return st;
    }
    stats_add(&leavings, 1);
    return ST_OK;
}

static enum status serve(struct app *app, struct req *r, bool is_asked, struct resp *ret,
                         struct err *e) {
    struct leaving l = {.app = app, .r = r, .token = req_param(r, "token"), .is_asked = is_asked};
    struct err why = ERR_INIT;
    struct email_leave about;
    enum status st = ST_NOT_FOUND;

    if (email_leave_read(r->arena, l.token, &about)) /* nonsense costs no transaction */
        st = is_asked ? db_read(app_db(app), DB_SYSTEM, leave, &l, &why)
                      : db_write(app_db(app), DB_SYSTEM, leave, &l, &why);
    if (st == ST_NOT_FOUND) {
        page(ret, 404, wrong_page);
        return ST_OK;
    }
    if (st != ST_OK) {
        *e = why;
        return st;
    }
    if (!is_asked)
        stats_add(&leavings, 1);
    page(ret, 200, is_asked ? ask_page : done_page);
    return ST_OK;
}

enum status leave_get(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    return serve(app, r, true, ret, e);
}

enum status leave_post(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    return serve(app, r, false, ret, e);
}
