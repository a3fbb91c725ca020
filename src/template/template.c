/* template.c - finding templates, and writing those that are the tenant's own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "template/template.h"

#include "base/utf8.h"
#include "crypto/crypto.h"
#include "template/store.h"

enum { LANGUAGE_MAX = 15, CATEGORY_MAX = 40, PAGE_MAX = 500 };

/* --- finding -------------------------------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status template_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct account_id account, struct str channel, struct str name,
                          struct str language, struct template *ret, struct err *e) {
    const struct template key = {.channel = channel, .name = name, .language = language};
    struct db_rows rows;

    TRY(store_templates_named(a, tx, tenant, account, &key, &rows, e));
    if (rows.n == 0 && str_eq(channel, STR("email")) && !uuid_is_nil(account.v))
        TRY(store_templates_named(a, tx, tenant, (struct account_id){0}, &key, &rows, e));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no template \"%.*s\"%s%.*s for this channel",
             STR_ARG(str_sub(name, 0, TEMPLATE_NAME_MAX)), language.len > 0 ? " in " : "",
             STR_ARG(str_sub(language, 0, LANGUAGE_MAX)));
    store_template_at(a, &rows, 0, ret);
    return ST_OK;
}

enum status template_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                         struct template *ret, struct err *e) {
    struct db_rows rows;

    TRY(store_template_get(a, tx, tenant, id, &rows, e));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such template");
    store_template_at(a, &rows, 0, ret);
    return ST_OK;
}

/* name, language and id of the last one, each encoded, so that no separator can stand in them. */
static struct str cursor_of(struct arena *a, const struct template *t) {
    struct str id = uuid_format(a, t->id);

    return crypto_base64url(a, arena_printf(a, "%.*s\n%.*s\n%.*s", STR_ARG(t->name),
                                            STR_ARG(t->language), STR_ARG(id)));
}

static enum status read_cursor(struct arena *a, struct str cursor, struct template *ret,
                               struct err *e) {
    struct str text;

    *ret = (struct template){0};
    if (cursor.len == 0)
        return ST_OK;
    if (!crypto_unbase64(a, cursor, &text) || !utf8_is_valid(text) ||
        !str_cut(&text, '\n', &ret->name) || !str_cut(&text, '\n', &ret->language) ||
        !uuid_parse(text, &ret->id) || str_contains(ret->name, (struct str){"", 1}) ||
        str_contains(ret->language, (struct str){"", 1}))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    return ST_OK;
}

enum status template_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          const struct template_query *query, struct template_page *ret,
                          struct err *e) {
    struct template_query q = *query;
    struct template last;
    struct db_rows rows;

    if (q.limit == 0 || q.limit > PAGE_MAX)
        q.limit = PAGE_MAX;
    TRY(read_cursor(a, q.after, &last, e));
    TRY(store_templates_page(a, tx, tenant, &q, &last, &rows, e));
    *ret = (struct template_page){.has_more = rows.n > q.limit};
    ret->n = ret->has_more ? q.limit : rows.n;
    ret->items = arena_array_of(a, ret->n + 1, struct template);
    for (size_t i = 0; i < ret->n; i++)
        store_template_at(a, &rows, i, &ret->items[i]);
    ret->next = ret->n > 0 ? cursor_of(a, &ret->items[ret->n - 1]) : q.after;
    return ST_OK;
}

/* --- the tenant's own ----------------------------------------------------------------------------------------------- */

/* As Meta has them, so that the same campaign may use both channels with names of one kind. */
static bool is_name(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9') ||
              s.ptr[i] == '_'))
            return false;
    return s.len > 0 && s.len <= TEMPLATE_NAME_MAX;
}

static bool is_language(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') ||
              s.ptr[i] == '_' || s.ptr[i] == '-'))
            return false;
    return s.len >= 2 && s.len <= LANGUAGE_MAX;
}

