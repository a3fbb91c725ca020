/* choose.h - over which channel somebody is reached, and with which words filled in. Pure; private to dispatch/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "dispatch/rules.h"
#include "template/template.h"

struct choice {
    bool is_found;
    size_t step; /* index into the rules' channels */
    struct str address;
    bool is_user_id; /* address is WhatsApp's user id, no number */
    struct str
        reason; /* why this one: "has-phone", "has-email", or why not those before it, "no-phone" */
};
/* The first of the rules' channels from `from` on by which the contact can be reached. open: which of them have an account.
 * after: why those before `from` are out (a fallback), or empty. */
struct choice choose_channel(struct arena *a, const struct rules *rules, const bool *open,
                             size_t from, struct str after, const struct lead_contact *contact);
/* The template's variables as a JSON object, as the rules say; a variable without a rule is filled by a field of its own name
 * (nome, primeiro_nome, empresa, telefone, email, or one of the lead's own fields). A value that is not there is left out. */
enum status choose_values(struct arena *a, const struct rules *rules, const struct template *t,
                          const struct lead_contact *contact, const struct json **ret,
                          struct err *e) ATTR_MUST_CHECK;
int64_t choose_price(const struct dispatch_settings *settings, struct str channel,
                     struct str category);
