/* meta_interactive.c - messages with something to press: buttons, lists, a link, a request for
 * one's place. Each function writes the object "interactive" and leaves it open.
 * Source: Cloud API reference, interactive-reply-buttons-messages, interactive-list-messages,
 * interactive-cta-url-messages, location-request-messages.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/meta.h"

enum { HEADER_MEDIA_ALLOWED = true, HEADER_TEXT_ONLY = false };

static enum status put_media_header(struct meta_build *b, const struct json *header) {
    struct str type = json_str(json_get(header, "type"));
    const struct json *media = json_get(header, "media");
    const char *key = str_eq(type, STR("image"))      ? "image"
                      : str_eq(type, STR("video"))    ? "video"
                      : str_eq(type, STR("document")) ? "document"
                                                      : NULL;

    if (!key)
        FAIL(b->e, ST_INVALID, "the header is neither a text nor an image, video or document");
    json_obj(&b->out, "header");
    json_put_str(&b->out, "type", type);
    TRY(meta_open_media(b, key, media));
    if (str_eq(type, STR("document")))
        json_put_opt(&b->out, "filename", json_str(json_get(media, "filename")));
    json_end(&b->out);
    json_end(&b->out);
    return ST_OK;
}

static enum status put_header(struct meta_build *b, bool may_be_media) {
    const struct json *header = json_get(b->content, "header");
    struct str text = json_str(header);

    if (json_type(header) == JSON_OBJECT && may_be_media)
        return put_media_header(b, header);
    if (header && json_type(header) != JSON_STRING && json_type(header) != JSON_NULL)
        FAIL(b->e, ST_INVALID, "the header is not a text");
    if (text.len == 0)
        return ST_OK;
    TRY(meta_check_length(b, "header", text, 1, META_HEADER_POINTS));
    json_obj(&b->out, "header");
    json_put_str(&b->out, "type", STR("text"));
    json_put_str(&b->out, "text", text);
    json_end(&b->out);
    return ST_OK;
}

static enum status open_interactive(struct meta_build *b, const char *type, bool may_be_media,
                                    size_t body_points) {
    struct str text = json_str(json_get(b->content, "text"));
    struct str footer = json_str(json_get(b->content, "footer"));

    json_obj(&b->out, "interactive");
    json_put_str(&b->out, "type", str_of(type));
    TRY(put_header(b, may_be_media));
    TRY(meta_check_length(b, "text", text, 1, body_points));
    json_obj(&b->out, "body");
    json_put_str(&b->out, "text", text);
    json_end(&b->out);
    if (footer.len > 0) {
        TRY(meta_check_length(b, "footer", footer, 1, META_FOOTER_POINTS));
        json_obj(&b->out, "footer");
        json_put_str(&b->out, "text", footer);
        json_end(&b->out);
    }
    return ST_OK;
}

/* --- buttons -------------------------------------------------------------------------------- */

static enum status check_unlike(struct meta_build *b, const struct json *buttons, size_t i) {
    const struct json *button = json_at(buttons, i);

    for (size_t j = 0; j < i; j++) {
        const struct json *other = json_at(buttons, j);

        if (str_eq(json_str(json_get(button, "id")), json_str(json_get(other, "id"))) ||
            str_eq(json_str(json_get(button, "title")), json_str(json_get(other, "title"))))
            FAIL(b->e, ST_INVALID, "buttons %zu and %zu have the same id or title", j + 1, i + 1);
    }
    return ST_OK;
}

static enum status put_button(struct meta_build *b, const struct json *button) {
    struct str id = json_str(json_get(button, "id")), title = json_str(json_get(button, "title"));

    TRY(meta_check_length(b, "button's id", id, 1, META_BUTTON_ID_POINTS));
    TRY(meta_check_length(b, "button's title", title, 1, META_BUTTON_POINTS));
    json_obj(&b->out, NULL);
    json_put_str(&b->out, "type", STR("reply"));
    json_obj(&b->out, "reply");
    json_put_str(&b->out, "id", id);
    json_put_str(&b->out, "title", title);
    json_end(&b->out);
    json_end(&b->out);
    return ST_OK;
}

enum status meta_put_buttons(struct meta_build *b) {
    const struct json *buttons = json_get(b->content, "buttons");
    size_t n = json_type(buttons) == JSON_ARRAY ? json_len(buttons) : 0;

    if (n < 1 || n > META_BUTTONS)
        FAIL(b->e, ST_INVALID, "there are %zu buttons, WhatsApp takes 1 to %d", n, META_BUTTONS);
    TRY(open_interactive(b, "button", HEADER_MEDIA_ALLOWED, META_BODY_POINTS));
    json_obj(&b->out, "action");
    json_arr(&b->out, "buttons");
    for (size_t i = 0; i < n; i++) {
        TRY(check_unlike(b, buttons, i));
        TRY(put_button(b, json_at(buttons, i)));
    }
    json_end(&b->out);
    json_end(&b->out);
    return ST_OK;
}

/* --- lists ---------------------------------------------------------------------------------- */

