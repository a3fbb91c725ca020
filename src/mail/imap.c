/* imap.c - what came into a folder, by libcurl: STATUS for its numbers, UID FETCH for sizes, one fetch a mail.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "mail/imap.h"
#include "mail/internal.h"

enum { LIST_MAX_BYTES = 8 << 20, LISTED_MAX = 20000 };

struct reading {
    struct mailer *m;
    struct arena *a;
    const struct channel *ch;
    struct dial dial;
    struct conn *conn;
    struct buf body;
    struct send_result *result;
};

static size_t on_body(char *ptr, size_t size, size_t n, void *ctx) {
    struct reading *r = ctx;

    buf_add(&r->body, (struct str){.ptr = ptr, .len = size * n});
    return r->body.overflown ? 0 : size * n;
}

static struct str folder_of(const struct reading *r) {
    return r->ch->mail->folder.len > 0 ? r->ch->mail->folder : STR("INBOX");
}

/* Every byte that is not a letter or digit as %xx. */
static struct str escaped(struct arena *a, struct str s) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            buf_add(&b, str_sub(s, i, 1));
        else
            buf_printf(&b, "%%%02X", (unsigned char)c);
    }
    return arena_str(a, buf_str(&b));
}

/* RFC 3501 "quoted". */
static struct str quoted(struct arena *a, struct str s) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 4096};

    buf_add(&b, STR("\""));
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            buf_add(&b, STR("\\"));
        buf_add(&b, str_sub(s, i, 1));
    }
    buf_add(&b, STR("\""));
    return arena_str(a, buf_str(&b));
}

static void failed(struct reading *r, CURLcode code) {
    struct mail_reply reply = {0};
    bool is_folder = code == CURLE_QUOTE_ERROR || code == CURLE_REMOTE_ACCESS_DENIED ||
                     code == CURLE_REMOTE_FILE_NOT_FOUND;

    conn_failure(r->conn, r->a, code, &reply);
    *r->result = (struct send_result){
        .outcome = SEND_RETRY,
        .cause = STR("imap-not-reached"),
        .reason = arena_printf(r->a, "the mail server was not read: %.*s", STR_ARG(reply.text))};
    if (reply.is_login) {
        r->result->outcome = SEND_BLOCKED;
        r->result->cause = STR("imap-login");
        r->result->reason =
            arena_printf(r->a, "the IMAP server refused the login: %.*s", STR_ARG(reply.text));
    } else if (reply.is_config) {
        r->result->outcome = SEND_BLOCKED;
        r->result->cause = STR("imap-tls");
    } else if (is_folder) {
        r->result->outcome = SEND_BLOCKED;
        r->result->cause = STR("imap-folder");
        r->result->reason = arena_printf(r->a, "the IMAP server does not open the folder \"%.*s\"",
                                         STR_ARG(folder_of(r)));
    }
}

