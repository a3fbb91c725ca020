/* value.c - what a template's variable says of a lead. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/lead.h"

enum { NUMBER_MAX_BYTES = 64, TAGS_MAX_BYTES = 4 << 10, CPF_DIGITS = 11, CNPJ_CHARACTERS = 14 };

static struct str first_word(struct str s) {
    struct str word;

    s = str_trim(s);
    (void)str_cut(&s, ' ', &word);
    return word;
}

static struct str value_text(struct arena *a, const struct json *v) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = NUMBER_MAX_BYTES};

    if (json_type(v) != JSON_INT && json_type(v) != JSON_REAL)
        return json_str(v);
    json_write(&b, v);
    return arena_str(a, buf_str(&b));
}

static const struct json *own_field(const struct json *fields, struct str name) {
    struct str key;
    const struct json *v;

    for (size_t i = 0; json_member(fields, i, &key, &v); i++)
        if (str_eq_nocase(key, name))
            return v;
    return NULL;
}

/* "cliente, sul" */
static struct str tags_text(struct arena *a, struct str tags) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = TAGS_MAX_BYTES};
    const struct json *list = NULL;
    struct err ignored = ERR_INIT;

    if (tags.len == 0 || json_parse(a, tags, JSON_LIMITS_DEFAULT, &list, &ignored) != ST_OK)
        return STR_EMPTY;
    for (size_t i = 0; i < json_len(list); i++) {
        if (i > 0)
            buf_add(&b, STR(", "));
        buf_add(&b, json_str(json_at(list, i)));
    }
    return arena_str(a, buf_str(&b));
}

static struct str document_of(const struct lead_contact *c, size_t len) {
    return c->document.len == len ? c->document : STR_EMPTY;
}

struct str lead_contact_value(struct arena *a, const struct lead_contact *c,
                              const struct json *fields, struct str name) {
    const struct {
        const char *name;
        struct str value;
    } known[] = {
        {"name", c->name},
        {"nome", c->name},
        {"first_name", first_word(c->name)},
        {"primeiro_nome", first_word(c->name)},
        {"company", c->company},
        {"empresa", c->company},
        {"document", c->document},
        {"documento", c->document},
        {"cpf_cnpj", c->document},
        {"cpf", document_of(c, CPF_DIGITS)},
        {"cnpj", document_of(c, CNPJ_CHARACTERS)},
        {"phone", c->phone},
        {"telefone", c->phone},
        {"email", c->email},
    };
    struct str own = name;

    if (str_eat(&own, STR("field.")))
        return value_text(a, own_field(fields, own));
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eq_nocase(name, str_of(known[i].name)))
            return known[i].value;
    if (str_eq_nocase(name, STR("tags")) || str_eq_nocase(name, STR("etiquetas")))
        return tags_text(a, c->tags);
    return value_text(a, own_field(fields, name));
}
