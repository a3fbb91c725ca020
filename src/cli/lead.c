/* lead.c - prosa lead: a tenant's people found, shown, and written to a spreadsheet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/lead.h"
#include "cli/spreadsheet.h"

enum {
    LIST_DEFAULT = 50,
    LIST_MAX = 1000,
    CURSOR_BYTES = 4096,
};

struct leads {
    struct cli *c;
    struct tenant tenant;
    struct lead_export what; /* also of a list: the query */
    int64_t n;
};

/* --- which --------------------------------------------------------------------------------------------------------------- */

static enum status read_filter(struct leads *x, struct str text, struct err *e) {
    const struct json_limits limits = {
        .max_bytes = SEGMENT_FILTER_BYTES, .max_depth = 12, .max_values = 5000};
    struct err why = ERR_INIT;

    if (json_parse(&x->c->arena, text, limits, &x->what.query.filter, &why) != ST_OK)
        FAIL(e, ST_INVALID, "--filter: %s", why.message);
    return ST_OK;
}

/* By id or name. */
static enum status find_segment(struct leads *x, struct tx *tx, struct err *e) {
    struct str want = cli_value(x->c, "segment");
    struct segment *all;
    struct uuid id;
    size_t n;

    TRY(segment_list(&x->c->arena, tx, x->tenant.id, &all, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (str_eq(all[i].name, want) || (uuid_parse(want, &id) && uuid_eq(all[i].id, id)))
            return read_filter(x, all[i].filter, e);
    }
    FAIL(e, ST_NOT_FOUND, "there is no segment \"%.*s\"", STR_ARG(want));
}

static enum status read_query(struct leads *x, struct tx *tx, struct err *e) {
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    x->what.query = (struct lead_query){.q = cli_value(c, "q"), .sort = cli_value(c, "sort")};
    if (cli_has(c, "segment") && cli_has(c, "filter"))
        FAIL(e, ST_INVALID, "--filter and --segment exclude each other");
    if (cli_has(c, "segment"))
        return find_segment(x, tx, e);
    return cli_has(c, "filter") ? read_filter(x, cli_value(c, "filter"), e) : ST_OK;
}

/* --- shown --------------------------------------------------------------------------------------------------------------- */

static void put_phones(struct json_out *o, const struct lead_row *row) {
    json_arr(o, "phones");
    for (size_t i = 0; i < row->n_phones; i++) {
        json_obj(o, NULL);
        json_put_str(o, "typed", row->phones[i].typed);
        json_put_str_or_null(o, "e164", row->phones[i].e164);
        json_put_str(o, "kind", row->phones[i].kind);
        json_put_str_or_null(o, "reason", row->phones[i].reason);
        json_end(o);
    }
    json_end(o);
}

static void put_lead(struct cli *c, const struct lead_row *row) {
    struct str reason = lead_dispatch_reason(row, NULL);
    struct json_out *o = &c->json;

    json_obj(o, NULL);
    json_put_id(o, "id", row->id.v);
    json_put_str_or_null(o, "name", row->name);
    json_put_str_or_null(o, "company", row->company);
    json_put_str_or_null(o, "document", row->document);
    json_put_str_or_null(o, "document_kind", row->document_kind);
    json_put_str(o, "state", row->state);
    put_phones(o, row);
    json_arr(o, "emails");
    for (size_t i = 0; i < row->n_emails; i++)
        json_put_str(o, NULL, row->emails[i].address);
    json_end(o);
    json_put_raw(o, "tags", row->tags);
    json_put_raw(o, "fields", row->fields);
    json_put_str_or_null(o, "source", row->source);
    json_put_bool(o, "valid_for_dispatch", reason.len == 0);
    json_put_str_or_null(o, "dispatch_reason", reason);
    json_put_time(o, "marketing_stopped_at", row->marketing_stopped_at_ms);
    json_put_time(o, "last_inbound_at", row->last_inbound_at_ms);
    json_put_time(o, "created_at", row->created_at_ms);
    json_put_time(o, "updated_at", row->updated_at_ms);
    json_end(o);
}

static struct str shown(struct str s) {
    return s.len > 0 ? s : STR("-");
}

static struct str first_phone(const struct lead_row *row) {
    const struct lead_phone *best;

