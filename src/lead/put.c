/* put.c - many records at once become leads: found by their keys or made, changed in memory, written back set-based.
 *
 * A table of this call's keys leads to persons in memory, those of the database and those just made alike; so records of one
 * call that are the same person meet, and a key is never given to two.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "lead/person.h"
#include "lead/store.h"

struct slot {
    struct person_key key;
    struct person *person; /* NULL: nobody yet */
    bool is_new;           /* the identity has to be written */
};

struct put {
    struct arena *a;
    struct tx *tx;
    struct tenant_id tenant;
    enum lead_policy policy;
    int64_t now_ms;
    struct slot *slots; /* open addressing, a power of two */
    size_t n_slots;
    struct person **persons; /* all that the call touches */
    size_t n_persons;
    struct pair_row *tags; /* to be written */
    size_t n_tags;
};

/* --- keys ------------------------------------------------------------------------------------------------- */

enum { KEYS_MAX = LEAD_PHONES_MAX + LEAD_EMAILS_MAX + 1 };

/* In the order in which they decide. */
static size_t keys_of(const struct lead_read *r, struct person_key out[static KEYS_MAX]) {
    bool is_cpf = strcmp(r->document.kind, "cpf") == 0;
    struct person_key document = {r->document.kind, r->document.value, r->document.value};
    size_t n = 0;

    for (size_t i = 0; i < r->n_phones; i++) {
        if (r->phones[i].e164.len > 0)
            out[n++] = (struct person_key){"phone", r->phones[i].e164, r->phones[i].e164};
    }
    if (is_cpf)
        out[n++] = document;
    for (size_t i = 0; i < r->n_emails; i++) {
        if (r->emails[i].is_valid)
            out[n++] = (struct person_key){"email", r->emails[i].address, r->emails[i].address};
    }
    if (n == 0 && document.value.len > 0) /* many people have their company's CNPJ */
        out[n++] = document;
    return n;
}

static struct slot *slot_of(struct put *p, struct person_key key) {
    size_t mask = p->n_slots - 1;
    size_t at = (str_hash(key.value) + (size_t)key.kind[0]) & mask;

    while (p->slots[at].key.kind && !(strcmp(p->slots[at].key.kind, key.kind) == 0 &&
                                      str_eq(p->slots[at].key.value, key.value)))
        at = (at + 1) & mask;
    if (!p->slots[at].key.kind)
        p->slots[at].key = key;
    return &p->slots[at];
}

static void make_slots(struct put *p, const struct lead_read *const *reads, size_t n) {
    struct person_key keys[KEYS_MAX];
    size_t want = 16;

    for (size_t i = 0; i < n; i++)
        want += 2 * (reads[i]->n_phones + reads[i]->n_emails + 1);
    p->n_slots = 16;
    while (p->n_slots < want)
        p->n_slots *= 2;
    p->slots = arena_array_of(p->a, p->n_slots, struct slot);
    for (size_t i = 0; i < n; i++) {
        size_t n_keys = reads[i]->fault ? 0 : keys_of(reads[i], keys);

        for (size_t k = 0; k < n_keys; k++)
            (void)slot_of(p, keys[k]);
    }
}

static struct person *add_person(struct put *p, struct person *person) {
    p->persons[p->n_persons++] = person;
    return person;
}

/* The person with this id among the first n of p->persons, which stand in order of id. */
static struct person *known_person(const struct put *p, size_t n, struct uuid id) {
    size_t from = 0, to = n;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int cmp = uuid_cmp(p->persons[mid]->id.v, id);

