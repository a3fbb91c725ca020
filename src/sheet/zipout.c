/* zipout.c - ZIP as APPNOTE 6.3 has it, without ZIP64: flag bit 3 (sizes and CRC follow the data), UTF-8 names, method deflate.
 * Invariant: `at` is the number of bytes written so far; a part is open between begin and end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/zipout.h"

#include <assert.h>
#include <errno.h>
#include <zlib.h>

#include "base/buf.h"

enum {
    CHUNK_BYTES = 64 << 10,
    LOCAL_SIGNATURE = 0x04034b50,
    DESCRIPTOR_SIGNATURE = 0x08074b50,
    ENTRY_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    VERSION = 20,
    FLAGS = 1 << 3 | 1 << 11,
    DATE_1980 = 1 << 5 | 1, /* the first day ZIP knows; the same bytes whenever it is written */
};

struct part {
    const char *name;
    uint64_t offset, packed, unpacked;
    uint32_t crc;
};

struct zipout {
    int fd;
    uint64_t at;
    struct part parts[ZIPOUT_PARTS_MAX];
    size_t n;
    bool is_open;
    z_stream deflater;
    struct buf head;
    unsigned char out[CHUNK_BYTES];
};

enum status fd_write_all(int fd, struct str bytes, struct err *e) {
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        char reason[64];

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            FAIL(e, ST_UNAVAILABLE, "could not write the spreadsheet: %s",
                 strerror_r(errno, reason, sizeof(reason)));
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return ST_OK;
}

static enum status out(struct zipout *z, struct str bytes, struct err *e) {
    TRY(fd_write_all(z->fd, bytes, e));
    z->at += bytes.len;
    return ST_OK;
}

static void put16(struct buf *b, unsigned v) {
    buf_add_char(b, (char)(v & 0xff));
    buf_add_char(b, (char)(v >> 8 & 0xff));
}

static void put32(struct buf *b, uint64_t v) {
    put16(b, (unsigned)(v & 0xffff));
    put16(b, (unsigned)(v >> 16 & 0xffff));
}

struct zipout *zipout_new(int fd) {
    struct zipout *z = calloc(1, sizeof(*z));

    if (!z)
        abort();
    z->fd = fd;
    buf_init(&z->head, CHUNK_BYTES);
    return z;
}

void zipout_free(struct zipout *z) {
    if (!z)
        return;
    if (z->is_open)
        (void)deflateEnd(&z->deflater);
    buf_done(&z->head);
    free(z);
}

enum status zipout_begin(struct zipout *z, const char *name, struct err *e) {
    assert(!z->is_open && z->n < ZIPOUT_PARTS_MAX);
    if (z->at > UINT32_MAX)
        FAIL(e, ST_INVALID, "the spreadsheet is larger than 4 GB");
    z->parts[z->n] =
        (struct part){.name = name, .offset = z->at, .crc = (uint32_t)crc32(0, NULL, 0)};
    z->deflater = (z_stream){0};
    /* Level 3: a third of the time of the default for a tenth more bytes. */
    if (deflateInit2(&z->deflater, 3, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        FAIL(e, ST_UNAVAILABLE, "could not write the spreadsheet: out of memory");
    z->is_open = true;
    buf_clear(&z->head);
    put32(&z->head, LOCAL_SIGNATURE);
    put16(&z->head, VERSION);
    put16(&z->head, FLAGS);
    put16(&z->head, Z_DEFLATED);
    put16(&z->head, 0);
    put16(&z->head, DATE_1980);
    put32(&z->head, 0);
    put32(&z->head, 0);
    put32(&z->head, 0);
    put16(&z->head, (unsigned)strlen(name));
    put16(&z->head, 0);
    buf_add(&z->head, str_of(name));
    return out(z, buf_str(&z->head), e);
}

static enum status pump(struct zipout *z, struct str bytes, int flush, struct err *e) {
    struct part *p = &z->parts[z->n];
    int rc;

    z->deflater.next_in = (Bytef *)(uintptr_t)bytes.ptr;
    z->deflater.avail_in = (uInt)bytes.len;
    do {
        size_t n;

        z->deflater.next_out = z->out;
        z->deflater.avail_out = sizeof(z->out);
        rc = deflate(&z->deflater, flush);
        n = sizeof(z->out) - z->deflater.avail_out;
        p->packed += n;
        TRY(out(z, (struct str){.ptr = (char *)z->out, .len = n}, e));
    } while (z->deflater.avail_out == 0);
    assert(rc == (flush == Z_FINISH ? Z_STREAM_END : Z_OK) || rc == Z_BUF_ERROR);
    return ST_OK;
}

enum status zipout_add(struct zipout *z, struct str bytes, struct err *e) {
    struct part *p = &z->parts[z->n];

    assert(z->is_open && bytes.len < 1U << 30);
    p->unpacked += bytes.len;
    if (p->unpacked > UINT32_MAX || z->at > UINT32_MAX) {
        if (e)
            e->cause = "too-large";
        FAIL(e, ST_INVALID, "the spreadsheet is larger than 4 GB");
    }
    p->crc = (uint32_t)crc32(p->crc, (const Bytef *)bytes.ptr, (uInt)bytes.len);
    return pump(z, bytes, Z_NO_FLUSH, e);
}

enum status zipout_end(struct zipout *z, struct err *e) {
    struct part *p = &z->parts[z->n];

    assert(z->is_open);
    TRY(pump(z, STR_EMPTY, Z_FINISH, e));
    z->is_open = false;
    (void)deflateEnd(&z->deflater);
    z->n++;
    buf_clear(&z->head);
    put32(&z->head, DESCRIPTOR_SIGNATURE);
    put32(&z->head, p->crc);
    put32(&z->head, p->packed);
    put32(&z->head, p->unpacked);
    return out(z, buf_str(&z->head), e);
}

static void put_entry(struct buf *b, const struct part *p) {
    put32(b, ENTRY_SIGNATURE);
    put16(b, VERSION);
    put16(b, VERSION);
    put16(b, FLAGS);
    put16(b, Z_DEFLATED);
    put16(b, 0);
    put16(b, DATE_1980);
    put32(b, p->crc);
    put32(b, p->packed);
    put32(b, p->unpacked);
    put16(b, (unsigned)strlen(p->name));
    for (int i = 0; i < 4; i++) /* no extra field, no comment, first disk, no inner attributes */
        put16(b, 0);
    put32(b, 0);
    put32(b, p->offset);
    buf_add(b, str_of(p->name));
}

enum status zipout_finish(struct zipout *z, struct err *e) {
    uint64_t start = z->at;

    assert(!z->is_open);
    buf_clear(&z->head);
    for (size_t i = 0; i < z->n; i++)
        put_entry(&z->head, &z->parts[i]);
    uint64_t size = z->head.len;

    put32(&z->head, END_SIGNATURE);
    put32(&z->head, 0);
    put16(&z->head, (unsigned)z->n);
    put16(&z->head, (unsigned)z->n);
    put32(&z->head, size);
    put32(&z->head, start);
    put16(&z->head, 0);
    return out(z, buf_str(&z->head), e);
}
