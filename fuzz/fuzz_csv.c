/* fuzz_csv.c - a stranger's text file through the CSV reader: whatever comes is refused with a cause or read as rows within the
 * limits, the same rows when it is read again, and a row that is written comes back as it was.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/fuzz_sheet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rows of a file that was written by us: what they hold, with a ' where a formula was. */
static void check_written(struct sheet_row row) {
    int fd = memfd_create("out", MFD_CLOEXEC);
    struct str texts[SHEET_MAX_COLUMNS];
    struct sheet_writer *w = NULL;
    struct sheet *s = NULL;
    struct sheet_row again;
    struct err e = ERR_INIT;

    for (size_t i = 0; i < row.n; i++)
        texts[i] = row.cells[i].text;
    assert(sheet_writer_open((struct sheet_out){.kind = SHEET_CSV, .fd = fd, .delimiter = ';'}, &w,
                             &e) == ST_OK);
    assert(sheet_write_row(w, (const struct str[]){STR("a"), STR("b")}, 2, &e) == ST_OK);
    assert(sheet_write_row(w, texts, row.n, &e) == ST_OK);
    assert(sheet_writer_finish(w, &e) == ST_OK);
    sheet_writer_close(w);
    if (sheet_open(fd, (struct sheet_limits){0}, &s, &e) == ST_OK &&
        sheet_start(s, 0, &e) == ST_OK && sheet_delimiter(s) == ';' &&
        sheet_next(s, &again, &e) == ST_OK && sheet_next(s, &again, &e) == ST_OK)
        for (size_t i = 0; i < again.n; i++)
            assert(again.cells[i].text.len == 0 || !strchr("=@", again.cells[i].text.ptr[0]));
    sheet_close(s);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int fd = fuzz_file(data, size);
    struct sheet *s = NULL;
    struct err e = ERR_INIT;
    enum status st = sheet_open(fd, (struct sheet_limits){0}, &s, &e);

    if (st == ST_OK && sheet_kind(s) == SHEET_CSV) {
        uint64_t first = fuzz_read(s, 0, check_written);

        assert(fuzz_read(s, 0, NULL) == first);
    } else if (st != ST_OK) {
        assert(st == ST_INVALID && e.cause);
    }
    sheet_close(s);
    (void)close(fd);
    return 0;
}
