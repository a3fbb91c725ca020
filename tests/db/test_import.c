/* test_import.c - what an import says is what happened, however it was interrupted, and all of it can be taken back. Names and
 * numbers are made up.
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "consent/consent.h"
#include "db/tenant_fixture.h"
#include "ingest/ingest.h"

struct app {
    struct fixture *f;
    struct arena a;
    struct ingest_deps d;
    struct tenant_id tenant;
    struct import im;
    enum ingest_step step;
    struct ingest_counts seen; /* by outcome, from the rows */
    struct str snapshot;
    size_t calls, stop_at;
    struct buf preview;
    char dir[32];
};

struct ingest_deps *app_ingest(struct app *app) {
    return &app->d;
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    struct app *app = calloc(1, sizeof(*app));
    void *fixture = NULL;

    assert_non_null(app);
    assert_int_equal(fixture_setup(&fixture), 0);
    app->f = fixture;
    app->tenant = app->f->acme.id;
    (void)snprintf(app->dir, sizeof(app->dir), "/tmp/prosa-import-XXXXXX");
    assert_non_null(mkdtemp(app->dir));
    app->d.db = app->f->db;
    app->d.dir = str_of(app->dir);
    app->d.region = "BR";
    *state = app;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state) {
    struct app *app = *state;
    void *fixture = app->f;

    (void)nftw(app->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    (void)fixture_teardown(&fixture);
    arena_done(&app->a);
    free(app);
    return 0;
}

#define IMPORT_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* --- steps ------------------------------------------------------------------------------------------------------------- */

static void write_tx(struct app *app, tx_fn fn) {
    struct err e = ERR_INIT;

    assert_ok(db_write(app->d.db, DB_TENANT(app->tenant), fn, app, &e), &e);
}

static enum status step_tx(struct tx *tx, void *ctx, struct err *e) {
    struct app *app = ctx;

    return ingest_step(&app->a, tx, app->tenant, app->im.id, app->step, false, clock_now_ms(),
                       &app->im, e);
}

static enum status get_tx(struct tx *tx, void *ctx, struct err *e) {
    struct app *app = ctx;

    return ingest_get(&app->a, tx, app->tenant, app->im.id, &app->im, e);
}

static void upload(struct app *app, struct str bytes) {
    struct err e = ERR_INIT;

    assert_ok(ingest_add(&app->d, &app->a, app->tenant,
                         (struct ingest_file){.bytes = bytes, .fd = -1}, STR("teste.csv"),
                         STR("user:x"), &app->im, &e),
              &e);
}

static bool run_once(struct app *app, ingest_progress_fn progress) {
    struct err e = ERR_INIT;
    bool is_over = false;

    assert_ok(ingest_run(&app->d, app->tenant, app->im.id, NULL, progress, app, &is_over, &e), &e);
    write_tx(app, get_tx);
    return is_over;
}

static void take_step(struct app *app, enum ingest_step step) {
    app->step = step;
    write_tx(app, step_tx);
}

static void commit_all(struct app *app) {
    take_step(app, INGEST_COMMIT);
    assert_true(run_once(app, NULL));
}

static void set(struct app *app, const char *json) {
    const struct json *v;
    struct err e = ERR_INIT;

    assert_ok(json_parse(&app->a, str_of(json), JSON_LIMITS_DEFAULT, &v, &e), &e);

    const struct ingest_change change = {.policy = json_get(v, "policy"),
                                         .header_row = json_get(v, "header_row"),
                                         .columns = json_get(v, "columns"),
                                         .tags = json_get(v, "tags")};

    assert_ok(ingest_change(&app->d, &app->a, app->tenant, app->im.id, &change, &app->im, &e), &e);
}

/* --- what the database has ------------------------------------------------------------------------------------------------ */

static enum status count_tx(struct tx *tx, void *ctx, struct err *e) {
    struct app *app = ctx;
    struct ingest_row_query q = {.limit = 500};
    struct ingest_row *rows;
    size_t n;

    app->seen = (struct ingest_counts){0};
    do {
        TRY(ingest_rows(&app->a, tx, app->tenant, app->im.id, &q, &rows, &n, e));
        for (size_t i = 0; i < n; i++) {
            bool is_taken = rows[i].outcome < INGEST_SKIPPED;

            app->seen.rows++;
            app->seen.created += rows[i].outcome == INGEST_CREATED;
            app->seen.updated += rows[i].outcome == INGEST_UPDATED;
            app->seen.skipped += rows[i].outcome == INGEST_SKIPPED;
            app->seen.failed += rows[i].outcome == INGEST_FAILED;
            app->seen.noted += is_taken && rows[i].reason.len > 0;
            if (!is_taken && rows[i].reason.len == 0)
                FAIL(e, ST_BROKEN, "row %lld stayed out without a reason",
                     (long long)rows[i].number);
            if (is_taken && uuid_is_nil(rows[i].lead.v))
                FAIL(e, ST_BROKEN, "row %lld was taken as nobody", (long long)rows[i].number);
            q.after = rows[i].number;
        }
    } while (n == q.limit);
    return ST_OK;
}

static int64_t count_leads(struct app *app) {
    return harness_i64(app->d.db, DB_TENANT(app->tenant), DB_SQL("SELECT count(*) FROM leads"));
}

/* rows = created + updated + skipped + failed, in the import and in its rows. */
static void check_truth(struct app *app, int64_t rows) {
    const struct ingest_counts *c = &app->im.counts;

    write_tx(app, count_tx);
    assert_memory_equal(c, &app->seen, sizeof(*c));
    assert_int_equal(c->rows, rows);
    assert_int_equal(c->rows, c->created + c->updated + c->skipped + c->failed);
    assert_true(c->noted <= c->created + c->updated);
}

static enum status snapshot_tx(struct tx *tx, void *ctx, struct err *e) {
    static const struct db_sql sqls[] = {
        DB_SQL("SELECT id, name, company, document, fields, tags, state FROM leads"
               " WHERE tenant_id = $1 ORDER BY id"),
        DB_SQL("SELECT kind, value, lead_id FROM lead_identities WHERE tenant_id = $1"
               " ORDER BY kind, value"),
        DB_SQL("SELECT lead_id, position, typed, e164 FROM lead_phones WHERE tenant_id = $1"
               " ORDER BY lead_id, position"),
        DB_SQL("SELECT lead_id, position, address FROM lead_emails WHERE tenant_id = $1"
               " ORDER BY lead_id, position"),
        DB_SQL("SELECT tag, lead_id FROM lead_tags WHERE tenant_id = $1 ORDER BY tag, lead_id"),
    };
    struct app *app = ctx;

    return harness_snapshot(&app->a, tx, sqls, ARRAY_LEN(sqls), app->tenant.v, &app->snapshot, e);
}

static struct str snapshot(struct app *app) {
    write_tx(app, snapshot_tx);
    return app->snapshot;
}

/* --- files ------------------------------------------------------------------------------------------------------------- */

static uint64_t dice_state = 1;

static unsigned dice(unsigned n) { /* xorshift64*: the same files on every run */
    dice_state ^= dice_state >> 12;
    dice_state ^= dice_state << 25;
    dice_state ^= dice_state >> 27;
    return (unsigned)((dice_state * 2685821657736338717ULL >> 33) % n);
}

static void add_phone(struct buf *b) {
    unsigned n = dice(60);

    switch (dice(8)) {
    case 0:
        buf_printf(b, "(11) 9%04u-%04u", 8000 + n, 1000 + n);
        break;
    case 1:
        buf_printf(b, "+55 21 9%04u%04u", 8000 + n, 2000 + n);
        break;
    case 2:
        buf_printf(b, "11 3%03u-%04u / 119%04u%04u", 300 + n, 4000 + n, 8000 + n, 1000 + n);
        break;
    case 3:
        buf_printf(b, "1,1%u8E+10", n % 10);
        break;
    case 4:
        buf_add(b, STR("não tem"));
        break;
    default:
        break;
    }
}

static int64_t add_row(struct buf *b) {
    size_t before = b->len;
    static const char *const names[] = {"Ana Souza",        "João Lima", "Zé",
                                        "\"Silva; Maria\"", "",          "=cmd()"};

    buf_printf(b, "%s;", names[dice(ARRAY_LEN(names))]);
    add_phone(b);
    buf_add_char(b, ';');
    if (dice(3) == 0)
        buf_printf(b, "p%u@example.com", dice(80));
    else if (dice(6) == 0)
        buf_add(b, STR("sem@"));
    buf_add_char(b, ';');
    if (dice(5) == 0)
        buf_add(b, STR("529.982.247-25"));
    buf_printf(b, ";%s\n", dice(4) == 0 ? "vip, \u00e0 vista" : "");

    struct str line = str_sub(buf_str(b), before, b->len);
    bool is_blank = true;

    for (size_t i = 0; i < line.len; i++)
        is_blank = is_blank && strchr(";\n", line.ptr[i]);
    return is_blank ? 0 : 1;
}

#define HEADER "Nome;Telefone;E-mail;CPF/CNPJ;Tags\n"

static void add_people(struct buf *b, int from, int to) {
    buf_add(b, STR(HEADER));
    for (int i = from; i < to; i++)
        buf_printf(b, "Pessoa %d;+55 11 9%04d-%04d;p%d@example.com;;t%d\n", i, 6000 + i / 10000,
                   i % 10000, i, i % 3);
}

/* --- tests ------------------------------------------------------------------------------------------------------------- */

enum { RANDOM_FILES = 300 };

static void random_files_are_accounted_for_row_by_row(void **state) {
    static const char *const policies[] = {"{\"policy\":\"skip\"}", "{\"policy\":\"fill\"}",
                                           "{\"policy\":\"overwrite\"}"};
    struct app *app = *state;
    struct buf b;
    int64_t created = 0;

    buf_init(&b, 4 << 20);
    for (int i = 0; i < RANDOM_FILES; i++) {
        unsigned lines = i % 60 == 7 ? 1100 + dice(200) : 1 + dice(30);
        int64_t rows = 0;

        buf_clear(&b);
        arena_reset(&app->a);
        buf_add(&b, STR(HEADER));
        while (rows == 0)
            for (unsigned k = 0; k < lines; k++)
                rows += add_row(&b);
        upload(app, buf_str(&b));
        set(app, policies[dice(3)]);
        commit_all(app);
        assert_str(app->im.state, "done");
        check_truth(app, rows);
        created += app->im.counts.created;
    }
    buf_done(&b);
    assert_int_equal(count_leads(app), created);
}

static void stop_after(void *ctx, const struct import *im) {
    struct app *app = ctx;

    (void)im;
    if (++app->calls == app->stop_at)
        app->d.is_stopping = true;
}

static void whoever_goes_on_repeats_nothing(void **state) {
    struct app *app = *state;
    struct buf b;
    int runs = 0;

    buf_init(&b, 4 << 20);
    add_people(&b, 0, 8300);
    upload(app, buf_str(&b));
    take_step(app, INGEST_COMMIT);
    do {
        app->d.is_stopping = false;
        app->calls = 0;
        app->stop_at = 1;
        runs++;
    } while (!run_once(app, stop_after));
    app->d.is_stopping = false;
    assert_true(runs > 3);
    assert_str(app->im.state, "done");
    check_truth(app, 8300);
    assert_int_equal(app->im.counts.created, 8300);
    assert_int_equal(count_leads(app), 8300);
    buf_done(&b);
}

static void cancel_now(void *ctx, const struct import *im) {
    struct app *app = ctx;

    (void)im;
    if (++app->calls == 1)
        take_step(app, INGEST_CANCEL);
}

static void a_cancelled_import_stops_and_can_go_on(void **state) {
    struct app *app = *state;
    struct buf b;

    buf_init(&b, 4 << 20);
    add_people(&b, 0, 2700);
    upload(app, buf_str(&b));
    take_step(app, INGEST_COMMIT);
    app->calls = 0;
    assert_true(run_once(app, cancel_now));
    assert_str(app->im.state, "cancelled");
    assert_true(app->im.counts.rows > 0 && app->im.counts.rows < 2700);
    check_truth(app, app->im.counts.rows);
    commit_all(app);
    assert_str(app->im.state, "done");
    check_truth(app, 2700);
    assert_int_equal(count_leads(app), 2700);
    buf_done(&b);
}

static void *run_beside(void *ctx) {
    struct app *app = ctx;
    struct err e = ERR_INIT;
    bool is_over;

    (void)ingest_run(&app->d, app->tenant, app->im.id, NULL, NULL, NULL, &is_over, &e);
    return NULL;
}

static void two_runs_at_once_put_each_row_once(void **state) {
    struct app *app = *state;
    pthread_t threads[2];
    struct buf b;

    buf_init(&b, 4 << 20);
    add_people(&b, 0, 6000);
    upload(app, buf_str(&b));
    take_step(app, INGEST_COMMIT);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_beside, app), 0);
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    while (!run_once(app, NULL))
        ;
    assert_str(app->im.state, "done");
    check_truth(app, 6000);
    assert_int_equal(count_leads(app), 6000);
    buf_done(&b);
}

