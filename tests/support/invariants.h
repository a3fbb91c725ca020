/* invariants.h - what holds for every event of every adapter, whatever the bytes: checked by the
 * contract suite and by the fuzz target alike. Header only, so that fuzz/ needs no test library.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/utf8.h"
#include "provider/provider.h"

/* Aborts with the broken promise's name; a fuzzer and a test runner both report that. */
#define PROMISE(condition) invariants_check((condition), #condition)

static inline void invariants_check(bool holds, const char *promise) {
    if (holds)
        return;
    (void)fprintf(stderr, "promise broken: %s\n", promise);
    abort();
}

static inline bool invariants_is_text(struct str s) {
    return utf8_is_valid(s) && (s.len == 0 || !memchr(s.ptr, '\0', s.len));
}

static inline void invariants_texts(const struct inbound *ev) {
    const struct str texts[] = {
        ev->address,       ev->account_group, ev->dedup,          ev->party.phone,
        ev->party.user_id, ev->party.name,    ev->party.username, ev->party.email,
        ev->message_id,    ev->type,          ev->content,        ev->text,
        ev->reply_to,      ev->correlation,   ev->error_title,    ev->pricing,
        ev->delivery_word, ev->category,      ev->new_phone,      ev->new_user_id,
        ev->field,         ev->raw,
    };
    const struct str ids[] = {ev->address,       ev->account_group, ev->party.phone,
                              ev->party.user_id, ev->new_phone,     ev->new_user_id,
                              ev->message_id,    ev->reply_to,      ev->correlation};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        PROMISE(invariants_is_text(texts[i]));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        PROMISE(ids[i].len <= 512);
}

static inline bool invariants_is_digits(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return true;
}

static inline bool invariants_is_type(struct str type) {
    static const char *const types[] = {
        "text",     "image",    "video",       "audio",    "document", "sticker",
        "location", "contacts", "choice",      "form",     "order",    "edit",
        "revoke",   "system",   "unsupported", "reaction", "unknown",
    };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq(type, str_of(types[i])))
            return true;
    }
    return false;
}

/* JSON as the features read it again: with the default limits. */
static inline bool invariants_is_json(struct arena *a, struct str text, enum json_type type) {
    const struct json *v;
    struct err e = ERR_INIT;

    return json_parse(a, text, JSON_LIMITS_DEFAULT, &v, &e) == ST_OK &&
           (type == JSON_ABSENT || json_type(v) == type);
}

static inline void invariants_of_kind(struct arena *a, const struct inbound *ev) {
    bool has_party =
        ev->party.phone.len > 0 || ev->party.user_id.len > 0 || ev->party.email.len > 0;

    switch (ev->kind) {
    case INBOUND_MESSAGE:
    case INBOUND_ECHO:
        PROMISE(has_party);
        PROMISE(invariants_is_type(ev->type));
        PROMISE(invariants_is_json(a, ev->content, JSON_OBJECT));
        break;
    case INBOUND_STATUS:
        PROMISE(ev->message_id.len > 0);
        PROMISE(ev->pricing.len == 0 || invariants_is_json(a, ev->pricing, JSON_OBJECT));
        break;
    case INBOUND_PREFERENCE:
        PROMISE(has_party);
        break;
    case INBOUND_IDENTITY:
        PROMISE(has_party);
        PROMISE(ev->new_phone.len > 0 || ev->new_user_id.len > 0);
        break;
    case INBOUND_ACCOUNT:
        PROMISE(ev->field.len > 0);
        break;
    }
}

static inline void invariants_of_event(struct arena *a, const struct inbound *ev) {
    PROMISE(ev->dedup.len > 0);
    PROMISE(ev->at_ms >= 0);
    PROMISE(invariants_is_digits(ev->party.phone));
    PROMISE(invariants_is_digits(ev->new_phone));
    PROMISE(invariants_is_json(a, ev->raw, JSON_ABSENT));
    invariants_texts(ev);
    invariants_of_kind(a, ev);
}

struct invariants_seen {
    struct arena *arena;
    size_t n;
    uint64_t keys; /* hash over all dedup keys */
};

static inline enum status invariants_see(void *ctx, const struct inbound *ev, struct err *e) {
    struct invariants_seen *s = ctx;

    (void)e;
    invariants_of_event(s->arena, ev);
    s->keys = s->keys * 31 + str_hash(ev->dedup);
    s->n++;
    return ST_OK;
}

static inline struct invariants_seen invariants_parse(struct arena *a, const struct provider *p,
                                                      const struct hook *hook) {
    struct invariants_seen s = {.arena = a};
    struct inbound_sink sink = {.event = invariants_see, .ctx = &s};
    struct err e = ERR_INIT;
    enum status st = p->parse(a, hook, &sink, &e);

    PROMISE(st == ST_OK || (st == ST_INVALID && s.n == 0 && e.message[0] != '\0'));
    return s;
}

/* Every event keeps its promises, a refused call has none, and the same bytes mean the same twice. */
static inline void invariants_of_hook(struct arena *a, const struct provider *p,
                                      const struct hook *hook) {
    struct invariants_seen first = invariants_parse(a, p, hook),
                           again = invariants_parse(a, p, hook);

    PROMISE(first.n == again.n && first.keys == again.keys);
}

static inline void invariants_of_result(const struct send_result *r) {
    PROMISE(r->outcome <= SEND_UNCERTAIN);
    PROMISE(r->reason.len > 0);
    PROMISE((r->cause.len > 0) == (r->outcome != SEND_ACCEPTED));
    PROMISE(r->outcome == SEND_RETRY || r->retry_after_ms == 0);
    PROMISE(invariants_is_text(r->message_id) && invariants_is_text(r->phone));
    PROMISE(invariants_is_text(r->user_id) && invariants_is_text(r->reason));
    PROMISE(invariants_is_text(r->cause));
}

static inline void invariants_of_hook_answer(const struct hook_answer *r) {
    PROMISE(r->outcome <= HOOK_ASK_ON);
    PROMISE((r->next.len > 0) == (r->outcome == HOOK_ASK_ON));
    PROMISE((r->reason.len > 0) == (r->outcome != HOOK_ASK_ON));
    PROMISE((r->advice.len > 0) == (r->outcome != HOOK_ASK_ON && r->outcome != HOOK_ENTERED));
    PROMISE((r->found.len > 0) == (r->outcome == HOOK_ENTERED || r->outcome == HOOK_OTHER));
    PROMISE(invariants_is_text(r->found) && invariants_is_text(r->reason));
    PROMISE(!str_contains(r->found, STR("\n")) && !str_contains(r->next, STR(" ")));
}
