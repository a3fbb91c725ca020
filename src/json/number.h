/* number.h - doubles to and from text, whatever the locale says about decimal points. Private to
 * json/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* text is NUL-terminated and a JSON number. */
double number_from_text(const char *text);
/* The shortest text that reads back as v and is a JSON real ("1.0", not "1"); null when v is not
 * finite. */
void number_add_real(struct buf *b, double v);
