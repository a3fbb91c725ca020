/* mail_imap.c - RFC 3501 as far as one who reads goes: every address is a user with any password, and its mailbox is INBOX.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "crypto/crypto.h"
#include "sim/mail.h"

struct session {
    struct talk *t;
    struct arena a; /* of one command */
    struct str tag;
    char user[256]; /* the mailbox; empty: nobody logged in */
    size_t user_len;
    bool is_open, is_read_only;
};

struct item { /* a mail as it is now, copied: nothing is held while it is sent */
    int64_t uid, at_ms;
    size_t seq; /* from 1 */
    bool is_seen;
    struct str bytes;
};

static void done(struct session *s, const char *word) {
    talk_say(s->t, "%.*s %s", STR_ARG(s->tag), word);
}

static struct str user_of(const struct session *s) {
    return (struct str){.ptr = s->user, .len = s->user_len};
}

/* --- reading what is asked ------------------------------------------------------------------------------- */

static struct str upper(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        out[i] = s.ptr[i] >= 'a' && s.ptr[i] <= 'z' ? (char)(s.ptr[i] & ~0x20) : s.ptr[i];
    return (struct str){.ptr = out, .len = s.len};
}

static struct str word(struct str *rest) {
    struct str w;

    *rest = str_trim(*rest);
    (void)str_cut(rest, ' ', &w);
    return w;
}

/* An atom, or text in quotes. */
static struct str text(struct arena *a, struct str *rest) {
    char *out;
    size_t n = 0, i = 1;

    *rest = str_trim(*rest);
    if (!str_starts(*rest, STR("\"")))
        return word(rest);
    out = arena_alloc(a, rest->len + 1);
    for (; i < rest->len && rest->ptr[i] != '"'; i++) {
        if (rest->ptr[i] == '\\' && i + 1 < rest->len)
            i++;
        out[n++] = rest->ptr[i];
    }
    *rest = str_sub(*rest, i + 1, rest->len);
    return (struct str){.ptr = out, .len = n};
}

/* "1,3:5,9:*" */
static bool is_in_set(struct str set, int64_t n, int64_t last) {
    while (set.len > 0) {
        struct str part, from;
        int64_t lo, hi;

        (void)str_cut(&set, ',', &part);
        if (!str_cut(&part, ':', &from))
            part = from;
        lo = str_eq(from, STR("*")) ? last : 0;
        hi = str_eq(part, STR("*")) ? last : 0;
        if (lo == 0 && !str_parse_i64(from, 1, INT64_MAX, &lo))
            return false;
        if (hi == 0 && !str_parse_i64(part, 1, INT64_MAX, &hi))
            return false;
        if ((n >= lo && n <= hi) || (n >= hi && n <= lo))
            return true;
    }
    return false;
}

/* --- the mailbox -------------------------------------------------------------------------------------------- */

/* Everything in it; bytes copied only for those of the set. */
static struct item *list(struct session *s, struct str set, bool by_uid, bool with_bytes,
                         size_t *ret_n, int64_t *ret_next) {
    struct mail_sim *m = s->t->mail;
    struct item *all;
    int64_t last_uid = 0;
    size_t n = 0;

    pthread_mutex_lock(&m->lock);
    all = arena_array_of(&s->a, m->n + 1, struct item);
    LIST_EACH(&m->mails, node) {
        struct kept_mail *k = LIST_ITEM(node, struct kept_mail, node);

        if (!str_eq(k->to, user_of(s)))
            continue;
        last_uid = k->uid;
        all[n] = (struct item){.uid = k->uid,
                               .at_ms = k->at_ms,
                               .seq = n + 1,
                               .is_seen = k->is_seen,
                               .bytes = k->bytes};
        n++;
    }
    for (size_t i = 0, kept = 0, total = n; i < total; i++) {
        bool is_in = set.len == 0 || is_in_set(set, by_uid ? all[i].uid : (int64_t)all[i].seq,
                                               by_uid ? last_uid : (int64_t)total);

        if (is_in) {
            all[kept] = all[i];
            all[kept].bytes =
                with_bytes ? arena_str(&s->a, all[i].bytes) : (struct str){.len = all[i].bytes.len};
            kept++;
        }
        n = kept;
    }
    *ret_next = m->next_uid;
    pthread_mutex_unlock(&m->lock);
    *ret_n = n;
    return all;
}

static void mark_seen(struct session *s, int64_t uid) {
    struct mail_sim *m = s->t->mail;

    pthread_mutex_lock(&m->lock);
    LIST_EACH(&m->mails, node) {
        struct kept_mail *k = LIST_ITEM(node, struct kept_mail, node);

        if (k->uid == uid)
            k->is_seen = true;
    }
    pthread_mutex_unlock(&m->lock);
}

/* --- commands ------------------------------------------------------------------------------------------------ */

static void let_in(struct session *s, struct str user) {
    if (user.len == 0 || user.len >= sizeof(s->user)) {
        done(s, "NO [AUTHENTICATIONFAILED] who?");
        return;
    }
    for (size_t i = 0; i < user.len; i++)
        s->user[i] =
            user.ptr[i] >= 'A' && user.ptr[i] <= 'Z' ? (char)(user.ptr[i] | 0x20) : user.ptr[i];
    s->user_len = user.len;
    done(s, "OK welcome");
}

