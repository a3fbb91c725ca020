/* template.c - message templates: a few approved ones to begin with, more by POST, and whether a
 * send fits one. All accounts share one list; a template made here is approved at once. On demand Meta
 * pauses one, re-categorises it or rates it, and says so by a webhook.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "crypto/crypto.h"
#include "sim/internal.h"

enum {
    TEMPLATES_MAX = 250,
    LIST_MAX_BYTES = 4 << 20,
    CODE_COUNT = 132000,
    CODE_NO_TEMPLATE = 132001,
    CODE_TOO_LONG = 132005,
    CODE_FORMAT = 132012,
};

struct template {
    struct arena arena;
    const struct json *v; /* in arena */
};

struct templates {
    struct template *list[TEMPLATES_MAX];
    size_t n;
};

static const char first_ones[] =
    "[{\"name\":\"cobranca_padrao_whatsapp_v1\",\"language\":\"pt_BR\",\"status\":\"APPROVED\","
    "\"category\":\"UTILITY\",\"id\":\"1900000000000006\",\"parameter_format\":\"NAMED\","
    "\"components\":[{\"type\":\"BODY\",\"text\":\"Ol\\u00e1, {{nome}}! Consta um valor em aberto em "
    "seu cadastro. Responda esta mensagem para receber a segunda via ou combinar uma nova data. Se "
    "j\\u00e1 pagou, desconsidere.\",\"example\":{\"body_text_named_params\":[{\"param_name\":\"nome\","
    "\"example\":\"Ana\"}]}},{\"type\":\"FOOTER\",\"text\":\"Responda SAIR para parar\"},"
    "{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":\"QUICK_REPLY\",\"text\":\"Segunda via\"},"
    "{\"type\":\"QUICK_REPLY\",\"text\":\"J\\u00e1 paguei\"}]}]},"
    "{\"name\":\"lembrete_visita\",\"language\":\"pt_BR\",\"status\":\"APPROVED\",\"category\":"
    "\"UTILITY\",\"id\":\"1900000000000001\",\"parameter_format\":\"POSITIONAL\",\"components\":["
    "{\"type\":\"BODY\",\"text\":\"Ol\\u00e1 {{1}}, sua visita \\u00e9 {{2}}.\",\"example\":"
    "{\"body_text\":[[\"Ana\",\"ter\\u00e7a 09:00\"]]}},"
    "{\"type\":\"FOOTER\",\"text\":\"Responda SAIR para parar\"},"
    "{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":\"QUICK_REPLY\",\"text\":\"Confirmar\"},"
    "{\"type\":\"QUICK_REPLY\",\"text\":\"Remarcar\"}]}]},"
    "{\"name\":\"boas_vindas\",\"language\":\"pt_BR\",\"status\":\"APPROVED\",\"category\":"
    "\"MARKETING\",\"id\":\"1900000000000002\",\"parameter_format\":\"NAMED\",\"components\":["
    "{\"type\":\"BODY\",\"text\":\"Bem-vindo(a), {{nome}}! Fale com a gente por aqui.\","
    "\"example\":{\"body_text_named_params\":[{\"param_name\":\"nome\",\"example\":\"Ana\"}]}}]},"
    "{\"name\":\"novidades\",\"language\":\"pt_BR\",\"status\":\"APPROVED\",\"category\":"
    "\"MARKETING\",\"id\":\"1900000000000003\",\"parameter_format\":\"POSITIONAL\",\"components\":["
    "{\"type\":\"BODY\",\"text\":\"Temos novidades para voc\\u00ea. Quer saber mais?\"}]},"
    "{\"name\":\"hello_world\",\"language\":\"en_US\",\"status\":\"APPROVED\",\"category\":"
    "\"UTILITY\",\"id\":\"1900000000000004\",\"parameter_format\":\"POSITIONAL\",\"components\":["
    "{\"type\":\"BODY\",\"text\":\"Welcome and congratulations!\"}]},"
    "{\"name\":\"pausado\",\"language\":\"pt_BR\",\"status\":\"PAUSED\",\"category\":"
    "\"MARKETING\",\"id\":\"1900000000000005\",\"parameter_format\":\"POSITIONAL\",\"components\":["
    "{\"type\":\"BODY\",\"text\":\"Pausado.\"}]}]";

