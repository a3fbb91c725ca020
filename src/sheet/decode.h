/* decode.h - bytes of a text file to UTF-8. Private to sheet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

enum encoding { ENC_UTF8, ENC_UTF16LE, ENC_UTF16BE, ENC_WINDOWS1252 };

const char *encoding_name(enum encoding e);
/* From the first bytes of a file: a byte order mark (*ret_skip: its length), else where the zeros are, else whether it is UTF-8.
 * is_all: the file ends with head. False: it is no text. */
bool encoding_detect(struct str head, bool is_all, enum encoding *ret, size_t *ret_skip);
/* Adds what `in` holds as UTF-8 to out and returns how many bytes of it were used: all but a character that is cut at the end
 * (is_last: also that). A byte that is no UTF-8 in a file that otherwise is one is taken for Windows-1252, half a surrogate pair
 * for U+FFFD; zeros are left out. out needs room for three bytes for each of in's. */
size_t decode(enum encoding enc, struct str in, bool is_last, struct buf *out);
