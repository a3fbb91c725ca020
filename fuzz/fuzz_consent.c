/* fuzz_consent.c - any bytes are read as one of three words, the same each time, and about one channel.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "consent/consent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = {.ptr = (const char *)data, .len = size};
    enum consent_word word = consent_read(text);

    require(word == CONSENT_NONE || word == CONSENT_STOP || word == CONSENT_RESUME);
    require(consent_read(text) == word);
    require(consent_scope(text).len > 0);
    return 0;
}
