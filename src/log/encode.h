/* encode.h - one field of a log line as logfmt or JSON, redacted and escaped. Private to log/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "log/log.h"

enum {
    LOG_VALUE_BYTES = 1024, /* longer values are cut at a character and end in U+2026 */
};

/* Adds the field and what separates it from the one before. */
void log_encode_field(struct buf *b, enum log_format format, const struct log_field *f);
