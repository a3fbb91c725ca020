/* mail.c - what the fake mail server keeps, and the pages that show it, write to it and spoil it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/mail.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "mime/mime.h"
#include "sim/internal.h"

enum { PREVIEW_POINTS = 140, LIST_DEFAULT = 200, TEXT_MAX = 1 << 20, HEADERS_MAX = 64 << 10 };

/* --- life ---------------------------------------------------------------------------------------------- */

struct mail_sim *mail_sim_new(void) {
    struct mail_sim *m = calloc(1, sizeof(*m));

    if (!m)
        abort();
    pthread_mutex_init(&m->lock, NULL);
    list_init(&m->mails);
    m->next_uid = 1;
    /* Another start is another folder: its numbers begin anew (RFC 3501 §2.3.1.1). */
    m->validity = clock_now_ms() / 1000 % INT64_C(4294967295) + 1;
    return m;
}

enum status mail_sim_start(struct mail_sim *m, struct err *e) {
    TRY(line_server_start(m, smtp_talk, &m->smtp, e));
    return line_server_start(m, imap_talk, &m->imap, e);
}

void mail_sim_stop(struct mail_sim *m) {
    line_server_stop(m->smtp);
    line_server_stop(m->imap);
    m->smtp = m->imap = NULL;
}

static void forget_oldest(struct mail_sim *m) {
    struct kept_mail *k = LIST_ITEM(list_pop(&m->mails), struct kept_mail, node);

    m->n--;
    m->bytes -= k->bytes.len;
    free(k);
}

void mail_sim_clear(struct mail_sim *m) {
    pthread_mutex_lock(&m->lock);
    while (m->n > 0)
        forget_oldest(m);
    m->accepted = m->refused = 0;
    pthread_mutex_unlock(&m->lock);
}