/* One of the people is on the list of those to leave alone. */
static enum status suppress(struct tx *tx, void *ctx, struct err *e) {
    const struct consent_proof proof = {.source = STR("import"), .text = STR("old list")};
    struct app *app = ctx;
    const struct consent_wish wish = {.tenant = app->tenant,
                                      .channel = STR(CONSENT_ALL),
                                      .is_stop = true,
                                      .proof = &proof,
                                      .now_ms = clock_now_ms()};
    bool is_new;

    return suppression_put(&app->a, tx, STR("phone:5511960000003"), &wish, &is_new, e);
}

static void undo_takes_those_away_too_who_were_opted_out_before(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;
    struct buf b;

    buf_init(&b, 1 << 20);
    assert_ok(db_write(app->d.db, DB_TENANT(app->tenant), suppress, app, &e), &e);
    buf_add(&b, STR("Nome;Telefone\n"));
    for (int i = 0; i < 5; i++)
        buf_printf(&b, "Pessoa %d;+55 11 96000-%04d\n", i, i);
    upload(app, buf_str(&b));
    commit_all(app);
    assert_int_equal(app->im.counts.created, 5);
    assert_int_equal(harness_i64(app->d.db, DB_SYSTEM,
                                 DB_SQL("SELECT count(*) FROM leads WHERE state = 'opted_out'")),
                     1);
    take_step(app, INGEST_UNDO);
    assert_true(run_once(app, NULL));
    assert_int_equal(app->im.undone, 5);
    assert_int_equal(count_leads(app), 0);
    buf_done(&b);
}

