/* key.c - API keys and what they permit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/store.h"

enum {
    SCOPES_MAX_BYTES = 1024,
    SCOPES_MAX = 64,
    PREFIX_BYTES = 12, /* "prosa_" and six more: enough to tell keys apart, not to guess the rest */
};

static const struct resource {
    const char *name;
    bool rules_others; /* left out of "read" and "write" */
} resources[] = {
    {"conversations", false}, {"messages", false},   {"leads", false},
    {"events", false},        {"inbox", false},      {"jobs", false},
    {"metrics", false},       {"bot", false},        {"me", false},
    {"team", false},          {"templates", false},  {"providers", true},
    {"users", true},          {"keys", true},        {"audit", true},
    {"webhooks", true},       {"dispatches", false},
};

static bool is_resource(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (str_eq(name, str_of(resources[i].name)))
            return true;
    return false;
}

static bool is_group(struct str s) {
    return str_eq(s, STR("read")) || str_eq(s, STR("write")) || str_eq(s, STR("admin")) ||
           str_eq(s, STR("*"));
}

static bool is_scope(struct str s) {
    struct str verb = s, resource;

    if (is_group(s))
        return true;
    return str_cut(&verb, ':', &resource) && is_resource(resource) &&
           (str_eq(verb, STR("read")) || str_eq(verb, STR("write")) || str_eq(verb, STR("*")));
}

static struct str resource_list(struct arena *a) {
    struct buf b;
    struct str s;

    buf_init(&b, SCOPES_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        buf_printf(&b, "%s%s", i > 0 ? ", " : "", resources[i].name);
    s = arena_str(a, buf_str(&b));
    buf_done(&b);
    return s;
}

struct str api_key_scopes(struct arena *a) {
    struct str resource = resource_list(a);

    return arena_printf(a, "read, write, admin, * or RESOURCE:read, :write, :* of %.*s",
                        STR_ARG(resource));
}

/* --- from what was asked to what is stored --------------------------------------------------- */

static bool next_word(struct str *s, struct str *ret) {
    size_t i = 0;

    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == ','))
        *s = str_sub(*s, 1, s->len);
    while (i < s->len && s->ptr[i] != ' ' && s->ptr[i] != ',')
        i++;
    *ret = str_sub(*s, 0, i);
    *s = str_sub(*s, i, s->len);
    return ret->len > 0;
}

static bool has_word(struct str list, struct str word) {
    struct str w;

    while (next_word(&list, &w))
        if (str_eq(w, word))
            return true;
    return false;
}

static enum status normalise(struct arena *a, struct str scopes, struct str *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SCOPES_MAX_BYTES};
    struct str rest = scopes, word, known = api_key_scopes(a);

    while (next_word(&rest, &word)) {
        if (!is_scope(word)) {
            word = str_sub(word, 0, 40);
            FAIL(e, ST_INVALID, "unknown scope \"%.*s\": there is %.*s", STR_ARG(word),
                 STR_ARG(known));
        }
        if (has_word(buf_str(&b), word))
            continue;
        if (b.len > 0)
            buf_add_char(&b, ' ');
        buf_add(&b, word);
    }
    if (b.len == 0)
        FAIL(e, ST_INVALID, "a key needs a scope: %.*s", STR_ARG(known));
    if (b.overflown)
        FAIL(e, ST_INVALID, "the scopes are longer than %d bytes", SCOPES_MAX_BYTES);
    *ret = arena_str(a, buf_str(&b));
    return ST_OK;
}

/* A key may make another, but none that may do more. */
static enum status check_within(struct arena *a, struct str scopes, struct str within,
                                struct err *e) {
    struct str rest = key_expand_scopes(a, scopes), word;

    while (within.len > 0 && next_word(&rest, &word))
        if (!scope_permits(within, word))
            FAIL(e, ST_DENIED, "the calling key does not have the scope \"%.*s\" itself",
                 STR_ARG(word));
    return ST_OK;
}

enum status api_key_add(struct arena *a, struct tx *tx, struct api_key_new in,
                        struct str *ret_secret, struct api_key *ret, struct err *e) {
    struct str token = crypto_token(a);
    struct str secret = arena_printf(a, "prosa_%.*s", STR_ARG(token));
    uint8_t digest[SHA256_BYTES];
    struct api_key key = {
        .id = uuid_new(),
        .tenant = in.tenant,
        .name = arena_str(a, in.name),
        .prefix = str_sub(secret, 0, PREFIX_BYTES),
        .created_at_ms = clock_now_ms(),
    };

    TRY(tenant_check_name(key.name, e));
    TRY(normalise(a, in.scopes, &key.scopes, e));
    TRY(check_within(a, key.scopes, in.within, e));
    crypto_token_digest(secret, digest);
    TRY(store_key_insert(tx, &key, (struct str){(const char *)digest, sizeof(digest)}, e));
    *ret_secret = secret;
    *ret = key;
    return ST_OK;
}

/* --- from what is stored to what a route compares with --------------------------------------- */

static void add_group(struct buf *b, const char *verb) {
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (!resources[i].rules_others)
            buf_printf(b, "%s%s:%s", b->len > 0 ? " " : "", resources[i].name, verb);
}

static void add_expanded(struct buf *b, struct str word) {
    struct str verb = word, resource;

    if (str_eq(word, STR("read"))) {
        add_group(b, "read");
    } else if (str_eq(word, STR("write"))) {
        add_group(b, "*");
    } else if (is_group(word)) {
        buf_printf(b, "%s*", b->len > 0 ? " " : "");
    } else if (str_cut(&verb, ':', &resource)) {
        bool is_read = str_eq(verb, STR("read"));

        buf_printf(b, "%s%.*s:%s", b->len > 0 ? " " : "", STR_ARG(resource),
                   is_read ? "read" : "*");
    }
}

struct str key_expand_scopes(struct arena *a, struct str scopes) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = (size_t)4 * SCOPES_MAX_BYTES};
    struct str rest = scopes, word;

    while (next_word(&rest, &word))
        add_expanded(&b, word);
    return arena_str(a, buf_str(&b));
}
