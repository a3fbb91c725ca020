/* person.c - a lead's tags between their JSON and a list.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/person.h"

#include "base/utf8.h"

void person_tags(struct arena *a, struct person *p) {
    struct err why = ERR_INIT;
    const struct json *tags = NULL;

    if (p->has_tag_list)
        return;
    p->has_tag_list = true;
    p->tag_list = arena_array_of(a, LEAD_TAGS_MAX, struct read_tag);
    if (json_parse(a, p->tags, JSON_LIMITS_DEFAULT, &tags, &why) != ST_OK)
        return;
    for (size_t i = 0; i < json_len(tags) && p->n_tags < LEAD_TAGS_MAX; i++) {
        struct str text = json_str(json_at(tags, i));

        p->tag_list[p->n_tags++] = (struct read_tag){.text = text, .key = utf8_fold(a, text)};
    }
}

void person_put_tags(struct arena *a, struct person *p) {
    struct json_out o;
    struct buf b;

    buf_init(&b, 1u << 20);
    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < p->n_tags; i++)
        json_put_str(&o, NULL, p->tag_list[i].text);
    json_end(&o);
    p->tags = arena_str(a, buf_str(&b));
    buf_done(&b);
}
