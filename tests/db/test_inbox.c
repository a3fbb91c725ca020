/* test_inbox.c - queues, counts, unread, labels, notes, canned answers, a lead's panel, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

#define MARIA ((struct party){.phone = STR("5531988887777"), .name = STR("Maria Dias")})
#define PEDRO ((struct party){.phone = STR("5541977776666"), .name = STR("Pedro Reis")})

static const struct user_id anna = {{{1}}}, bruno = {{{2}}};

/* Ana: with the bot. João: waits. Maria: Anna has it. Pedro: closed. Later ones wrote later. */
struct four {
    struct conversation_id ana, joao, maria, pedro;
};

static enum status write_as(struct app *app, struct tx *tx, struct party party, int64_t later_ms,
                            struct conversation_id *ret, struct err *e) {
    const struct inbound ev = inbound_text(app, party, "oi");
    struct received in = received_of(app, &ev);
    struct message_id id;
    struct message m;

    in.now_ms += later_ms;
    TRY(conversation_receive(&app->a, tx, &in, &id, e));
    TRY(message_get(&app->a, tx, app->tenant, id, &m, e));
    *ret = m.conversation;
    return ST_OK;
}

static enum status four_talks(struct app *app, struct tx *tx, struct err *e) {
    struct four *four = arena_new_of(&app->a, struct four);
    int64_t now_ms = clock_now_ms();

    app->extra = four;
    TRY(write_as(app, tx, ANA, 1, &four->ana, e));
    TRY(write_as(app, tx, JOAO, 2, &four->joao, e));
    TRY(write_as(app, tx, MARIA, 3, &four->maria, e));
    TRY(write_as(app, tx, PEDRO, 4, &four->pedro, e));
    TRY(conversation_request_handoff(&app->a, tx, app->tenant, four->joao,
                                     &(struct handoff){.reason = STR("asked")}, now_ms, e));
    TRY(conversation_take(&app->a, tx, app->tenant, four->maria, anna, now_ms, e));
    return conversation_close(&app->a, tx, app->tenant, four->pedro, now_ms, e);
}

/* The queue, walked one by one, is exactly the n conversations given. */
static enum status expect_list(struct app *app, struct tx *tx, struct conversation_query query,
                               const struct conversation_id *want, size_t n, struct err *e) {
    struct conversation_page page;
    size_t found = 0;

    query.page = (struct page_query){.limit = 1};
    for (;;) {
        TRY(conversation_list(&app->a, tx, app->tenant, &query, &page, e));
        if (page.n == 0)
            break;
        EXPECT(found < n && uuid_eq(page.items[0].id.v, want[found].v));
        found++;
        if (page.next.len == 0)
            break;
        query.page.cursor = page.next;
    }
    EXPECT_I64(found, n);
    return ST_OK;
}
#define LIST(queue_, ...)                                                                          \
    TRY(expect_list(                                                                               \
        app, tx, (struct conversation_query){.queue = (queue_), .user = anna},                     \
        (struct conversation_id[]){__VA_ARGS__},                                                   \
        sizeof((struct conversation_id[]){__VA_ARGS__}) / sizeof(struct conversation_id), e))

static enum status queues(struct app *app, struct tx *tx, struct err *e) {
    const struct four *four = app->extra;

    LIST(CONVERSATIONS_EVERY, four->pedro, four->maria, four->joao, four->ana);
    LIST(CONVERSATIONS_OPEN, four->maria, four->joao, four->ana);
    LIST(CONVERSATIONS_BOT, four->ana);
    LIST(CONVERSATIONS_WAITING, four->joao);
    LIST(CONVERSATIONS_PEOPLE, four->maria);
    LIST(CONVERSATIONS_MINE, four->maria);
    LIST(CONVERSATIONS_CLOSED, four->pedro);
    TRY(expect_list(app, tx,
                    (struct conversation_query){.queue = CONVERSATIONS_MINE, .user = bruno}, NULL,
                    0, e));
    TRY(expect_list(
        app, tx, (struct conversation_query){.queue = CONVERSATIONS_BOT, .state = STR("assigned")},
        NULL, 0, e));
    return expect_list(app, tx, (struct conversation_query){.state = STR("assigned")}, &four->maria,
                       1, e);
}

static void each_queue_lists_its_conversations_newest_first_page_by_page(void **state) {
    STEP(*state, four_talks);
    STEP(*state, queues);
}

static enum status counted(struct app *app, struct tx *tx, struct err *e) {
    struct queue_counts counts;

