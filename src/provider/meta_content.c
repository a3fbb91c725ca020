/* meta_content.c - one message as Meta writes it to neutral content (provider.h). The same for
 * inbound messages, echoes of the phone app and the message inside an edit.
 * Sources: webhook reference, "messages" and its page for each type; edit and revoke: BSUID page,
 * "Edit message webhooks" and "Revoke message webhooks".
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "crypto/crypto.h"
#include "provider/lenient.h"
#include "provider/meta.h"

enum {
    FORM_MAX_DEPTH = 24, /* of a form's own JSON, so that the whole stays below the default limit */
    NAMES_MAX_BYTES = 4096,
};

struct writer {
    struct arena *arena;
    struct json_out out;
    struct str type;
    struct str text;
    bool is_inner; /* the message inside an edit */
};

static void put_message(struct writer *w, const char *key, const struct json *m);

static void put_bool_opt(struct writer *w, const char *key, const struct json *v) {
    if (json_type(v) == JSON_BOOL)
        json_put_bool(&w->out, key, json_bool(v, false));
}

static void put_json_opt(struct writer *w, const char *key, const struct json *v) {
    if (json_type(v) != JSON_ABSENT && json_type(v) != JSON_NULL)
        json_put_json(&w->out, key, v);
}

/* --- one function a wire type: writes members; false: the body is not what it should be ----- */

static bool put_text(struct writer *w, const struct json *body) {
    const struct json *text = json_get(body, "body");

    if (json_type(text) != JSON_STRING)
        return false;
    w->text = json_str(text);
    json_put_str(&w->out, "text", w->text);
    return true;
}

/* Most payloads have the digest in base64, some in hex. */
struct str meta_digest_hex(struct arena *a, struct str digest) {
    struct str bytes;

    if (digest.len == 2 * (size_t)SHA256_BYTES && crypto_unhex(a, digest, &bytes))
        return crypto_hex(a, bytes);
    if (crypto_unbase64(a, digest, &bytes) && bytes.len == SHA256_BYTES)
        return crypto_hex(a, bytes);
    return digest;
}

static bool put_media(struct writer *w, const struct json *body) {
    struct str id = meta_id(w->arena, json_get(body, "id"));
    struct str link = json_str(json_get(body, "url"));
    struct str digest = json_str(json_get(body, "sha256"));

    if (id.len == 0 && link.len == 0)
        return false;
    json_obj(&w->out, "media");
    json_put_opt(&w->out, "id", id);
    json_put_opt(&w->out, "link", link);
    json_put_opt(&w->out, "mime", json_str(json_get(body, "mime_type")));
    if (digest.len > 0)
        json_put_str(&w->out, "sha256", meta_digest_hex(w->arena, digest));
    json_put_opt(&w->out, "filename", json_str(json_get(body, "filename")));
    put_bool_opt(w, "voice", json_get(body, "voice"));
    put_bool_opt(w, "animated", json_get(body, "animated"));
    json_end(&w->out);
    w->text = json_str(json_get(body, "caption"));
    json_put_opt(&w->out, "caption", w->text);
    return true;
}

static bool is_number(const struct json *v) {
    return json_type(v) == JSON_INT || json_type(v) == JSON_REAL;
}

static bool put_location(struct writer *w, const struct json *body) {
    const struct json *latitude = json_get(body, "latitude");
    const struct json *longitude = json_get(body, "longitude");
    struct str name = json_str(json_get(body, "name"));
    struct str address = json_str(json_get(body, "address"));

    if (!is_number(latitude) || !is_number(longitude))
        return false;
    json_put_json(&w->out, "latitude", latitude);
    json_put_json(&w->out, "longitude", longitude);
    json_put_opt(&w->out, "name", name);
    json_put_opt(&w->out, "address", address);
    json_put_opt(&w->out, "url", json_str(json_get(body, "url")));
    w->text = name.len > 0 && address.len > 0
                  ? arena_printf(w->arena, "%.*s, %.*s", STR_ARG(name), STR_ARG(address))
              : name.len > 0 ? name
                             : address;
    return true;
}

static struct str card_name(const struct json *card) {
    struct str name = json_str(json_path(card, "name", "formatted_name", NULL));

    if (name.len == 0) /* a shared contact request brings a vCard and a number only */
        name = json_str(json_get(json_at(json_get(card, "phones"), 0), "phone"));
    return name;
}

