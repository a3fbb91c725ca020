/* inputs.c - request targets, queries, cookies and header values. Nothing here trusts a byte:
 * lengths come with the views, and what is not understood is refused, not repaired.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpd/inputs.h"

#include <string.h>

#include "base/utf8.h"

static bool is_visible(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

/* "http://host/path?query" → "/path?query" */
static bool drop_authority(struct str *target) {
    const char *slash;

    if (!str_eat(target, STR("http://")) && !str_eat(target, STR("https://")))
        return false;
    slash = target->len > 0 ? memchr(target->ptr, '/', target->len) : NULL;
    if (!slash)
        *target = STR("/"); /* RFC 9112 §3.2.2: an empty path is the root */
    else
        *target = str_sub(*target, (size_t)(slash - target->ptr), target->len);
    return true;
}

bool target_split(struct str target, struct str *ret_path, struct str *ret_query) {
    struct str path;

    if (!is_visible(target))
        return false;
    if (!str_starts(target, STR("/")) && !str_eq(target, STR("*")) && !drop_authority(&target))
        return false;
    (void)str_cut(&target, '?', &path);
    *ret_path = path;
    *ret_query = target;
    return true;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_plain(struct str raw, bool is_form) {
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '%' || (is_form && raw.ptr[i] == '+'))
            return false;
    }
    return true;
}

/* Line breaks and tabs pass in a form's value (a text area's content); elsewhere no control
 * character does. */
static bool is_text(struct str s, bool is_form) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (is_control(c) && !(is_form && (c == '\n' || c == '\r' || c == '\t')))
            return false;
    }
    return utf8_is_valid(s);
}

/* Writes at most raw.len bytes; SIZE_MAX for a broken escape. */
static size_t unescape(struct str raw, bool is_form, char *out) {
    size_t n = 0;

    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];

        if (c == '%') {
            int high = i + 1 < raw.len ? hex_value(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_value(raw.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return SIZE_MAX;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (is_form && c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    return n;
}

bool url_decode(struct arena *a, struct str raw, bool is_form, struct str *ret) {
    struct str text = raw;

    if (!is_plain(raw, is_form)) {
        char *out = arena_alloc(a, raw.len);
        size_t n = unescape(raw, is_form, out);

        if (n == SIZE_MAX)
            return false;
        text = (struct str){.ptr = out, .len = n};
    }
    if (!is_text(text, is_form))
        return false;
    *ret = text;
    return true;
}

size_t count_char(struct str s, char c) {
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == c;
    return n;
}

bool query_parse(struct arena *a, struct str raw, struct pairs *ret) {
    size_t most = count_char(raw, '&') + 1;
    struct pairs list = {0};

    if (most > QUERY_MAX_PAIRS)
        return false;
    if (raw.len > 0)
        list.items = arena_array_of(a, most, struct pair);
    while (raw.len > 0) {
        struct pair *p = &list.items[list.n];
        struct str item, name;

        (void)str_cut(&raw, '&', &item);
        if (item.len == 0)
            continue;
        (void)str_cut(&item, '=', &name);
        if (!url_decode(a, name, true, &p->name) || !url_decode(a, item, true, &p->value))
            return false;
        list.n++;
    }
    *ret = list;
    return true;
}

const struct pair *pairs_find(const struct pairs *list, struct str name) {
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->items[i].name, name))
            return &list->items[i];
    }
    return NULL;
}

static struct str unquote(struct str s) {
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        return str_sub(s, 1, s.len - 2);
    return s;
}

bool cookie_find(struct str header, struct str name, struct str *ret) {
    while (header.len > 0) {
        struct str item, key;

        (void)str_cut(&header, ';', &item);
        if (!str_cut(&item, '=', &key))
            continue;
        if (str_eq(str_trim(key), name)) {
            *ret = unquote(str_trim(item));
            return true;
        }
    }
    return false;
}

static bool is_token_char(char c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

bool header_name_is_valid(struct str name) {
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_char(name.ptr[i]))
            return false;
    }
    return name.len > 0;
}

bool header_value_is_valid(struct str value) {
    for (size_t i = 0; i < value.len; i++) {
        if (is_control(value.ptr[i]) && value.ptr[i] != '\t')
            return false;
    }
    return true;
}

bool header_has_token(struct str value, struct str token) {
    while (value.len > 0) {
        struct str item;

        (void)str_cut(&value, ',', &item);
        if (str_eq_nocase(str_trim(item), token))
            return true;
    }
    return false;
}

/* "host:port" or "[v6]:port" into both; the port stays empty when it is not written. */
static void split_authority(struct str authority, struct str *ret_host, struct str *ret_port) {
    size_t colon = authority.len;

    for (size_t i = authority.len; i > 0 && authority.ptr[i - 1] != ']'; i--) {
        if (authority.ptr[i - 1] == ':')
            colon = i - 1;
    }
    *ret_host = str_sub(authority, 0, colon);
    *ret_port = str_sub(authority, colon + 1, authority.len);
}

bool origin_is_host(struct str origin, struct str host) {
    struct str port, host_port, fallback;

    if (str_eat(&origin, STR("https://")))
        fallback = STR("443");
    else if (str_eat(&origin, STR("http://")))
        fallback = STR("80");
    else
        return false; /* also the opaque origin, "null" */
    split_authority(origin, &origin, &port);
    split_authority(host, &host, &host_port);
    return host.len > 0 && str_eq_nocase(origin, host) &&
           str_eq(port.len > 0 ? port : fallback, host_port.len > 0 ? host_port : fallback);
}