/* Takes the template that text describes; false: it is malformed or there are too many. */
static bool add(struct templates *t, struct str text) {
    struct template *one;
    struct err e = ERR_INIT;

    if (t->n == TEMPLATES_MAX)
        return false;
    one = calloc(1, sizeof(*one));
    if (!one)
        abort();
    if (json_parse(&one->arena, text, JSON_LIMITS_DEFAULT, &one->v, &e) != ST_OK) {
        arena_done(&one->arena);
        free(one);
        return false;
    }
    t->list[t->n++] = one;
    return true;
}

struct templates *templates_new(void) {
    struct templates *t = calloc(1, sizeof(*t));
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct json *all = NULL;
    struct err e = ERR_INIT;

    if (!t || json_parse(&a, str_of(first_ones), JSON_LIMITS_DEFAULT, &all, &e) != ST_OK)
        abort();
    for (size_t i = 0; i < json_len(all); i++) {
        struct buf b;

        buf_init(&b, LIST_MAX_BYTES);
        json_write(&b, json_at(all, i));
        (void)add(t, buf_str(&b));
        buf_done(&b);
    }
    return t;
}

void templates_free(struct templates *t) {
    for (size_t i = 0; i < t->n; i++) {
        arena_done(&t->list[i]->arena);
        free(t->list[i]);
    }
    free(t);
}

/* --- a send against its template ------------------------------------------------------------- */

static const struct json *find(const struct sim *s, struct str name, struct str language) {
    for (size_t i = 0; i < s->templates->n; i++) {
        const struct json *t = s->templates->list[i]->v;

        if (str_eq(json_str(json_get(t, "name")), name) &&
            str_eq(json_str(json_get(t, "language")), language))
            return t;
    }
    return NULL;
}

static const struct json *component(const struct json *list, const char *type) {
    for (size_t i = 0; i < json_len(list); i++) {
        if (str_eq_nocase(json_str(json_get(json_at(list, i), "type")), str_of(type)))
            return json_at(list, i);
    }
    return NULL;
}

/* The value for {{name}}: by number, or by parameter_name. NULL: none was given. */
static const struct json *value_of(const struct json *parameters, struct str name) {
    int64_t position;

    if (str_parse_i64(name, 1, 1000, &position))
        return json_at(parameters, (size_t)position - 1);
    for (size_t i = 0; i < json_len(parameters); i++) {
        if (str_eq(json_str(json_get(json_at(parameters, i), "parameter_name")), name))
            return json_at(parameters, i);
    }
    return NULL;
}

/* text with its {{…}} filled in; false: a value is missing. Counts the places. */
static bool fill(struct str text, const struct json *parameters, struct buf *ret, size_t *ret_n) {
    *ret_n = 0;
    while (text.len > 0) {
        struct str name;
        const struct json *value;

        if (!str_eat(&text, STR("{{"))) {
            buf_add_char(ret, text.ptr[0]);
            text = str_sub(text, 1, text.len);
            continue;
        }
        (void)str_cut(&text, '}', &name);
        (void)str_eat(&text, STR("}"));
        value = value_of(parameters, str_trim(name));
        if (!value)
            return false;
        buf_add(ret, json_str(json_get(value, "text")));
        (*ret_n)++;
    }
    return true;
}

static bool refuse_template(struct graph_error *ret, int64_t code, struct str details) {
    *ret = (struct graph_error){.code = code, .details = details};
    return false;
}

static bool is_on_one_line(struct str s) {
    return !str_contains(s, STR("\n")) && !str_contains(s, STR("\t")) &&
           !str_contains(s, STR("     "));
}

static bool fill_body(struct arena *a, const struct json *t, const struct json *sent,
                      struct graph_error *ret, struct str *ret_text) {
    const struct json *parameters = json_get(component(sent, "body"), "parameters");
    struct str text = json_str(json_get(component(json_get(t, "components"), "BODY"), "text"));
    struct buf b;
    size_t n;
    bool fits;

    for (size_t i = 0; i < json_len(parameters); i++) {
        if (!is_on_one_line(json_str(json_get(json_at(parameters, i), "text"))))
            return refuse_template(
                ret, CODE_FORMAT,
                STR("Param text cannot have new-line/tab characters or more than 4 spaces"));
    }
    buf_init(&b, 64 << 10);
    fits = fill(text, parameters, &b, &n) && n == json_len(parameters);
    *ret_text = arena_str(a, buf_str(&b));
    buf_done(&b);
    if (!fits)
        return refuse_template(
            ret, CODE_COUNT,
            STR("Number of parameters does not match the expected number of params"));
    if (utf8_count(*ret_text) > 1024 + 60)
        return refuse_template(ret, CODE_TOO_LONG, STR("Translated text too long"));
    return true;
}

