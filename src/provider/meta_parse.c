/* meta_parse.c - webhook bodies to events.
 *   { "object", "entry": [ { "id": WABA, "time"?, "changes": [ { "field", "value": {
 *       "metadata": { "phone_number_id" }, "contacts": [], "messages": [], … } } ] } ] }
 * Up to 1000 updates come in one call, over every level (create-webhook-endpoint, "Batching").
 * Invariants:
 * 1. Nothing inside a good envelope is dropped: what is not understood becomes INBOUND_ACCOUNT
 *    with its raw text, under the name of the member it stood in.
 * 2. An event is the same, dedup key included, whatever batch it arrives in.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "crypto/crypto.h"
#include "provider/lenient.h"
#include "provider/meta.h"

enum {
    BODY_MAX_DEPTH = 32,
    SCRATCH_FACTOR = 16, /* text grows when written again (1e9 → 1000000000.0), but not so far */
    SCRATCH_SPARE = 64 << 10,
};

static const int64_t seconds_max = 100000000000; /* year 5138; greater: milliseconds */

struct walk { /* where we are */
    struct arena *arena;
    struct buf *scratch;
    struct inbound_sink *sink;
    struct str group;
    int64_t entry_at_ms;
    struct str address;
    const struct json *contacts;
    bool has_emitted; /* something of the current change */
};

typedef enum status (*emit_fn)(struct walk *w, struct str member, const struct json *item,
                               struct err *e);

/* --- small readers -------------------------------------------------------------------------- */

static struct str text_of(struct walk *w, const struct json *v) {
    buf_clear(w->scratch);
    json_write(w->scratch, v);
    assert(!w->scratch->overflown);
    return arena_str(w->arena, buf_str(w->scratch));
}

/* Seconds, as a string in messages and as an integer elsewhere. */
static int64_t time_ms(const struct json *v) {
    int64_t t = json_i64(v, 0);

    if (t <= 0)
        return 0;
    return t > seconds_max ? t : t * 1000;
}

/* --- events --------------------------------------------------------------------------------- */

static struct inbound event_of(struct walk *w, enum inbound_kind kind, struct str member,
                               const struct json *item) {
    const struct json *at = json_get(item, "timestamp");

    return (struct inbound){
        .kind = kind,
        .address = w->address,
        .account_group = w->group,
        .at_ms = at ? time_ms(at) : w->entry_at_ms,
        .field = member,
        .raw = text_of(w, item),
    };
}

/* Stable for what has no id of its own: its text, and the time of its entry, which a repeated
 * delivery repeats. Two equal errors without any time are one event; nothing tells them apart. */
static struct str key_by_text(struct walk *w, const char *prefix, const struct inbound *ev) {
    uint8_t digest[SHA256_BYTES];
    struct str text = arena_printf(w->arena, "%lld\n%.*s\n%.*s", (long long)w->entry_at_ms,
                                   STR_ARG(ev->field), STR_ARG(ev->raw));
    struct str hex;

    crypto_sha256(text, digest);
    hex = crypto_hex(w->arena, (struct str){.ptr = (const char *)digest, .len = sizeof(digest)});
    return arena_printf(w->arena, "%s:%.*s", prefix, STR_ARG(hex));
}

static struct str key_by_id(struct walk *w, const char *prefix, struct str id,
                            const struct inbound *ev) {
    if (id.len == 0)
        return key_by_text(w, "h", ev);
    return arena_printf(w->arena, "%s:%.*s", prefix, STR_ARG(id));
}

static enum status emit(struct walk *w, const struct inbound *ev, struct err *e) {
    w->has_emitted = true;
    return w->sink->event(w->sink->ctx, ev, e);
}

/* Account events, and the refuge of all that is not understood. */
static enum status emit_kept(struct walk *w, struct str member, const struct json *item,
                             struct err *e) {
    struct inbound ev =
        event_of(w, INBOUND_ACCOUNT, member.len > 0 ? member : STR("unknown"), item);

    ev.dedup = key_by_text(w, "a", &ev);
    return emit(w, &ev, e);
}

/* Meta announced that titles go away; the details say more anyway. */
static void read_error(const struct json *error, struct inbound *ev) {
    ev->error_code = json_i64(json_get(error, "code"), 0);
    ev->error_title = json_str(json_path(error, "error_data", "details", NULL));
    if (ev->error_title.len == 0)
        ev->error_title = json_str(json_get(error, "title"));
    if (ev->error_title.len == 0)
        ev->error_title = json_str(json_get(error, "message"));
}

