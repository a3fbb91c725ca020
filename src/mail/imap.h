/* imap.h - reading an IMAP server's answers; private to mail/. Total: any bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mail/mail.h"

/* "* STATUS "INBOX" (UIDVALIDITY 7 UIDNEXT 12)". False: no such numbers in it. */
bool imap_status(struct str answer, int64_t *ret_validity, int64_t *ret_next);
/* The least number of "* SEARCH 5 7 9"; 0: none. */
int64_t imap_first_found(struct str answer);
/* uid and size of "* 3 FETCH (UID 5 RFC822.SIZE 512)" lines, those with a uid above `above`, by uid; at most max. How many. */
size_t imap_sizes(struct str answer, int64_t above, struct mail_item *ret, size_t max);
/* "21-Nov-2026" in UTC, of the day before ms: servers date by their own zone. */
struct str imap_date(struct arena *a, int64_t ms);

/* probe.c's two halves */
void imap_probe(struct mailer *m, struct arena *a, const struct channel *ch,
                struct send_result *ret);
void smtp_probe(struct mailer *m, struct arena *a, const struct channel *ch,
                struct send_result *ret);