static void undo_gives_back_the_earlier_state(void **state) {
    struct app *app = *state;
    struct str before;
    struct buf b;

    buf_init(&b, 4 << 20);
    add_people(&b, 0, 700);
    upload(app, buf_str(&b));
    commit_all(app);
    before = snapshot(app);
    buf_clear(&b);
    buf_add(&b, STR("Nome;Telefone;E-mail;Cidade\n"));
    for (int i = 300; i < 1500; i++)
        buf_printf(&b, "Outra %d;+55 11 9%04d-%04d;o%d@example.com;Rio\n", i, 6000, i, i);
    upload(app, buf_str(&b));
    set(app, "{\"policy\":\"overwrite\",\"tags\":[\"feira\"]}");
    commit_all(app);
    check_truth(app, 1200);
    assert_int_equal(app->im.counts.updated, 400);
    assert_int_equal(app->im.counts.created, 800);
    assert_false(str_eq(snapshot(app), before));
    take_step(app, INGEST_UNDO);
    assert_true(run_once(app, NULL));
    assert_str(app->im.state, "undone");
    assert_int_equal(app->im.undone, 1200);
    assert_true(str_eq(snapshot(app), before));
    buf_done(&b);
}

static void looking_and_trying_change_nothing_and_foretell(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;
    struct str before;
    struct buf b, out;

    buf_init(&b, 4 << 20);
    buf_init(&out, 4 << 20);
    add_people(&b, 0, 50);
    upload(app, buf_str(&b));
    commit_all(app);
    before = snapshot(app);
    buf_clear(&b);
    add_people(&b, 30, 900);
    buf_add(&b, STR("Ninguém;;;;\nCurto;123;;;\n"));
    upload(app, buf_str(&b));
    assert_ok(ingest_preview(&app->d, &app->a, app->tenant, app->im.id, 40, &out, &e), &e);
    assert_true(str_contains(
        buf_str(&out),
        STR("\"counts\":{\"rows\":40,\"created\":20,\"updated\":0,\"skipped\":20,\"failed\":0")));
    assert_true(str_eq(snapshot(app), before));
    take_step(app, INGEST_CHECK);
    assert_true(run_once(app, NULL));
    assert_str(app->im.state, "ready");
    assert_true(app->im.has_check);
    assert_true(str_eq(snapshot(app), before));

    struct ingest_counts foretold = app->im.check;

    commit_all(app);
    check_truth(app, 872);
    assert_memory_equal(&foretold, &app->im.counts, sizeof(foretold));
    assert_int_equal(foretold.failed, 2);
    assert_int_equal(foretold.created, 850);
    buf_done(&b);
    buf_done(&out);
}