static enum status emit_error(struct walk *w, struct str member, const struct json *item,
                              struct err *e) {
    struct inbound ev = event_of(w, INBOUND_ACCOUNT, member, item);

    read_error(item, &ev);
    ev.dedup = key_by_text(w, "a", &ev);
    return emit(w, &ev, e);
}

/* --- identity ------------------------------------------------------------------------------- */

static void keep_changed(struct inbound *ev) {
    if (str_eq(ev->new_phone, ev->party.phone))
        ev->new_phone = STR_EMPTY;
    if (str_eq(ev->new_user_id, ev->party.user_id))
        ev->new_user_id = STR_EMPTY;
}

/* True when message m says that a person's number or user id changed. */
static bool read_identity_change(struct walk *w, const struct json *m, struct inbound *ev) {
    const struct json *system = json_get(m, "system");
    struct str kind = json_str(json_get(system, "type"));
    struct party now = {0};

    if (!str_eq(json_str(json_get(m, "type")), STR("system")) ||
        (!str_eq(kind, STR("user_changed_number")) && !str_eq(kind, STR("user_changed_user_id")) &&
         !str_eq(kind, STR("customer_changed_number"))))
        return false;
    meta_party_put(w->arena, &now, json_get(system, "wa_id"));
    meta_party_put(w->arena, &now, json_get(system, "new_wa_id")); /* until v11 */
    meta_party_put_user_id(w->arena, &now, json_get(system, "user_id"));
    ev->party = (struct party){0};
    meta_party_before(w->arena, m, &ev->party);
    ev->new_phone = now.phone;
    ev->new_user_id = now.user_id;
    keep_changed(ev);
    return !meta_party_is_empty(&ev->party) && (ev->new_phone.len > 0 || ev->new_user_id.len > 0);
}

static enum status emit_user_id(struct walk *w, struct str member, const struct json *item,
                                struct err *e) {
    struct inbound ev = event_of(w, INBOUND_IDENTITY, member, item);

    meta_party_put(w->arena, &ev.party, json_get(item, "wa_id"));
    meta_party_put_user_id(w->arena, &ev.party, json_path(item, "user_id", "previous", NULL));
    meta_party_join(w->arena, w->contacts, &ev.party);
    ev.new_user_id = meta_id(w->arena, json_path(item, "user_id", "current", NULL));
    keep_changed(&ev);
    if (meta_party_is_empty(&ev.party) || ev.new_user_id.len == 0)
        return emit_kept(w, member, item, e);
    ev.dedup = key_by_text(w, "i", &ev);
    return emit(w, &ev, e);
}

/* --- messages ------------------------------------------------------------------------------- */

static void read_content(struct walk *w, const struct json *m, struct inbound *ev) {
    struct meta_content content;

    meta_content_of(w->arena, w->scratch, m, &content);
    ev->type = content.type;
    ev->content = content.json;
    ev->text = content.text;
    ev->reply_to = content.reply_to;
}

/* A message with a sender is kept as one even without an id; one without a sender belongs to
 * nobody's conversation and becomes an account event. */
static enum status emit_message(struct walk *w, struct inbound *ev, const struct json *m,
                                struct err *e) {
    meta_party_join(w->arena, w->contacts, &ev->party);
    if (meta_party_is_empty(&ev->party))
        return emit_kept(w, ev->field, m, e);
    ev->message_id = meta_id(w->arena, json_get(m, "id"));
    ev->dedup = key_by_id(w, "m", ev->message_id, ev);
    read_content(w, m, ev);
    return emit(w, ev, e);
}

static enum status emit_inbound(struct walk *w, struct str member, const struct json *m,
                                struct err *e) {
    struct inbound ev = event_of(w, INBOUND_MESSAGE, member, m);

    if (read_identity_change(w, m, &ev)) {
        ev.kind = INBOUND_IDENTITY;
        ev.dedup = key_by_id(w, "m", meta_id(w->arena, json_get(m, "id")), &ev);
        return emit(w, &ev, e);
    }
    ev.party = (struct party){0};
    ev.new_phone = ev.new_user_id = STR_EMPTY;
    meta_party_put(w->arena, &ev.party, json_get(m, "from"));
    meta_party_put_user_id(w->arena, &ev.party, json_get(m, "from_user_id"));
    return emit_message(w, &ev, m, e);
}

static enum status emit_echo(struct walk *w, struct str member, const struct json *m,
                             struct err *e) {
    struct inbound ev = event_of(w, INBOUND_ECHO, member, m);

    meta_party_put(w->arena, &ev.party, json_get(m, "to"));
    meta_party_put_user_id(w->arena, &ev.party, json_get(m, "to_user_id"));
    return emit_message(w, &ev, m, e);
}

/* --- statuses ------------------------------------------------------------------------------- */

