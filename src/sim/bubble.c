/* bubble.c - a Graph API message as a phone shows it. "content" has the shape the console knows
 * from prosa's own API, so that one piece of page code draws both sides.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/internal.h"

enum { CONTENT_MAX_BYTES = 256 << 10 };

struct drawing {
    struct sim *sim;
    struct arena *a;
    const struct json *v; /* the object named like the type */
    struct json_out o;    /* of content, which is open */
    struct bubble *b;
};

static void put_media(struct drawing *d, const struct json *v) {
    struct str id = json_str(json_get(v, "id"));
    const struct media *m = id.len > 0 ? media_find(d->sim, id) : NULL;
    struct str filename = json_str(json_get(v, "filename"));

    json_obj(&d->o, "media");
    json_put_opt(&d->o, "id", id);
    json_put_opt(&d->o, "link", json_str(json_get(v, "link")));
    json_put_opt(&d->o, "mime", m ? m->mime : STR_EMPTY);
    json_put_opt(&d->o, "filename", filename.len > 0 || !m ? filename : m->filename);
    json_end(&d->o);
}

static void draw_text(struct drawing *d) {
    d->b->text = json_str(json_get(d->v, "body"));
    json_put_str(&d->o, "text", d->b->text);
}

static void draw_media(struct drawing *d) {
    d->b->text = json_str(json_get(d->v, "caption"));
    put_media(d, d->v);
    json_put_opt(&d->o, "caption", d->b->text);
}

static void draw_location(struct drawing *d) {
    struct str name = json_str(json_get(d->v, "name"));

    d->b->text = name.len > 0 ? name : json_str(json_get(d->v, "address"));
    json_put_json(&d->o, "latitude", json_get(d->v, "latitude"));
    json_put_json(&d->o, "longitude", json_get(d->v, "longitude"));
    json_put_opt(&d->o, "name", name);
    json_put_opt(&d->o, "address", json_str(json_get(d->v, "address")));
}

static void draw_contacts(struct drawing *d) {
    d->b->text = json_str(json_path(json_at(d->v, 0), "name", "formatted_name", NULL));
    json_put_json(&d->o, "contacts", d->v);
}

static void put_header(struct drawing *d) {
    const struct json *header = json_get(d->v, "header");
    struct str type = json_str(json_get(header, "type"));

    if (str_eq(type, STR("text")))
        json_put_str(&d->o, "header", json_str(json_get(header, "text")));
    else if (type.len > 0)
        json_put_json(&d->o, "header", header);
    json_put_opt(&d->o, "footer", json_str(json_path(d->v, "footer", "text", NULL)));
}

static void draw_buttons(struct drawing *d) {
    const struct json *buttons = json_path(d->v, "action", "buttons", NULL);

    json_arr(&d->o, "buttons");
    for (size_t i = 0; i < json_len(buttons); i++)
        json_put_json(&d->o, NULL, json_get(json_at(buttons, i), "reply"));
    json_end(&d->o);
}

/* The type a bubble has is prosa's word for it, not the wire's "interactive". */
static void draw_interactive(struct drawing *d) {
    struct str type = json_str(json_get(d->v, "type"));
    const struct json *action = json_get(d->v, "action");

    d->b->text = json_str(json_path(d->v, "body", "text", NULL));
    json_put_str(&d->o, "text", d->b->text);
    put_header(d);
    if (str_eq(type, STR("button"))) {
        d->b->type = STR("buttons");
        draw_buttons(d);
    } else if (str_eq(type, STR("list"))) {
        d->b->type = STR("list");
        json_put_str(&d->o, "button", json_str(json_get(action, "button")));
        json_put_json(&d->o, "sections", json_get(action, "sections"));
    } else if (str_eq(type, STR("cta_url"))) {
        d->b->type = STR("link");
        json_put_str(&d->o, "title",
                     json_str(json_path(action, "parameters", "display_text", NULL)));
        json_put_str(&d->o, "url", json_str(json_path(action, "parameters", "url", NULL)));
    } else if (str_eq(type, STR("location_request_message"))) {
        d->b->type = STR("ask_location");
    }
}

static void draw_template(struct drawing *d) {
    struct graph_error ignored;

    d->b->is_template = true;
    (void)check_template(d->sim, d->a, d->v, &ignored, &d->b->text);
    json_put_str(&d->o, "text", d->b->text);
    json_put_str(&d->o, "name", json_str(json_get(d->v, "name")));
    template_put_buttons(d->sim, d->v, &d->o);
}

static const struct {
    const char *type;
    void (*draw)(struct drawing *d);
} drawers[] = {
    {"text", draw_text},         {"image", draw_media},       {"video", draw_media},
    {"audio", draw_media},       {"document", draw_media},    {"sticker", draw_media},
    {"location", draw_location}, {"contacts", draw_contacts}, {"interactive", draw_interactive},
    {"template", draw_template},
};

void bubble_from_message(struct sim *s, struct arena *a, const struct json *m, struct bubble *b) {
    struct str type = json_str(json_get(m, "type"));
    struct drawing d = {.sim = s, .a = a, .b = b};
    struct buf text;

    b->type = type.len > 0 ? type : STR("text");
    b->reply_to = json_str(json_path(m, "context", "message_id", NULL));
    buf_init(&text, CONTENT_MAX_BYTES);
    json_out_init(&d.o, &text);
    json_obj(&d.o, NULL);
    for (size_t i = 0; i < ARRAY_LEN(drawers); i++) {
        if (!str_eq(type.len > 0 ? type : STR("text"), str_of(drawers[i].type)))
            continue;
        d.v = json_get(m, drawers[i].type);
        drawers[i].draw(&d);
    }
    json_end(&d.o);
    b->content = text.overflown ? STR("{}") : arena_str(a, buf_str(&text));
    buf_done(&text);
}