    TRY(conversation_queue_counts(&app->a, tx, app->tenant, anna, &counts, e));
    EXPECT_I64(counts.mine, 1);
    EXPECT_I64(counts.bot, 1);
    EXPECT_I64(counts.waiting, 1);
    EXPECT_I64(counts.people, 1);
    EXPECT_I64(counts.open, 3);
    EXPECT_I64(counts.unread, 2);
    TRY(conversation_queue_counts(&app->a, tx, app->tenant, bruno, &counts, e));
    EXPECT_I64(counts.mine, 0);
    TRY(conversation_queue_counts(&app->a, tx, app->other, anna, &counts, e));
    return ST_OK;
}

static void counts_say_how_long_each_queue_is(void **state) {
    STEP(*state, four_talks);
    STEP(*state, counted);
}

static enum status seen(struct app *app, struct tx *tx, struct conversation_id id, int64_t count,
                        struct err *e) {
    return conversation_read(&app->a, tx,
                             (struct seen_by){.tenant = app->tenant,
                                              .conversation = id,
                                              .user = anna,
                                              .count = count,
                                              .now_ms = clock_now_ms()},
                             e);
}

static enum status reads(struct app *app, struct tx *tx, struct err *e) {
    const struct four *four = app->extra;
    const struct conversation_query unread = {.queue = CONVERSATIONS_PEOPLE, .is_unread = true};
    struct conversation c;
    int64_t n;

    TRY(expect_list(app, tx, unread, &four->maria, 1, e));
    TRY(seen(app, tx, four->maria, -1, e));
    TRY(seen(app, tx, four->maria, -1, e));
    TRY(count_events(app, tx, "conversation.read", &n, e));
    EXPECT_I64(n, 1);
    TRY(expect_list(app, tx, unread, NULL, 0, e));
    TRY(write_as(app, tx, MARIA, 10, &app->conversation, e));
    TRY(write_as(app, tx, MARIA, 11, &app->conversation, e));
    TRY(seen(app, tx, four->maria, 2, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.inbound_count - c.read_count, 1); /* the third was not on the screen yet */
    TRY(expect_list(app, tx, unread, &four->maria, 1, e));
    return expect_list(
        app, tx,
        (struct conversation_query){.queue = CONVERSATIONS_MINE, .user = anna, .is_unread = true},
        &four->maria, 1, e);
}

static void what_was_read_is_no_longer_unread_and_what_came_meanwhile_is(void **state) {
    STEP(*state, four_talks);
    STEP(*state, reads);
}

static enum status reply_reads(struct app *app, struct tx *tx, struct err *e) {
    struct conversation c;

    TRY(ana_writes(app, tx, e));
    TRY(person_says(app, tx, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.read_count, c.inbound_count);
    return ST_OK;
}

static void persons_reply_marks_what_was_written_as_read(void **state) {
    STEP(*state, reply_reads);
}

/* --- labels --------------------------------------------------------------------------------------- */

static enum status add_label(struct app *app, struct tx *tx, const char *name, struct label *ret,
                             struct err *e) {
    *ret = (struct label){.name = str_of(name), .color = STR("#00aa55")};
    return label_put(&app->a, tx, app->tenant, ret, clock_now_ms(), e);
}

static enum status set_labels(struct app *app, struct tx *tx, struct conversation_id id,
                              struct label_set set, struct err *e) {
    set.tenant = app->tenant;
    set.conversation = id;
    set.now_ms = clock_now_ms();
    return conversation_set_labels(&app->a, tx, &set, e);
}

static enum status labels(struct app *app, struct tx *tx, struct err *e) {
    const struct four *four = app->extra;
    struct label hot, cold;
    struct queue_counts counts;
    struct conversation c;
    struct conversation_query query = {0};

