/* tenant_fixture.h - a fresh database with two tenants, for the tests of tenant/. On PostgreSQL the
 * database is made once per program and emptied between tests: making one takes a second.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/harness.h"
#include "tenant/tenant.h"
#include "unit/check.h"

struct fixture {
    struct arena a;
    struct db *db;
    struct tenant acme, other;
    struct keyring *keys;
    struct err e;
    bool is_spoiled; /* the test changed the schema: the next one gets another database */
};

static struct db *fixture_kept; /* PostgreSQL's */

static inline void fixture_open(struct fixture *f) {
    if (fixture_kept)
        f->db = fixture_kept;
    else
        assert_ok(harness_db(&f->db, &f->e), &f->e);
    fixture_kept = NULL;
}

static inline void fixture_close(struct fixture *f) {
    if (harness_engine() == DB_SQLITE || f->is_spoiled) {
        harness_done(f->db);
        return;
    }
    /* Without triggers: the audit log defends itself. */
    harness_superuser(
        f->db,
        "SET session_replication_role = replica; TRUNCATE tenants, users,"
        " user_recovery_codes, sessions, login_tries, api_keys, client_providers,"
        " client_provider_secrets, audit_log, audit_heads, jobs, schedules, leads,"
        " lead_identities, lead_phones, lead_emails, lead_tags, lead_events, lead_merges,"
        " segments, ingest_jobs, ingest_rows, conversations, messages, conversation_events,"
        " inbound_seen, receipts_early, inbox, rate_limits, account_events,"
        " bots, media, media_uploads, bot_turns, bot_spending, team_settings, team_members,"
        " labels, conversation_labels, conversation_notes, canned_answers,"
        " search_tenants, search_blocks, search_postings, search_words,"
        " webhook_endpoints, webhook_places, webhook_messages, webhook_deliveries,"
        " mail_places, templates, template_syncs, suppressions, consents, consent_marks, consent_settings,"
        " dispatches, dispatch_recipients, dry_run_log, sender_days, dispatch_senders,"
        " dispatch_settings"
        " CASCADE");
    fixture_kept = f->db;
}

/* After the last test of a program. */
static inline int fixture_end(void **state) {
    (void)state;
    if (fixture_kept)
        harness_done(fixture_kept);
    return 0;
}

struct fixture_add {
    struct fixture *f;
    struct tenant_new in;
    struct tenant out;
};

static inline enum status fixture_add_tx(struct tx *tx, void *ctx, struct err *e) {
    struct fixture_add *add = ctx;

    return tenant_add(&add->f->a, tx, add->in, &add->out, e);
}

static inline enum status fixture_tenant(struct fixture *f, struct tenant_new in,
                                         struct tenant *ret) {
    struct fixture_add add = {.f = f, .in = in};
    enum status st = db_write(f->db, DB_SYSTEM, fixture_add_tx, &add, &f->e);

    *ret = add.out;
    return st;
}

static inline int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_ok(crypto_init(&f->e), &f->e);
    fixture_open(f);
    assert_ok(keyring_parse(STR("1111111111111111111111111111111111111111111111111111111111111111"),
                            &f->keys, &f->e),
              &f->e);
    assert_ok(fixture_tenant(f, (struct tenant_new){.slug = STR("acme")}, &f->acme), &f->e);
    assert_ok(fixture_tenant(f, (struct tenant_new){.slug = STR("other")}, &f->other), &f->e);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *f = *state;

    keyring_free(f->keys);
    fixture_close(f);
    arena_done(&f->a);
    free(f);
    return 0;
}

/* The status, with what was said about the failure forgotten: for calls that are meant to fail. */
static inline enum status fixture_failing(struct fixture *f, enum status st) {
    err_clear(&f->e);
    return st;
}

#define TENANT_TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
