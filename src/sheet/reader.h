/* reader.h - what the two readers share: a row being put together, and how a file is refused. Private to sheet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "sheet/sheet.h"

/* Refuses the file: ST_INVALID with a cause of sheet.h. */
#define REFUSE(e, slug, ...)                                                                       \
    do {                                                                                           \
        (void)err_set((e), ST_INVALID, __FILE__, __LINE__, __VA_ARGS__);                           \
        if (e)                                                                                     \
            (e)->cause = (slug);                                                                   \
        return ST_INVALID;                                                                         \
    } while (0)

struct rowbuf { /* texts one behind the other; pointers are made when the row is whole */
    struct buf text;
    struct sheet_cell cells[SHEET_MAX_COLUMNS];
    uint32_t starts[SHEET_MAX_COLUMNS];
    size_t n;
};

void rowbuf_init(struct rowbuf *r);
void rowbuf_done(struct rowbuf *r);
void rowbuf_clear(struct rowbuf *r);
/* The text added to r->text since `start` becomes the cell of a column; columns between stay empty. */
enum status rowbuf_put(struct rowbuf *r, size_t column, enum sheet_type type, size_t start,
                       struct err *e) ATTR_MUST_CHECK;
/* False: there is nothing in it. */
bool rowbuf_finish(struct rowbuf *r, int64_t number, struct sheet_row *ret);

/* Up to n bytes from a place of the file; fewer only at its end. ST_UNAVAILABLE. */
enum status fd_read_at(int fd, uint64_t at, char *to, size_t n, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;

struct csv;
enum status csv_open(int fd, uint64_t size, struct csv **ret, struct err *e) ATTR_MUST_CHECK;
void csv_close(struct csv *c);
const char *csv_encoding(const struct csv *c);
char csv_delimiter(const struct csv *c);
enum status csv_start(struct csv *c, struct err *e) ATTR_MUST_CHECK;
enum status csv_next(struct csv *c, struct sheet_row *ret, struct err *e) ATTR_MUST_CHECK;
int csv_permille(const struct csv *c);

struct xlsx;
enum status xlsx_open(int fd, const struct sheet_limits *limits, struct xlsx **ret, struct err *e)
    ATTR_MUST_CHECK;
void xlsx_close(struct xlsx *x);
size_t xlsx_count(const struct xlsx *x);
struct str xlsx_name(const struct xlsx *x, size_t i);
bool xlsx_is_hidden(const struct xlsx *x, size_t i);
enum status xlsx_start(struct xlsx *x, size_t which, struct err *e) ATTR_MUST_CHECK;
enum status xlsx_next(struct xlsx *x, struct sheet_row *ret, struct err *e) ATTR_MUST_CHECK;
int xlsx_permille(const struct xlsx *x);