bool check_template(struct sim *s, struct arena *a, const struct json *v, struct graph_error *ret,
                    struct str *ret_text) {
    struct str name = json_str(json_get(v, "name"));
    struct str language = json_str(json_path(v, "language", "code", NULL));
    const struct json *t = find(s, name, language);
    struct str status = json_str(json_get(t, "status"));

    if (name.len == 0 || language.len == 0)
        return refuse_template(ret, 131008,
                               STR("template.name and template.language.code are required"));
    if (str_eq(status, STR("PAUSED")))
        return refuse_template(ret, 132015, STR("Template is paused due to low quality"));
    if (!t || !str_eq(status, STR("APPROVED")))
        return refuse_template(ret, CODE_NO_TEMPLATE,
                               arena_printf(a, "template name (%.*s) does not exist in %.*s",
                                            STR_ARG(name), STR_ARG(language)));
    return fill_body(a, t, json_get(v, "components"), ret, ret_text);
}

static const struct json *find_sent(const struct sim *s, const struct json *sent) {
    return find(s, json_str(json_get(sent, "name")),
                json_str(json_path(sent, "language", "code", NULL)));
}

struct str template_category(struct sim *s, const struct json *sent) {
    return json_str(json_get(find_sent(s, sent), "category"));
}

/* The payload given for the button at that place; empty: none. */
static struct str payload_at(const struct json *components, int64_t place) {
    for (size_t i = 0; i < json_len(components); i++) {
        const struct json *c = json_at(components, i);

        if (str_eq_nocase(json_str(json_get(c, "type")), STR("button")) &&
            json_i64(json_get(c, "index"), -1) == place)
            return json_str(json_get(json_at(json_get(c, "parameters"), 0), "payload"));
    }
    return STR_EMPTY;
}

void template_put_buttons(struct sim *s, const struct json *sent, struct json_out *o) {
    const struct json *list =
        json_get(component(json_get(find_sent(s, sent), "components"), "BUTTONS"), "buttons");

    if (json_len(list) == 0)
        return;
    json_arr(o, "buttons");
    for (size_t i = 0; i < json_len(list); i++) {
        struct str title = json_str(json_get(json_at(list, i), "text"));
        struct str payload = payload_at(json_get(sent, "components"), (int64_t)i);

        if (!str_eq(json_str(json_get(json_at(list, i), "type")), STR("QUICK_REPLY")))
            continue;
        json_obj(o, NULL);
        json_put_str(o, "id", payload.len > 0 ? payload : title);
        json_put_str(o, "title", title);
        json_end(o);
    }
    json_end(o);
}

/* --- handlers -------------------------------------------------------------------------------- */

static bool is_asked_for(const struct req *r, const struct json *t) {
    static const char *const filters[] = {"name", "status", "language", "category"};

    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        struct str want = req_query(r, filters[i]);

        if (want.len > 0 && !str_eq(json_str(json_get(t, filters[i])), want))
            return false;
    }
    return true;
}

/* Pages by ?limit and ?after, where a cursor is the base64 of a position, as opaque as Meta's. */
static void write_page(struct sim *s, const struct req *r, struct json_out *o) {
    int64_t limit = 25, first = 0;
    struct str cursor;
    size_t i, n = 0;

    (void)str_parse_i64(req_query(r, "limit"), 1, 1000, &limit);
    if (crypto_unbase64(r->arena, req_query(r, "after"), &cursor))
        (void)str_parse_i64(cursor, 0, TEMPLATES_MAX, &first);
    json_obj(o, NULL);
    json_arr(o, "data");
    for (i = (size_t)first; i < s->templates->n && n < (size_t)limit; i++) {
        if (!is_asked_for(r, s->templates->list[i]->v))
            continue;
        json_put_json(o, NULL, s->templates->list[i]->v);
        n++;
    }
    json_end(o);
    json_obj(o, "paging");
    json_obj(o, "cursors");
    cursor = arena_printf(r->arena, "%zu", i);
    json_put_str(o, "after", crypto_base64(r->arena, cursor));
    json_end(o);
    if (i < s->templates->n)
        json_put_str(o, "next",
                     arena_printf(r->arena, "%.*s%.*s?limit=%lld&after=%.*s", STR_ARG(s->address),
                                  STR_ARG(r->path), (long long)limit,
                                  STR_ARG(crypto_base64(r->arena, cursor))));
    json_end(o);
    json_end(o);
}