void mail_sim_free(struct mail_sim *m) {
    mail_sim_clear(m);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void mail_sim_ports(const struct mail_sim *m, unsigned *ret_smtp, unsigned *ret_imap) {
    *ret_smtp = line_server_port(m->smtp);
    *ret_imap = line_server_port(m->imap);
}

void mail_sim_keep(struct mail_sim *m, struct str to, struct str bytes) {
    struct kept_mail k = {.uid = m->next_uid++, .at_ms = clock_now_ms(), .to = to, .bytes = bytes};
    struct str *const views[] = {&k.to, &k.bytes};
    struct kept_mail *kept;

    while (m->n > 0 && (m->n >= MAIL_KEPT_MAX || m->bytes + bytes.len > MAIL_KEPT_BYTES))
        forget_oldest(m);
    kept = pack(&k, sizeof(k), views, ARRAY_LEN(views));
    list_push(&m->mails, &kept->node);
    m->n++;
    m->bytes += bytes.len;
}

/* --- the pages ------------------------------------------------------------------------------------------- */

static struct mail_sim *mail_of(struct app *app) {
    return sim_of(app)->mail;
}

static void put_mail(struct arena *a, struct json_out *o, const struct kept_mail *k,
                     bool is_whole) {
    struct mime_mail mail;
    struct err ignored = ERR_INIT;
    const char *end = k->bytes.len > 0 ? memmem(k->bytes.ptr, k->bytes.len, "\r\n\r\n", 4) : NULL;

    if (mime_parse(a, k->bytes, &mail, &ignored) != ST_OK)
        mail = (struct mime_mail){0};
    json_put_i64(o, "id", k->uid);
    json_put_str(o, "to", k->to);
    json_put_str(o, "from", mail.from.email);
    json_put_str(o, "from_name", mail.from.name);
    json_put_str(o, "subject", mail.subject);
    json_put_str(o, "message_id", mail.message_id);
    json_put_str(o, "at", clock_format_iso(a, k->at_ms));
    json_put_bool(o, "is_seen", k->is_seen);
    if (!is_whole) {
        json_put_str(o, "preview", utf8_cut_points(mail.text, PREVIEW_POINTS));
        return;
    }
    json_put_str(o, "text", utf8_cut_bytes(mail.text, TEXT_MAX));
    json_put_str(o, "quoted", utf8_cut_bytes(mail.quoted, TEXT_MAX));
    json_put_str(o, "headers",
                 utf8_repair(a, str_sub(k->bytes, 0,
                                        end && (size_t)(end - k->bytes.ptr) < HEADERS_MAX
                                            ? (size_t)(end - k->bytes.ptr)
                                            : HEADERS_MAX)));
    json_put_i64(o, "size", (int64_t)k->bytes.len);
    json_arr(o, "files");
    for (size_t i = 0; i < mail.n_files; i++) {
        json_obj(o, NULL);
        json_put_str(o, "name", mail.files[i].name);
        json_put_str(o, "mime", mail.files[i].type);
        json_put_i64(o, "size", (int64_t)mail.files[i].bytes.len);
        json_end(o);
    }
    json_end(o);
}

static void answer(struct req *r, struct resp *resp, struct buf *b) {
    resp_json(r, resp, 200, b);
    buf_done(b);
}

enum status mail_list(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct mail_sim *m = mail_of(app);
    struct str to = arena_lower(r->arena, req_query(r, "to"));
    int64_t after = 0;
    struct json_out o;
    struct buf b;
    size_t n = 0;

    (void)e;
    (void)str_parse_i64(req_query(r, "after"), 0, INT64_MAX, &after);
    sim_allow_origin(sim_of(app), r, resp);
    buf_init(&b, ANSWER_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_arr(&o, "data");
    pthread_mutex_lock(&m->lock);
    for (struct list_node *at = m->mails.head.prev; at != &m->mails.head && n < LIST_DEFAULT;
         at = at->prev) {
        const struct kept_mail *k = LIST_ITEM(at, struct kept_mail, node);

        if (k->uid <= after)
            break;
        if (to.len > 0 && !str_eq(k->to, to))
            continue;
        json_obj(&o, NULL);
        put_mail(r->arena, &o, k, false);
        json_end(&o);
        n++;
    }
    json_end(&o);
    json_put_i64(&o, "accepted", m->accepted);
    json_put_i64(&o, "refused", m->refused);
    pthread_mutex_unlock(&m->lock);
    json_end(&o);
    answer(r, resp, &b);
    return ST_OK;
}

enum status mail_show(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct mail_sim *m = mail_of(app);
    int64_t id = 0;
    bool is_found = false;
    struct json_out o;
    struct buf b;

    (void)str_parse_i64(req_query(r, "id"), 1, INT64_MAX, &id);
    sim_allow_origin(sim_of(app), r, resp);
    buf_init(&b, ANSWER_MAX_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    pthread_mutex_lock(&m->lock);
    LIST_EACH(&m->mails, node) {
        struct kept_mail *k = LIST_ITEM(node, struct kept_mail, node);

        if (k->uid == id) {
            put_mail(r->arena, &o, k, true);
            is_found = true;
        }
    }
    pthread_mutex_unlock(&m->lock);
    json_end(&o);
    if (!is_found) {
        buf_done(&b);
        FAIL(e, ST_NOT_FOUND, "there is no such mail, or it was forgotten");
    }
    answer(r, resp, &b);
    return ST_OK;
}

/* POST {"from", "name"?, "to", "subject"?, "text", "in_reply_to"?}: a person writes. */
enum status mail_write(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct mail_sim *m = mail_of(app);
    const struct json *v;
    struct mime_out out = {0};
    struct str bytes;
    struct buf b;

    sim_allow_origin(sim_of(app), r, resp);
    TRY(sim_body(r, &v, e));
    out.from = (struct mime_address){.name = json_str(json_get(v, "name")),
                                     .email = arena_lower(r->arena, json_str(json_get(v, "from")))};
    out.to.email = arena_lower(r->arena, json_str(json_get(v, "to")));
    out.subject = json_str(json_get(v, "subject"));
    out.text = json_str(json_get(v, "text"));
    out.in_reply_to = json_str(json_get(v, "in_reply_to"));
    out.references = out.in_reply_to;
    out.date_ms = clock_now_ms();
    out.message_id =
        arena_printf(r->arena, "%.*s@sim.test", STR_ARG(uuid_format(r->arena, uuid_new())));
    if (!mime_is_address(out.from.email) || !mime_is_address(out.to.email))
        FAIL(e, ST_INVALID, "from and to are e-mail addresses");
    TRY(mime_build(r->arena, &out, &bytes, e));
    pthread_mutex_lock(&m->lock);
    mail_sim_keep(m, out.to.email, bytes);
    pthread_mutex_unlock(&m->lock);
    buf_init(&b, 4096);
    buf_printf(&b, "{\"message_id\":\"%.*s\"}", STR_ARG(out.message_id));
    answer(r, resp, &b);
    return ST_OK;
}

/* A reply of SMTP, in one line; "cut", or empty for the usual. */
static bool is_reply(struct str s) {
    uint64_t code;
    struct str rest = s;

    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20)
            return false;
    return s.len < sizeof(((struct smtp_whim *)NULL)->reply) &&
           (s.len == 0 || str_eq(s, STR("cut")) ||
            (str_eat_u64(&rest, 599, &code) && code >= 200 && str_starts(rest, STR(" "))));
}

/* POST {"step": "greeting" "auth" "mail" "rcpt" "data" "end", "reply": "550 5.1.1 nobody" or "cut" or "", "times"?}: what SMTP
 * answers there so many times, without times from now on. */
enum status mail_behave(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    static const char *const steps[SMTP_STEPS] = {"greeting", "auth", "mail",
                                                  "rcpt",     "data", "end"};
    struct mail_sim *m = mail_of(app);
    const struct json *v;
    struct str step, reply;

    sim_allow_origin(sim_of(app), r, resp);
    TRY(sim_body(r, &v, e));
    step = json_str(json_get(v, "step"));
    reply = json_str(json_get(v, "reply"));
    if (!is_reply(reply))
        FAIL(e, ST_INVALID, "reply is one line such as \"550 5.1.1 nobody\", \"cut\", or empty");
    for (size_t i = 0; i < SMTP_STEPS; i++) {
        if (!str_eq(step, str_of(steps[i])))
            continue;
        pthread_mutex_lock(&m->lock);
        m->whims[i].times = json_i64(json_get(v, "times"), 0);
        memcpy(m->whims[i].reply, reply.len > 0 ? reply.ptr : "", reply.len);
        m->whims[i].reply[reply.len] = '\0';
        pthread_mutex_unlock(&m->lock);
        resp_text(resp, 200, STR("{\"ok\":true}"));
        resp->content_type = STR("application/json");
        return ST_OK;
    }
    FAIL(e, ST_INVALID, "step is greeting, auth, mail, rcpt, data or end");
}
