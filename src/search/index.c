/* index.c - the follower: reads events in their order, works their words out, and writes the index.
 *
 * Reading and stemming happen outside of a transaction that writes; the write begins by moving the place from where the reading
 * began, so of two runs at once only one has an effect, and a batch is indexed whole or not at all.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "search/store.h"
#include "search/words.h"

enum { RUN_MS = 5000 };

struct doc { /* what an event gives to be found */
    struct tenant_id tenant;
    enum doc_kind kind;
    struct uuid id;
    struct str text;
    int64_t number;
};

struct posting { /* one word of one document; also a word of the tenant's, for prefixes */
    struct tenant_id tenant;
    enum doc_kind kind;
    struct str term;
    int64_t number;
};

struct batch {
    struct db *db;
    struct arena *a;
    struct stemmer *stemmer;
    struct str from, into;
    struct doc *docs;
    size_t n_docs;
    struct posting *postings;
    size_t n_postings;
    struct db_val *words; /* rows of (tenant, word, stem), sorted and distinct */
    size_t n_words;
};

/* --- what there is to index -------------------------------------------------------------------------------------------- */

static void add_doc(struct batch *b, struct tenant_id tenant, enum doc_kind kind, struct uuid id,
                    struct str text) {
    if (text.len > 0 && !uuid_is_nil(id))
        b->docs[b->n_docs++] = (struct doc){.tenant = tenant, .kind = kind, .id = id, .text = text};
}

/* A miss is no failure: what an event speaks of may be gone. */
static enum status forgive_miss(enum status st, const struct err *why, struct err *e) {
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *e = *why;
    return st;
}

/* An edit is a message that names another; that one is found by its new text. */
static enum status read_edit(struct batch *b, struct tx *tx, const struct message *m,
                             struct err *e) {
    const struct json *content;
    struct message target;
    struct err why = ERR_INIT;
    enum status st;

    TRY(json_parse(b->a, m->content, JSON_LIMITS_DEFAULT, &content, e));
    st = message_find_provider(b->a, tx, m->tenant, m->account,
                               json_str(json_get(content, "target")), &target, &why);
    if (st == ST_OK)
        add_doc(b, m->tenant, DOC_MESSAGE, target.id.v, target.text);
    return forgive_miss(st, &why, e);
}

static enum status read_message(struct batch *b, struct tx *tx, const struct message *m,
                                struct err *e) {
    static const char *const wordless[] = {"reaction", "revoke", "system"};

    if (str_eq(m->type, STR("edit")))
        return read_edit(b, tx, m, e);
    for (size_t i = 0; i < ARRAY_LEN(wordless); i++)
        if (str_eq(m->type, str_of(wordless[i])))
            return ST_OK;
    add_doc(b, m->tenant, DOC_MESSAGE, m->id.v, m->text);
    return ST_OK;
}

static enum status read_lead(struct batch *b, struct tx *tx, struct tenant_id tenant,
                             struct lead_id id, struct err *e) {
    struct lead_profile lead;
    struct err why = ERR_INIT;
    enum status st = lead_profile(b->a, tx, tenant, id, &lead, &why);

    if (st == ST_OK)
        add_doc(b, tenant, DOC_LEAD, lead.id.v, search_lead_text(b->a, &lead));
    return forgive_miss(st, &why, e);
}

static enum status read_lead_of(struct batch *b, struct tx *tx, const struct event *ev,
                                struct err *e) {
    struct conversation c;
    struct err why = ERR_INIT;
    enum status st = conversation_get(b->a, tx, ev->tenant, ev->conversation, &c, &why);

    return st == ST_OK ? read_lead(b, tx, ev->tenant, c.lead, e) : forgive_miss(st, &why, e);
}

/* The id that an event's data names. */
static enum status read_id(struct batch *b, const struct event *ev, const char *key,
                           struct uuid *ret, struct err *e) {
    const struct json *data;

    *ret = (struct uuid){0};
    TRY(json_parse(b->a, ev->data, JSON_LIMITS_DEFAULT, &data, e));
    (void)uuid_parse(json_str(json_get(data, key)), ret);
    return ST_OK;
}

static enum status read_note(struct batch *b, struct tx *tx, const struct event *ev,
                             struct err *e) {
    struct note note;
    struct uuid id;
    struct err why = ERR_INIT;
    enum status st;

    TRY(read_id(b, ev, "note", &id, e));
    st = note_get(b->a, tx, ev->tenant, id, &note, &why);
    if (st == ST_OK)
        add_doc(b, ev->tenant, DOC_NOTE, note.id, note.text);
    return forgive_miss(st, &why, e);
}

static enum status read_event(struct batch *b, struct tx *tx, const struct fed *fed,
                              struct err *e) {
    const struct event *ev = &fed->event;
    struct lead_id lead;

    if (fed->has_message)
        return read_message(b, tx, &fed->message, e);
    if (str_eq(ev->kind, STR("conversation.opened")))
        return read_lead_of(b, tx, ev, e);
    if (str_eq(ev->kind, STR("note.added")))
        return read_note(b, tx, ev, e);
    if (!str_eq(ev->kind, STR("lead.changed")))
        return ST_OK;
    TRY(read_id(b, ev, "lead", &lead.v, e));
    return read_lead(b, tx, ev->tenant, lead, e);
}