enum status templates_list(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct json_out o;
    struct buf b;

    (void)e;
    if (!graph_admit(s, r, resp))
        return ST_OK;
    buf_init(&b, LIST_MAX_BYTES);
    json_out_init(&o, &b);
    sim_lock(s);
    write_page(s, r, &o);
    sim_unlock(s);
    resp_json(r, resp, 200, &b);
    buf_done(&b);
    return ST_OK;
}

static bool is_template_name(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return s.len > 0 && s.len <= 512;
}

static void write_template(struct json_out *o, const struct json *v, struct str id) {
    static const char *const copied[] = {"name", "language", "category", "components"};
    const struct json *format = json_get(v, "parameter_format");

    json_obj(o, NULL);
    for (size_t i = 0; i < ARRAY_LEN(copied); i++)
        json_put_json(o, copied[i], json_get(v, copied[i]));
    json_put_str(o, "parameter_format", format ? json_str(format) : STR("POSITIONAL"));
    json_put_str(o, "status", STR("APPROVED"));
    json_put_str(o, "id", id);
    json_end(o);
}

/* The new template's answer text; empty: there are too many. */
static struct str create(struct sim *s, struct arena *a, const struct json *v) {
    struct str id;
    struct json_out o;
    struct buf b;
    bool is_added;

    buf_init(&b, LIST_MAX_BYTES);
    json_out_init(&o, &b);
    sim_lock(s);
    id = arena_printf(a, "19%014zu", s->templates->n + 1);
    write_template(&o, v, id);
    is_added = add(s->templates, buf_str(&b));
    sim_unlock(s);
    buf_done(&b);
    if (!is_added)
        return STR_EMPTY;
    return arena_printf(a, "{\"id\":\"%.*s\",\"status\":\"APPROVED\",\"category\":\"%.*s\"}",
                        STR_ARG(id), STR_ARG(json_str(json_get(v, "category"))));
}

enum status templates_create(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *v;
    struct str text = STR_EMPTY;
    struct str category;

    if (!graph_admit(s, r, resp))
        return ST_OK;
    TRY(sim_body(r, &v, e));
    category = json_str(json_get(v, "category"));
    if (is_template_name(json_str(json_get(v, "name"))) &&
        json_str(json_get(v, "language")).len > 0 && component(json_get(v, "components"), "BODY") &&
        (str_eq(category, STR("MARKETING")) || str_eq(category, STR("UTILITY")) ||
         str_eq(category, STR("AUTHENTICATION"))))
        text = create(s, r->arena, v);
    if (text.len == 0) {
        graph_refuse(r, resp,
                     (struct graph_error){.code = 100, .details = STR("Invalid template")});
        return ST_OK;
    }
    resp_text(resp, 200, text);
    resp->content_type = STR("application/json");
    return ST_OK;
}

/* DELETE …/message_templates?name=…: every language of it. */
enum status templates_delete(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    struct str name = req_query(r, "name");
    size_t left = 0;

    if (!graph_admit(s, r, resp))
        return ST_OK;
    sim_lock(s);
    for (size_t i = 0; i < s->templates->n; i++) {
        struct template *t = s->templates->list[i];

        if (str_eq(json_str(json_get(t->v, "name")), name)) {
            arena_done(&t->arena);
            free(t);
        } else {
            s->templates->list[left++] = t;
        }
    }
    s->templates->n = left;
    sim_unlock(s);
    return graph_success(app, r, resp, e);
}

/* --- what Meta does to one ------------------------------------------------------------------- */

