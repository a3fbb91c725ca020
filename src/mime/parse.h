/* parse.h - a mail being read; private to mime/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mime/internal.h"

struct walk {
    struct arena *a;
    struct mime_mail *mail;
    GMimeMessage *message;
    size_t n_parts;
    bool is_report;             /* a multipart/report was met */
    struct str plain, html;     /* the texts that are shown */
    struct str delivery_status; /* RFC 3464 §2, the part that programs read */
    struct str returned_headers;
    struct str returned_id; /* of a message that came inside */
};

/* Empty when there is no such header. */
struct str header_of(struct arena *a, GMimeObject *o, const char *name);
/* The first message id of a header's value, without brackets. */
struct str first_id(struct arena *a, struct str header);
/* Decoded. */
struct str part_bytes(struct arena *a, GMimeObject *o);
struct str part_text(struct arena *a, GMimeObject *o);
/* What kind of mail it is, and of a bounce what it says. */
void read_kind(struct walk *w);