    if (lead_dispatch_reason(row, &best).len == 0 && best)
        return best->e164;
    return row->n_phones > 0 ? row->phones[0].typed : STR("-");
}

static void add_row(struct table *t, const struct lead_row *row) {
    table_add(t, cli_id_text(t->c, row->id.v));
    table_add(t, row->state);
    table_add(t, first_phone(row));
    table_add(t, row->n_emails > 0 ? row->emails[0].address : STR("-"));
    table_add(t, shown(row->company));
    table_add(t, shown(row->name));
}

/* Pages until there are as many as wanted: one may hold fewer and have more. */
static enum status each_page(struct leads *x, struct tx *tx, struct table *t, int64_t limit,
                             struct err *e) {
    struct lead_query query = x->what.query;
    struct lead_page page = {.has_more = true};

    while (page.has_more && x->n < limit) {
        query.limit = (size_t)(limit - x->n);
        TRY(lead_list(&x->c->arena, tx, x->tenant.id, &query, &page, e));
        for (size_t i = 0; i < page.n; i++) {
            if (x->c->is_json)
                put_lead(x->c, page.items[i]);
            else
                add_row(t, page.items[i]);
        }
        x->n += (int64_t)page.n;
        query.cursor = page.next;
    }
    return ST_OK;
}

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    static const char *const heads[] = {"ID", "STATE", "PHONE", "E-MAIL", "COMPANY", "NAME"};
    struct leads *x = ctx;
    int64_t limit = LIST_DEFAULT;
    struct table t = {0};

    x->n = 0;
    TRY(cli_number(x->c, "limit", 1, LIST_MAX, &limit, e));
    TRY(read_query(x, tx, e));
    if (x->c->is_json)
        cli_begin_list(x->c);
    else
        table_begin(&t, x->c, heads, ARRAY_LEN(heads));
    TRY(each_page(x, tx, &t, limit, e));
    if (x->c->is_json)
        cli_end_list(x->c);
    else
        table_end(&t, "Nobody: prosa import FILE --tenant SLUG");
    return ST_OK;
}

static enum status list(struct cli *c, struct err *e) {
    struct leads x = {.c = c};

    return cli_read(c, list_tx, &x, e);
}

/* --- one ----------------------------------------------------------------------------------------------------------------- */

enum status cli_lead(struct cli *c, struct tx *tx, struct tenant_id tenant, struct str who,
                     struct lead_id *ret, struct err *e) {
    struct str key;
    struct lead_list found;

    if (uuid_parse(who, &ret->v))
        return ST_OK;
    if (!lead_key_of(&c->arena, who, &key))
        FAIL(e, ST_INVALID, "\"%.*s\" is neither an id, a telephone number nor an e-mail address",
             STR_ARG(who));
    TRY(lead_list_keys(&c->arena, tx, tenant, &key, 1, &found, e));
    if (found.n == 0)
        FAIL(e, ST_NOT_FOUND, "nobody has \"%.*s\"", STR_ARG(who));
    *ret = found.items[0];
    return ST_OK;
}

static void show_text(struct cli *c, const struct lead_row *row) {
    struct str reason = lead_dispatch_reason(row, NULL);
    struct table t = {0};
    static const char *const heads[] = {"KIND", "VALUE", "NOTE"};

    table_begin(&t, c, heads, ARRAY_LEN(heads));
    for (size_t i = 0; i < row->n_phones; i++) {
        const struct lead_phone *p = &row->phones[i];

        table_add(&t, p->kind);
        table_add(&t, p->e164.len > 0 ? p->e164 : p->typed);
        table_add(&t, shown(p->reason));
    }
    for (size_t i = 0; i < row->n_emails; i++) {
        const struct lead_email *m = &row->emails[i];

        table_add(&t, STR("e-mail"));
        table_add(&t, m->address);
        table_add(&t, !m->is_valid ? STR("invalid") : m->is_bounced ? STR("bounced") : STR("-"));
    }
    for (size_t i = 0; i < 4; i++) {
        const struct str lines[4][2] = {{STR("company"), row->company},
                                        {row->document_kind, row->document},
                                        {STR("tags"), row->tags},
                                        {STR("fields"), row->fields}};

        if (lines[i][1].len <= 2) /* "[]", "{}" */
            continue;
        table_add(&t, lines[i][0]);
        table_add(&t, lines[i][1]);
        table_add(&t, STR("-"));
    }
    buf_printf(&c->out, "%.*s is %.*s since %.*s, %s%.*s\n", STR_ARG(cli_id_text(c, row->id.v)),
               STR_ARG(row->state), STR_ARG(cli_time_text(c, row->created_at_ms)),
               reason.len > 0 ? "not to be written to by WhatsApp: "
                              : "to be written to by WhatsApp",
               STR_ARG(reason));
    table_end(&t, "Neither number nor address");
}

