/* mail.h - the fake mail server: SMTP takes mails for any address, IMAP shows each address its own, and both misbehave when told
 * to. Loopback only; what it keeps is gone with it. Private to sim/.
 *
 *   mail.c  what it keeps, and the pages   mail_line.c  connections   mail_smtp.c, mail_imap.c  the two protocols
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "httpd/httpd.h"

enum {
    MAIL_KEPT_MAX = 2000, /* the oldest are forgotten */
    MAIL_KEPT_BYTES = 256 << 20,
    MAIL_SIZE_MAX = 40 << 20,
    MAIL_TALKS_MAX = 64, /* connections at once, of each protocol; one more is closed */
    MAIL_LINE_MAX = 64 << 10,
    MAIL_RECIPIENTS_MAX = 100,
};

/* One mail in one person's mailbox. */
struct kept_mail {
    struct list_node node;
    int64_t uid; /* one count for all mailboxes: in each it grows */
    int64_t at_ms;
    bool is_seen;
    struct str to, bytes; /* packed behind the struct */
};

/* What a step of SMTP answers in place of the usual. */
enum smtp_step { SMTP_GREETING, SMTP_AUTH, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_END, SMTP_STEPS };
struct smtp_whim {
    char reply[200]; /* "550 5.1.1 nobody", "cut"; empty: the usual */
    int64_t times;   /* left; 0: from now on */
};

struct line_server; /* accepts, a thread for each connection */
struct talk {       /* one of its connections */
    struct mail_sim *mail;
    int fd;
    struct buf in; /* read and not yet used from `from` on */
    size_t from;
};
typedef void (*talk_fn)(struct talk *t);

struct mail_sim {
    pthread_mutex_t lock; /* guards the rest */
    struct list mails;
    size_t n, bytes;
    int64_t next_uid, validity;
    int64_t accepted, refused;
    struct smtp_whim whims[SMTP_STEPS];
    struct line_server *smtp, *imap;
};

struct mail_sim *mail_sim_new(void);
enum status mail_sim_start(struct mail_sim *m, struct err *e) ATTR_MUST_CHECK;
void mail_sim_stop(struct mail_sim *m);
void mail_sim_free(struct mail_sim *m);
void mail_sim_clear(struct mail_sim *m);
void mail_sim_ports(const struct mail_sim *m, unsigned *ret_smtp, unsigned *ret_imap);
/* Needs the lock; to in lower case. */
void mail_sim_keep(struct mail_sim *m, struct str to, struct str bytes);

void smtp_talk(struct talk *t);
void imap_talk(struct talk *t);

/* On 127.0.0.1, port chosen by the kernel. ST_UNAVAILABLE. */
enum status line_server_start(struct mail_sim *m, talk_fn talk, struct line_server **ret,
                              struct err *e) ATTR_MUST_CHECK;
/* Cuts every connection and waits for their ends. */
void line_server_stop(struct line_server *s);
unsigned line_server_port(const struct line_server *s);
/* The next line without its end, valid until the next call; false: the peer is gone, or it is too long. */
bool talk_line(struct talk *t, struct str *ret);
/* n bytes as they are. */
bool talk_bytes(struct talk *t, size_t n, struct str *ret);
void talk_send(struct talk *t, struct str bytes);
void talk_say(struct talk *t, const char *format, ...) ATTR_PRINTF(2, 3);

/* GET /sim/mails?to=…&after=…, GET /sim/mail?id=…, POST /sim/mail, POST /sim/mail/behaviour */
enum status mail_list(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status mail_show(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status mail_write(struct app *app, struct req *r, struct resp *resp, struct err *e);
enum status mail_behave(struct app *app, struct req *r, struct resp *resp, struct err *e);
