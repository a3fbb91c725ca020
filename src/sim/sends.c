/* sends.c - the memory of what was accepted: the last ones in full, all of them by count, and which
 * correlation ids came twice. A correlation id is remembered by 128 bits of its SHA-256.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "sim/internal.h"

enum {
    SEEN_FIRST = 1024,
    SEEN_MAX = 1 << 24, /* slots; beyond that nothing counts as seen any more */
};

static void digest(struct str id, uint64_t ret[2]) {
    uint8_t sha[SHA256_BYTES];

    crypto_sha256(id, sha);
    memcpy(ret, sha, 2 * sizeof(uint64_t));
    ret[0] |= 1; /* zero marks a free slot */
}

static uint64_t *slot_of(uint64_t (*slots)[2], size_t cap, const uint64_t key[2]) {
    size_t i = key[1] & (cap - 1);

    while (slots[i][0] && (slots[i][0] != key[0] || slots[i][1] != key[1]))
        i = (i + 1) & (cap - 1);
    return slots[i];
}

static void grow(struct sends *x) {
    size_t cap = x->cap_seen > 0 ? x->cap_seen * 2 : SEEN_FIRST;
    uint64_t(*slots)[2] = calloc(cap, sizeof(*slots));

    if (!slots)
        abort();
    for (size_t i = 0; i < x->cap_seen; i++) {
        if (x->seen[i][0])
            memcpy(slot_of(slots, cap, x->seen[i]), x->seen[i], sizeof(*slots));
    }
    free(x->seen);
    x->seen = slots;
    x->cap_seen = cap;
}

/* True when id is new. */
static bool remember(struct sends *x, struct str id) {
    uint64_t key[2];
    uint64_t *slot;

    if (2 * (x->n_seen + 1) > x->cap_seen && x->cap_seen < SEEN_MAX)
        grow(x);
    digest(id, key);
    slot = slot_of(x->seen, x->cap_seen, key);
    if (slot[0])
        return false;
    if (x->n_seen + 1 < x->cap_seen) {
        memcpy(slot, key, sizeof(key));
        x->n_seen++;
    }
    return true;
}

bool sends_add(struct sim *s, const struct send *from) {
    struct sends *x = &s->sends;
    struct send one = *from;
    struct str *const views[] = {&one.sender, &one.to,    &one.type,       &one.text,
                                 &one.body,   &one.wamid, &one.correlation};
    struct send **slot = &x->ring[x->accepted % SENDS_MAX];
    bool is_repeated = one.correlation.len > 0 && !remember(x, one.correlation);

    one.seq = ++x->accepted;
    one.at_ms = clock_now_ms();
    free(*slot);
    *slot = pack(&one, sizeof(one), views, ARRAY_LEN(views));
    if (is_repeated) {
        x->duplicates++;
        if (x->n_repeated < ARRAY_LEN(x->repeated))
            x->repeated[x->n_repeated++] = own(one.correlation);
    }
    return is_repeated;
}

static void write_send(struct json_out *o, const struct send *one) {
    json_obj(o, NULL);
    json_put_i64(o, "seq", one->seq);
    json_put_i64(o, "accepted_at", one->at_ms);
    json_put_str(o, "phone_number_id", one->sender);
    json_put_str(o, "to", one->to);
    json_put_str(o, "type", one->type);
    json_put_str(o, "text", one->text);
    json_put_str(o, "wamid", one->wamid);
    json_put_str(o, "correlation", one->correlation);
    json_put_raw(o, "body", one->body);
    json_end(o);
}

void sends_write(const struct sim *s, int64_t after, int64_t limit, struct buf *b) {
    const struct sends *x = &s->sends;
    int64_t oldest = x->accepted > SENDS_MAX ? x->accepted - SENDS_MAX : 0;
    int64_t first = after > oldest ? after : oldest;
    struct json_out o;

    json_out_init(&o, b);
    json_obj(&o, NULL);
    json_put_i64(&o, "last", x->accepted);
    json_put_i64(&o, "forgotten", oldest);
    json_arr(&o, "sends");
    for (int64_t i = first; i < x->accepted && i < first + limit; i++)
        write_send(&o, x->ring[i % SENDS_MAX]);
    json_end(&o);
    json_end(&o);
}

void sends_write_stats(const struct sim *s, struct buf *b) {
    const struct sends *x = &s->sends;
    struct json_out o;

    json_out_init(&o, b);
    json_obj(&o, NULL);
    json_put_i64(&o, "accepted", x->accepted);
    json_put_i64(&o, "duplicates", x->duplicates);
    json_arr(&o, "duplicate_correlations");
    for (size_t i = 0; i < x->n_repeated; i++)
        json_put_str(&o, NULL, x->repeated[i]);
    json_end(&o);
    json_put_i64(&o, "rejected", x->rejected);
    json_put_i64(&o, "stalled", x->stalled);
    json_put_i64(&o, "cut", x->cut);
    json_put_i64(&o, "reads", x->reads);
    json_put_i64(&o, "webhooks_pending", s->hooks_pending);
    json_put_i64(&o, "webhooks_acknowledged", s->hooks_acknowledged);
    json_put_i64(&o, "webhooks_refused", s->hooks_refused);
    json_put_i64(&o, "webhooks_dropped", s->hooks_dropped);
    json_put_i64(&o, "model_calls", s->model_calls);
    json_put_i64(&o, "phones", (int64_t)s->phones.n);
    json_put_i64(&o, "watchers", s->n_watchers);
    json_end(&o);
}

void sends_clear(struct sim *s) {
    struct sends *x = &s->sends;

    for (size_t i = 0; i < SENDS_MAX; i++)
        free(x->ring[i]);
    for (size_t i = 0; i < x->n_repeated; i++)
        disown(&x->repeated[i]);
    free(x->seen);
    memset(x, 0, sizeof(*x));
}
