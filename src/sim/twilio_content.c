/* twilio_content.c - Content templates: a few approved ones to begin with, more by the Content API,
 * approved as soon as that is asked for. On demand one is paused, rejected or re-categorised.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "sim/twilio.h"

enum {
    CONTENTS_MAX = 500,
    LIST_BYTES = 8 << 20,
    TEXT_BYTES = 64 << 10,
};

struct content {
    struct arena arena;
    struct str sid, friendly_name, language;
    struct str types, variables; /* JSON */
    const struct json *v_types, *v_variables;
    struct str status, category, rejection_reason; /* of the approval; owned */
    int64_t created_at_ms;
};

struct contents {
    struct content *list[CONTENTS_MAX];
    size_t n;
};

static const struct {
    const char *sid, *name, *status, *category, *types, *variables;
} first_ones[] = {
    {"HX00000000000000000000000000000001", "cobranca_padrao_whatsapp_v1", "approved", "UTILITY",
     "{\"twilio/quick-reply\":{\"body\":\"Ol\xc3\xa1, {{nome}}! Consta um valor em aberto em seu "
     "cadastro. Responda esta mensagem para receber a segunda via.\",\"actions\":[{\"title\":"
     "\"Segunda via\",\"id\":\"segunda_via\"},{\"title\":\"J\xc3\xa1 paguei\",\"id\":\"pago\"}]}}",
     "{\"nome\":\"Ana\"}"},
    {"HX00000000000000000000000000000002", "lembrete_visita", "approved", "UTILITY",
     "{\"twilio/text\":{\"body\":\"Ol\xc3\xa1 {{1}}, sua visita \xc3\xa9 {{2}}.\"}}",
     "{\"1\":\"Ana\",\"2\":\"ter\xc3\xa7"
     "a 09:00\"}"},
    {"HX00000000000000000000000000000003", "pausado", "paused", "MARKETING",
     "{\"twilio/text\":{\"body\":\"Pausado.\"}}", "{}"},
};

/* --- the list -------------------------------------------------------------------------------- */

static void content_free(struct content *c) {
    disown(&c->status);
    disown(&c->category);
    disown(&c->rejection_reason);
    arena_done(&c->arena);
    free(c);
}

/* Takes what describes one; NULL: types or variables are no objects, or there are too many. */
static struct content *add(struct contents *list, struct str sid, struct content from) {
    struct content *c;
    struct err e = ERR_INIT;

    if (list->n == CONTENTS_MAX)
        return NULL;
    c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->sid = sid.len > 0 ? arena_str(&c->arena, sid) : twilio_sid(&c->arena, "HX", STR_EMPTY);
    c->friendly_name = arena_str(&c->arena, from.friendly_name);
    c->language = arena_str(&c->arena, from.language);
    c->types = arena_str(&c->arena, from.types);
    c->variables = arena_str(&c->arena, from.variables);
    c->status = own(from.status);
    c->category = own(from.category);
    c->created_at_ms = clock_now_ms();
    if (json_parse(&c->arena, c->types, JSON_LIMITS_DEFAULT, &c->v_types, &e) != ST_OK ||
        json_len(c->v_types) == 0 ||
        json_parse(&c->arena, c->variables, JSON_LIMITS_DEFAULT, &c->v_variables, &e) != ST_OK) {
        content_free(c);
        return NULL;
    }
    list->list[list->n++] = c;
    return c;
}

struct contents *contents_new(void) {
    struct contents *list = calloc(1, sizeof(*list));

    if (!list)
        abort();
    for (size_t i = 0; i < ARRAY_LEN(first_ones); i++) {
        if (!add(list, str_of(first_ones[i].sid),
                 (struct content){.friendly_name = str_of(first_ones[i].name),
                                  .language = STR("pt_BR"),
                                  .types = str_of(first_ones[i].types),
                                  .variables = str_of(first_ones[i].variables),
                                  .status = str_of(first_ones[i].status),
                                  .category = str_of(first_ones[i].category)}))
            abort();
    }
    return list;
}

