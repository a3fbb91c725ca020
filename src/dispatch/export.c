/* export.c - a campaign's recipients, or what its dry run would have done, as a spreadsheet, page by page. Nothing that a cell holds
 * becomes a formula (sheet.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/dispatch.h"

#include <unistd.h>

#include "base/clock.h"

enum { COLUMNS = 22, DRY_COLUMNS = 15, MILLION = 1000000 };

static const struct str titles[COLUMNS] = {
    STR("name"),         STR("phone"),        STR("email"),       STR("state"),
    STR("channel"),      STR("template"),     STR("address"),     STR("reason"),
    STR("block_reason"), STR("error_code"),   STR("error_cause"), STR("error_reason"),
    STR("attempts"),     STR("cost"),         STR("sent_at"),     STR("delivered_at"),
    STR("read_at"),      STR("failed_at"),    STR("replied_at"),  STR("opted_out_at"),
    STR("lead_id"),      STR("recipient_id"),
};

static const struct str dry_titles[DRY_COLUMNS] = {
    STR("tenant"),     STR("lead_id"), STR("name"),     STR("phone"),      STR("email"),
    STR("channel"),    STR("reason"),  STR("template"), STR("would_send"), STR("block_reason"),
    STR("not_before"), STR("cost"),    STR("text"),     STR("at"),         STR("recipient_id"),
};

struct exporting;
struct view { /* one kind of rows */
    struct str sheet_name;
    const struct str *titles;
    size_t n_columns;
    enum status (*write_pages)(struct exporting *x, struct err *e);
};

struct exporting {
    const struct view *view;
    struct tenant_id tenant;
    struct dispatch_id dispatch;
    const struct recipient_query *recipients; /* or … */
    const struct dry_query *dry;
    struct tx *tx;
    struct sheet_writer *w;
    struct arena a; /* of one page */
    struct arena whole;
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

static enum status write_recipients(struct exporting *x, struct err *e) {
    struct recipient_query q = *x->recipients;
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

/* --- what a dry run would have done -------------------------------------------------------------------------------------------- */

static enum status write_dry_row(struct exporting *x, struct str tenant, const struct dry_row *r,
                                 struct err *e) {
    struct arena *a = &x->a;
    const struct str cells[DRY_COLUMNS] = {
        tenant,
        uuid_format(a, r->lead.v),
        r->name,
        r->phone,
        r->email,
        r->channel,
        r->reason,
        r->template_name,
        r->would_send ? STR("true") : STR("false"),
        r->block_reason,
        shown_time(a, r->not_before_ms),
        shown_cost(a, r->cost),
        r->text,
        shown_time(a, r->at_ms),
        uuid_format(a, r->recipient.v),
    };

    x->n++;
    return sheet_write_row(x->w, cells, DRY_COLUMNS, e);
}

static enum status write_dry_rows(struct exporting *x, struct err *e) {
    struct dry_query q = *x->dry;
    struct tenant tenant;
    struct dry_row *list;
    size_t n;

    TRY(tenant_get(&x->whole, x->tx, x->tenant, &tenant, e));
    q.limit = DISPATCH_PAGE_MAX;
    do {
        arena_reset(&x->a);
        TRY(dispatch_log(&x->a, x->tx, &q, &list, &n, e));
        for (size_t i = 0; i < n; i++)
            TRY(write_dry_row(x, tenant.slug, &list[i], e));
        if (n > 0)
            q.after = list[n - 1].recipient;
    } while (n == q.limit);
    return ST_OK;
}

/* --- either --------------------------------------------------------------------------------------------------------------------- */

static const struct view recipients_view = {STR("Destinatários"), titles, COLUMNS,
                                            write_recipients};
static const struct view dry_view = {STR("Ensaio"), dry_titles, DRY_COLUMNS, write_dry_rows};

static enum status write_all(struct exporting *x, enum sheet_kind kind, int fd, struct err *e) {
    const struct sheet_out to = {
        .kind = kind, .fd = fd, .delimiter = ';', .name = x->view->sheet_name};
    struct dispatch d;

    TRY(dispatch_get(&x->a, x->tx, x->tenant, x->dispatch, &d, e));
    TRY(sheet_writer_open(to, &x->w, e));
    TRY(sheet_write_row(x->w, x->view->titles, x->view->n_columns, e));
    TRY(x->view->write_pages(x, e));
    return sheet_writer_finish(x->w, e);
}

static enum status export_to(struct exporting *x, enum sheet_kind kind, int fd, int64_t *ret_n,
                             struct err *e) {
    enum status st;

    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        FAIL(e, ST_UNAVAILABLE, "could not write the spreadsheet: %m");
    st = write_all(x, kind, fd, e);
    sheet_writer_close(x->w);
    arena_done(&x->a);
    arena_done(&x->whole);
    if (st == ST_OK)
        *ret_n = x->n;
    return st;
}

enum status recipient_export(struct tx *tx, const struct recipient_export *what, int64_t *ret_n,
                             struct err *e) {
    struct exporting x = {.view = &recipients_view,
                          .tenant = what->query.tenant,
                          .dispatch = what->query.dispatch,
                          .recipients = &what->query,
                          .tx = tx};

    return export_to(&x, what->kind, what->fd, ret_n, e);
}

enum status dispatch_log_export(struct tx *tx, const struct dry_export *what, int64_t *ret_n,
                                struct err *e) {
    struct exporting x = {.view = &dry_view,
                          .tenant = what->query.tenant,
                          .dispatch = what->query.dispatch,
                          .dry = &what->query,
                          .tx = tx};

    return export_to(&x, what->kind, what->fd, ret_n, e);
}