static bool perform(struct reading *r, struct str path, const char *command, size_t max) {
    CURLcode code;

    buf_clear(&r->body);
    r->body.max = max;
    conn_set_url(r->conn, r->a, &r->dial, path);
    SET(r->conn->easy, CURLOPT_CUSTOMREQUEST, command);
    SET(r->conn->easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(r->conn->easy, CURLOPT_WRITEDATA, r);
    code = conn_perform(r->conn, &r->dial);
    if (code != CURLE_OK)
        failed(r, code);
    return code == CURLE_OK;
}

static bool command(struct reading *r, bool in_folder, struct str text) {
    return perform(r, in_folder ? escaped(r->a, folder_of(r)) : STR_EMPTY, arena_cstr(r->a, text),
                   LIST_MAX_BYTES);
}

static bool open_reading(struct reading *r) {
    struct err why = ERR_INIT;
    enum status st = conn_take(r->m, r->a, &r->dial, &r->conn, &why);

    if (st == ST_OK)
        return true;
    *r->result = (struct send_result){
        .outcome = st == ST_INVALID ? SEND_BLOCKED : SEND_RETRY,
        .cause = str_of(why.cause ? why.cause : "mail-settings"),
        .reason = arena_str(r->a, str_of(why.message)),
    };
    return false;
}

static struct reading reading_of(struct mailer *m, struct arena *a, const struct channel *ch,
                                 struct send_result *ret) {
    return (struct reading){
        .m = m,
        .a = a,
        .ch = ch,
        .result = ret,
        .dial = {.protocol = PROTOCOL_IMAP,
                 .server = &ch->mail->imap,
                 .account = ch->mail->account,
                 .max = 4,
                 .deadline_ms = clock_mono_ms() + mailer_options(m)->timeout_ms},
    };
}

static void close_reading(struct reading *r) {
    if (r->conn)
        conn_give(r->m, r->conn, false);
    buf_done(&r->body);
}

static struct str status_command(struct reading *r) {
    return arena_printf(r->a, "STATUS %.*s (UIDVALIDITY UIDNEXT)",
                        STR_ARG(quoted(r->a, folder_of(r))));
}

void imap_probe(struct mailer *m, struct arena *a, const struct channel *ch,
                struct send_result *ret) {
    struct reading r = reading_of(m, a, ch, ret);

    if (open_reading(&r)) {
        if (command(&r, false, status_command(&r)))
            *ret = (struct send_result){.outcome = SEND_ACCEPTED};
    }
    close_reading(&r);
}

/* --- fetching --------------------------------------------------------------------------------------------- */

/* Where to begin in a folder never looked at: before the first mail of that day. */
static bool find_start(struct reading *r, int64_t uid_next, struct mail_place *place) {
    struct str text;
    int64_t first;

    text = arena_printf(r->a, "UID SEARCH SINCE %.*s", STR_ARG(imap_date(r->a, place->since_ms)));
    if (!command(r, true, text))
        return false;
    first = imap_first_found(buf_str(&r->body));
    place->last_uid = (first > 0 ? first : uid_next) - 1;
    return true;
}

static bool look(struct reading *r, struct mail_place *place, bool *ret_is_news) {
    int64_t validity, next;

    *ret_is_news = false;
    if (!command(r, false, status_command(r)))
        return false;
    if (!imap_status(buf_str(&r->body), &validity, &next)) {
        *r->result = (struct send_result){
            .outcome = SEND_RETRY,
            .cause = STR("imap-answer"),
            .reason = STR("the IMAP server does not tell its folder's numbers")};
        return false;
    }
    if (place->uid_validity != validity) {
        place->uid_validity = validity;
        if (!find_start(r, next, place))
            return false;
    }
    *ret_is_news = next > place->last_uid + 1;
    return true;
}

static bool fetch_one(struct reading *r, struct mail_item *item) {
    struct str path = arena_printf(r->a, "%.*s/;UID=%lld", STR_ARG(escaped(r->a, folder_of(r))),
                                   (long long)item->uid);

    if (item->size > MAIL_MAX_BYTES)
        return true;
    if (perform(r, path, NULL, MAIL_MAX_BYTES + (1 << 20))) {
        item->bytes = arena_str(r->a, buf_str(&r->body));
        return true;
    }
    if (!r->body.overflown)
        return false;
    item->size = MAIL_MAX_BYTES + 1; /* whatever the server said */
    return true;
}

/* It may have been removed since it was listed. */
static bool is_gone(struct reading *r, int64_t uid) {
    struct mail_item found;

    return command(r, true, arena_printf(r->a, "UID FETCH %lld (RFC822.SIZE)", (long long)uid)) &&
           imap_sizes(buf_str(&r->body), uid - 1, &found, 1) == 0;
}

static bool fetch_all(struct reading *r, struct mail_item *listed, size_t n,
                      struct mail_batch *batch) {
    const struct send_result good = *r->result;
    int64_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        struct mail_item *item = &listed[i];

        if (batch->n == MAIL_BATCH_MAX || (batch->n > 0 && bytes + item->size > MAIL_BATCH_BYTES)) {
            batch->has_more = true;
            return true;
        }
        if (!fetch_one(r, item)) {
            struct send_result why = *r->result;

            if (!is_gone(r, item->uid)) {
                *r->result = why;
                return false;
            }
        }
        *r->result = good;
        bytes += (int64_t)item->bytes.len;
        batch->items[batch->n++] = *item;
        batch->place.last_uid = item->uid;
    }
    return true;
}

static bool fetch_news(struct reading *r, struct mail_batch *batch) {
    struct mail_item *listed = arena_array_of(r->a, LISTED_MAX, struct mail_item);
    size_t n;

    if (!command(r, true,
                 arena_printf(r->a, "UID FETCH %lld:* (RFC822.SIZE)",
                              (long long)batch->place.last_uid + 1)))
        return false;
    n = imap_sizes(buf_str(&r->body), batch->place.last_uid, listed, LISTED_MAX);
    return fetch_all(r, listed, n, batch);
}

enum status mail_fetch(struct mailer *m, struct arena *a, const struct channel *ch,
                       struct mail_place place, struct mail_batch *ret_batch,
                       struct send_result *ret, struct err *e) {
    struct reading r;
    bool is_news = false, is_good;

    if (!ch->mail)
        FAIL(e, ST_BROKEN, "could not read mails: the account is no e-mail account");
    r = reading_of(m, a, ch, ret);
    *ret_batch = (struct mail_batch){.items = arena_array_of(a, MAIL_BATCH_MAX, struct mail_item),
                                     .place = place};
    if (!open_reading(&r))
        return ST_OK;
    *ret = (struct send_result){.outcome = SEND_ACCEPTED, .reason = STR("the folder was read")};
    is_good = look(&r, &ret_batch->place, &is_news);
    if (is_good && is_news)
        is_good = fetch_news(&r, ret_batch);
    if (!is_good && ret_batch->n > 0) /* what came is kept; the rest comes next time */
        ret->outcome = SEND_ACCEPTED;
    /* Not kept: on one whose folder is open STATUS tells what was there when it was opened. */
    close_reading(&r);
    return ST_OK;
}