    TRY(add_label(app, tx, "quente", &hot, e));
    TRY(add_label(app, tx, "Água fria", &cold, e));
    TRY(set_labels(app, tx, four->ana,
                   (struct label_set){.labels = (struct uuid[]){hot.id, cold.id, hot.id}, .n = 3},
                   e));
    TRY(set_labels(app, tx, four->joao, (struct label_set){.labels = &hot.id, .n = 1}, e));
    TRY(conversation_get(&app->a, tx, app->tenant, four->ana, &c, e));
    EXPECT_I64(c.n_labels, 2);
    EXPECT_STR(c.labels[1].name, "Água fria");
    query.label = hot.id;
    TRY(expect_list(app, tx, query, (struct conversation_id[]){four->joao, four->ana}, 2, e));
    TRY(write_as(app, tx, ANA, 20, &app->conversation, e)); /* the list follows the activity */
    TRY(expect_list(app, tx, query, (struct conversation_id[]){four->ana, four->joao}, 2, e));
    query.queue = CONVERSATIONS_WAITING;
    TRY(expect_list(app, tx, query, &four->joao, 1, e));
    TRY(conversation_take(&app->a, tx, app->tenant, four->joao, anna, clock_now_ms(), e));
    TRY(expect_list(app, tx, query, NULL, 0, e)); /* and the queue */
    query.queue = CONVERSATIONS_MINE;
    query.user = anna;
    TRY(expect_list(app, tx, query, &four->joao, 1, e));
    TRY(conversation_queue_counts(&app->a, tx, app->tenant, anna, &counts, e));
    EXPECT_I64(counts.n_labels, 2);
    for (size_t i = 0; i < counts.n_labels; i++)
        EXPECT_I64(counts.labels[i].n, uuid_eq(counts.labels[i].label, hot.id) ? 2 : 1);
    query = (struct conversation_query){.label = hot.id, .is_unread = true};
    TRY(seen(app, tx, four->joao, -1, e));
    return expect_list(app, tx, query, &four->ana, 1, e);
}

static void labels_list_and_count_their_conversations_wherever_they_go(void **state) {
    STEP(*state, four_talks);
    STEP(*state, labels);
}

static enum status label_ends(struct app *app, struct tx *tx, struct err *e) {
    struct label hot;
    struct label *all;
    struct conversation c;
    struct err why = ERR_INIT;
    size_t n;

    TRY(ana_writes(app, tx, e));
    TRY(add_label(app, tx, "quente", &hot, e));
    TRY(set_labels(app, tx, app->conversation, (struct label_set){.labels = &hot.id, .n = 1}, e));
    TRY(label_remove(tx, app->tenant, hot.id, clock_now_ms(), e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.n_labels, 0);
    TRY(label_list(&app->a, tx, app->tenant, &all, &n, e));
    EXPECT_I64(n, 0);
    EXPECT_FAILS(ST_NOT_FOUND, label_remove(tx, app->tenant, hot.id, clock_now_ms(), &why));
    EXPECT_FAILS(ST_INVALID, set_labels(app, tx, app->conversation,
                                        (struct label_set){.labels = &hot.id, .n = 1}, &why));
    return set_labels(app, tx, app->conversation, (struct label_set){0}, e);
}

static void removed_label_is_off_its_conversations(void **state) {
    STEP(*state, label_ends);
}

static enum status label_returns(struct app *app, struct tx *tx, struct err *e) {
    struct label hot, cold, again;
    struct conversation c;
    struct conversation_query query = {.page = {.limit = 10}};
    struct err why = ERR_INIT;

    TRY(ana_writes(app, tx, e));
    TRY(add_label(app, tx, "quente", &hot, e));
    TRY(add_label(app, tx, "frio", &cold, e));
    TRY(set_labels(app, tx, app->conversation, (struct label_set){.labels = &hot.id, .n = 1}, e));
    TRY(label_remove(tx, app->tenant, hot.id, clock_now_ms(), e));
    query.label = hot.id;
    TRY(expect_list(app, tx, query, NULL, 0, e));
    TRY(set_labels(app, tx, app->conversation, (struct label_set){.labels = &cold.id, .n = 1}, e));
    TRY(write_as(app, tx, ANA, 21, &app->conversation, e));
    TRY(label_restore(&app->a, tx, app->tenant, hot.id, clock_now_ms(), e));
    TRY(label_restore(&app->a, tx, app->tenant, hot.id, clock_now_ms(), e));
    TRY(expect_list(app, tx, query, &app->conversation, 1, e));
    TRY(get_conversation(app, tx, &c, e));
    EXPECT_I64(c.n_labels, 2);
    TRY(set_labels(app, tx, app->conversation, (struct label_set){0}, e));
    TRY(expect_list(app, tx, query, NULL, 0, e));
    EXPECT_FAILS(ST_NOT_FOUND, label_restore(&app->a, tx, app->tenant, app->conversation.v,
                                             clock_now_ms(), &why));
    TRY(label_remove(tx, app->tenant, hot.id, clock_now_ms(), e));
    return add_label(app, tx, "quente", &again, e); /* its name is free */
}

static void restored_label_is_on_its_conversations_again(void **state) {
    STEP(*state, label_returns);
}

static struct uuid old_label;

static enum status label_just_kept(struct app *app, struct tx *tx, struct err *e) {
    struct label hot;

