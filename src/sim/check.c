/* check.c - what the Cloud API refuses at once: missing and contradicting fields, lengths, counts.
 * Source: Cloud API reference, the page of each message type, and the error-code page. Lengths are
 * code points.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "sim/internal.h"

enum {
    CODE_PARAMETER = 100,
    CODE_MISSING = 131008,
    CODE_INVALID = 131009,
    CODE_UNSUPPORTED = 131051,
};

struct check {
    struct sim *sim;
    struct arena *a;
    struct graph_error *ret;
};

static bool wrong(struct check *c, int64_t code, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* Always false, so that "return wrong(…)" reads as what it is. The first thing wrong wins. */
static bool wrong(struct check *c, int64_t code, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    *c->ret = (struct graph_error){.code = code, .details = arena_vprintf(c->a, fmt, args)};
    va_end(args);
    return false;
}

static bool has_text(struct check *c, const struct json *v, const char *what, size_t max) {
    size_t n = utf8_count(json_str(v));

    if (n == 0)
        return wrong(c, CODE_MISSING, "%s is required", what);
    if (n > max)
        return wrong(c, CODE_INVALID, "%s is too long. Max length is %zu", what, max);
    return true;
}

static bool fits(struct check *c, const struct json *v, const char *what, size_t max) {
    return !v || has_text(c, v, what, max);
}

/* --- types ----------------------------------------------------------------------------------- */

static bool check_text(struct check *c, const struct json *v) {
    const struct json *preview = json_get(v, "preview_url");

    if (preview && json_type(preview) != JSON_BOOL)
        return wrong(c, CODE_PARAMETER, "text.preview_url must be a boolean");
    return has_text(c, json_get(v, "body"), "text.body", 4096);
}

static bool check_media(struct check *c, const struct json *v) {
    struct str id = json_str(json_get(v, "id"));
    struct str link = json_str(json_get(v, "link"));

    if ((id.len > 0) == (link.len > 0))
        return wrong(c, CODE_PARAMETER, "exactly one of id and link is required");
    if (link.len > 0 && !str_starts(link, STR("https://")) && !str_starts(link, STR("http://")))
        return wrong(c, CODE_INVALID, "link is not a valid URI");
    if (id.len > 0 && !media_find(c->sim, id))
        return wrong(c, CODE_PARAMETER,
                     "id is not a valid whatsapp business account media attachment ID");
    return fits(c, json_get(v, "caption"), "caption", 1024) &&
           fits(c, json_get(v, "filename"), "filename", 240);
}

static bool is_coordinate(const struct json *v, double max) {
    struct str s = json_str(v);
    double d = json_real(v, max + 1);
    size_t n = 0;

    if (json_type(v) != JSON_STRING)
        return d >= -max && d <= max;
    for (size_t i = 0; i < s.len; i++)
        n += (s.ptr[i] >= '0' && s.ptr[i] <= '9') || s.ptr[i] == '.' || s.ptr[i] == '-';
    return s.len > 0 && n == s.len;
}

static bool check_location(struct check *c, const struct json *v) {
    if (!is_coordinate(json_get(v, "latitude"), 90) ||
        !is_coordinate(json_get(v, "longitude"), 180))
        return wrong(c, CODE_INVALID, "latitude and longitude are required");
    return true;
}

static bool check_contacts(struct check *c, const struct json *v) {
    static const char *const more[] = {"first_name", "last_name", "middle_name", "prefix",
                                       "suffix"};

    if (json_len(v) == 0)
        return wrong(c, CODE_MISSING, "contacts is required");
    for (size_t i = 0; i < json_len(v); i++) {
        const struct json *name = json_get(json_at(v, i), "name");
        size_t n = 0;

        for (size_t j = 0; j < ARRAY_LEN(more); j++)
            n += json_str(json_get(name, more[j])).len > 0;
        if (json_str(json_get(name, "formatted_name")).len == 0 || n == 0)
            return wrong(c, CODE_MISSING,
                         "name.formatted_name and one more name part are required");
    }
    return true;
}