void contents_free(struct contents *list) {
    for (size_t i = 0; i < list->n; i++)
        content_free(list->list[i]);
    free(list);
}

static struct content *find(const struct sim *s, struct str sid) {
    const struct contents *list = s->twilio->contents;

    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->list[i]->sid, sid) || str_eq(list->list[i]->friendly_name, sid))
            return list->list[i];
    }
    return NULL;
}

/* --- a send by one --------------------------------------------------------------------------- */

static const struct json *member(const struct json *v, struct str key) {
    const struct json *value;
    struct str name;

    for (size_t i = 0; json_member(v, i, &name, &value); i++) {
        if (str_eq(name, key))
            return value;
    }
    return NULL;
}

/* Replaces each {{key}}; false: one has no value. */
static bool fill(struct str body, const struct json *values, struct buf *b) {
    while (body.len > 0) {
        size_t end = 2;
        const struct json *value;

        if (!str_starts(body, STR("{{"))) {
            buf_add_char(b, body.ptr[0]);
            body = str_sub(body, 1, body.len);
            continue;
        }
        while (end < body.len && body.ptr[end] != '}')
            end++;
        value = member(values, str_trim(str_sub(body, 2, end - 2)));
        if (json_str(value).len == 0)
            return false;
        buf_add(b, json_str(value));
        body = str_sub(body, end + 2, body.len);
    }
    return true;
}

static void put_content(struct json_out *o, const struct content *c, const struct json *type,
                        struct str text) {
    const struct json *actions = json_get(type, "actions");

    json_obj(o, NULL);
    json_put_str(o, "text", text);
    json_put_str(o, "name", c->friendly_name);
    json_arr(o, "buttons");
    for (size_t i = 0; i < json_len(actions); i++) {
        json_obj(o, NULL);
        json_put_str(o, "id", json_str(json_get(json_at(actions, i), "id")));
        json_put_str(o, "title", json_str(json_get(json_at(actions, i), "title")));
        json_end(o);
    }
    json_end(o);
    json_end(o);
}

static bool are_texts(const struct json *v) {
    const struct json *value;
    struct str key;

    for (size_t i = 0; json_member(v, i, &key, &value); i++) {
        if (json_type(value) != JSON_STRING)
            return false;
    }
    return json_type(v) == JSON_OBJECT;
}

bool content_use(struct sim *s, struct arena *a, struct content_use *x) {
    ATTR_CLEANUP(buf_done_p) struct buf text = {.max = TEXT_BYTES}, content = {.max = TEXT_BYTES};
    const struct content *c = find(s, x->sid);
    const struct json *values = NULL, *type = NULL;
    struct err e = ERR_INIT;
    struct json_out o;
    struct str name;

    x->error = (struct twilio_error){.code = c ? 21656 : 20404};
    if (!c || (x->variables.len > 0 &&
               (json_parse(a, x->variables, JSON_LIMITS_DEFAULT, &values, &e) != ST_OK ||
                !are_texts(values))))
        return false;
    (void)json_member(c->v_types, 0, &name, &type);
    x->is_approved = str_eq(c->status, STR("approved"));
    if (str_eq(c->status, STR("paused")))
        x->failed_code = 63029;
    if (!fill(json_str(json_get(type, "body")), values, &text))
        x->failed_code = 63028;
    json_out_init(&o, &content);
    put_content(&o, c, type, buf_str(&text));
    x->text = arena_str(a, buf_str(&text));
    x->content = arena_str(a, buf_str(&content));
    return true;
}

/* --- as JSON --------------------------------------------------------------------------------- */

static void put_approval(struct json_out *o, const struct content *c) {
    json_put_str(o, "name", c->friendly_name);
    json_put_str(o, "category", c->category);
    json_put_str(o, "content_type", STR("twilio/text"));
    json_put_str(o, "status", c->status);
    json_put_str(o, "rejection_reason", c->rejection_reason);
    json_put_bool(o, "allow_category_change", true);
}