    TRY(ana_writes(app, tx, e));
    TRY(add_label(app, tx, "quente", &hot, e));
    old_label = hot.id;
    TRY(set_labels(app, tx, app->conversation, (struct label_set){.labels = &hot.id, .n = 1}, e));
    return label_remove(tx, app->tenant, hot.id, clock_now_ms() - LABEL_KEPT_MS + 60000, e);
}

static enum status nothing_to_forget(struct app *app, struct tx *tx, struct err *e) {
    bool is_more;

    TRY(label_forget_old(&app->a, tx, clock_now_ms(), &is_more, e));
    EXPECT_I64(is_more, false);
    return ST_OK;
}

static enum status label_not_kept(struct app *app, struct tx *tx, struct err *e) {
    TRY(label_restore(&app->a, tx, app->tenant, old_label, clock_now_ms(), e));
    return label_remove(tx, app->tenant, old_label, clock_now_ms() - LABEL_KEPT_MS - 1, e);
}

static enum status something_to_forget(struct app *app, struct tx *tx, struct err *e) {
    bool is_more;

    TRY(label_forget_old(&app->a, tx, clock_now_ms(), &is_more, e));
    EXPECT_I64(is_more, true);
    return ST_OK;
}

static enum status label_is_forgotten(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;

    EXPECT_FAILS(ST_NOT_FOUND,
                 label_restore(&app->a, tx, app->tenant, old_label, clock_now_ms(), &why));
    (void)e;
    return ST_OK;
}

static void label_removed_long_ago_is_forgotten(void **state) {
    STEP(*state, label_just_kept);
    STEP_SYSTEM(*state, nothing_to_forget);
    STEP(*state, label_not_kept);
    STEP_SYSTEM(*state, something_to_forget);
    STEP_SYSTEM(*state, nothing_to_forget);
    STEP(*state, label_is_forgotten);
}

static enum status bad_labels(struct app *app, struct tx *tx, struct err *e) {
    static const struct {
        const char *name, *color;
    } cases[] = {{"", "#000000"}, {"  ", "#000000"}, {"ok", "red"}, {"ok", "#00000g"}};
    struct err why = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct label label = {.name = str_of(cases[i].name), .color = str_of(cases[i].color)};

        EXPECT_FAILS(ST_INVALID, label_put(&app->a, tx, app->tenant, &label, clock_now_ms(), &why));
    }
    return ST_OK;
}

static enum status same_label(struct app *app, struct tx *tx, struct err *e) {
    struct label label;

    TRY(add_label(app, tx, "quente", &label, e));
    return add_label(app, tx, "quente", &label, e);
}

static void label_out_of_form_or_of_a_taken_name_is_refused(void **state) {
    struct err e = ERR_INIT;

    STEP(*state, bad_labels);
    assert_int_equal(try_step(*state, DB_TENANT(((struct app *)*state)->tenant), same_label, &e),
                     ST_CONFLICT);
}

/* --- notes and canned answers ------------------------------------------------------------------------ */

static enum status notes(struct app *app, struct tx *tx, struct err *e) {
    struct note note, *all;
    struct err why = ERR_INIT;
    size_t n;
    int64_t added, deleted;

    TRY(ana_writes(app, tx, e));
    note = (struct note){.tenant = app->tenant,
                         .conversation = app->conversation,
                         .user = anna,
                         .author = STR("Anna"),
                         .text = STR("prefere tarde")};
    TRY(note_add(&app->a, tx, &note, clock_now_ms(), e));
    TRY(note_list(&app->a, tx, app->tenant, app->conversation, &all, &n, e));
    EXPECT_I64(n, 1);
    EXPECT_STR(all[0].text, "prefere tarde");
    EXPECT_STR(all[0].author, "Anna");
    TRY(note_remove(&app->a, tx, &all[0], clock_now_ms(), e));
    EXPECT_FAILS(ST_NOT_FOUND, note_get(&app->a, tx, app->tenant, note.id, &note, &why));
    TRY(count_events(app, tx, "note.added", &added, e));
    TRY(count_events(app, tx, "note.deleted", &deleted, e));
    EXPECT_I64(added, 1);
    EXPECT_I64(deleted, 1);
    note.text = STR(" \n");
    EXPECT_FAILS(ST_INVALID, note_add(&app->a, tx, &note, clock_now_ms(), &why));
    return ST_OK;
}

static void note_stands_until_it_is_deleted_and_the_record_keeps_no_text_of_it(void **state) {
    STEP(*state, notes);
    assert_int_equal(count_rows(*state, "SELECT count(*) FROM conversation_events"
                                        " WHERE data LIKE '%prefere%'"),
                     0);
}

static enum status canned(struct app *app, struct tx *tx, struct err *e) {
    struct canned price = {.shortcut = STR("/Preço"), .text = STR("Custa R$ 10.")}, *all;
    struct err why = ERR_INIT;
    size_t n;

