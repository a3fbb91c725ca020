/* key.c - what somebody typed, as a person is recognised by it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/lead.h"
#include "lead/read.h"
#include "phone/phone.h"

bool lead_key_of(struct arena *a, struct str typed, struct str *ret) {
    struct phone phone;
    struct str email;

    typed = str_trim(typed);
    if (str_contains(typed, STR("@"))) {
        if (!email_read(a, typed, &email))
            return false;
        *ret = arena_printf(a, "email:%.*s", STR_ARG(email));
        return true;
    }
    phone_read(a, typed, "BR", &phone);
    if (!phone.is_valid)
        return false;
    *ret = arena_printf(a, "phone:%.*s", STR_ARG(phone_key(a, phone.e164)));
    return true;
}