static enum status read_batch(struct tx *tx, void *ctx, struct err *e) {
    struct batch *b = ctx;
    struct fed *fed;
    size_t n;

    b->n_docs = 0;
    TRY(store_search_place_get(b->a, tx, &b->from, e));
    TRY(event_feed(b->a, tx, b->from, &fed, &n, &b->into, e));
    b->docs = arena_array_of(b->a, n + 1, struct doc);
    for (size_t i = 0; i < n; i++)
        TRY(read_event(b, tx, &fed[i], e));
    return ST_OK;
}

/* --- its words ----------------------------------------------------------------------------------------------------------- */

static int by_word(const void *a, const void *b) {
    const struct db_val *left = a, *right = b;
    int order = uuid_cmp(left[0].u, right[0].u);

    return order != 0 ? order : str_cmp(left[1].s, right[1].s);
}

static void add_words(struct batch *b, const struct doc *doc, size_t n_doc) {
    struct word *words;
    size_t n = words_split(b->a, b->stemmer, WORDS_OF_TEXT, doc->text, &words);

    for (size_t i = 0; i < n; i++) {
        const struct word *w = &words[i];

        if (w->is_stop)
            continue;
        /* For now number is which document of the batch: the tenant's number is known when it is written. */
        b->postings[b->n_postings++] = (struct posting){
            .tenant = doc->tenant, .kind = doc->kind, .term = w->stem, .number = (int64_t)n_doc};
        if (w->is_number || w->folded.len < 3)
            continue;
        b->words[b->n_words * WORD_COLUMNS] = V_UUID(doc->tenant.v);
        b->words[b->n_words * WORD_COLUMNS + 1] = V_TEXT(w->folded);
        b->words[b->n_words * WORD_COLUMNS + 2] = V_TEXT(w->stem);
        b->n_words++;
    }
}

static void drop_repeats(struct batch *b) {
    size_t row_bytes = sizeof(struct db_val) * WORD_COLUMNS, kept = 0;

    if (b->n_words == 0)
        return;
    qsort(b->words, b->n_words, row_bytes, by_word);
    for (size_t i = 1; i < b->n_words; i++) {
        struct db_val *last = &b->words[kept * WORD_COLUMNS], *row = &b->words[i * WORD_COLUMNS];

        if (by_word(last, row) != 0 && ++kept != i)
            memcpy(last + WORD_COLUMNS, row, row_bytes);
    }
    b->n_words = kept + 1;
}

static size_t words_at_most(const struct doc *doc) {
    size_t n = doc->text.len + 8; /* as words_split has it */

    return n < WORDS_MAX ? n : WORDS_MAX;
}

static void split_batch(struct batch *b) {
    size_t most = 0;

    for (size_t i = 0; i < b->n_docs; i++)
        most += words_at_most(&b->docs[i]);
    b->postings = arena_array_of(b->a, most + 1, struct posting);
    b->words = arena_array_of(b->a, most * WORD_COLUMNS + 1, struct db_val);
    b->n_postings = b->n_words = 0;
    for (size_t i = 0; i < b->n_docs; i++)
        add_words(b, &b->docs[i], i);
    drop_repeats(b);
}

/* --- writing ------------------------------------------------------------------------------------------------------------- */

static int by_tenant(const void *a, const void *b) {
    const struct doc *left = *(const struct doc *const *)a, *right = *(const struct doc *const *)b;
    int order = uuid_cmp(left->tenant.v, right->tenant.v);

    if (order == 0)
        order = (int)left->kind - (int)right->kind;
    return order != 0 ? order : (left < right ? -1 : left > right);
}

static bool are_of_one(const struct doc *a, const struct doc *b) {
    return uuid_eq(a->tenant.v, b->tenant.v) && a->kind == b->kind;
}

static struct str id_bytes(struct arena *a, struct doc *const *docs, size_t n) {
    char *out = arena_alloc_n(a, n, DOC_BYTES);

    for (size_t i = 0; i < n; i++)
        memcpy(out + i * DOC_BYTES, &docs[i]->id, DOC_BYTES);
    return (struct str){.ptr = out, .len = n * DOC_BYTES};
}

/* Numbers the n documents of one tenant and kind, and puts their ids into their blocks. */
static enum status number_docs(struct batch *b, struct tx *tx, struct doc **docs, size_t n,
                               struct err *e) {
    const struct doc *any = docs[0];
    int64_t next;

    TRY(store_search_docs_get(b->a, tx, any->tenant, any->kind, &next, e));
    for (size_t i = 0; i < n;) {
        int64_t block = next / BLOCK_DOCS;
        size_t start = i;

        for (; i < n && next / BLOCK_DOCS == block; i++)
            docs[i]->number = next++;

        const struct db_val row[BLOCK_COLUMNS] = {V_UUID(any->tenant.v), V_I64(any->kind),
                                                  V_I64(block),
                                                  V_BYTES(id_bytes(b->a, docs + start, i - start))};

        TRY(store_search_blocks_append(tx, row, 1, e));
    }
    return store_search_docs_set(tx, any->tenant, any->kind, next, e);
}

