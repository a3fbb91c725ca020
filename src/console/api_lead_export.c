/* api_lead_export.c - leads as a spreadsheet: those of a list, a segment or chosen by hand.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

enum { IDS_MAX = 1000 };

struct export {
    struct api *x;
    struct lead_export what;
};

static enum status write_file(struct tx *tx, void *ctx, int fd, struct err *e) {
    struct export *ex = ctx;
    int64_t n;

    ex->what.fd = fd;
    TRY(api_lead_filter(tx, ex->x, &ex->what.query.filter, e));
    return lead_export(tx, ex->x->tenant, &ex->what, &n, e);
}

/* ?ids=, comma between. */
static enum status read_ids(struct export *ex, struct err *e) {
    struct str list = req_query(ex->x->r, "ids"), one;
    struct lead_id *ids = arena_array_of(ex->x->r->arena, IDS_MAX, struct lead_id);
    bool has_more = list.len > 0;
    size_t n = 0;

    while (has_more) {
        has_more = str_cut(&list, ',', &one);
        if (n == IDS_MAX || !uuid_parse(one, &ids[n].v))
            FAIL(e, ST_INVALID, "ids: at most %d ids with a comma between", IDS_MAX);
        n++;
    }
    ex->what.ids = ids;
    ex->what.n_ids = n;
    return ST_OK;
}

enum status api_lead_export(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct export ex = {.x = &x};

    TRY(api_start(&x, app, r, e));
    ex.what.query = (struct lead_query){.q = req_query(r, "q"), .sort = req_query(r, "sort")};
    TRY(api_sheet_kind(&x, &ex.what.kind, e));
    TRY(read_ids(&ex, e));
    return api_sheet(&x, (struct api_sheet){ex.what.kind, "leads", write_file, &ex}, ret, e);
}