/* PLAIN: nothing, NUL, user, NUL, password. */
static bool on_authenticate(struct session *s, struct str rest) {
    struct str said, raw, user;

    (void)word(&rest);
    said = str_trim(rest);
    if (said.len == 0) {
        talk_say(s->t, "+ ");
        if (!talk_line(s->t, &said))
            return false;
    }
    if (!crypto_unbase64(&s->a, said, &raw) || !str_cut(&raw, '\0', &user) ||
        !str_cut(&raw, '\0', &user))
        user = STR_EMPTY;
    let_in(s, user);
    return true;
}

static bool is_inbox(struct session *s, struct str *rest) {
    return str_eq_nocase(text(&s->a, rest), STR("INBOX"));
}

static void on_select(struct session *s, struct str rest, bool is_read_only) {
    size_t n;
    int64_t next;

    s->is_open = is_inbox(s, &rest);
    s->is_read_only = is_read_only;
    if (!s->is_open) {
        done(s, "NO [NONEXISTENT] there is INBOX alone");
        return;
    }
    (void)list(s, STR_EMPTY, true, false, &n, &next);
    talk_say(s->t,
             "* FLAGS (\\Seen)\r\n* %zu EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY %lld] ok\r\n"
             "* OK [UIDNEXT %lld] ok\r\n* OK [PERMANENTFLAGS (\\Seen)] ok",
             n, (long long)s->t->mail->validity, (long long)next);
    done(s, is_read_only ? "OK [READ-ONLY] open" : "OK [READ-WRITE] open");
}

static void on_status(struct session *s, struct str rest) {
    size_t n, unseen = 0;
    int64_t next;
    const struct item *all;

    if (!is_inbox(s, &rest)) {
        done(s, "NO [NONEXISTENT] there is INBOX alone");
        return;
    }
    all = list(s, STR_EMPTY, true, false, &n, &next);
    for (size_t i = 0; i < n; i++)
        unseen += !all[i].is_seen;
    talk_say(s->t,
             "* STATUS INBOX (MESSAGES %zu RECENT 0 UIDNEXT %lld UIDVALIDITY %lld UNSEEN %zu)", n,
             (long long)next, (long long)s->t->mail->validity, unseen);
    done(s, "OK done");
}

/* ALL, UNSEEN, SEEN and UID; what else is asked for (SINCE …) is true of all: nothing here is older than the simulator. */
static void on_search(struct session *s, struct str rest, bool by_uid) {
    ATTR_CLEANUP(buf_done_p) struct buf found = {.max = 1 << 20};
    struct str asked = upper(&s->a, rest);
    bool is_unseen = str_contains(asked, STR("UNSEEN"));
    bool is_seen = !is_unseen && str_contains(asked, STR("SEEN"));
    size_t n;
    int64_t next;
    const struct item *all = list(s, STR_EMPTY, true, false, &n, &next);

    for (size_t i = 0; i < n; i++)
        if (!(is_unseen && all[i].is_seen) && !(is_seen && !all[i].is_seen))
            buf_printf(&found, " %lld", by_uid ? (long long)all[i].uid : (long long)all[i].seq);
    talk_say(s->t, "* SEARCH%.*s", STR_ARG(buf_str(&found)));
    done(s, "OK done");
}

static struct str head_of(struct str bytes) {
    const char *end = bytes.len > 0 ? memmem(bytes.ptr, bytes.len, "\r\n\r\n", 4) : NULL;

    return end ? str_sub(bytes, 0, (size_t)(end - bytes.ptr) + 4) : bytes;
}

static struct str internal_date(struct arena *a, int64_t ms) {
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct str iso = clock_format_iso(a, ms);
    int64_t month = 1;

    (void)str_parse_i64(str_sub(iso, 5, 2), 1, 12, &month);
    return arena_printf(a, "%.*s-%s-%.*s %.*s +0000", STR_ARG(str_sub(iso, 8, 2)),
                        months[month - 1], STR_ARG(str_sub(iso, 0, 4)),
                        STR_ARG(str_sub(iso, 11, 8)));
}

struct wanted {
    bool uid, flags, size, date;
    const char *literal; /* its name in the answer; NULL: none */
    bool is_head, is_peek;
};

static struct wanted wanted_of(struct str asked, bool by_uid) {
    static const struct {
        const char *asked, *name;
        bool is_head, is_peek;
    } literals[] = {
        {"BODY.PEEK[HEADER]", "BODY[HEADER]", true, true},
        {"BODY[HEADER]", "BODY[HEADER]", true, false},
        {"BODY.PEEK[]", "BODY[]", false, true},
        {"BODY[]", "BODY[]", false, false},
        {"RFC822.HEADER", "RFC822.HEADER", true, true},
        {"RFC822", "RFC822", false, false},
    };
    struct wanted w = {
        .uid = by_uid || str_contains(asked, STR("UID")),
        .flags = str_contains(asked, STR("FLAGS")) || str_contains(asked, STR("ALL")),
        .size = str_contains(asked, STR("RFC822.SIZE")) || str_contains(asked, STR("ALL")),
        .date = str_contains(asked, STR("INTERNALDATE")) || str_contains(asked, STR("ALL")),
    };