static void a_file_that_breaks_off_fails_and_says_why(void **state) {
    struct app *app = *state;
    struct buf b;

    buf_init(&b, 4 << 20);
    add_people(&b, 0, LEAD_PUT_MAX + 200);
    buf_add(&b, STR("\"nunca fecha;1\n"));
    upload(app, buf_str(&b));
    commit_all(app);
    assert_str(app->im.state, "failed");
    assert_str(app->im.cause, "unclosed-quote");
    check_truth(app, LEAD_PUT_MAX);
    take_step(app, INGEST_UNDO);
    assert_true(run_once(app, NULL));
    assert_int_equal(count_leads(app), 0);
    buf_done(&b);
}

static void refused(struct app *app, const char *bytes, const char *cause) {
    struct err e = ERR_INIT;

    assert_int_equal(ingest_add(&app->d, &app->a, app->tenant,
                                (struct ingest_file){.bytes = str_of(bytes), .fd = -1}, STR("x"),
                                STR("user:x"), &app->im, &e),
                     ST_INVALID);
    assert_string_equal(e.cause, cause);
}

static void what_is_no_spreadsheet_is_not_kept(void **state) {
    struct app *app = *state;

    refused(app, "%PDF-1.7", "wrong-type");
    refused(app, "", "empty");
    refused(app, "\n\n \n", "no-rows");
    assert_int_equal(
        harness_i64(app->d.db, DB_TENANT(app->tenant), DB_SQL("SELECT count(*) FROM ingest_jobs")),
        0);
}

