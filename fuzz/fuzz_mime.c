/* fuzz_mime.c - any bytes as a mail keep the promises of provider.h, twice alike; and any texts as the parts of a mail that is
 * built read back as one mail with the headers that were asked for and no other.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "mime/mime.h"
#include "support/invariants.h"

struct seen {
    struct arena *arena;
    size_t n;
    uint64_t keys;
};

static enum status check_event(void *ctx, const struct inbound *ev, struct err *e) {
    struct seen *s = ctx;

    (void)e;
    invariants_of_event(s->arena, ev);
    s->keys = s->keys * 31 + str_hash(ev->dedup);
    s->n++;
    return ST_OK;
}

static struct seen parse(struct arena *a, struct str body) {
    struct seen s = {.arena = a};
    struct inbound_sink sink = {.event = check_event, .ctx = &s};
    struct err e = ERR_INIT;
    enum status st = provider_email.parse(a, &(struct hook){.body = body}, &sink, &e);

    PROMISE(st == ST_OK || (st == ST_INVALID && s.n == 0 && e.message[0] != '\0'));
    return s;
}

static size_t headers_named(struct str mail, struct str name) {
    struct str line;
    size_t n = 0;

    while (mail.len > 0) {
        (void)str_cut(&mail, '\n', &line);
        if (line.len <= 1)
            break;
        n += str_eq_nocase(str_sub(line, 0, name.len), name);
    }
    return n;
}

static void build(struct arena *a, struct str data) {
    struct str third[3], mail;
    struct err e = ERR_INIT;
    struct mime_mail back;

    for (size_t i = 0; i < 3; i++)
        third[i] = str_sub(data, i * (data.len / 3), data.len / 3);

    const struct mime_file file = {.name = third[0], .type = third[1], .bytes = data};
    const struct mime_out out = {
        .from = {.name = third[0], .email = STR("a@example.com")},
        .to = {.name = third[1], .email = STR("b@example.com")},
        .subject = third[2],
        .text = data,
        .html = third[0],
        .files = &file,
        .n_files = 1,
        .references = data,
    };

    PROMISE(mime_build(a, &out, &mail, &e) == ST_OK);
    PROMISE(headers_named(mail, STR("To:")) == 1 && headers_named(mail, STR("From:")) == 1);
    PROMISE(headers_named(mail, STR("Subject:")) <= 1 && headers_named(mail, STR("Bcc:")) == 0);
    PROMISE(mime_parse(a, mail, &back, &e) == ST_OK);
    PROMISE(str_eq(back.from.email, out.from.email) && str_eq(back.to, out.to.email));
    PROMISE(back.n_files == (data.len > 0));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    struct err e = ERR_INIT;

    (void)argc, (void)argv;
    return crypto_init(&e) == ST_OK ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct str body = {.ptr = (const char *)data, .len = size};
    struct seen first = parse(&a, body), again = parse(&a, body);

    PROMISE(first.n == again.n && first.keys == again.keys);
    build(&a, body);
    return 0;
}
