/* fuzz_template.c - any text as a template's parts: its variables are found, with a value for each it is rendered into JSON, and
 * without one it names what is missing. First byte: which part the rest is.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/invariants.h"
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct template template_of(struct arena *a, uint8_t what, struct str text) {
    struct template t = {.name = STR("t"), .language = STR("pt_BR"), .status = STR("approved")};

    t.channel = what & 1 ? STR("whatsapp") : STR("email");
    if (what & 1) {
        t.components = text;
        t.provider_ref = what & 2 ? STR("HX1") : STR_EMPTY;
        t.body = STR("{{1}}");
    } else {
        t.subject = what & 2 ? text : STR("s");
        t.body = text;
        t.html = what & 4 ? text : STR_EMPTY;
    }
    template_understand(a, &t);
    return t;
}

static const struct json *values_for(struct arena *a, const struct template *t) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 1 << 20};
    const struct json *values;
    struct err e = ERR_INIT;
    struct json_out o;

    json_out_init(&o, &b);
    json_obj(&o, NULL);
    if (t->provider_ref.len > 0)
        json_put_str(&o, "1", STR("one"));
    for (size_t i = 0; i < t->n_variables; i++)
        if (!(t->provider_ref.len > 0 && str_eq(t->variables[i].key, STR("1"))))
            json_put_str(&o, arena_cstr(a, t->variables[i].key), STR("{{1}} <b> \"x\"\n y"));
    json_end(&o);
    PROMISE(json_parse(a, arena_str(a, buf_str(&b)), JSON_LIMITS_DEFAULT, &values, &e) == ST_OK);
    return values;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str text = {.ptr = (const char *)data + 1, .len = size - 1}, content, shown;
    struct err e = ERR_INIT;
    struct template t;
    enum status st;

    if (size == 0 || !utf8_is_valid(text) || memchr(text.ptr, '\0', text.len))
        return 0;
    t = template_of(&a, data[0], text);
    PROMISE(t.n_variables <= TEMPLATE_VARIABLES_MAX);
    for (size_t i = 0; i < t.n_variables; i++)
        PROMISE(t.variables[i].key.len > 0 && t.variables[i].key.len <= 80);
    st = template_render(&a, &t, values_for(&a, &t), &content, &shown, &e);
    if (st == ST_OK)
        PROMISE(invariants_is_json(&a, content, JSON_OBJECT) && utf8_is_valid(shown));
    else
        PROMISE(st == ST_INVALID && e.message[0] != '\0');
    err_clear(&e);
    st = template_render(&a, &t, NULL, &content, &shown, &e);
    PROMISE(st == ST_OK || st == ST_INVALID);
    return 0;
}
