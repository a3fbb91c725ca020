/* fuzz_sheet.h - what must hold of every row that sheet/ reads, whatever the file.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "sheet/sheet.h"

static inline int fuzz_file(const uint8_t *data, size_t size) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    return fd;
}

/* Reads a sheet to its end; a digest of its cells. */
static inline uint64_t fuzz_read(struct sheet *s, size_t which,
                                 void (*check)(struct sheet_row row)) {
    struct err e = ERR_INIT;
    enum status st = sheet_start(s, which, &e);
    struct sheet_row row;
    int64_t last = 0;
    uint64_t digest = 0;

    while (st == ST_OK && (st = sheet_next(s, &row, &e)) == ST_OK) {
        assert(row.number > last && row.n > 0 && row.n <= SHEET_MAX_COLUMNS);
        assert(row.cells[row.n - 1].type != SHEET_EMPTY);
        last = row.number;
        for (size_t i = 0; i < row.n; i++) {
            struct str t = row.cells[i].text;

            assert(t.len <= SHEET_MAX_CELL_BYTES && utf8_is_valid(t));
            assert(t.len == 0 || !memchr(t.ptr, '\0', t.len));
            digest = digest * 31 + str_hash(t) + (uint64_t)row.cells[i].type;
        }
        if (check)
            check(row);
        assert(sheet_permille(s) >= 0 && sheet_permille(s) <= 1000);
    }
    assert(st == ST_NOT_FOUND || (st == ST_INVALID && e.cause));
    return digest;
}