        if (cmp == 0)
            return p->persons[mid];
        if (cmp < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

struct found_key {
    struct slot *slot;
    struct lead_id lead;
};

static enum status find_kind(struct put *p, const char *kind, struct found_key *found,
                             size_t *n_found, struct err *e) {
    struct str *values = arena_array_of(p->a, p->n_slots, struct str);
    struct db_rows rows;
    size_t n = 0;

    for (size_t i = 0; i < p->n_slots; i++) {
        if (p->slots[i].key.kind && strcmp(p->slots[i].key.kind, kind) == 0)
            values[n++] = p->slots[i].key.value;
    }
    TRY(store_keys_find(p->a, p->tx, p->tenant, kind, values, n, &rows, e));
    for (size_t i = 0; i < rows.n; i++)
        found[(*n_found)++] = (struct found_key){
            .slot = slot_of(p, (struct person_key){kind, db_text(&rows, i, 0), STR_EMPTY}),
            .lead.v = db_uuid(&rows, i, 1)};
    return ST_OK;
}

/* Gives the slots of known keys their persons. */
static enum status find_known(struct put *p, struct err *e) {
    static const char *const kinds[] = {"phone", "email", "cpf", "cnpj"};
    struct found_key *found = arena_array_of(p->a, p->n_slots, struct found_key);
    struct lead_id *ids;
    struct person *known;
    size_t n_found = 0, n_known;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        TRY(find_kind(p, kinds[i], found, &n_found, e));
    ids = arena_array_of(p->a, n_found + 1, struct lead_id);
    for (size_t i = 0; i < n_found; i++)
        ids[i] = found[i].lead;
    TRY(store_persons_get(p->a, p->tx, p->tenant, ids, n_found, &known, &n_known, e));
    for (size_t i = 0; i < n_known; i++)
        (void)add_person(p, &known[i]);
    for (size_t i = 0; i < n_found; i++)
        found[i].slot->person = known_person(p, n_known, found[i].lead.v);
    return ST_OK;
}

/* --- one record ---------------------------------------------------------------------------------------------- */

struct change { /* what one record changes of its person, and the JSON that takes it back */
    struct put *p;
    struct person *person;
    const struct lead_read *r;
    struct json_out *o; /* NULL: the person is new and goes as a whole */
    bool is_any;
};

static void note_begin(struct change *c, const char *list) {
    if (c->o)
        json_arr(c->o, list);
}

static void note(struct change *c, struct str s) {
    if (c->o)
        json_put_str(c->o, NULL, s);
}

static void note_end(struct change *c) {
    if (c->o)
        json_end(c->o);
}

static void put_pair(struct change *c, const char *column, struct str before, struct str after) {
    note_begin(c, column);
    note(c, before);
    note(c, after);
    note_end(c);
    c->is_any = true;
}

/* What a text becomes; true when it changes. */
static bool changes(const struct change *c, struct str now, struct str given) {
    if (given.len == 0 || str_eq(now, given))
        return false;
    return now.len == 0 || c->p->policy == LEAD_OVERWRITE;
}

static void change_texts(struct change *c) {
    struct person *p = c->person;
    const struct lead_read *r = c->r;

    if (changes(c, p->name, r->name)) {
        put_pair(c, "name", p->name, r->name);
        if (c->o)
            json_put_bool(c->o, "named", p->is_named);
        p->name = r->name;
        p->name_key = r->name_key;
        p->is_named = true;
    }
    if (changes(c, p->company, r->company)) {
        put_pair(c, "company", p->company, r->company);
        p->company = r->company;
        p->company_key = r->company_key;
    }
    if (changes(c, p->document, r->document.value)) {
        put_pair(c, "document", p->document, r->document.value);
        p->document = r->document.value;
        p->document_kind = str_of(r->document.kind);
    }
}

static bool is_empty(const struct json *v) {
    return json_type(v) == JSON_NULL || (json_type(v) == JSON_STRING && json_str(v).len == 0);
}

static struct str json_text(struct arena *a, const struct json *v) {
    struct buf b;
    struct str text;

    buf_init(&b, LEAD_FIELDS_BYTES);
    json_write(&b, v);
    text = arena_str(a, buf_str(&b));
    buf_done(&b);
    return text;
}

static const struct json *member(const struct json *object, struct str key) {
    struct str name;
    const struct json *value;

    for (size_t i = 0; json_member(object, i, &name, &value); i++) {
        if (str_eq(name, key))
            return value;
    }
    return NULL;
}

/* Old members, then those of the record that are new; *ret_any: it is another object. */
static struct str merged_fields(struct arena *a, const struct json *old, const struct json *given,
                                bool is_overwrite, bool *ret_any) {
    struct json_out o;
    struct buf b;
    struct str key, text = STR_EMPTY;
    const struct json *value;

    buf_init(&b, LEAD_FIELDS_BYTES);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    *ret_any = false;
    for (size_t i = 0; json_member(old, i, &key, &value); i++) {
        const struct json *other = member(given, key);
        bool is_other = other && !is_empty(other) && (is_overwrite || is_empty(value)) &&
                        !str_eq(json_text(a, other), json_text(a, value));

        json_put_json(&o, arena_cstr(a, key), is_other ? other : value);
        *ret_any = *ret_any || is_other;
    }
    for (size_t i = 0; json_member(given, i, &key, &value); i++) {
        if (is_empty(value) || member(old, key))
            continue;
        json_put_json(&o, arena_cstr(a, key), value);
        *ret_any = true;
    }
    json_end(&o);
    if (!b.overflown) /* too much to hold: what was there stays */
        text = arena_str(a, buf_str(&b));
    else
        *ret_any = false;
    buf_done(&b);
    return text;
}

static enum status change_fields(struct change *c, struct err *e) {
    const struct json *old;
    struct str merged;
    bool is_any;

    if (!c->r->fields || json_len(c->r->fields) == 0)
        return ST_OK;
    TRY(json_parse(c->p->a, c->person->fields, JSON_LIMITS_DEFAULT, &old, e));
    merged = merged_fields(c->p->a, old, c->r->fields, c->p->policy == LEAD_OVERWRITE, &is_any);
    if (is_any)
        put_pair(c, "fields", c->person->fields, merged);
    if (is_any)
        c->person->fields = merged;
    return ST_OK;
}

static bool has_phone(const struct person *p, const struct read_phone *phone) {
    for (size_t i = 0; i < p->n_phones; i++) {
        if (phone->e164.len > 0 ? str_eq(p->phones[i].e164, phone->e164)
                                : str_eq(p->phones[i].typed, phone->typed))
            return true;
    }
    return false;
}

static void grow_phones(struct arena *a, struct person *p) {
    struct person_phone *more;

    if (p->n_phones < p->cap_phones)
        return;
    p->cap_phones = p->cap_phones * 2 + 2;
    more = arena_array_of(a, p->cap_phones, struct person_phone);
    if (p->n_phones > 0)
        memcpy(more, p->phones, p->n_phones * sizeof(*more));
    p->phones = more;
}

static void grow_emails(struct arena *a, struct person *p) {
    struct person_email *more;

    if (p->n_emails < p->cap_emails)
        return;
    p->cap_emails = p->cap_emails * 2 + 2;
    more = arena_array_of(a, p->cap_emails, struct person_email);
    if (p->n_emails > 0)
        memcpy(more, p->emails, p->n_emails * sizeof(*more));
    p->emails = more;
}

/* Whether the key is this person's, or becomes it now. */
static bool claim(struct change *c, struct person_key key, bool *ret_claimed) {
    struct slot *slot = slot_of(c->p, key);

    *ret_claimed = !slot->person;
    if (!slot->person) {
        slot->person = c->person;
        slot->is_new = true;
    }
    return slot->person == c->person;
}

static void change_phones(struct change *c) {
    struct person *p = c->person;

    note_begin(c, "phones");
    for (size_t i = 0; i < c->r->n_phones; i++) {
        const struct read_phone *phone = &c->r->phones[i];
        struct person_phone one = {
            .e164 = phone->e164, .typed = phone->typed, .read = *phone, .is_new = true};
        bool is_claimed;

        if (has_phone(p, phone) || p->n_phones >= LEAD_PHONES_MAX)
            continue;
        if (phone->e164.len > 0 &&
            !claim(c, (struct person_key){"phone", phone->e164, phone->e164}, &is_claimed))
            continue;
        grow_phones(c->p->a, p);
        one.position = p->n_phones > 0 ? p->phones[p->n_phones - 1].position + 1 : 0;
        p->phones[p->n_phones++] = one;
        note(c, phone->e164.len > 0 ? phone->e164 : phone->typed);
        c->is_any = true;
    }
    note_end(c);
}

static bool has_email(const struct person *p, struct str address) {
    for (size_t i = 0; i < p->n_emails; i++) {
        if (str_eq(p->emails[i].address, address))
            return true;
    }
    return false;
}

static void change_emails(struct change *c) {
    struct person *p = c->person;

    note_begin(c, "emails");
    for (size_t i = 0; i < c->r->n_emails; i++) {
        const struct read_email *m = &c->r->emails[i];
        struct person_email one = {.address = m->address, .is_valid = m->is_valid, .is_new = true};
        bool is_claimed;

        if (has_email(p, m->address) || p->n_emails >= LEAD_EMAILS_MAX)
            continue;
        if (m->is_valid &&
            !claim(c, (struct person_key){"email", m->address, m->address}, &is_claimed))
            continue;
        grow_emails(c->p->a, p);
        one.position = p->n_emails > 0 ? p->emails[p->n_emails - 1].position + 1 : 0;
        p->emails[p->n_emails++] = one;
        note(c, m->address);
        c->is_any = true;
    }
    note_end(c);
}

static void change_tags(struct change *c) {
    struct person *p = c->person;
    size_t before;

    note_begin(c, "tags");
    if (c->r->n_tags > 0)
        person_tags(c->p->a, p);
    before = p->n_tags;
    for (size_t i = 0; i < c->r->n_tags && p->n_tags < LEAD_TAGS_MAX; i++) {
        const struct read_tag *tag = &c->r->tags[i];
        bool is_known = false;

        for (size_t k = 0; k < p->n_tags; k++)
            is_known = is_known || str_eq(p->tag_list[k].key, tag->key);
        if (is_known)
            continue;
        p->tag_list[p->n_tags++] = *tag;
        c->p->tags[c->p->n_tags++] = (struct pair_row){.lead = p->id, .value = tag->key};
        note(c, tag->key);
    }
    note_end(c);
    if (p->n_tags == before)
        return;
    person_put_tags(c->p->a, p);
    c->is_any = true;
}

/* A CPF leads to its person from now on, and a CNPJ does when nothing else can; a document that replaces another one, too. */
static void change_keys(struct change *c) {
    struct person_key keys[KEYS_MAX];
    size_t n = keys_of(c->r, keys);
    bool is_claimed;

    note_begin(c, "keys");
    for (size_t i = 0; i < n; i++) {
        bool is_document = keys[i].kind[0] == 'c';

        if (is_document && str_eq(c->person->document, keys[i].value) &&
            claim(c, keys[i], &is_claimed) && is_claimed) {
            note(c, str_of(keys[i].kind));
            note(c, keys[i].value);
        }
    }
    note_end(c);
}

static enum status make_changes(struct change *c, struct err *e) {
    change_texts(c);
    TRY(change_fields(c, e));
    change_phones(c);
    change_emails(c);
    change_tags(c);
    change_keys(c);
    return ST_OK;
}

static enum status apply(struct put *p, struct person *person, const struct lead_read *r,
                         struct str *ret_before, bool *ret_any, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b;
    struct json_out o;
    struct change c = {.p = p, .person = person, .r = r, .o = &o};

    buf_init(&b, 1u << 20);
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    TRY(make_changes(&c, e));
    json_arr(&o, "at");
    json_put_i64(&o, NULL, person->updated_at_ms);
    json_put_i64(&o, NULL, p->now_ms);
    json_end(&o);
    json_end(&o);
    *ret_before = arena_str(p->a, buf_str(&b));
    *ret_any = c.is_any;
    return ST_OK;
}

static enum status create(struct put *p, const struct lead_record *record,
                          const struct lead_read *r, struct lead_put_result *ret, struct err *e) {
    struct person *person = add_person(p, arena_new_of(p->a, struct person));
    struct change c = {.p = p, .person = person, .r = r};

    *person = (struct person){.id.v = uuid_new(),
                              .is_new = true,
                              .is_touched = true,
                              .fields = STR("{}"),
                              .tags = STR("[]"),
                              .source = utf8_cut_bytes(record->source, 200),
                              .updated_at_ms = p->now_ms};
    ret->outcome = LEAD_CREATED;
    ret->id = person->id;
    ret->reason = r->note;
    ret->column = r->column;
    return make_changes(&c, e);
}

static enum status put_one(struct put *p, const struct lead_record *record,
                           const struct lead_read *r, struct lead_put_result *ret, struct err *e) {
    struct person_key keys[KEYS_MAX];
    struct person *person = NULL;
    size_t n = keys_of(r, keys);
    bool is_any = false;

    for (size_t i = 0; i < n && !person; i++)
        person = slot_of(p, keys[i])->person;
    if (!person)
        return create(p, record, r, ret, e);
    ret->id = person->id;
    ret->outcome = LEAD_SKIPPED;
    ret->reason = person->is_touched ? "duplicate" : "known";
    if (p->policy == LEAD_SKIP)
        return ST_OK;
    TRY(apply(p, person, r, &ret->before, &is_any, e));
    ret->reason = "unchanged";
    if (!is_any) {
        ret->before = STR_EMPTY;
        return ST_OK;
    }
    ret->outcome = LEAD_UPDATED;
    ret->reason = r->note;
    ret->column = r->column;
    person->is_touched = person->is_changed = true;
    person->updated_at_ms = p->now_ms;
    return ST_OK;
}

/* --- all of them --------------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b) {
    const struct key_row *x = a, *y = b;
    int cmp = strcmp(x->key.kind, y->key.kind);

    return cmp != 0 ? cmp : str_cmp(x->key.value, y->key.value);
}

/* In the order of the index: neighbours are written together, and two puts at the same time wait for each other instead of
 * being dead locked. */
static enum status write_keys(struct put *p, struct err *e) {
    struct key_row *rows = arena_array_of(p->a, p->n_slots, struct key_row);
    size_t n = 0;

    for (size_t i = 0; i < p->n_slots; i++) {
        if (p->slots[i].is_new)
            rows[n++] = (struct key_row){p->slots[i].key, p->slots[i].person->id};
    }
    qsort(rows, n, sizeof(*rows), by_key);
    return store_keys_insert(p->a, p->tx, p->tenant, rows, n, p->now_ms, e);
}

static const struct lead_read **reads_of(struct arena *a, const struct lead_record *records,
                                         size_t n) {
    const struct lead_read **reads = arena_array_of(a, n + 1, const struct lead_read *);

    for (size_t i = 0; i < n; i++)
        reads[i] = records[i].read ? records[i].read : lead_read_one(a, &records[i], "BR");
    return reads;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_put_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          const struct lead_record *records, size_t n, enum lead_policy policy,
                          int64_t now_ms, struct lead_put_result *ret, struct err *e) {
    struct put p = {.a = a, .tx = tx, .tenant = tenant, .policy = policy, .now_ms = now_ms};
    const struct lead_read **reads;
    size_t n_tags = 0;

    if (n > LEAD_PUT_MAX)
        FAIL(e, ST_INVALID, "at most %d records at once", LEAD_PUT_MAX);
    reads = reads_of(a, records, n);
    make_slots(&p, reads, n);
    for (size_t i = 0; i < n; i++)
        n_tags += reads[i]->n_tags;
    p.persons = arena_array_of(a, p.n_slots + n, struct person *);
    p.tags = arena_array_of(a, n_tags + 1, struct pair_row);
    TRY(find_known(&p, e));
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct lead_put_result){
            .outcome = LEAD_REFUSED, .reason = reads[i]->fault, .column = reads[i]->column};
        if (!reads[i]->fault)
            TRY(put_one(&p, &records[i], reads[i], &ret[i], e));
    }
    TRY(store_persons_put(a, tx, tenant, p.persons, p.n_persons, now_ms, e));
    TRY(write_keys(&p, e));
    return store_tags_insert(a, tx, tenant, p.tags, p.n_tags, e);
}