static enum delivery delivery_of(struct str word) {
    static const struct {
        const char *word;
        enum delivery delivery;
    } words[] = {
        {"sent", DELIVERY_SENT},     {"delivered", DELIVERY_DELIVERED}, {"read", DELIVERY_READ},
        {"played", DELIVERY_PLAYED}, {"failed", DELIVERY_FAILED},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(word, str_of(words[i].word)))
            return words[i].delivery;
    }
    return DELIVERY_UNKNOWN;
}

/* In a group recipient_id is the group and each member reports for himself. One page of Meta's
 * spells the member the other way round. */
static void read_recipient(struct walk *w, const struct json *s, struct party *p,
                           struct str *ret_member) {
    *ret_member = STR_EMPTY;
    if (str_eq(json_str(json_get(s, "recipient_type")), STR("group"))) {
        meta_party_put(w->arena, p, json_get(s, "recipient_participant_id"));
        meta_party_put(w->arena, p, json_get(s, "participant_recipient_id"));
        meta_party_put_user_id(w->arena, p, json_get(s, "recipient_participant_user_id"));
        *ret_member = p->phone.len > 0 ? p->phone : p->user_id;
    } else {
        meta_party_put(w->arena, p, json_get(s, "recipient_id"));
        meta_party_put_user_id(w->arena, p, json_get(s, "recipient_user_id"));
    }
    if (!meta_party_is_empty(
            p)) /* "sent" to a group names no member: it is not the one contact's */
        meta_party_join(w->arena, w->contacts, p);
}

static struct str status_key(struct walk *w, const struct inbound *ev, struct str member) {
    return arena_printf(w->arena, "s:%.*s:%.*s%s%.*s", STR_ARG(ev->message_id),
                        STR_ARG(ev->delivery_word), member.len > 0 ? ":" : "", STR_ARG(member));
}

static enum status emit_status(struct walk *w, struct str member, const struct json *s,
                               struct err *e) {
    struct inbound ev = event_of(w, INBOUND_STATUS, member, s);
    struct str participant;

    ev.message_id = meta_id(w->arena, json_get(s, "id"));
    ev.delivery_word = meta_id(w->arena, json_get(s, "status"));
    if (ev.message_id.len == 0 || ev.delivery_word.len == 0)
        return emit_kept(w, member, s, e);
    read_recipient(w, s, &ev.party, &participant);
    ev.dedup = status_key(w, &ev, participant);
    ev.delivery = delivery_of(ev.delivery_word);
    ev.correlation = meta_id(w->arena, json_get(s, "biz_opaque_callback_data"));
    if (json_type(json_get(s, "pricing")) == JSON_OBJECT)
        ev.pricing = text_of(w, json_get(s, "pricing"));
    read_error(json_at(json_get(s, "errors"), 0), &ev);
    return emit(w, &ev, e);
}

/* --- preferences ---------------------------------------------------------------------------- */

/* Only marketing has a meaning to us; "signup" (an opt-in form) counts as a resume. */
static enum status emit_preference(struct walk *w, struct str member, const struct json *item,
                                   struct err *e) {
    struct inbound ev = event_of(w, INBOUND_PREFERENCE, member, item);
    struct str value = json_str(json_get(item, "value"));

    meta_party_put(w->arena, &ev.party, json_get(item, "wa_id"));
    meta_party_put_user_id(w->arena, &ev.party, json_get(item, "user_id"));
    meta_party_join(w->arena, w->contacts, &ev.party);
    ev.category = json_str(json_get(item, "category"));
    ev.is_stop = str_eq(value, STR("stop"));
    if (meta_party_is_empty(&ev.party) || !str_eq(ev.category, STR("marketing_messages")) ||
        (!ev.is_stop && !str_eq(value, STR("resume")) && !str_eq(value, STR("signup"))))
        return emit_kept(w, member, item, e);
    ev.dedup = key_by_text(w, "p", &ev);
    return emit(w, &ev, e);
}

/* --- the envelope --------------------------------------------------------------------------- */

/* Lists whose items are events. Every other field is one account event: the value as it is. That
 * holds for "history" too, whose messages are old ones and must not wake the bot. */
static const struct part {
    const char *field;
    const char *member;
    emit_fn emit;
} parts[] = {
    {"messages", "messages", emit_inbound},
    {"messages", "statuses", emit_status},
    {"messages", "errors", emit_error},
    {"smb_message_echoes", "message_echoes", emit_echo},
    {"smb_message_echoes", "errors", emit_error},
    {"message_echoes", "message_echoes", emit_echo},
    {"user_preferences", "user_preferences", emit_preference},
    {"user_id_update", "user_id_update", emit_user_id},
};