static const struct json *rows_of(const struct json *section) {
    const struct json *rows = json_get(section, "rows");

    return json_type(rows) == JSON_ARRAY ? rows : NULL;
}

static enum status check_sections(struct meta_build *b, const struct json *sections) {
    size_t n = json_type(sections) == JSON_ARRAY ? json_len(sections) : 0, rows = 0;

    if (n < 1 || n > META_LIST_SECTIONS)
        FAIL(b->e, ST_INVALID, "the list has %zu sections, WhatsApp takes 1 to %d", n,
             META_LIST_SECTIONS);
    for (size_t i = 0; i < n; i++) {
        const struct json *section = json_at(sections, i);
        struct str title = json_str(json_get(section, "title"));

        TRY(meta_check_length(b, "section's title", title, n > 1 ? 1 : 0, META_ROW_POINTS));
        if (json_len(rows_of(section)) == 0)
            FAIL(b->e, ST_INVALID, "section %zu of the list has no rows", i + 1);
        rows += json_len(rows_of(section));
    }
    if (rows > META_LIST_ROWS)
        FAIL(b->e, ST_INVALID, "the list has %zu rows, WhatsApp takes %d over all sections", rows,
             META_LIST_ROWS);
    return ST_OK;
}

static enum status check_row_ids(struct meta_build *b, const struct json *sections) {
    struct str ids[META_LIST_ROWS];
    size_t n = 0;

    for (size_t s = 0; s < json_len(sections); s++) {
        const struct json *rows = rows_of(json_at(sections, s));

        for (size_t r = 0; r < json_len(rows); r++) {
            ids[n] = json_str(json_get(json_at(rows, r), "id"));
            for (size_t i = 0; i < n; i++) {
                if (str_eq(ids[i], ids[n]))
                    FAIL(b->e, ST_INVALID, "rows %zu and %zu have the same id", i + 1, n + 1);
            }
            n++;
        }
    }
    return ST_OK;
}

static enum status put_row(struct meta_build *b, const struct json *row) {
    struct str id = json_str(json_get(row, "id")), title = json_str(json_get(row, "title"));
    struct str description = json_str(json_get(row, "description"));

    TRY(meta_check_length(b, "row's id", id, 1, META_ROW_ID_POINTS));
    TRY(meta_check_length(b, "row's title", title, 1, META_ROW_POINTS));
    TRY(meta_check_length(b, "row's description", description, 0, META_ROW_DESCRIPTION_POINTS));
    json_obj(&b->out, NULL);
    json_put_str(&b->out, "id", id);
    json_put_str(&b->out, "title", title);
    json_put_opt(&b->out, "description", description);
    json_end(&b->out);
    return ST_OK;
}

static enum status put_section(struct meta_build *b, const struct json *section) {
    const struct json *rows = rows_of(section);

    json_obj(&b->out, NULL);
    json_put_opt(&b->out, "title", json_str(json_get(section, "title")));
    json_arr(&b->out, "rows");
    for (size_t i = 0; i < json_len(rows); i++)
        TRY(put_row(b, json_at(rows, i)));
    json_end(&b->out);
    json_end(&b->out);
    return ST_OK;
}

enum status meta_put_list(struct meta_build *b) {
    const struct json *sections = json_get(b->content, "sections");
    struct str button = json_str(json_get(b->content, "button"));

    TRY(check_sections(b, sections));
    TRY(check_row_ids(b, sections));
    TRY(meta_check_length(b, "list's button", button, 1, META_BUTTON_POINTS));
    TRY(open_interactive(b, "list", HEADER_TEXT_ONLY, META_TEXT_POINTS));
    json_obj(&b->out, "action");
    json_put_str(&b->out, "button", button);
    json_arr(&b->out, "sections");
    for (size_t i = 0; i < json_len(sections); i++)
        TRY(put_section(b, json_at(sections, i)));
    json_end(&b->out);
    json_end(&b->out);
    return ST_OK;
}

/* --- a link, a place ------------------------------------------------------------------------ */

enum status meta_put_link(struct meta_build *b) {
    struct str title = json_str(json_get(b->content, "title"));
    struct str url = json_str(json_get(b->content, "url"));

    TRY(meta_check_length(b, "button's title", title, 1, META_BUTTON_POINTS));
    if (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://")))
        FAIL(b->e, ST_INVALID, "the button's link is not an http address");
    TRY(open_interactive(b, "cta_url", HEADER_MEDIA_ALLOWED, META_BODY_POINTS));
    json_obj(&b->out, "action");
    json_put_str(&b->out, "name", STR("cta_url"));
    json_obj(&b->out, "parameters");
    json_put_str(&b->out, "display_text", title);
    json_put_str(&b->out, "url", url);
    json_end(&b->out);
    json_end(&b->out);
    return ST_OK;
}

enum status meta_put_ask_location(struct meta_build *b) {
    TRY(open_interactive(b, "location_request_message", HEADER_TEXT_ONLY, META_BODY_POINTS));
    json_obj(&b->out, "action");
    json_put_str(&b->out, "name", STR("send_location"));
    json_end(&b->out);
    return ST_OK;
}
