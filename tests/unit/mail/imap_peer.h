/* imap_peer.h - an IMAP server with one folder that a test fills, changes and breaks.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "unit/mail/wire.h"

struct imap_mail {
    unsigned uid;
    size_t size, told_size; /* told_size: what FETCH RFC822.SIZE says; 0: the truth */
    bool is_gone;           /* listed, and removed before it is fetched */
    bool is_cut;            /* the connection breaks in the middle of it */
};

struct imap_peer {
    struct fake fake; /* first */
    const struct identity *id;
    bool has_starttls;
    const char *greeting, *login, *status, *search, *select;
    unsigned validity, next;
    struct imap_mail mails[200];
    size_t n;
    bool tells_twice;
    _Atomic unsigned n_bodies, n_logins, n_connections;
};

struct imap_talk {
    struct imap_peer *p;
    struct wire w;
    char line[64 << 10];
    char tag[32];
};

static bool imap_done(struct imap_talk *t, const char *scripted) {
    char usual[80];

    if (scripted && strcmp(scripted, CUT) != 0 && strcmp(scripted, HOLD) != 0) {
        wire_say(&t->w, "%s %s\r\n", t->tag, scripted);
        return true;
    }
    FAKE_MUST(snprintf(usual, sizeof(usual), "%s OK done", t->tag) > 0);
    return wire_answer(&t->p->fake, &t->w, scripted, usual);
}

static struct imap_mail *imap_find(struct imap_peer *p, unsigned uid) {
    for (size_t i = 0; i < p->n; i++)
        if (p->mails[i].uid == uid)
            return &p->mails[i];
    return NULL;
}

static bool imap_body(struct imap_talk *t, unsigned uid) {
    const struct imap_mail *m = imap_find(t->p, uid);
    char head[64];
    size_t left;

    if (!m || m->is_gone)
        return imap_done(t, NULL);
    atomic_fetch_add(&t->p->n_bodies, 1);
    FAKE_MUST(snprintf(head, sizeof(head), "Subject: n%u\r\n\r\n", uid) > 0);
    wire_say(&t->w, "* 1 FETCH (UID %u BODY[] {%zu}\r\n", uid, m->size);
    left = m->size;
    wire_bytes(&t->w, head, strlen(head));
    left -= strlen(head);
    if (m->is_cut)
        return false;
    while (left > 0) {
        char filler[4096];
        size_t n = left < sizeof(filler) ? left : sizeof(filler);

        memset(filler, 'x', n);
        wire_bytes(&t->w, filler, n);
        left -= n;
    }
    wire_say(&t->w, ")\r\n");
    return imap_done(t, NULL);
}

static void imap_list(struct imap_talk *t, unsigned from, bool is_one) {
    for (size_t i = t->p->n; i-- > 0;) { /* in no order of theirs */
        const struct imap_mail *m = &t->p->mails[i];
        /* "n:*" names the last mail also where all are below n. */
        bool is_named = is_one ? m->uid == from : m->uid >= from || i == t->p->n - 1;

        for (int k = 0; is_named && !(is_one && m->is_gone) && k < 1 + t->p->tells_twice; k++)
            wire_say(&t->w, "* %zu FETCH (UID %u RFC822.SIZE %zu)\r\n", i + 1, m->uid,
                     m->told_size ? m->told_size : m->size);
    }
}

static bool imap_command(struct imap_talk *t, const char *command) {
    unsigned uid;
    char after = 0;

    if (strncasecmp(command, "CAPABILITY", 10) == 0) {
        wire_say(&t->w, "* CAPABILITY IMAP4rev1%s\r\n",
                 t->w.ssl             ? " AUTH=PLAIN"
                 : t->p->has_starttls ? " STARTTLS LOGINDISABLED"
                                      : "");
    } else if (strncasecmp(command, "STARTTLS", 8) == 0) {
        wire_say(&t->w, "%s OK go on\r\n", t->tag);
        return wire_start_tls(&t->w, t->p->id->tls);
    } else if (strncasecmp(command, "AUTHENTICATE", 12) == 0) {
        wire_say(&t->w, "+ \r\n");
        if (!wire_line(&t->w, t->line, sizeof(t->line)))
            return false;
        atomic_fetch_add(&t->p->n_logins, 1);
        return imap_done(t, t->p->login);
    } else if (strncasecmp(command, "LOGIN", 5) == 0) {
        atomic_fetch_add(&t->p->n_logins, 1);
        return imap_done(t, t->p->login);
    } else if (strncasecmp(command, "STATUS", 6) == 0) {
        if (!t->p->status)
            wire_say(&t->w, "* STATUS INBOX (UIDVALIDITY %u UIDNEXT %u)\r\n", t->p->validity,
                     t->p->next);
        return imap_done(t, t->p->status);
    } else if (strncasecmp(command, "SELECT", 6) == 0) {
        wire_say(&t->w, "* %zu EXISTS\r\n* OK [UIDVALIDITY %u] ok\r\n", t->p->n, t->p->validity);
        return imap_done(t, t->p->select);
    } else if (strncasecmp(command, "UID SEARCH", 10) == 0) {
        wire_say(&t->w, "* SEARCH %s\r\n", t->p->search ? t->p->search : "");
    } else if (sscanf(command, "UID FETCH %u%c", &uid, &after) == 2) {
        if (strstr(command, "BODY"))
            return imap_body(t, uid);
        imap_list(t, uid, after != ':');
    }
    return imap_done(t, NULL) && strncasecmp(command, "LOGOUT", 6) != 0;
}

static void imap_serve(struct fake *f, int fd, unsigned nth) {
    struct imap_talk *t = calloc(1, sizeof(*t));

    (void)nth;
    FAKE_MUST(t);
    t->p = (struct imap_peer *)(void *)f;
    t->w.fd = fd;
    atomic_fetch_add(&t->p->n_connections, 1);
    if (wire_answer(f, &t->w, t->p->greeting, "* OK IMAP4rev1 ready"))
        while (wire_line(&t->w, t->line, sizeof(t->line))) {
            char *space = strchr(t->line, ' ');

            if (!space || space - t->line >= (ptrdiff_t)sizeof(t->tag))
                break;
            memcpy(t->tag, t->line, (size_t)(space - t->line));
            t->tag[space - t->line] = '\0';
            if (!imap_command(t, space + 1))
                break;
        }
    wire_done(&t->w);
    free(t);
}

static void imap_add(struct imap_peer *p, struct imap_mail m) {
    FAKE_MUST(p->n < sizeof(p->mails) / sizeof(p->mails[0]));
    if (m.size == 0)
        m.size = 200;
    p->mails[p->n++] = m;
    if (p->next <= m.uid)
        p->next = m.uid + 1;
}