static bool check_reaction(struct check *c, const struct json *v) {
    if (json_type(json_get(v, "emoji")) != JSON_STRING)
        return wrong(c, CODE_MISSING, "reaction.emoji is required");
    return has_text(c, json_get(v, "message_id"), "reaction.message_id", 512);
}

/* --- interactive ----------------------------------------------------------------------------- */

static bool are_distinct(const struct json *list, const char *inner, const char *key) {
    for (size_t i = 0; i < json_len(list); i++) {
        for (size_t j = 0; j < i; j++) {
            struct str a = json_str(json_path(json_at(list, i), inner, key, NULL));
            struct str b = json_str(json_path(json_at(list, j), inner, key, NULL));

            if (str_eq(a, b))
                return false;
        }
    }
    return true;
}

static bool check_buttons(struct check *c, const struct json *v) {
    const struct json *buttons = json_path(v, "action", "buttons", NULL);

    if (json_len(buttons) < 1 || json_len(buttons) > 3)
        return wrong(c, CODE_INVALID,
                     "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3");
    for (size_t i = 0; i < json_len(buttons); i++) {
        const struct json *reply = json_get(json_at(buttons, i), "reply");

        if (!str_eq(json_str(json_get(json_at(buttons, i), "type")), STR("reply")))
            return wrong(c, CODE_INVALID, "button type must be reply");
        if (!has_text(c, json_get(reply, "id"), "button id", 256) ||
            !has_text(c, json_get(reply, "title"), "button title", 20))
            return false;
    }
    if (!are_distinct(buttons, "reply", "id") || !are_distinct(buttons, "reply", "title"))
        return wrong(c, CODE_INVALID, "Duplicate button ids or titles");
    return true;
}

static bool check_rows(struct check *c, const struct json *rows, struct str *ids, size_t *n_ids,
                       size_t max) {
    for (size_t i = 0; i < json_len(rows); i++) {
        const struct json *row = json_at(rows, i);
        struct str id = json_str(json_get(row, "id"));

        if (*n_ids == max)
            return wrong(c, CODE_INVALID, "Total row count exceed max allowed count: %zu", max);
        if (!has_text(c, json_get(row, "id"), "Row id", 200) ||
            !has_text(c, json_get(row, "title"), "Row title", 24) ||
            !fits(c, json_get(row, "description"), "Row description", 72))
            return false;
        for (size_t j = 0; j < *n_ids; j++) {
            if (str_eq(ids[j], id))
                return wrong(c, CODE_INVALID, "Duplicate row ids");
        }
        ids[(*n_ids)++] = id;
    }
    return true;
}

enum { LIST_ROWS_MAX = 10 };

static bool check_list(struct check *c, const struct json *v) {
    const struct json *sections = json_path(v, "action", "sections", NULL);
    struct str ids[LIST_ROWS_MAX];
    size_t n_ids = 0;

    if (!has_text(c, json_path(v, "action", "button", NULL), "action.button", 20))
        return false;
    if (json_len(sections) < 1 || json_len(sections) > 10)
        return wrong(c, CODE_INVALID, "Invalid sections count. Min: 1, Max: 10");
    for (size_t i = 0; i < json_len(sections); i++) {
        const struct json *section = json_at(sections, i);

        if (json_len(sections) > 1 && !has_text(c, json_get(section, "title"), "Section title", 24))
            return false;
        if (!fits(c, json_get(section, "title"), "Section title", 24) ||
            !check_rows(c, json_get(section, "rows"), ids, &n_ids, LIST_ROWS_MAX))
            return false;
    }
    if (n_ids == 0)
        return wrong(c, CODE_MISSING, "rows are required");
    return true;
}

