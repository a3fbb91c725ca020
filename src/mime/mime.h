/* mime.h - e-mail as bytes: a message built from its parts, and any bytes read as one (RFC 5322, 2045 to 2049, 2231, 3464,
 * 3834). Pure: no I/O, no clock; any thread. GMime stays behind it. Whatever is given as a text of a header, no line end in it
 * begins another header.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum {
    MIME_FILES_MAX = 50,
    MIME_TEXT_MAX_BYTES = 1 << 20, /* of one text that was read; the rest is cut off */
    MIME_ID_MAX_BYTES = 500,       /* of a message id; a longer one is replaced by its digest */
    MIME_ADDRESS_MAX_BYTES = 254,  /* RFC 5321 §4.5.3.1.3, without the angle brackets */
};

struct mime_address {
    struct str name; /* may be empty */
    struct str email;
};

struct mime_file {
    struct str name, type; /* "application/pdf" */
    struct str bytes;
};

/* --- built ------------------------------------------------------------------------------------ */

enum mime_auto { /* RFC 3834 §5: who wrote it, for other programs */
                 MIME_BY_PERSON,
                 MIME_AUTO_REPLIED,
                 MIME_AUTO_GENERATED,
};

struct mime_out { /* views; what is empty is left out */
    struct mime_address from, to, reply_to;
    struct str subject;
    struct str text; /* lines end as they may */
    struct str html; /* an alternative to text */
    const struct mime_file *files;
    size_t n_files;
    struct str message_id;       /* without angle brackets, as all ids here */
    struct str in_reply_to;      /* one id */
    struct str references;       /* ids, separated by blanks, oldest first */
    struct str unsubscribe;      /* absolute https URL that takes the one-click POST of RFC 8058 */
    struct str unsubscribe_mail; /* address that takes the wish by mail … */
    struct str unsubscribe_subject; /* … under this subject */
    enum mime_auto by;
    int64_t date_ms;
};

/* *ret: the whole message, lines ending in CRLF, no line longer than 998 bytes, in a. ST_INVALID: an address that is none, or an
 * id with a blank or a bracket. */
enum status mime_build(struct arena *a, const struct mime_out *in, struct str *ret, struct err *e)
    ATTR_MUST_CHECK;
/* One address that can be written to: local part, @ and a domain name, no blanks, quotes or comments; UTF-8 only in the domain's
 * ASCII form. */
bool mime_is_address(struct str s);
/* The domain behind the @; empty when there is none. */
struct str mime_domain(struct str address);

/* --- read ------------------------------------------------------------------------------------- */

enum mime_kind {
    MIME_MAIL,
    MIME_AUTO, /* an absence note, a newsletter, a list: nobody waits for an answer, and one might loop */
    MIME_BOUNCE, /* a report on a message that was sent (RFC 3464, or a mailer's own words) */
};

struct mime_bounce {
    struct str action;     /* "failed", "delayed", "delivered", "relayed", "expanded" */
    struct str status;     /* "5.1.1"; may be empty */
    struct str recipient;  /* whom it did not reach; may be empty */
    struct str reason;     /* the mailer's words, one line */
    struct str message_id; /* of the message it is about; may be empty */
};

struct mime_mail { /* texts in the arena, UTF-8 without NUL */
    enum mime_kind kind;
    struct str message_id; /* made of the bytes' digest when there is none */
    struct str in_reply_to;
    struct str references;    /* separated by blanks, at most 20, oldest first */
    struct mime_address from; /* email in lower case; may be empty */
    struct str reply_to;      /* where answers are wanted, when another than from */
    struct str to;            /* first recipient */
    struct str subject;
    int64_t date_ms;         /* 0: not told */
    struct str text;         /* what was written; of html only, that reduced to text */
    struct str quoted;       /* the history below it, cut off */
    struct mime_file *files; /* without pictures that are part of the html */
    size_t n_files;
    bool has_more_files; /* there were over MIME_FILES_MAX */
    struct mime_bounce bounce;
};

/* Total: any bytes are a mail of some kind. ST_INVALID: nothing in them at all, neither a header nor a text. */
enum status mime_parse(struct arena *a, struct str bytes, struct mime_mail *ret, struct err *e)
    ATTR_MUST_CHECK;

/* HTML as text: tags, scripts, styles and comments gone, entities read, lines where blocks end; *ret_quoted (may be NULL) gets
 * what stood in the first quotation and all behind it. */
struct str mime_text_of_html(struct arena *a, struct str html, struct str *ret_quoted);
/* What was written and the history below it, both views of text or in a. */
void mime_cut_quotes(struct arena *a, struct str text, struct str *ret_text,
                     struct str *ret_quoted);