    for (size_t i = 0; i < ARRAY_LEN(literals) && !w.literal; i++) {
        const char *at = asked.len > 0 ? memmem(asked.ptr, asked.len, literals[i].asked,
                                                strlen(literals[i].asked))
                                       : NULL;

        if (at && !(w.size && strncmp(at, "RFC822.SIZE", 11) == 0)) {
            w.literal = literals[i].name;
            w.is_head = literals[i].is_head;
            w.is_peek = literals[i].is_peek;
        }
    }
    return w;
}

static void tell(struct session *s, const struct item *it, const struct wanted *w) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = MAIL_SIZE_MAX + 4096};
    struct str body = w->is_head ? head_of(it->bytes) : it->bytes;

    buf_printf(&b, "* %zu FETCH (", it->seq);
    if (w->uid)
        buf_printf(&b, "UID %lld ", (long long)it->uid);
    if (w->flags)
        buf_printf(&b, "FLAGS (%s) ", it->is_seen ? "\\Seen" : "");
    if (w->size)
        buf_printf(&b, "RFC822.SIZE %zu ", it->bytes.len);
    if (w->date)
        buf_printf(&b, "INTERNALDATE \"%.*s\" ", STR_ARG(internal_date(&s->a, it->at_ms)));
    if (w->literal) {
        buf_printf(&b, "%s {%zu}\r\n", w->literal, body.len);
        buf_add(&b, body);
    } else if (b.len > 0 && b.ptr[b.len - 1] == ' ') {
        b.len--;
    }
    buf_add(&b, STR(")\r\n"));
    talk_send(s->t, buf_str(&b));
}

static void on_fetch(struct session *s, struct str rest, bool by_uid) {
    struct str set = word(&rest);
    struct wanted w = wanted_of(upper(&s->a, rest), by_uid);
    size_t n;
    int64_t next;
    const struct item *all = list(s, set, by_uid, w.literal != NULL, &n, &next);

    for (size_t i = 0; i < n; i++) {
        tell(s, &all[i], &w);
        if (w.literal && !w.is_peek && !s->is_read_only)
            mark_seen(s, all[i].uid);
    }
    done(s, "OK done");
}

static bool on_open_folder(struct session *s, struct str verb, struct str rest) {
    bool by_uid = str_eq(verb, STR("UID"));

    if (by_uid)
        verb = upper(&s->a, word(&rest));
    if (str_eq(verb, STR("SEARCH")))
        on_search(s, rest, by_uid);
    else if (str_eq(verb, STR("FETCH")))
        on_fetch(s, rest, by_uid);
    else if (str_eq(verb, STR("CLOSE")) || str_eq(verb, STR("CHECK"))) {
        s->is_open = s->is_open && str_eq(verb, STR("CHECK"));
        done(s, "OK done");
    } else
        done(s, "BAD that is not known here");
    return true;
}

static bool on_user(struct session *s, struct str verb, struct str rest) {
    if (str_eq(verb, STR("SELECT")) || str_eq(verb, STR("EXAMINE"))) {
        on_select(s, rest, str_eq(verb, STR("EXAMINE")));
    } else if (str_eq(verb, STR("STATUS"))) {
        on_status(s, rest);
    } else if (str_eq(verb, STR("LIST"))) {
        talk_say(s->t, "* LIST () \"/\" INBOX");
        done(s, "OK done");
    } else if (s->is_open) {
        return on_open_folder(s, verb, rest);
    } else {
        done(s, "BAD open a folder first");
    }
    return true;
}

static bool on_command(struct session *s, struct str line) {
    struct str rest = line, verb;

    s->tag = word(&rest);
    verb = upper(&s->a, word(&rest));
    if (str_eq(verb, STR("CAPABILITY"))) {
        talk_say(s->t, "* CAPABILITY IMAP4rev1 AUTH=PLAIN");
        done(s, "OK done");
    } else if (str_eq(verb, STR("NOOP"))) {
        done(s, "OK done");
    } else if (str_eq(verb, STR("LOGOUT"))) {
        talk_say(s->t, "* BYE");
        done(s, "OK bye");
        return false;
    } else if (str_eq(verb, STR("LOGIN"))) {
        let_in(s, text(&s->a, &rest));
    } else if (str_eq(verb, STR("AUTHENTICATE"))) {
        return on_authenticate(s, rest);
    } else if (s->user_len == 0) {
        done(s, "NO log in first");
    } else {
        return on_user(s, verb, rest);
    }
    return true;
}

void imap_talk(struct talk *t) {
    struct session s = {.t = t};
    struct str line;
    bool goes_on = true;

    talk_say(t, "* OK IMAP4rev1 sim");
    while (goes_on && talk_line(t, &line)) {
        arena_reset(&s.a);
        goes_on = on_command(&s, arena_str(&s.a, line));
    }
    arena_done(&s.a);
}