static enum status show_tx(struct tx *tx, void *ctx, struct err *e) {
    struct leads *x = ctx;
    struct lead_row *row;
    struct lead_id id;

    TRY(cli_tenant(x->c, tx, cli_arg(x->c, 0), &x->tenant, e));
    TRY(cli_lead(x->c, tx, x->tenant.id, cli_arg(x->c, 1), &id, e));
    TRY(lead_row_get(&x->c->arena, tx, x->tenant.id, id, &row, e));
    if (x->c->is_json)
        put_lead(x->c, row);
    else
        show_text(x->c, row);
    return ST_OK;
}

static enum status show(struct cli *c, struct err *e) {
    struct leads x = {.c = c};

    return cli_read(c, show_tx, &x, e);
}

/* --- to a spreadsheet ---------------------------------------------------------------------------------------------------- */

static enum status export_tx(struct tx *tx, void *ctx, struct err *e) {
    struct leads *x = ctx;

    TRY(read_query(x, tx, e));
    return lead_export(tx, x->tenant.id, &x->what, &x->n, e);
}

static enum status export(struct cli *c, struct err *e) {
    ATTR_CLEANUP(spreadsheet_close_p) struct spreadsheet to = {0}; struct leads x = {.c = c};

    TRY(spreadsheet_open(c, 1, &to, e));
    x.what.kind = to.kind;
    x.what.fd = to.fd;
    TRY(cli_read(c, export_tx, &x, e));
    return spreadsheet_send(&to, "leads", x.n, e);
}

/* --- table --------------------------------------------------------------------------------------------------------------- */

#define WHICH                                                                                      \
    {.name = "filter",                                                                             \
     .value = "JSON",                                                                              \
     .help = "{\"field\": …, \"op\": …, \"value\": …}, all or any of several"},                    \
        {.name = "segment", .value = "NAME", .help = "a saved filter, by name or id"},             \
        {.name = "q",                                                                              \
         .value = "TEXT",                                                                          \
         .help = "words of a name, or how a number or address begins"},                            \
    {                                                                                              \
        .name = "sort", .value = "ORDER",                                                          \
        .help = "name, company, state, created_at, updated_at or last_inbound_at; - in front: "    \
                "downwards (default: -created_at)"                                                 \
    }

static const struct option list_options[] = {
    WHICH,
    {.name = "limit", .value = "N", .help = "at most N (default: 50, at most 1000)"},
    {.name = NULL},
};
static const struct option export_options[] = {
    WHICH,
    SPREADSHEET_OPTIONS,
    {.name = NULL},
};

const struct command lead_commands[] = {
    {.name = "list",
     .args = "SLUG",
     .summary = "list a tenant's leads",
     .help = "docs/leads.md tells what a filter may say.",
     .options = list_options,
     .run = list},
    {.name = "show",
     .args = "SLUG WHO",
     .summary = "show one lead",
     .task = "show the lead",
     .help = "WHO is an id, a telephone number or an e-mail address.",
     .run = show},
    {.name = "export",
     .args = "SLUG [FILE]",
     .summary = "write leads to a spreadsheet",
     .task = "export the leads",
     .help = "Without a FILE it goes to standard output. No cell can become a formula.",
     .options = export_options,
     .run = export},
    {.name = NULL},
};
