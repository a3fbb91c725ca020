/* dispatch_preview.c - prosa dispatch preview: what somebody would get of a campaign.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/campaign.h"

struct previewing {
    struct cli *c;
    struct tenant tenant;
    struct dispatch_previewed what;
    struct dispatch_preview seen;
};

static enum status look_tx(struct tx *tx, void *ctx, struct err *e) {
    struct previewing *x = ctx;
    struct cli *c = x->c;

    TRY(cli_tenant(c, tx, cli_arg(c, 0), &x->tenant, e));
    TRY(campaign_find(c, tx, x->tenant.id, &x->what.id, e));
    if (cli_arg(c, 2).len > 0)
        TRY(cli_lead(c, tx, x->tenant.id, cli_arg(c, 2), &x->what.lead, e));
    x->what.tenant = x->tenant.id;
    x->what.now_ms = clock_now_ms();
    return dispatch_preview(&c->arena, tx, &x->what, &x->seen, e);
}

/* --- shown ---------------------------------------------------------------------------------------------------------------------- */

static void put(struct json_out *o, const struct dispatch_preview *p) {
    json_obj(o, NULL);
    dispatch_write_preview(o, p);
    json_end(o);
}

static void show_message(struct cli *c, const struct dispatch_preview_message *m) {
    buf_printf(&c->out, "\n%.*s, %.*s", STR_ARG(m->channel), STR_ARG(m->template_name));
    if (m->block.len > 0)
        buf_printf(&c->out, ": %.*s", STR_ARG(m->block_why.len > 0 ? m->block_why : m->block));
    buf_add(&c->out, STR("\n"));
    if (m->text.len > 0)
        buf_printf(&c->out, "%.*s\n", STR_ARG(m->text));
    for (size_t i = 0; i < m->n_missing; i++)
        buf_printf(&c->out, "no value: %.*s\n", STR_ARG(m->missing[i]));
}

static void show(struct cli *c, const struct dispatch_preview *p) {
    if (!p->has_lead)
        buf_add(&c->out, STR("The audience is nobody.\n"));
    else if (p->would_send)
        buf_printf(&c->out, "%.*s %.*s would get it over %.*s: %.*s\n",
                   STR_ARG(cli_id_text(c, p->lead.id.v)), STR_ARG(p->lead.name),
                   STR_ARG(p->channel), STR_ARG(p->reason));
    else
        buf_printf(&c->out, "%.*s %.*s would not get it: %.*s\n",
                   STR_ARG(cli_id_text(c, p->lead.id.v)), STR_ARG(p->lead.name),
                   STR_ARG(p->block_reason));
    for (size_t i = 0; i < p->n; i++)
        show_message(c, &p->messages[i]);
}

enum status campaign_preview(struct cli *c, struct err *e) {
    struct previewing x = {.c = c};

    TRY(cli_read(c, look_tx, &x, e));
    if (c->is_json)
        put(&c->json, &x.seen);
    else
        show(c, &x.seen);
    return ST_OK;
}