static bool put_contacts(struct writer *w, const struct json *body) {
    struct buf names;

    if (json_type(body) != JSON_ARRAY || json_len(body) == 0)
        return false;
    buf_init(&names, NAMES_MAX_BYTES);
    for (size_t i = 0; i < json_len(body); i++) {
        struct str name = card_name(json_at(body, i));

        if (names.len > 0 && name.len > 0)
            buf_add(&names, STR(", "));
        buf_add(&names, name);
    }
    w->text = arena_str(w->arena, buf_str(&names));
    buf_done(&names);
    json_put_json(&w->out, "contacts", body);
    return true;
}

static bool put_choice(struct writer *w, struct str id, const struct json *from,
                       const char *title_key, const char *via) {
    struct str title = json_str(json_get(from, title_key));

    if (id.len == 0 && title.len == 0)
        return false;
    w->type = STR("choice");
    w->text = title;
    json_put_str(&w->out, "id", id);
    json_put_str(&w->out, "title", title);
    json_put_opt(&w->out, "description", json_str(json_get(from, "description")));
    json_put_str(&w->out, "via", str_of(via));
    return true;
}

static bool put_button(struct writer *w, const struct json *body) {
    return put_choice(w, json_str(json_get(body, "payload")), body, "text", "template");
}

/* response_json is JSON inside a string. What is none, or no object, is kept as it came. */
static void put_response(struct writer *w, const struct json *response) {
    struct err ignored = ERR_INIT;
    const struct json *parsed = response;

    if (json_type(response) == JSON_STRING &&
        lenient_parse(w->arena, json_str(response), FORM_MAX_DEPTH, &parsed, &ignored) != ST_OK)
        parsed = response;
    if (json_type(parsed) == JSON_OBJECT) {
        json_put_json(&w->out, "response", parsed);
        return;
    }
    json_obj(&w->out, "response");
    put_json_opt(w, "raw", response);
    json_end(&w->out);
}

static bool put_form(struct writer *w, const struct json *form) {
    if (json_type(form) != JSON_OBJECT)
        return false;
    w->type = STR("form");
    w->text = json_str(json_get(form, "body"));
    json_put_str(&w->out, "name", json_str(json_get(form, "name")));
    json_put_opt(&w->out, "text", w->text);
    put_response(w, json_get(form, "response_json"));
    return true;
}

/* Which of them it is shows by what is there. */
static bool put_interactive(struct writer *w, const struct json *body) {
    const struct json *button = json_get(body, "button_reply");
    const struct json *row = json_get(body, "list_reply");

    if (button)
        return put_choice(w, json_str(json_get(button, "id")), button, "title", "button");
    if (row)
        return put_choice(w, json_str(json_get(row, "id")), row, "title", "list");
    return put_form(w, json_get(body, "nfm_reply"));
}

/* A removed reaction comes without "emoji", or with an empty one. */
static bool put_reaction(struct writer *w, const struct json *body) {
    struct str target = meta_id(w->arena, json_get(body, "message_id"));

    if (target.len == 0)
        return false;
    w->text = json_str(json_get(body, "emoji"));
    json_put_str(&w->out, "emoji", w->text);
    json_put_str(&w->out, "target", target);
    return true;
}

static void put_item(struct writer *w, const struct json *item) {
    json_obj(&w->out, NULL);
    json_put_str(&w->out, "id", json_str(json_get(item, "product_retailer_id")));
    put_json_opt(w, "quantity", json_get(item, "quantity"));
    put_json_opt(w, "price", json_get(item, "item_price"));
    json_put_opt(&w->out, "currency", json_str(json_get(item, "currency")));
    json_end(&w->out);
}

static bool put_order(struct writer *w, const struct json *body) {
    const struct json *items = json_get(body, "product_items");

    if (json_type(items) != JSON_ARRAY)
        return false;
    w->text = json_str(json_get(body, "text"));
    json_put_str(&w->out, "catalog_id", meta_id(w->arena, json_get(body, "catalog_id")));
    json_put_str(&w->out, "text", w->text);
    json_arr(&w->out, "items");
    for (size_t i = 0; i < json_len(items); i++)
        put_item(w, json_at(items, i));
    json_end(&w->out);
    return true;
}

static bool put_edit(struct writer *w, const struct json *body) {
    struct str target = meta_id(w->arena, json_get(body, "original_message_id"));
    const struct json *inner = json_get(body, "message");

    if (w->is_inner || target.len == 0 || json_type(inner) != JSON_OBJECT)
        return false;
    w->is_inner = true;
    json_put_str(&w->out, "target", target);
    put_message(w, "content", inner);
    json_put_str(&w->out, "type", w->type);
    w->type = STR("edit");
    return true;
}

