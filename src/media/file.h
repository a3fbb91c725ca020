/* file.h - files in the data directory; private to media/.
 *   <dir>/media/<tenant>/<2 digits>/<sha256>   whole files, under the digest of their bytes
 *   <dir>/media/<tenant>/part/<uuid>           being written; what a dead process left is purged after a day
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "media/media.h"

struct media_writer { /* caller's storage */
    struct str dir;
    struct tenant_id tenant;
    struct arena *arena;
    int fd;
    char *part; /* NULL: nothing to remove */
    struct crypto_digest *digest;
    int64_t size, max_bytes;
    size_t head_len;
    char head[MEDIA_HEAD_BYTES];
};

/* ST_UNAVAILABLE: the directory or the file cannot be made. */
enum status writer_open(struct arena *a, struct str dir, struct tenant_id tenant, int64_t max_bytes,
                        struct media_writer *ret, struct err *e) ATTR_MUST_CHECK;
/* ST_UNAVAILABLE with cause "disk-full" or "disk"; ST_INVALID with cause "too-large". */
enum status writer_add(struct media_writer *w, struct str piece, struct err *e) ATTR_MUST_CHECK;
/* The bytes are on disk but have no name yet; *ret_sha256 in hex. */
enum status writer_end(struct media_writer *w, struct str *ret_sha256, struct err *e)
    ATTR_MUST_CHECK;
/* Gives them their name, durably. */
enum status writer_publish(struct media_writer *w, struct str sha256, struct err *e)
    ATTR_MUST_CHECK;
void writer_close(struct media_writer *w); /* removes what was not published; {0} is nothing */
void writer_close_p(struct media_writer *w);

struct str file_path(struct arena *a, struct str dir, struct tenant_id tenant, struct str sha256);
/* Removes files of parts/ older than before_ms, of every tenant. */
void file_purge_parts(struct arena *a, struct str dir, int64_t before_ms);
/* Removes a file that no row speaks of, unless it was written since before_ms. */
void file_remove(struct arena *a, struct str dir, struct tenant_id tenant, struct str sha256,
                 int64_t before_ms);
