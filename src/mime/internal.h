/* internal.h - what the files of mime/ share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gmime/gmime.h>

#include "mime/mime.h"

/* GMime's tables, once for the process. */
void mime_init(void);
static inline void object_unref_p(void *object) {
    void *held = *(void **)object;

    if (held)
        g_object_unref(held);
}

/* A text of any bytes in the named charset as UTF-8 without NUL, at most MIME_TEXT_MAX_BYTES. An unknown or wrong charset:
 * UTF-8 when it is that, else Windows-1252. */
struct str text_decode(struct arena *a, struct str bytes, const char *charset);
/* One line of a header: UTF-8, no control characters, blanks at the ends gone. */
struct str text_line(struct arena *a, const char *s);