static void write_changed(struct json_out *o, const struct json *t, const struct json *change) {
    const struct json *v;
    struct str key, quality = json_str(json_get(change, "quality"));

    json_obj(o, NULL);
    for (size_t i = 0; json_member(t, i, &key, &v); i++) {
        bool is_status = str_eq(key, STR("status")), is_category = str_eq(key, STR("category"));
        const struct json *now = is_status     ? json_get(change, "status")
                                 : is_category ? json_get(change, "category")
                                               : NULL;
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};

        if (!str_eq(key, STR("quality_score")) || quality.len == 0)
            json_put_json(o, arena_cstr(&a, key), now ? now : v);
    }
    if (quality.len > 0) {
        json_obj(o, "quality_score");
        json_put_str(o, "score", quality);
        json_end(o);
    }
    json_end(o);
}

/* One webhook a change, as Meta sends them. Needs the lock. */
static void tell(struct sim *s, const struct json *t, const char *field, const char *const keys[2],
                 struct str before, struct str now) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 64 << 10};
    int64_t id = json_i64(json_get(t, "id"), 0);
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_str(&o, "object", STR("whatsapp_business_account"));
    json_arr(&o, "entry");
    json_obj(&o, NULL);
    json_put_str(&o, "id", s->options.waba_id);
    json_put_i64(&o, "time", clock_now_ms() / 1000);
    json_arr(&o, "changes");
    json_obj(&o, NULL);
    json_put_str(&o, "field", str_of(field));
    json_obj(&o, "value");
    json_put_i64(&o, "message_template_id", id);
    json_put_json(&o, "message_template_name", json_get(t, "name"));
    json_put_json(&o, "message_template_language", json_get(t, "language"));
    if (keys[0])
        json_put_str(&o, keys[0], before);
    json_put_str(&o, keys[1], now);
    for (int i = 0; i < 6; i++)
        json_end(&o);
    hook_post(s, buf_str(&b), NULL, NULL);
}

static void tell_changes(struct sim *s, const struct json *t, const struct json *change) {
    static const struct {
        const char *member, *field;
        const char *keys[2];
    } kinds[] = {
        {"status", "message_template_status_update", {NULL, "event"}},
        {"category", "template_category_update", {"previous_category", "new_category"}},
        {"quality",
         "message_template_quality_update",
         {"previous_quality_score", "new_quality_score"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct str now = json_str(json_get(change, kinds[i].member));
        struct str before = str_eq(str_of(kinds[i].member), STR("quality"))
                                ? json_str(json_path(t, "quality_score", "score", NULL))
                                : json_str(json_get(t, kinds[i].member));

        if (now.len > 0)
            tell(s, t, kinds[i].field, kinds[i].keys, before, now);
    }
}

static bool change_one(struct sim *s, struct template **at, const struct json *change) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = LIST_MAX_BYTES};
    struct template *old = *at;
    struct json_out o;
    bool is_taken;

    json_out_init(&o, &b);
    write_changed(&o, old->v, change);
    s->templates->n--; /* room for the new one, which takes the old one's place */
    *at = s->templates->list[s->templates->n];
    is_taken = add(s->templates, buf_str(&b));
    if (!is_taken) {
        s->templates->list[s->templates->n++] = *at;
        *at = old;
        return false;
    }
    if (at != &s->templates->list[s->templates->n - 1]) {
        struct template *last = *at;

        *at = s->templates->list[s->templates->n - 1];
        s->templates->list[s->templates->n - 1] = last;
    }
    tell_changes(s, old->v, change);
    arena_done(&old->arena);
    free(old);
    return true;
}

/* POST /sim/template: Meta pauses a template, moves it to another category, rates it. */
enum status templates_change(struct app *app, struct req *r, struct resp *resp, struct err *e) {
    struct sim *s = sim_of(app);
    const struct json *v;
    bool is_done = false;

    sim_allow_origin(s, r, resp);
    TRY(sim_body(r, &v, e));
    sim_lock(s);
    for (size_t i = 0; i < s->templates->n && !is_done; i++) {
        const struct json *t = s->templates->list[i]->v;

        if (str_eq(json_str(json_get(t, "name")), json_str(json_get(v, "name"))) &&
            str_eq(json_str(json_get(t, "language")), json_str(json_get(v, "language"))))
            is_done = change_one(s, &s->templates->list[i], v);
    }
    sim_unlock(s);
    if (!is_done)
        FAIL(e, ST_NOT_FOUND, "there is no such template");
    resp_text(resp, 200, STR("{}"));
    resp->content_type = STR("application/json");
    return ST_OK;
}
