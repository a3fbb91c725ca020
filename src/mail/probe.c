/* probe.c - do both servers of an account let us in?
 * SPDX-License-Identifier: Apache-2.0 */
#include "mail/imap.h"

enum status mail_probe(struct mailer *m, struct arena *a, const struct channel *ch,
                       struct send_result *ret, struct err *e) {
    if (!ch->mail)
        FAIL(e, ST_BROKEN, "could not try the account: it is no e-mail account");
    smtp_probe(m, a, ch, ret);
    if (ret->outcome == SEND_ACCEPTED && ch->mail->imap.host.len > 0)
        imap_probe(m, a, ch, ret);
    if (ret->outcome == SEND_ACCEPTED) {
        ret->name = ch->address;
        ret->reason = arena_printf(a, "%s as %.*s",
                                   ch->mail->imap.host.len > 0 ? "SMTP and IMAP let us in"
                                                               : "SMTP lets us in",
                                   STR_ARG(ch->address));
    }
    return ST_OK;
}