/* --- what a dead process left -------------------------------------------------------------------------------------------- */

static const char *file_of(struct app *app, struct uuid id, const char *end) {
    return arena_cstr(&app->a,
                      arena_printf(&app->a, "%.*s/imports/%.*s/%.*s%s", STR_ARG(app->d.dir),
                                   STR_ARG(uuid_format(&app->a, app->tenant.v)),
                                   STR_ARG(uuid_format(&app->a, id)), end));
}

static void make_file(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void age_file(const char *path) {
    const struct timespec then = {.tv_sec = time(NULL) - 7200};

    assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){then, then}, 0), 0);
}

static bool is_there(const char *path) {
    return access(path, F_OK) == 0;
}

static void a_file_without_its_import_goes_after_an_hour_and_no_other(void **state) {
    struct app *app = *state;
    const char *orphan, *part, *fresh, *used;
    const struct job job = {0};
    struct verdict verdict = {0};
    struct err e = ERR_INIT;

    upload(app, STR("Nome;Telefone\nAna;11987654321\n"));
    orphan = file_of(app, uuid_new(), "");
    part = file_of(app, uuid_new(), ".part");
    fresh = file_of(app, uuid_new(), "");
    used = file_of(app, app->im.id.v, "");
    make_file(orphan);
    make_file(part);
    make_file(fresh);
    age_file(orphan);
    age_file(part);
    age_file(used);
    assert_ok(ingest_watch_job(app, &app->a, &job, &verdict, &e), &e);
    assert_false(is_there(orphan));
    assert_false(is_there(part));
    assert_true(is_there(fresh));
    assert_true(is_there(used));
    commit_all(app);
    assert_str(app->im.state, "done");
    assert_ok(ingest_watch_job(app, &app->a, &job, &verdict, &e), &e);
    assert_true(is_there(used));
}

/* --- old rows ------------------------------------------------------------------------------------------------------------- */

#define DAY_MS (24LL * 3600 * 1000)

static int64_t count_rows(const struct app *app) {
    return harness_i64(app->d.db, DB_TENANT(app->tenant),
                       DB_SQL("SELECT count(*) FROM ingest_rows"));
}

static enum status age_tx(struct tx *tx, void *ctx, struct err *e) {
    struct app *app = ctx;

    return DB_EXEC(
        tx, DB_SQL("UPDATE ingest_jobs SET updated_at = $3 WHERE tenant_id = $1 AND id = $2"), NULL,
        e, V_UUID(app->tenant.v), V_UUID(app->im.id.v), V_I64(clock_now_ms() - 10 * DAY_MS));
}

