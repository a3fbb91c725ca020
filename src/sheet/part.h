/* part.h - one part of an XLSX, unpacked and parsed as a stream within bounds: of memory, of depth, of bytes and of how much more
 * than its packed size it may become. A part with a document type is refused, so that there are no entities to expand or to fetch.
 * Private to sheet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <expat.h>
#include <zip.h>

#include "sheet/reader.h"

struct part_limits { /* of all parts of a file together */
    uint64_t max_unpacked;
    uint32_t max_ratio;
    uint64_t unpacked; /* so far */
};

struct part; /* being read */

struct part_handlers { /* names come without their prefix; start and text may be NULL */
    void (*start)(void *ctx, const char *name, const char **attrs);
    void (*end)(void *ctx, const char *name);
    void (*text)(void *ctx, const char *s, int n);
    void *ctx;
};

/* index: of the entry in the archive. name: for messages; stays the caller's. */
enum status part_open(zip_t *zip, uint64_t index, struct part_limits *limits,
                      const struct part_handlers *handlers, const char *name, struct part **ret,
                      struct err *e) ATTR_MUST_CHECK;
void part_close(struct part *p);
void part_close_p(struct part **p);
/* Parses on until a handler calls part_pause() or the end: *ret_more is false then. */
enum status part_run(struct part *p, bool *ret_more, struct err *e) ATTR_MUST_CHECK;
/* From a handler: part_run returns once this event is over. */
void part_pause(struct part *p);
/* From a handler: no further event, part_run fails with what is in e already. */
void part_stop(struct part *p);
/* How far, 0 to 1000. */
int part_permille(const struct part *p);

/* An attribute by its name without prefix; NULL when it is not there. */
const char *part_attr(const char **attrs, const char *name);
const char *part_local_name(const char *name);
