/* thread.c - answers stay below what they answer: RFC 5322 §3.6.4.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbox/thread.h"

enum { LOOK_BACK = 50 };

static bool is_reply(struct str subject) {
    return str_eq_nocase(str_sub(subject, 0, 3), STR("re:")) ||
           str_eq_nocase(str_sub(subject, 0, 4), STR("res:"));
}

/* The text of a mail, not one of the files that came along ("<id>#1"). */
static bool is_mail(const struct message *m) {
    return str_eq(m->direction, STR("in")) && m->provider_id.len > 0 &&
           !str_contains(m->provider_id, STR("#"));
}

static enum status go_on_from(struct arena *a, const struct message *m, struct thread *ret,
                              struct err *e) {
    const struct json *content;
    struct str subject, before;

    TRY(json_parse(a, m->content, JSON_LIMITS_DEFAULT, &content, e));
    subject = json_str(json_get(content, "subject"));
    before = json_str(json_get(content, "references"));
    ret->in_reply_to = m->provider_id;
    ret->references = arena_printf(a, "%.*s%s%.*s", STR_ARG(before), before.len > 0 ? " " : "",
                                   STR_ARG(m->provider_id));
    ret->subject = subject.len == 0 || is_reply(subject)
                       ? subject
                       : arena_printf(a, "Re: %.*s", STR_ARG(subject));
    return ST_OK;
}

enum status thread_find(struct arena *a, struct tx *tx, const struct message *m, struct thread *ret,
                        struct err *e) {
    struct message_page page;
    const struct message *newest = NULL;

    *ret = (struct thread){0};
    TRY(message_list(a, tx, m->tenant, m->conversation,
                     (struct page_query){.limit = LOOK_BACK, .is_backward = true}, &page, e));
    for (size_t i = 0; i < page.n; i++) {
        if (!is_mail(&page.items[i]))
            continue;
        if (str_eq(page.items[i].provider_id, m->reply_to))
            return go_on_from(a, &page.items[i], ret, e);
        if (!newest)
            newest = &page.items[i];
    }
    return newest ? go_on_from(a, newest, ret, e) : ST_OK;
}