static void look_after(struct app *app) {
    const struct job job = {0};
    struct verdict verdict = {0};
    struct err e = ERR_INIT;

    assert_ok(ingest_watch_job(app, &app->a, &job, &verdict, &e), &e);
}

static void import_many(struct app *app, int n, int64_t first) {
    struct buf b;

    buf_init(&b, 4 << 20);
    buf_printf(&b, "Nome;Celular\n");
    for (int i = 0; i < n; i++)
        buf_printf(&b, "Pessoa %d;119%08lld\n", i, (long long)(first + i));
    upload(app, buf_str(&b));
    buf_done(&b);
    commit_all(app);
    assert_str(app->im.state, "done");
}

static void rows_of_an_old_import_go_and_it_cannot_be_taken_back_any_more(void **state) {
    enum { MANY = 4500, FEW = 3 };
    struct app *app = *state;
    struct import old;
    struct err e = ERR_INIT;

    app->d.rows_keep_ms = 9 * DAY_MS;
    import_many(app, MANY, 70000000);
    write_tx(app, age_tx);
    old = app->im;
    import_many(app, FEW, 80000000);
    assert_int_equal(count_rows(app), MANY + FEW);
    look_after(app);
    assert_int_equal(count_rows(app), FEW);
    assert_int_equal(count_leads(app), MANY + FEW);
    take_step(app, INGEST_UNDO);
    assert_true(run_once(app, NULL));
    assert_str(app->im.state, "undone");
    assert_int_equal(count_leads(app), MANY);

    app->im = old;
    app->step = INGEST_UNDO;
    assert_int_equal(db_write(app->d.db, DB_TENANT(app->tenant), step_tx, app, &e), ST_CONFLICT);
    assert_non_null(strstr(e.message, "no longer kept"));
    write_tx(app, get_tx);
    assert_str(app->im.state, "done");
    assert_int_equal(app->im.counts.created, MANY);
    assert_int_equal(count_leads(app), MANY);
}

static void rows_are_kept_for_ever_where_no_time_is_set(void **state) {
    enum { FEW = 3 };
    struct app *app = *state;

    import_many(app, FEW, 80000000);
    write_tx(app, age_tx);
    look_after(app);
    assert_int_equal(count_rows(app), FEW);
}

static void an_import_needs_a_column_that_leads_to_people(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    upload(app, STR("Nome;Cidade\nAna;Rio\n"));
    app->step = INGEST_COMMIT;
    assert_int_equal(db_write(app->d.db, DB_TENANT(app->tenant), step_tx, app, &e), ST_INVALID);
    assert_string_equal(e.cause, "no-key-column");
}

static void other_tenants_see_nothing_of_it(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;

    upload(app, STR("Nome;Telefone\nAna;11987654321\n"));
    app->tenant = app->f->other.id;
    assert_int_equal(db_write(app->d.db, DB_TENANT(app->tenant), get_tx, app, &e), ST_NOT_FOUND);
    err_clear(&e);
    app->step = INGEST_COMMIT;
    assert_int_equal(db_write(app->d.db, DB_TENANT(app->tenant), step_tx, app, &e), ST_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IMPORT_TEST(random_files_are_accounted_for_row_by_row),
        IMPORT_TEST(whoever_goes_on_repeats_nothing),
        IMPORT_TEST(a_cancelled_import_stops_and_can_go_on),
        IMPORT_TEST(two_runs_at_once_put_each_row_once),
        IMPORT_TEST(undo_gives_back_the_earlier_state),
        IMPORT_TEST(undo_takes_those_away_too_who_were_opted_out_before),
        IMPORT_TEST(looking_and_trying_change_nothing_and_foretell),
        IMPORT_TEST(a_file_that_breaks_off_fails_and_says_why),
        IMPORT_TEST(what_is_no_spreadsheet_is_not_kept),
        IMPORT_TEST(a_file_without_its_import_goes_after_an_hour_and_no_other),
        IMPORT_TEST(rows_of_an_old_import_go_and_it_cannot_be_taken_back_any_more),
        IMPORT_TEST(rows_are_kept_for_ever_where_no_time_is_set),
        IMPORT_TEST(an_import_needs_a_column_that_leads_to_people),
        IMPORT_TEST(other_tenants_see_nothing_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