static enum status number_batch(struct batch *b, struct tx *tx, struct err *e) {
    struct doc **sorted = arena_array_of(b->a, b->n_docs + 1, struct doc *);

    for (size_t i = 0; i < b->n_docs; i++)
        sorted[i] = &b->docs[i];
    qsort(sorted, b->n_docs, sizeof(struct doc *), by_tenant);
    for (size_t i = 0, end; i < b->n_docs; i = end) {
        for (end = i + 1; end < b->n_docs && are_of_one(sorted[i], sorted[end]);)
            end++;
        TRY(number_docs(b, tx, sorted + i, end - i, e));
    }
    return ST_OK;
}

static int by_term(const struct posting *a, const struct posting *b) {
    int order = uuid_cmp(a->tenant.v, b->tenant.v);
    int64_t left = a->number / BLOCK_DOCS, right = b->number / BLOCK_DOCS;

    if (order == 0)
        order = (int)a->kind - (int)b->kind;
    if (order == 0)
        order = str_cmp(a->term, b->term);
    return order != 0 ? order : (left > right) - (left < right);
}

static int by_place(const void *a, const void *b) {
    const struct posting *left = a, *right = b;
    int order = by_term(left, right);

    return order != 0 ? order : (left->number > right->number) - (left->number < right->number);
}

/* The places of postings of one term and block, each once. */
static struct str place_bytes(struct arena *a, const struct posting *postings, size_t n) {
    char *out = arena_alloc_n(a, n, 2);
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned place = (unsigned)(postings[i].number % BLOCK_DOCS);

        if (i > 0 && postings[i].number == postings[i - 1].number)
            continue;
        out[len++] = (char)(place & 0xFF);
        out[len++] = (char)(place >> 8);
    }
    return (struct str){.ptr = out, .len = len};
}

static enum status write_postings(struct batch *b, struct tx *tx, struct err *e) {
    struct posting *sorted = arena_array_of(b->a, b->n_postings + 1, struct posting);
    struct db_val *rows = arena_array_of(b->a, b->n_postings * POSTING_COLUMNS + 1, struct db_val);
    size_t n = 0;

    for (size_t i = 0; i < b->n_postings; i++) {
        sorted[i] = b->postings[i];
        sorted[i].number = b->docs[b->postings[i].number].number;
    }
    qsort(sorted, b->n_postings, sizeof(*sorted), by_place);
    for (size_t i = 0, end; i < b->n_postings; i = end, n++) {
        struct db_val *row = &rows[n * POSTING_COLUMNS];

        for (end = i + 1; end < b->n_postings && by_term(&sorted[i], &sorted[end]) == 0;)
            end++;
        row[0] = V_UUID(sorted[i].tenant.v);
        row[1] = V_I64(sorted[i].kind);
        row[2] = V_TEXT(sorted[i].term);
        row[3] = V_I64(sorted[i].number / BLOCK_DOCS);
        row[4] = V_BYTES(place_bytes(b->a, sorted + i, end - i));
    }
    return n > 0 ? store_search_postings_append(tx, rows, n, e) : ST_OK;
}

static enum status write_batch(struct tx *tx, void *ctx, struct err *e) {
    struct batch *b = ctx;

    TRY(store_search_place_move(tx, b->from, b->into, e));
    TRY(number_batch(b, tx, e));
    TRY(write_postings(b, tx, e));
    return b->n_words > 0 ? store_search_words_add(tx, b->words, b->n_words, e) : ST_OK;
}

/* --- the job ------------------------------------------------------------------------------------------------------------- */

enum status search_index_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e) {
    int64_t until_ms = clock_mono_ms() + RUN_MS;
    ATTR_CLEANUP(stemmer_free_p) struct stemmer *stemmer = NULL;
    ATTR_CLEANUP(arena_done_p) struct arena arena = {0};
    struct batch b = {.db = app_db(app), .a = &arena};
    bool is_more;

    (void)a, (void)job;
    TRY(stemmer_new(&stemmer, e));
    b.stemmer = stemmer;
    do {
        arena_reset(&arena);
        TRY(db_read(b.db, DB_SYSTEM, read_batch, &b, e));
        is_more = !str_eq(b.from, b.into);
        if (is_more) {
            split_batch(&b);
            TRY(db_write(b.db, DB_SYSTEM, write_batch, &b, e));
        }
    } while (is_more && clock_mono_ms() < until_ms);
    *ret_verdict = (struct verdict){.kind = is_more ? VERDICT_AGAIN : VERDICT_DONE};
    return ST_OK;
}
