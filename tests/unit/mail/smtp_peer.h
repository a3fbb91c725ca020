/* smtp_peer.h - an SMTP server that says what a test wants at each step, and counts what it got.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "unit/mail/wire.h"

struct smtp_peer {
    struct fake fake; /* first: the connection's function gets it */
    const struct identity *id;
    bool is_tls; /* from the first byte; else STARTTLS is offered when id is set */
    bool has_login;

    /* What it says in place of the usual. */
    const char *greeting, *ehlo, *starttls, *auth, *mail, *rcpt, *data, *end;
    const char *early;          /* after the 354 and before the text, unasked */
    size_t text_max;            /* closes after so much of the text; 0: reads it whole */
    unsigned usual_mails;       /* the first so many mails go the usual way */
    unsigned usual_connections; /* … and so many connections */
    bool is_one_mail_each;      /* closes the connection without a word before the second mail */

    _Atomic unsigned n_connections, n_texts, n_mail_commands, n_secrets, busiest, n_open;
    pthread_mutex_t lock; /* guards text */
    char *text;           /* of the last mail, as it was on the wire */
};

struct smtp_talk {
    struct smtp_peer *p;
    struct wire w;
    unsigned nth, n_mails;
    char line[64 << 10];
};

static bool smtp_is_odd(const struct smtp_talk *t) {
    return t->nth >= t->p->usual_connections && atomic_load(&t->p->n_texts) >= t->p->usual_mails;
}

static bool smtp_say(struct smtp_talk *t, const char *scripted, const char *usual) {
    return wire_answer(&t->p->fake, &t->w, smtp_is_odd(t) ? scripted : NULL, usual);
}

static bool smtp_ehlo(struct smtp_talk *t) {
    bool may_start = t->p->id && !t->w.ssl && !t->p->is_tls;

    return smtp_say(t, t->p->ehlo,
                    may_start         ? "250-mail.test\r\n250-8BITMIME\r\n250 STARTTLS"
                    : t->p->has_login ? "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN"
                                      : "250-mail.test\r\n250-8BITMIME\r\n250 SIZE 1000000");
}

static bool smtp_starttls(struct smtp_talk *t) {
    if (!smtp_say(t, t->p->starttls, "220 go on"))
        return false;
    return (t->p->starttls && smtp_is_odd(t) && t->p->starttls[0] != '2') ||
           wire_start_tls(&t->w, t->p->id->tls);
}

/* Reads up to the line with the dot alone; false: closed before. */
static bool smtp_text(struct smtp_talk *t) {
    char *text = malloc(WIRE_LINE_MAX * 16);
    size_t len = 0;

    FAKE_MUST(text);
    for (;;) {
        size_t n;

        if (!wire_line(&t->w, t->line, sizeof(t->line)) ||
            (t->p->text_max > 0 && len > t->p->text_max)) {
            free(text);
            return false;
        }
        if (strcmp(t->line, ".") == 0)
            break;
        n = strlen(t->line);
        FAKE_MUST(len + n + 3 < WIRE_LINE_MAX * 16);
        memcpy(text + len, t->line, n);
        memcpy(text + len + n, "\r\n", 3);
        len += n + 2;
    }
    text[len] = '\0';
    pthread_mutex_lock(&t->p->lock);
    free(t->p->text);
    t->p->text = text;
    pthread_mutex_unlock(&t->p->lock);
    return true;
}

static bool smtp_data(struct smtp_talk *t) {
    bool is_odd = smtp_is_odd(t);

    if (!smtp_say(t, t->p->data, "354 the text, please"))
        return false;
    if (is_odd && t->p->data && t->p->data[0] != '3')
        return true;
    if (is_odd && t->p->early)
        wire_say(&t->w, "%s\r\n", t->p->early);
    if (!smtp_text(t))
        return false;
    atomic_fetch_add(&t->p->n_texts, 1);
    t->n_mails++;
    return wire_answer(&t->p->fake, &t->w, is_odd ? t->p->end : NULL, "250 2.0.0 taken");
}

static bool smtp_command(struct smtp_talk *t) {
    const char *line = t->line;

    if (strncasecmp(line, "EHLO", 4) == 0 || strncasecmp(line, "HELO", 4) == 0)
        return smtp_ehlo(t);
    if (strcasecmp(line, "STARTTLS") == 0)
        return smtp_starttls(t);
    if (strncasecmp(line, "AUTH", 4) == 0) {
        wire_say(&t->w, "334 \r\n");
        if (!wire_line(&t->w, t->line, sizeof(t->line)))
            return false;
        atomic_fetch_add(&t->p->n_secrets, 1);
        return smtp_say(t, t->p->auth, "235 2.7.0 welcome");
    }
    if (strncasecmp(line, "MAIL", 4) == 0) {
        atomic_fetch_add(&t->p->n_mail_commands, 1);
        if (t->p->is_one_mail_each && t->n_mails > 0)
            return false;
        return smtp_say(t, t->p->mail, "250 2.1.0 ok");
    }
    if (strncasecmp(line, "RCPT", 4) == 0)
        return smtp_say(t, t->p->rcpt, "250 2.1.5 ok");
    if (strcasecmp(line, "DATA") == 0)
        return smtp_data(t);
    wire_say(&t->w, strcasecmp(line, "QUIT") == 0 ? "221 bye\r\n" : "250 ok\r\n");
    return strcasecmp(line, "QUIT") != 0;
}

static void smtp_serve(struct fake *f, int fd, unsigned nth) {
    struct smtp_talk *t = calloc(1, sizeof(*t));
    unsigned open;

    FAKE_MUST(t);
    t->p = (struct smtp_peer *)(void *)f;
    t->nth = nth;
    t->w.fd = fd;
    open = atomic_fetch_add(&t->p->n_open, 1) + 1;
    if (open > atomic_load(&t->p->busiest))
        atomic_store(&t->p->busiest, open);
    atomic_fetch_add(&t->p->n_connections, 1);
    if ((!t->p->is_tls || wire_start_tls(&t->w, t->p->id->tls)) &&
        smtp_say(t, t->p->greeting, "220 mail.test ESMTP"))
        while (wire_line(&t->w, t->line, sizeof(t->line)) && smtp_command(t))
            ;
    wire_done(&t->w);
    atomic_fetch_sub(&t->p->n_open, 1);
    free(t);
}

static void smtp_open(struct smtp_peer *p) {
    pthread_mutex_init(&p->lock, NULL);
    fake_listen(&p->fake, smtp_serve);
}

static void smtp_close(struct smtp_peer *p) {
    fake_stop(&p->fake);
    free(p->text);
    pthread_mutex_destroy(&p->lock);
}
