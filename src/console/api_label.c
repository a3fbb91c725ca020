/* api_label.c - labels and canned answers: what the team shares.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"

/* --- labels ------------------------------------------------------------------------------------ */

static enum status list_labels(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct label *labels;
    size_t n;

    TRY(label_list(x->r->arena, tx, x->tenant, &labels, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_label(&x->o, &labels[i]);
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status one_label(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct label label;

    TRY(label_get(x->r->arena, tx, x->tenant, x->message.v, &label, e));
    write_label(api_begin_bare(x), &label);
    return ST_OK;
}

static enum status put_label(struct tx *tx, struct api *x, struct label *label, const char *action,
                             struct err *e) {
    if (json_get(x->body, "name"))
        label->name = json_str(json_get(x->body, "name"));
    if (json_get(x->body, "color"))
        label->color = json_str(json_get(x->body, "color"));
    TRY(label_put(x->r->arena, tx, x->tenant, label, clock_now_ms(), e));
    TRY(api_audit(tx, x, action, uuid_format(x->r->arena, label->id), e));
    write_label(api_begin_bare(x), label);
    return ST_OK;
}

static enum status add_label(struct tx *tx, void *ctx, struct err *e) {
    struct label label = {0};

    return put_label(tx, ctx, &label, "label.add", e);
}

static enum status change_label(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct label label;

    TRY(label_get(x->r->arena, tx, x->tenant, x->message.v, &label, e));
    TRY(api_if_match(tx, x, one_label, e));
    return put_label(tx, x, &label, "label.change", e);
}

static enum status remove_label(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(label_remove(tx, x->tenant, x->message.v, clock_now_ms(), e));
    TRY(api_audit(tx, x, "label.remove", uuid_format(x->r->arena, x->message.v), e));
    api_begin_empty(x);
    return ST_OK;
}

static enum status restore_label(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(label_restore(x->r->arena, tx, x->tenant, x->id, clock_now_ms(), e));
    TRY(api_audit(tx, x, "label.restore", uuid_format(x->r->arena, x->id), e));
    return one_label(tx, x, e);
}

/* --- canned answers ---------------------------------------------------------------------------- */

static enum status list_canned(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct canned *canned;
    size_t n;

    TRY(canned_list(x->r->arena, tx, x->tenant, &canned, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_canned(&x->o, &canned[i]);
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status one_canned(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct canned canned;

    TRY(canned_get(x->r->arena, tx, x->tenant, x->message.v, &canned, e));
    write_canned(api_begin_bare(x), &canned);
    return ST_OK;
}

static enum status put_canned(struct tx *tx, struct api *x, struct canned *canned,
                              const char *action, struct err *e) {
    if (json_get(x->body, "shortcut"))
        canned->shortcut = json_str(json_get(x->body, "shortcut"));
    if (json_get(x->body, "text"))
        canned->text = json_str(json_get(x->body, "text"));
    TRY(canned_put(x->r->arena, tx, x->tenant, canned, clock_now_ms(), e));
    TRY(api_audit(tx, x, action, uuid_format(x->r->arena, canned->id), e));
    write_canned(api_begin_bare(x), canned);
    return ST_OK;
}

static enum status add_canned(struct tx *tx, void *ctx, struct err *e) {
    struct canned canned = {0};

    return put_canned(tx, ctx, &canned, "canned.add", e);
}

static enum status change_canned(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct canned canned;

    TRY(canned_get(x->r->arena, tx, x->tenant, x->message.v, &canned, e));
    TRY(api_if_match(tx, x, one_canned, e));
    return put_canned(tx, x, &canned, "canned.change", e);
}

static enum status remove_canned(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(canned_remove(tx, x->tenant, x->message.v, e));
    TRY(api_audit(tx, x, "canned.remove", uuid_format(x->r->arena, x->message.v), e));
    api_begin_empty(x);
    return ST_OK;
}

API_HANDLER(labels_get, API_READS, list_labels)
API_HANDLER(label_get_one, API_READS, one_label)
API_HANDLER(labels_post, API_WRITES, add_label)
API_HANDLER(label_patch, API_WRITES, change_label)
API_HANDLER(label_delete, API_WRITES, remove_label)
API_HANDLER(label_restore_post, API_WRITES, restore_label)
API_HANDLER(canned_get_all, API_READS, list_canned)
API_HANDLER(canned_get_one, API_READS, one_canned)
API_HANDLER(canned_post, API_WRITES, add_canned)
API_HANDLER(canned_patch, API_WRITES, change_canned)
API_HANDLER(canned_delete, API_WRITES, remove_canned)

#define READ  .scope = "conversations:read"
#define WRITE .scope = "conversations:write", .max_body = API_BODY_MAX

const struct route api_label_routes[] = {
    {HTTP_GET, API "/labels", labels_get, AGENT, READ, .summary = "The tenant's labels"},
    {HTTP_POST, API "/labels", labels_post, SUPERVISOR, WRITE, .summary = "A new label"},
    {HTTP_GET, API "/labels/{id}", label_get_one, AGENT, READ, .summary = "One label"},
    {HTTP_PATCH, API "/labels/{id}", label_patch, SUPERVISOR, WRITE,
     .summary = "Change a label's name or colour"},
    {HTTP_DELETE, API "/labels/{id}", label_delete, SUPERVISOR, WRITE,
     .summary = "Remove a label, also off its conversations"},
    {HTTP_POST, API "/labels/{id}/restore", label_restore_post, SUPERVISOR, WRITE,
     .summary = "Bring a removed label back to the conversations that had it, within 30 days"},
    {HTTP_GET, API "/canned", canned_get_all, AGENT, READ, .summary = "Answers kept ready"},
    {HTTP_POST, API "/canned", canned_post, SUPERVISOR, WRITE, .summary = "A new canned answer"},
    {HTTP_GET, API "/canned/{id}", canned_get_one, AGENT, READ, .summary = "One canned answer"},
    {HTTP_PATCH, API "/canned/{id}", canned_patch, SUPERVISOR, WRITE,
     .summary = "Change a canned answer"},
    {HTTP_DELETE, API "/canned/{id}", canned_delete, SUPERVISOR, WRITE,
     .summary = "Remove a canned answer"},
};
const size_t api_label_n_routes = ARRAY_LEN(api_label_routes);
