/* export.c - a campaign's recipients as a spreadsheet, page by page. Nothing that a cell holds becomes a formula (sheet.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/dispatch.h"

#include <unistd.h>

#include "base/clock.h"

enum { COLUMNS = 22, MILLION = 1000000 };

static const struct str titles[COLUMNS] = {
    STR("name"),         STR("phone"),        STR("email"),       STR("state"),
    STR("channel"),      STR("template"),     STR("address"),     STR("reason"),
    STR("block_reason"), STR("error_code"),   STR("error_cause"), STR("error_reason"),
    STR("attempts"),     STR("cost"),         STR("sent_at"),     STR("delivered_at"),
    STR("read_at"),      STR("failed_at"),    STR("replied_at"),  STR("opted_out_at"),
    STR("lead_id"),      STR("recipient_id"),
};

struct exporting {
    const struct recipient_export *what;
    struct tx *tx;
    struct sheet_writer *w;
    struct arena a; /* of one page */
    int64_t n;
};

static struct str shown_time(struct arena *a, int64_t ms) {
    return ms > 0 ? clock_format_iso(a, ms) : STR_EMPTY;
}

static struct str shown_number(struct arena *a, int64_t n) {
    return n != 0 ? arena_printf(a, "%lld", (long long)n) : STR_EMPTY;
}

/* In whole money: "0.35". */
static struct str shown_cost(struct arena *a, int64_t millionths) {
    struct str s;

    if (millionths == 0)
        return STR_EMPTY;
    s = arena_printf(a, "%lld.%06lld", (long long)(millionths / MILLION),
                     (long long)(millionths % MILLION));
    while (s.len > 0 && s.ptr[s.len - 1] == '0' && s.ptr[s.len - 3] != '.')
        s.len--;
    return s;
}

static enum status write_row(struct exporting *x, const struct recipient *r, struct err *e) {
    struct arena *a = &x->a;
    const struct str cells[COLUMNS] = {
        r->name,
        r->phone,
        r->email,
        r->state,
        r->channel,
        r->template_name,
        r->address,
        r->reason,
        r->block_reason,
        shown_number(a, r->error_code),
        r->error_cause,
        r->error_reason,
        shown_number(a, r->attempts),
        shown_cost(a, r->cost),
        shown_time(a, r->sent_at_ms),
        shown_time(a, r->delivered_at_ms),
        shown_time(a, r->read_at_ms),
        shown_time(a, r->failed_at_ms),
        shown_time(a, r->replied_at_ms),
        shown_time(a, r->opted_out_at_ms),
        uuid_format(a, r->lead.v),
        uuid_format(a, r->id.v),
    };

    x->n++;
    return sheet_write_row(x->w, cells, COLUMNS, e);
}

static enum status write_pages(struct exporting *x, struct err *e) {
    struct recipient_query q = x->what->query;
    struct recipient *list;
    size_t n;

    q.limit = DISPATCH_PAGE_MAX;
    do {
        arena_reset(&x->a);
        TRY(recipient_list(&x->a, x->tx, &q, &list, &n, e));
        for (size_t i = 0; i < n; i++)
            TRY(write_row(x, &list[i], e));
        if (n > 0)
            q.after = list[n - 1].lead;
    } while (n == q.limit);
    return ST_OK;
}

static enum status write_all(struct exporting *x, struct err *e) {
    const struct sheet_out to = {
        .kind = x->what->kind, .fd = x->what->fd, .delimiter = ';', .name = STR("Destinatários")};
    struct dispatch d;

    TRY(dispatch_get(&x->a, x->tx, x->what->query.tenant, x->what->query.dispatch, &d, e));
    TRY(sheet_writer_open(to, &x->w, e));
    TRY(sheet_write_row(x->w, titles, COLUMNS, e));
    TRY(write_pages(x, e));
    return sheet_writer_finish(x->w, e);
}

enum status recipient_export(struct tx *tx, const struct recipient_export *what, int64_t *ret_n,
                             struct err *e) {
    struct exporting x = {.what = what, .tx = tx};
    enum status st;

    if (ftruncate(what->fd, 0) != 0 || lseek(what->fd, 0, SEEK_SET) != 0)
        FAIL(e, ST_UNAVAILABLE, "could not write the spreadsheet: %m");
    st = write_all(&x, e);
    sheet_writer_close(x.w);
    arena_done(&x.a);
    if (st == ST_OK)
        *ret_n = x.n;
    return st;
}