static const struct part *find_part(struct str field, struct str member) {
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (str_eq(field, str_of(parts[i].field)) && str_eq(member, str_of(parts[i].member)))
            return &parts[i];
    }
    return NULL;
}

static enum status walk_part(struct walk *w, const struct part *part, const struct json *items,
                             struct err *e) {
    struct str member = str_of(part->member);

    if (json_type(items) == JSON_NULL)
        return ST_OK;
    if (json_type(items) != JSON_ARRAY)
        return emit_kept(w, member, items, e);
    for (size_t i = 0; i < json_len(items); i++) {
        const struct json *item = json_at(items, i);

        if (json_type(item) == JSON_OBJECT)
            TRY(part->emit(w, member, item, e));
        else
            TRY(emit_kept(w, member, item, e));
    }
    return ST_OK;
}

/* The quality of a template comes under the name of its status in Meta's own sample. */
static struct str account_field(struct str field, const struct json *value) {
    if (str_eq(field, STR("message_template_status_update")) &&
        json_get(value, "new_quality_score"))
        return STR("message_template_quality_update");
    return field;
}

static bool has_parts(struct str field) {
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (str_eq(field, str_of(parts[i].field)))
            return true;
    }
    return false;
}

static bool is_plain(struct str member) {
    return str_eq(member, STR("messaging_product")) || str_eq(member, STR("metadata")) ||
           str_eq(member, STR("contacts"));
}

static enum status walk_members(struct walk *w, struct str field, const struct json *value,
                                struct err *e) {
    const struct json *v;
    struct str member;

    for (size_t i = 0; json_member(value, i, &member, &v); i++) {
        const struct part *part = find_part(field, member);

        if (part)
            TRY(walk_part(w, part, v, e));
        else if (!is_plain(member))
            TRY(emit_kept(w, member, v, e));
    }
    return ST_OK;
}

static enum status walk_change(struct walk *w, const struct json *change, struct err *e) {
    const struct json *value = json_get(change, "value");
    struct str field = json_str(json_get(change, "field"));

    w->address = meta_id(w->arena, json_path(value, "metadata", "phone_number_id", NULL));
    w->contacts = json_get(value, "contacts");
    w->has_emitted = false;
    if (field.len == 0)
        field = STR("messages");
    if (has_parts(field))
        TRY(walk_members(w, field, value, e));
    if (w->has_emitted)
        return ST_OK;
    return emit_kept(w, account_field(field, value),
                     json_type(value) == JSON_OBJECT ? value : change, e);
}

/* An account_update may come under the business portfolio's id; waba_info names the account. */
static struct str group_of(struct walk *w, const struct json *entry, const struct json *change) {
    struct str waba = meta_id(w->arena, json_path(change, "value", "waba_info", "waba_id", NULL));

    return waba.len > 0 ? waba : meta_id(w->arena, json_get(entry, "id"));
}

static enum status walk_entry(struct walk *w, const struct json *entry, struct err *e) {
    const struct json *changes = json_get(entry, "changes");

    w->address = STR_EMPTY;
    w->contacts = NULL;
    w->group = meta_id(w->arena, json_get(entry, "id"));
    w->entry_at_ms = time_ms(json_get(entry, "time"));
    if (json_type(changes) != JSON_ARRAY || json_len(changes) == 0)
        return emit_kept(w, STR("entry"), entry, e);
    for (size_t i = 0; i < json_len(changes); i++) {
        w->group = group_of(w, entry, json_at(changes, i));
        TRY(walk_change(w, json_at(changes, i), e));
    }
    return ST_OK;
}

enum status meta_parse(struct arena *a, const struct hook *hook, struct inbound_sink *sink,
                       struct err *e) {
    ATTR_CLEANUP(buf_done_p)
    struct buf scratch = {0};
    struct walk w = {.arena = a, .scratch = &scratch, .sink = sink};
    const struct json *root, *entries;

    TRY(lenient_parse(a, hook->body, BODY_MAX_DEPTH, &root, e));
    if (!str_eq(json_str(json_get(root, "object")), STR("whatsapp_business_account")))
        FAIL(e, ST_INVALID, "the webhook is not of a WhatsApp business account");
    entries = json_get(root, "entry");
    if (json_type(entries) != JSON_ARRAY)
        FAIL(e, ST_INVALID, "the webhook has no list of entries");
    buf_init(&scratch, hook->body.len * SCRATCH_FACTOR + SCRATCH_SPARE);
    for (size_t i = 0; i < json_len(entries); i++)
        TRY(walk_entry(&w, json_at(entries, i), e));
    return ST_OK;
}
