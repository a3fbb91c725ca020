/* provider.c - the list of adapters. One line each; nothing else in the program names them. And words for what all say.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/provider.h"

const struct provider *const providers[] = {
    &provider_meta,
    &provider_twilio,
    &provider_email,
    NULL,
};

const struct provider *provider_find(struct str name) {
    for (size_t i = 0; providers[i]; i++) {
        if (str_eq(name, str_of(providers[i]->name)))
            return providers[i];
    }
    return NULL;
}

struct str hook_outcome_name(enum hook_outcome outcome) {
    static const char *const names[] = {
        [HOOK_ENTERED] = "entered",     [HOOK_OTHER] = "other",     [HOOK_MISSING] = "missing",
        [HOOK_NO_SENDER] = "no-sender", [HOOK_DENIED] = "denied",   [HOOK_NOT_TOLD] = "not-told",
        [HOOK_NO_URL] = "no-url",       [HOOK_ASK_ON] = "not-told",
    };

    return str_of(names[outcome]);
}