static bool put_revoke(struct writer *w, const struct json *body) {
    struct str target = meta_id(w->arena, json_get(body, "original_message_id"));

    if (target.len == 0)
        return false;
    json_put_str(&w->out, "target", target);
    return true;
}

static bool put_system(struct writer *w, const struct json *body) {
    if (json_type(body) != JSON_OBJECT)
        return false;
    w->text = json_str(json_get(body, "body"));
    json_put_str(&w->out, "kind", json_str(json_get(body, "type")));
    json_put_str(&w->out, "text", w->text);
    return true;
}

static const struct kind {
    const char *wire; /* of the message's type, and of the member that holds its body */
    const char *type;
    bool (*put)(struct writer *w, const struct json *body);
} kinds[] = {
    {"text", "text", put_text},
    {"image", "image", put_media},
    {"video", "video", put_media},
    {"audio", "audio", put_media},
    {"document", "document", put_media},
    {"sticker", "sticker", put_media},
    {"location", "location", put_location},
    {"contacts", "contacts", put_contacts},
    {"button", "choice", put_button},
    {"interactive", "choice", put_interactive}, /* or form */
    {"reaction", "reaction", put_reaction},
    {"order", "order", put_order},
    {"system", "system", put_system},
    {"edit", "edit", put_edit},
    {"revoke", "revoke", put_revoke},
};

/* "unsupported" has its body beside it (errors), and none of its own in older payloads, which also
 * called it "unknown". */
static bool put_unsupported(struct writer *w, const struct json *m) {
    w->type = STR("unsupported");
    json_put_opt(&w->out, "kind", json_str(json_path(m, "unsupported", "type", NULL)));
    put_json_opt(w, "errors", json_get(m, "errors"));
    return true;
}

static bool put_known(struct writer *w, const struct json *m) {
    struct str wire = json_str(json_get(m, "type"));

    if (str_eq(wire, STR("unsupported")) || str_eq(wire, STR("unknown")))
        return put_unsupported(w, m);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_eq(wire, str_of(kinds[i].wire))) {
            w->type = str_of(kinds[i].type);
            return kinds[i].put(w, json_get(m, kinds[i].wire));
        }
    }
    return false;
}

/* What may stand beside any body. The referral's own keys are kept: ctwa_clid, source_id … are what
 * other systems know the click by. */
static void put_extras(struct writer *w, const struct json *m) {
    const struct json *context = json_get(m, "context");

    put_json_opt(w, "referral", json_get(m, "referral"));
    if (json_bool(json_get(context, "forwarded"), false))
        json_put_bool(&w->out, "forwarded", true);
    if (json_bool(json_get(context, "frequently_forwarded"), false))
        json_put_bool(&w->out, "frequently_forwarded", true);
    put_json_opt(w, "product", json_get(context, "referred_product"));
    json_put_opt(&w->out, "group_id", json_str(json_get(m, "group_id")));
}

/* Writes m as an object under key and sets the writer's type and text. */
static void put_message(struct writer *w, const char *key, const struct json *m) {
    struct json_out before = w->out;
    size_t len = w->out.buf->len;

    json_obj(&w->out, key);
    if (!put_known(w, m)) { /* take back what was written of it */
        w->out = before;
        w->out.buf->len = len;
        w->type = STR("unknown");
        w->text = STR_EMPTY;
        json_obj(&w->out, key);
        json_put_json(&w->out, "raw", m);
    }
    put_extras(w, m);
    json_end(&w->out);
}

void meta_content_of(struct arena *a, struct buf *scratch, const struct json *message,
                     struct meta_content *ret) {
    const struct json *inner = json_path(message, "edit", "message", "context", "id", NULL);
    struct writer w = {.arena = a};

    buf_clear(scratch);
    json_out_init(&w.out, scratch);
    put_message(&w, NULL, message);
    assert(!scratch->overflown); /* its max is a multiple of the body's length, see meta_parse() */
    *ret = (struct meta_content){
        .type = w.type,
        .json = arena_str(a, buf_str(scratch)),
        .text = w.text,
        .reply_to = meta_id(a, json_path(message, "context", "id", NULL)),
    };
    if (ret->reply_to.len == 0 && str_eq(w.type, STR("edit")))
        ret->reply_to = meta_id(a, inner);
}