struct str fields_filled(struct arena *a, struct str one, struct str other) {
    const struct json *old, *given;
    struct err why = ERR_INIT;
    struct str merged;
    bool is_any;

    if (json_parse(a, one, JSON_LIMITS_DEFAULT, &old, &why) != ST_OK ||
        json_parse(a, other, JSON_LIMITS_DEFAULT, &given, &why) != ST_OK)
        return one;
    merged = merged_fields(a, old, given, false, &is_any);
    return is_any ? merged : one;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status lead_put_to(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                        const struct lead_read *read, int64_t now_ms, struct lead_put_result *ret,
                        struct err *e) {
    struct put p = {.a = a, .tx = tx, .tenant = tenant, .policy = LEAD_FILL, .now_ms = now_ms};
    struct person *person;
    size_t n;
    bool is_any;

    *ret = (struct lead_put_result){.outcome = LEAD_UPDATED, .id = id};
    make_slots(&p, &read, 1);
    p.persons = arena_array_of(a, p.n_slots + 2, struct person *);
    p.tags = arena_array_of(a, read->n_tags + 1, struct pair_row);
    TRY(find_known(&p, e));
    person = known_person(&p, p.n_persons, id.v);
    if (!person) {
        TRY(store_persons_get(a, tx, tenant, &id, 1, &person, &n, e));
        if (n == 0)
            FAIL(e, ST_NOT_FOUND, "no such lead");
        (void)add_person(&p, person);
    }
    TRY(apply(&p, person, read, &ret->before, &is_any, e));
    person->is_changed = is_any;
    person->updated_at_ms = now_ms;
    TRY(store_persons_put(a, tx, tenant, p.persons, p.n_persons, now_ms, e));
    TRY(write_keys(&p, e));
    return store_tags_insert(a, tx, tenant, p.tags, p.n_tags, e);
}