    TRY(canned_put(&app->a, tx, app->tenant, &price, clock_now_ms(), e));
    EXPECT_STR(price.shortcut, "preco");
    price.text = STR("Custa R$ 12.");
    TRY(canned_put(&app->a, tx, app->tenant, &price, clock_now_ms(), e));
    TRY(canned_list(&app->a, tx, app->tenant, &all, &n, e));
    EXPECT_I64(n, 1);
    EXPECT_STR(all[0].text, "Custa R$ 12.");
    TRY(canned_remove(tx, app->tenant, price.id, e));
    EXPECT_FAILS(ST_NOT_FOUND, canned_put(&app->a, tx, app->tenant, &price, clock_now_ms(), &why));
    price.shortcut = STR("duas palavras");
    EXPECT_FAILS(ST_INVALID, canned_put(&app->a, tx, app->tenant, &price, clock_now_ms(), &why));
    return ST_OK;
}

static void canned_answer_is_found_by_a_word_without_accents(void **state) {
    STEP(*state, canned);
}

/* --- a lead's panel ------------------------------------------------------------------------------------- */

static enum status panel(struct app *app, struct tx *tx, struct err *e) {
    struct conversation_page conversations;
    struct event_page events;
    struct lead_profile lead;
    struct conversation c;
    struct err why = ERR_INIT;

    TRY(ana_writes(app, tx, e));
    TRY(get_conversation(app, tx, &c, e));
    TRY(lead_profile(&app->a, tx, app->tenant, c.lead, &lead, e));
    EXPECT_STR(lead.name, "Ana Souza");
    EXPECT_I64(lead.n_identities, 1);
    EXPECT_STR(lead.identities[0].value, "5511987654321");
    lead.name = STR("Ana S. (loja)");
    lead.fields = STR("{\"etapa\":\"proposta\"}");
    lead.tags = STR("[\"vip\"]");
    TRY(lead_edit(&app->a, tx, app->tenant, &lead, true, clock_now_ms(), e));
    TRY(ana_writes(app, tx, e)); /* the provider's name does not come back */
    TRY(lead_profile(&app->a, tx, app->tenant, c.lead, &lead, e));
    EXPECT_STR(lead.name, "Ana S. (loja)");
    EXPECT_STR(lead.fields, "{\"etapa\":\"proposta\"}");
    EXPECT_STR(lead.state, "replied");
    EXPECT_STR(lead.tags, "[\"vip\"]");
    lead.tags = STR("{}");
    EXPECT_FAILS(ST_INVALID,
                 lead_edit(&app->a, tx, app->tenant, &lead, false, clock_now_ms(), &why));
    TRY(conversation_list_lead(&app->a, tx, app->tenant, c.lead, &conversations, e));
    EXPECT_I64(conversations.n, 1);
    TRY(event_list_lead(&app->a, tx, app->tenant, c.lead, (struct page_query){.limit = 10}, &events,
                        e));
    EXPECT_I64(events.n, 1);
    EXPECT_STR(events.items[0].kind, "conversation.opened");
    EXPECT_FAILS(ST_NOT_FOUND, lead_profile(&app->a, tx, app->other, c.lead, &lead, &why));
    return ST_OK;
}

static void lead_keeps_the_name_a_person_gave_and_shows_its_steps(void **state) {
    STEP_SYSTEM(*state, panel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(each_queue_lists_its_conversations_newest_first_page_by_page),
        FEATURE_TEST(counts_say_how_long_each_queue_is),
        FEATURE_TEST(what_was_read_is_no_longer_unread_and_what_came_meanwhile_is),
        FEATURE_TEST(persons_reply_marks_what_was_written_as_read),
        FEATURE_TEST(labels_list_and_count_their_conversations_wherever_they_go),
        FEATURE_TEST(removed_label_is_off_its_conversations),
        FEATURE_TEST(restored_label_is_on_its_conversations_again),
        FEATURE_TEST(label_removed_long_ago_is_forgotten),
        FEATURE_TEST(label_out_of_form_or_of_a_taken_name_is_refused),
        FEATURE_TEST(note_stands_until_it_is_deleted_and_the_record_keeps_no_text_of_it),
        FEATURE_TEST(canned_answer_is_found_by_a_word_without_accents),
        FEATURE_TEST(lead_keeps_the_name_a_person_gave_and_shows_its_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
