/* keep.h - the files of imports, and opening one as a spreadsheet. Private to ingest.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ingest/columns.h"

/* Copies the file into the data directory, whole or not at all. ST_UNAVAILABLE: the disk. */
enum status keep_file(const struct ingest_deps *d, struct arena *a, const struct import *im,
                      struct ingest_file file, struct str *ret_sha256, int64_t *ret_size,
                      struct err *e) ATTR_MUST_CHECK;
void keep_remove(const struct ingest_deps *d, struct arena *a, struct tenant_id tenant,
                 struct import_id id);

struct kept_file {
    struct tenant_id tenant;
    struct import_id id;
    bool is_part;  /* was being written when its process died */
    bool is_known; /* the caller's */
};
/* Files that were last written before a time (UTC since 1970), at most n. */
size_t keep_list_old(const struct ingest_deps *d, struct arena *a, int64_t before_ms,
                     struct kept_file *ret, size_t n);
void keep_remove_file(const struct ingest_deps *d, struct arena *a, const struct kept_file *file);

struct opened {
    int fd;
    struct sheet *sheet;
};
/* ST_NOT_FOUND, cause "file-gone": it was removed; ST_INVALID: refused. */
enum status keep_open(const struct ingest_deps *d, struct arena *a, const struct import *im,
                      struct opened *ret, struct err *e) ATTR_MUST_CHECK;
void opened_close_p(struct opened *o);

/* The first rows of a sheet, at most n, copied into a. */
enum status keep_head(struct arena *a, struct sheet *s, size_t which, size_t n,
                      struct kept_row **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
