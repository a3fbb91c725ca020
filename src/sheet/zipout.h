/* zipout.h - writes a ZIP as a stream: parts one after the other, deflated, sizes told behind each. Private to sheet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct zipout;

enum { ZIPOUT_PARTS_MAX = 8 };

struct zipout *zipout_new(int fd);
void zipout_free(struct zipout *z);
/* The part before must have ended. name: a literal. */
enum status zipout_begin(struct zipout *z, const char *name, struct err *e) ATTR_MUST_CHECK;
/* ST_INVALID, cause "too-large": more than a part can hold (4 GiB). */
enum status zipout_add(struct zipout *z, struct str bytes, struct err *e) ATTR_MUST_CHECK;
enum status zipout_end(struct zipout *z, struct err *e) ATTR_MUST_CHECK;
/* The directory at the end. */
enum status zipout_finish(struct zipout *z, struct err *e) ATTR_MUST_CHECK;

/* All of bytes to fd. ST_UNAVAILABLE. */
enum status fd_write_all(int fd, struct str bytes, struct err *e) ATTR_MUST_CHECK;
