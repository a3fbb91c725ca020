/* audit.c - the chain of the audit log.
 *
 * hash = SHA-256 over the hash before it and every field, each with its length in front, so that no
 * two entries write the same bytes. Whoever may write to the table can still compute a whole new
 * chain: the log shows tampering to those who kept an older hash, it does not prevent it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tenant/store.h"

enum {
    ENTRY_MAX_BYTES = 64 << 10,
};

static void add_field(struct buf *b, struct str s) {
    buf_printf(b, "%zu:", s.len);
    buf_add(b, s);
}

static struct str compute_hash(struct arena *a, const struct audit_row *row) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = (size_t)2 * ENTRY_MAX_BYTES};
    uint8_t *hash = arena_alloc(a, SHA256_BYTES);

    add_field(&b, row->prev_hash);
    add_field(&b, uuid_format(a, row->tenant.v));
    buf_printf(&b, "%lld:%lld:", (long long)row->seq, (long long)row->at_ms);
    add_field(&b, row->actor);
    add_field(&b, row->action);
    add_field(&b, row->object);
    add_field(&b, row->detail);
    crypto_sha256(buf_str(&b), hash);
    return (struct str){.ptr = (const char *)hash, .len = SHA256_BYTES};
}

enum status audit_add(struct tx *tx, struct audit entry, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct audit_row row = {
        .tenant = entry.tenant,
        .at_ms = clock_now_ms(),
        .actor = entry.actor,
        .action = str_of(entry.action),
        .object = entry.object,
        .detail = entry.detail,
    };

    if (entry.detail.len + entry.object.len + entry.actor.len > ENTRY_MAX_BYTES)
        FAIL(e, ST_INVALID, "the record of what was done is longer than %d bytes", ENTRY_MAX_BYTES);
    TRY(store_audit_next(&a, tx, entry.tenant, &row.seq, &row.prev_hash, e));
    row.hash = compute_hash(&a, &row);
    return store_audit_insert(tx, &row, e);
}

/* --- verifying ------------------------------------------------------------------------------- */

static enum status verify_row(struct arena *a, const struct audit_row *row,
                              const struct audit_row *before, struct err *e) {
    if (row->seq != before->seq + 1)
        FAIL(e, ST_BROKEN, "audit log: entry %lld is missing", (long long)before->seq + 1);
    if (!str_eq(row->prev_hash, before->hash) || !str_eq(row->hash, compute_hash(a, row)))
        FAIL(e, ST_BROKEN, "audit log: entry %lld is not what was recorded", (long long)row->seq);
    return ST_OK;
}

/* One page at a time, each in an arena of its own: the chain may be longer than memory. */
static enum status verify_page(struct tx *tx, struct tenant_id tenant, struct audit_row *last,
                               uint8_t hash[static SHA256_BYTES], size_t *ret_n, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct audit_row *rows;

    TRY(store_audit_page(&a, tx, tenant, last->seq, &rows, ret_n, e));
    for (size_t i = 0; i < *ret_n; i++) {
        TRY(verify_row(&a, &rows[i], i > 0 ? &rows[i - 1] : last, e));
        last->seq = rows[i].seq;
    }
    if (*ret_n > 0) {
        memcpy(hash, rows[*ret_n - 1].hash.ptr, SHA256_BYTES);
        last->hash = (struct str){.ptr = (const char *)hash, .len = SHA256_BYTES};
    }
    return ST_OK;
}

enum status audit_verify(struct tx *tx, struct tenant_id tenant, int64_t *ret_n, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    uint8_t hash[SHA256_BYTES];
    struct audit_row last = {0};
    struct str head_hash;
    int64_t head;
    size_t n;

    TRY(store_audit_head(&a, tx, tenant, &head, &head_hash, e));
    do
        TRY(verify_page(tx, tenant, &last, hash, &n, e));
    while (n > 0);
    if (last.seq < head)
        FAIL(e, ST_BROKEN, "audit log: entry %lld is missing", (long long)last.seq + 1);
    if (last.seq > head || !str_eq(last.hash, head_hash))
        FAIL(e, ST_BROKEN, "audit log: entry %lld is not what was recorded", (long long)last.seq);
    *ret_n = last.seq;
    return ST_OK;
}