static enum status check(const struct template *t, struct err *e) {
    if (!str_eq(t->channel, STR("email")))
        FAIL(e, ST_INVALID,
             "channel: only templates for \"email\" are written here; the others"
             " are made at the provider and synced");
    if (!is_name(t->name))
        FAIL(e, ST_INVALID, "name: 1 to %d of a to z, 0 to 9 and _", TEMPLATE_NAME_MAX);
    if (!is_language(t->language))
        FAIL(e, ST_INVALID, "language: such as pt_BR");
    if (str_trim(t->subject).len == 0 || utf8_count(t->subject) > TEMPLATE_SUBJECT_MAX ||
        str_contains(t->subject, STR("\n")) || str_contains(t->subject, STR("\r")))
        FAIL(e, ST_INVALID, "subject: 1 to %d characters on one line", TEMPLATE_SUBJECT_MAX);
    if (str_trim(t->body).len == 0 || t->body.len > TEMPLATE_BODY_MAX)
        FAIL(e, ST_INVALID, "body: a text of at most %d bytes", TEMPLATE_BODY_MAX);
    if (t->html.len > TEMPLATE_HTML_MAX)
        FAIL(e, ST_INVALID, "html: at most %d bytes", TEMPLATE_HTML_MAX);
    if (t->category.len > CATEGORY_MAX)
        FAIL(e, ST_INVALID, "category: at most %d bytes", CATEGORY_MAX);
    return ST_OK;
}

static enum status insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct template *t, struct err *e) {
    int64_t n;

    TRY(store_templates_count_own(a, tx, tenant, &n, e));
    if (n >= TEMPLATE_LOCAL_MAX)
        FAIL(e, ST_INVALID, "there are %d templates already: remove one first", TEMPLATE_LOCAL_MAX);
    t->id = uuid_new();
    t->created_at_ms = t->updated_at_ms;
    return store_template_insert(tx, tenant, t, e);
}

enum status template_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct template *t, int64_t now_ms, struct err *e) {
    struct err why = ERR_INIT;
    int64_t changed = 1;
    enum status st;

    t->status = STR("local");
    t->account = (struct account_id){0};
    t->updated_at_ms = now_ms;
    TRY(check(t, e));
    st = uuid_is_nil(t->id) ? insert(a, tx, tenant, t, &why)
                            : store_template_change(tx, tenant, t, &changed, &why);
    if (st == ST_CONFLICT)
        FAIL(e, ST_CONFLICT, "there is a template of this name and language already");
    if (st != ST_OK) {
        *e = why;
        return st;
    }
    if (changed == 0)
        FAIL(e, ST_CONFLICT, "the template is the provider's: change it there, then sync");
    template_understand(a, t);
    return ST_OK;
}

enum status template_remove(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                            struct err *e) {
    struct template t;
    int64_t changed = 0;

    TRY(template_get(a, tx, tenant, id, &t, e));
    TRY(store_template_delete(tx, tenant, id, &changed, e));
    if (changed == 0)
        FAIL(e, ST_CONFLICT, "the template is the provider's: remove it there, then sync");
    return ST_OK;
}

/* --- may it be used? ------------------------------------------------------------------------------------------------ */

bool template_is_usable(const struct template *t, struct str *ret_reason) {
    static const struct {
        const char *status;
        struct str reason;
    } reasons[] = {
        {"pending", STR("template-pending")}, {"rejected", STR("template-rejected")},
        {"paused", STR("template-paused")},   {"disabled", STR("template-disabled")},
        {"gone", STR("template-gone")},
    };
    bool is_good = str_eq(t->status, STR("approved")) || str_eq(t->status, STR("local"));

    *ret_reason = is_good ? STR_EMPTY : STR("template-disabled");
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (str_eq(t->status, str_of(reasons[i].status)))
            *ret_reason = reasons[i].reason;
    for (size_t i = 0; is_good && i < t->n_variables; i++)
        if (str_eq(t->variables[i].kind, STR("unsupported"))) {
            *ret_reason = STR("template-unsupported");
            is_good = false;
        }
    return is_good;
}