static void write_content(struct sim *s, struct arena *a, struct json_out *o,
                          const struct content *c, bool with_approval) {
    struct str url = arena_printf(a, "%.*s/v1/Content/%.*s", STR_ARG(s->address), STR_ARG(c->sid));

    json_obj(o, NULL);
    json_put_str(o, "sid", c->sid);
    json_put_str(o, "account_sid", s->twilio->account_sid);
    json_put_str(o, "friendly_name", c->friendly_name);
    json_put_str(o, "language", c->language);
    json_put_raw(o, "variables", c->variables);
    json_put_raw(o, "types", c->types);
    json_put_str(o, "date_created", twilio_iso(a, c->created_at_ms));
    json_put_str(o, "date_updated", twilio_iso(a, c->created_at_ms));
    if (with_approval) {
        json_obj(o, "approval_requests");
        put_approval(o, c);
        json_end(o);
    } else {
        json_put_str(o, "url", url);
        json_obj(o, "links");
        json_put_str(o, "approval_fetch", arena_printf(a, "%.*s/ApprovalRequests", STR_ARG(url)));
        json_put_str(o, "approval_create",
                     arena_printf(a, "%.*s/ApprovalRequests/whatsapp", STR_ARG(url)));
        json_end(o);
    }
    json_end(o);
}

static enum status list(struct app *app, struct req *r, struct resp *resp, bool with_approval) {
    struct sim *s = sim_of(app);
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = LIST_BYTES};
    struct twilio_page page = {.key = "contents"};
    struct json_out o;

    if (!twilio_admit(s, r, resp))
        return ST_OK;
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    sim_lock(s);
    page.n = s->twilio->contents->n;
    twilio_page_read(r, &page);
    json_arr(&o, page.key);
    for (size_t i = page.from; i < page.to; i++)
        write_content(s, r->arena, &o, s->twilio->contents->list[i], with_approval);
    json_end(&o);
    twilio_page_write(s, r, &page, &o);
    sim_unlock(s);
    json_end(&o);
    resp_json(r, resp, 200, &b);
    return ST_OK;
}

enum status content_list(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    return list(app, r, resp, false);
}

enum status content_list_approvals(struct app *app, struct req *r, struct resp *resp,
                                   struct err *e) {
    (void)e;
    return list(app, r, resp, true);
}

/* --- one ------------------------------------------------------------------------------------- */

typedef void (*write_fn)(struct sim *s, const struct req *r, struct json_out *o,
                         const struct content *c);

static void write_whole(struct sim *s, const struct req *r, struct json_out *o,
                        const struct content *c) {
    write_content(s, r->arena, o, c, false);
}

static void write_approval(struct sim *s, const struct req *r, struct json_out *o,
                           const struct content *c) {
    struct str account = s->twilio->account_sid;

    (void)r;
    json_obj(o, NULL);
    json_put_str(o, "sid", c->sid);
    json_put_str(o, "account_sid", account);
    json_obj(o, "whatsapp");
    put_approval(o, c);
    json_end(o);
    json_end(o);
}

static void write_received(struct sim *s, const struct req *r, struct json_out *o,
                           const struct content *c) {
    (void)s;
    (void)r;
    json_obj(o, NULL);
    put_approval(o, c);
    json_end(o);
}

/* c NULL: there is none. Under the lock. */
static void answer_one(struct sim *s, const struct req *r, struct resp *resp, unsigned status,
                       const struct content *c, write_fn write) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = LIST_BYTES};
    struct json_out o;

    if (!c) {
        twilio_refuse(r, resp, (struct twilio_error){.code = 20404});
        return;
    }
    json_out_init(&o, &b);
    write(s, r, &o, c);
    resp_json(r, resp, status, &b);
}

static enum status show(struct app *app, struct req *r, struct resp *resp, write_fn write) {
    struct sim *s = sim_of(app);