static bool check_cta(struct check *c, const struct json *v) {
    const struct json *p = json_path(v, "action", "parameters", NULL);

    if (!str_eq(json_str(json_path(v, "action", "name", NULL)), STR("cta_url")))
        return wrong(c, CODE_INVALID, "action.name must be cta_url");
    return has_text(c, json_get(p, "display_text"), "display_text", 20) &&
           has_text(c, json_get(p, "url"), "url", 2000);
}

static bool check_interactive(struct check *c, const struct json *v) {
    struct str type = json_str(json_get(v, "type"));
    bool is_list = str_eq(type, STR("list"));

    if (!str_eq(json_str(json_path(v, "header", "type", NULL)), STR("text"))) {
        if (is_list && json_get(v, "header"))
            return wrong(c, CODE_INVALID, "header.type of a list must be text");
    } else if (!has_text(c, json_path(v, "header", "text", NULL), "header.text", 60)) {
        return false;
    }
    if (!has_text(c, json_path(v, "body", "text", NULL), "body.text", is_list ? 4096 : 1024) ||
        !fits(c, json_path(v, "footer", "text", NULL), "footer.text", 60))
        return false;
    if (is_list)
        return check_list(c, v);
    if (str_eq(type, STR("button")))
        return check_buttons(c, v);
    if (str_eq(type, STR("cta_url")))
        return check_cta(c, v);
    if (str_eq(type, STR("location_request_message")))
        return str_eq(json_str(json_path(v, "action", "name", NULL)), STR("send_location")) ||
               wrong(c, CODE_INVALID, "action.name must be send_location");
    if (str_eq(type, STR("flow")))
        return has_text(c, json_path(v, "action", "parameters", "flow_cta", NULL), "flow_cta", 30);
    return wrong(c, CODE_PARAMETER, "interactive.type is not supported");
}

static bool check_a_template(struct check *c, const struct json *v) {
    struct str text;

    return check_template(c->sim, c->a, v, c->ret, &text);
}

/* --- the whole ------------------------------------------------------------------------------- */

static const struct {
    const char *type;
    bool (*check)(struct check *c, const struct json *v);
} types[] = {
    {"text", check_text},           {"image", check_media},
    {"video", check_media},         {"audio", check_media},
    {"document", check_media},      {"sticker", check_media},
    {"location", check_location},   {"contacts", check_contacts},
    {"reaction", check_reaction},   {"interactive", check_interactive},
    {"template", check_a_template},
};

static bool check_recipient(struct check *c, const struct json *m) {
    struct str to = json_str(json_get(m, "to"));
    struct str recipient = json_str(json_get(m, "recipient"));

    if (to.len == 0 && recipient.len == 0)
        return wrong(c, CODE_PARAMETER, "The parameter to is required.");
    if (to.len > 0 && phone_wa_id(c->a, to).len == 0)
        return wrong(c, CODE_INVALID, "to is not a valid phone number");
    if (to.len == 0 && (recipient.len < 4 || recipient.ptr[2] != '.'))
        return wrong(c, CODE_INVALID, "recipient is not a business-scoped user id");
    return true;
}

bool check_message(struct sim *s, struct arena *a, const struct json *m, struct graph_error *ret) {
    struct check c = {.sim = s, .a = a, .ret = ret};
    struct str type = json_str(json_get(m, "type"));

    type = type.len > 0 ? type : STR("text");
    if (!str_eq(json_str(json_get(m, "messaging_product")), STR("whatsapp")))
        return wrong(&c, CODE_PARAMETER, "The parameter messaging_product is required.");
    if (!check_recipient(&c, m) ||
        !fits(&c, json_get(m, "biz_opaque_callback_data"), "biz_opaque_callback_data", 512) ||
        !fits(&c, json_path(m, "context", "message_id", NULL), "context.message_id", 512))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (!str_eq(type, str_of(types[i].type)))
            continue;
        if (!json_get(m, types[i].type))
            return wrong(&c, CODE_PARAMETER, "The parameter %s is required.", types[i].type);
        return types[i].check(&c, json_get(m, types[i].type));
    }
    return wrong(&c, CODE_UNSUPPORTED, "Message type is not supported");
}
