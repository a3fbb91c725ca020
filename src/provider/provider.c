/* provider.c - the list of adapters. One line each; nothing else in the program names them.
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
