/* strings.h - the shared strings of an XLSX: numbered texts, written once and read in any order. What is more than a few megabytes
 * lies in an unlinked file behind a cache of pages, so that memory stays the same however many there are. Private to sheet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct strings;

/* dir: for the file, when one is needed. */
struct strings *strings_new(size_t in_memory, const char *dir);
void strings_free(struct strings *s);
/* ST_INVALID, cause "too-large": more texts or bytes than there may be; ST_UNAVAILABLE: the disk. */
enum status strings_add(struct strings *s, struct str text, struct err *e) ATTR_MUST_CHECK;
/* Adds text i to out; false in *ret_found when there is none. */
enum status strings_get(struct strings *s, uint64_t i, struct buf *out, bool *ret_found,
                        struct err *e) ATTR_MUST_CHECK;
