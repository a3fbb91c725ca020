/* fuzz_lead_filter.c - any JSON as a filter of leads: refused with a reason, or a tree within the bounds that judges every row, the
 * same when asked again; and the walk that is chosen for it leaves nobody out whom it takes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "lead/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_conditions(const struct filter_node *node, unsigned depth) {
    size_t n = 0;

    assert(depth <= FILTER_DEPTH_MAX);
    if (node->kind == FILTER_CONDITION) {
        assert(node->n <= FILTER_VALUES_MAX);
        return 1;
    }
    assert(node->n <= FILTER_CONDITIONS_MAX);
    for (size_t i = 0; i < node->n; i++)
        n += count_conditions(&node->children[i], depth + 1);
    return n;
}

static bool has_tag(struct arena *a, const struct lead_row *row, struct str tag) {
    const struct json *list;
    struct err e = ERR_INIT;

    assert(json_parse(a, row->tags, JSON_LIMITS_DEFAULT, &list, &e) == ST_OK);
    for (size_t i = 0; i < json_len(list); i++)
        if (str_eq(utf8_fold(a, json_str(json_at(list, i))), tag))
            return true;
    return false;
}

static void check_row(struct arena *a, const struct lead_filter *filter,
                      const struct lead_row *row) {
    bool is_exact, takes = filter_takes(a, &filter->root, row), is_brought = true;
    struct lead_walk walk = filter_walk(filter, &is_exact);

    assert(filter_takes(a, &filter->root, row) == takes);
    assert(walk.state.len == 0 || walk.tag.len == 0);
    if (walk.state.len > 0)
        is_brought = str_eq(row->state, walk.state);
    if (walk.tag.len > 0)
        is_brought = has_tag(a, row, walk.tag);
    assert(is_brought || !takes);
    assert(!is_exact || takes == is_brought);
}

static void check_rows(struct arena *a, const struct lead_filter *filter) {
    struct lead_phone phones[] = {{.typed = STR("(11) 98765-4321"),
                                   .e164 = STR("5511987654321"),
                                   .kind = STR("mobile"),
                                   .is_dispatchable = true},
                                  {.typed = STR("12"), .reason = STR("too-short")}};
    struct lead_email emails[] = {{.address = STR("ana@example.com"), .is_valid = true}};
    const struct lead_row rows[] = {
        {.state = STR("new"), .tags = STR("[]"), .fields = STR("{}")},
        {.name = STR("Ana Souza"),
         .company = STR("Padaria Sol"),
         .document = STR("52998224725"),
         .document_kind = STR("cpf"),
         .state = STR("replied"),
         .source = STR("api"),
         .tags = STR("[\"VIP\",\"São Paulo\"]"),
         .fields = STR("{\"valor\":1234.5,\"cidade\":\"São Paulo\",\"data\":\"2026-01-31\","
                       "\"lista\":[1,\"a\"],\"nada\":null,\"preço\":\"R$ 1.234,56\"}"),
         .created_at_ms = 1767225600000,
         .updated_at_ms = 1769817600000,
         .last_inbound_at_ms = 1769817600000,
         .phones = phones,
         .n_phones = ARRAY_LEN(phones),
         .emails = emails,
         .n_emails = ARRAY_LEN(emails)},
        {.state = STR("opted_out"),
         .tags = STR("[\"vip\"]"),
         .fields = STR("{\"valor\":\"-5\"}"),
         .marketing_stopped_at_ms = 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(a, filter, &rows[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct json_limits limits = {
        .max_bytes = SEGMENT_FILTER_BYTES, .max_depth = 12, .max_values = 5000};
    struct arena a = {0};
    struct err e = ERR_INIT;
    struct lead_filter *filter;
    const struct json *json;

    if (json_parse(&a, (struct str){.ptr = (const char *)data, .len = size}, limits, &json, &e) ==
        ST_OK) {
        if (lead_filter_parse(&a, json, &filter, &e) == ST_OK) {
            assert(count_conditions(&filter->root, 0) <= FILTER_CONDITIONS_MAX);
            check_rows(&a, filter);
        } else {
            assert(e.status == ST_INVALID && strncmp(e.message, "filter: ", 8) == 0);
            assert(utf8_is_valid(str_of(e.message)));
        }
    }
    arena_done(&a);
    return 0;
}