    if (!twilio_admit(s, r, resp))
        return ST_OK;
    sim_lock(s);
    answer_one(s, r, resp, 200, find(s, req_param(r, "content")), write);
    sim_unlock(s);
    return ST_OK;
}

enum status content_get(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    return show(app, r, resp, write_whole);
}

enum status content_approval_get(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    (void)e;
    return show(app, r, resp, write_approval);
}

static struct str text_json(struct arena *a, const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TEXT_BYTES};

    if (json_type(v) != JSON_OBJECT)
        return STR("{}");
    json_write(&b, v);
    return b.overflown ? STR("{}") : arena_str(a, buf_str(&b));
}

/* POST /v1/Content {"friendly_name", "language", "variables"?, "types"} */
enum status content_create(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *v = NULL;
    const struct content *c = NULL;

    if (!twilio_admit(s, r, resp))
        return ST_OK;
    if (sim_body(r, &v, e) != ST_OK)
        err_clear(e);
    sim_lock(s);
    if (json_str(json_get(v, "language")).len > 0)
        c = add(s->twilio->contents, STR_EMPTY,
                (struct content){.friendly_name = json_str(json_get(v, "friendly_name")),
                                 .language = json_str(json_get(v, "language")),
                                 .types = text_json(r->arena, json_get(v, "types")),
                                 .variables = text_json(r->arena, json_get(v, "variables")),
                                 .status = STR("unsubmitted")});
    if (c)
        answer_one(s, r, resp, 201, c, write_whole);
    else
        twilio_refuse(r, resp, (struct twilio_error){.code = 20001});
    sim_unlock(s);
    return ST_OK;
}

enum status content_delete(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct contents *list = s->twilio->contents;
    struct content *c;

    (void)e;
    if (!twilio_admit(s, r, resp))
        return ST_OK;
    sim_lock(s);
    c = find(s, req_param(r, "content"));
    for (size_t i = 0; c && i < list->n; i++) {
        if (list->list[i] != c)
            continue;
        for (size_t k = i + 1; k < list->n; k++)
            list->list[k - 1] = list->list[k];
        list->n--;
        content_free(c);
        break;
    }
    sim_unlock(s);
    if (c)
        resp->status = 204;
    else
        twilio_refuse(r, resp, (struct twilio_error){.code = 20404});
    return ST_OK;
}

static void set(struct str *at, struct str value) {
    if (value.len == 0)
        return;
    disown(at);
    *at = own(value);
}

/* POST /v1/Content/{sid}/ApprovalRequests/whatsapp {"name", "category"}: approved right away. */
enum status content_approval_post(struct app *app, struct req *r, struct resp *resp,
                                  struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *v = NULL;
    struct content *c;

    if (!twilio_admit(s, r, resp))
        return ST_OK;
    if (sim_body(r, &v, e) != ST_OK)
        err_clear(e);
    sim_lock(s);
    c = find(s, req_param(r, "content"));
    if (c) {
        set(&c->category, json_str(json_get(v, "category")));
        set(&c->status, STR("received"));
    }
    answer_one(s, r, resp, 201, c, write_received);
    if (c)
        set(&c->status, STR("approved"));
    sim_unlock(s);
    return ST_OK;
}

/* POST /sim/twilio/content {"sid" or its name, "status"?, "category"?, "rejection_reason"?} */
enum status content_change(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *v;
    struct content *c;

    sim_allow_origin(s, r, resp);
    TRY(sim_body(r, &v, e));
    sim_lock(s);
    c = find(s, json_str(json_get(v, "sid")));
    if (c) {
        set(&c->status, json_str(json_get(v, "status")));
        set(&c->category, json_str(json_get(v, "category")));
        set(&c->rejection_reason, json_str(json_get(v, "rejection_reason")));
        answer_one(s, r, resp, 200, c, write_approval);
    }
    sim_unlock(s);
    if (!c)
        FAIL(e, ST_NOT_FOUND, "there is no such content");
    return ST_OK;
}
