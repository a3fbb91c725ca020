/* test_media.c - a file that came with a message, from the transaction that stores the message to its bytes in the data
 * directory, against a fake provider, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/feature_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#define GONE    "{\"error\":{\"code\":100,\"error_subcode\":33,\"message\":\"x\"}}"
#define REVOKED "{\"error\":{\"code\":190,\"message\":\"x\"}}"

enum { HOUR_MS = 3600 * 1000 };

static struct message got;
static struct media media;

static enum status image_comes(struct app *app, struct tx *tx, struct err *e) {
    struct inbound ev = inbound_text(app, ANA, "");

    ev.type = STR("image");
    ev.content =
        STR("{\"media\":{\"id\":\"12345\",\"filename\":\"../foto.png\"},\"caption\":\"oi\"}");
    TRY(receive(app, tx, &ev, &got, e));
    TRY(media_expect(&app->a, tx, &got, clock_now_ms(), e));
    return queue_cancel(tx, app->tenant, CONVERSATION_TURN_JOB,
                        uuid_format(&app->a, app->conversation.v), e);
}

/* Reads got and media again. */
static enum status reload(struct app *app, struct tx *tx, struct err *e) {
    const struct json *shown;

    TRY(message_get(&app->a, tx, app->tenant, got.id, &got, e));
    TRY(json_parse(&app->a, got.media, JSON_LIMITS_DEFAULT, &shown, e));
    EXPECT(uuid_parse(json_str(json_get(shown, "id")), &media.id.v));
    TRY(media_get(&app->a, tx, app->tenant, media.id, &media, e));
    EXPECT(str_eq(media.state, json_str(json_get(shown, "state"))));
    return ST_OK;
}

static void expect_state(struct app *app, const char *state) {
    STEP(app, reload);
    assert_str(media.state, state);
}

/* The lookup's answer sends the download to the same server, which then has another answer. */
struct switching {
    struct app *app;
    const char *body;
    char answer[512];
};

static void then_serve(void *ctx) {
    struct switching *s = ctx;

    fake_http_answer(s->app->graph, (struct fake_reply){.status = 200, .body = s->body});
}

static void offer(struct app *app, struct switching *s, const char *body, const char *more) {
    struct str url = fake_http_url(&app->a, app->graph);

    *s = (struct switching){.app = app, .body = body};
    (void)snprintf(s->answer, sizeof(s->answer), "{\"url\":\"%.*s/file\"%s}", STR_ARG(url), more);
    fake_http_answer(app->graph, (struct fake_reply){.status = 200, .body = s->answer});
    fake_http_during(app->graph, then_serve, s);
}

static void run_fetch_job(struct app *app) {
    assert_int_equal(run_jobs(app, 1), 1);
    fake_http_during(app->graph, NULL, NULL);
}

static struct str read_file(struct app *app) {
    struct err e = ERR_INIT;
    uint64_t size;
    char *bytes;
    int fd;

    assert_ok(media_open(&app->media, &media, &fd, &size, &e), &e);
    bytes = arena_alloc(&app->a, size + 1);
    assert_int_equal(read(fd, bytes, size), (ssize_t)size);
    (void)close(fd);
    return (struct str){bytes, size};
}

static void file_is_expected_with_its_message_and_fetched_once(void **state) {
    struct app *app = *state;
    struct switching s;
    struct err e = ERR_INIT;
    uint64_t size;
    int fd;

    STEP(app, image_comes);
    expect_state(app, "waiting");
    assert_str(media.file_name, "foto.png");
    assert_int_equal(media_open(&app->media, &media, &fd, &size, &e), ST_CONFLICT);
    offer(app, &s, "\x89PNG\r\n\x1a\nbytes", "");
    run_fetch_job(app);
    expect_state(app, "ready");
    assert_str(media.mime, "image/png");
    assert_str(read_file(app), "\x89PNG\r\n\x1a\nbytes");
    assert_int_equal(run_jobs(app, 10), 0);
    assert_int_equal(fake_http_count(app->graph), 2);
    assert_int_equal(
        count_rows(app, "SELECT count(*) FROM conversation_events WHERE kind = 'media.ready'"), 1);
}

static void gone_file_is_expired_and_can_be_asked_for_again(void **state) {
    struct app *app = *state;

    STEP(app, image_comes);
    fake_http_answer(app->graph, (struct fake_reply){.status = 400, .body = GONE});
    run_fetch_job(app);
    expect_state(app, "expired");
    assert_true(media.reason.len > 0);
    assert_int_equal(run_jobs(app, 10), 0);
}

static enum status try_again(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;

    TRY(media_retry(&app->a, tx, app->tenant, media.id, clock_now_ms(), &media, e));
    EXPECT_STR(media.state, "waiting");
    EXPECT_FAILS(ST_CONFLICT,
                 media_retry(&app->a, tx, app->tenant, media.id, clock_now_ms(), &media, &why));
    return ST_OK;
}

static void passing_trouble_is_retried_and_ends_as_failed(void **state) {
    struct app *app = *state;
    struct switching s;

    STEP(app, image_comes);
    fake_http_answer(app->graph, (struct fake_reply){.status = 503, .body = "busy"});
    for (int i = 0; i < MEDIA_FETCH_ATTEMPTS; i++) {
        expect_state(app, "waiting");
        clock_shift_ms((i + 1) * HOUR_MS);
        run_fetch_job(app);
    }
    expect_state(app, "failed");
    assert_true(media.reason.len > 0);
    assert_int_equal(run_jobs(app, 10), 0);
    STEP(app, try_again);
    clock_shift_ms((MEDIA_FETCH_ATTEMPTS + 2) * HOUR_MS); /* the circuit is closed again */
    offer(app, &s, "%PDF-1.7", "");
    run_fetch_job(app);
    expect_state(app, "ready");
    assert_str(media.mime, "application/pdf");
}

static void wrong_digest_or_size_is_never_ready(void **state) {
    static const char *const promises[] = {
        ",\"file_size\":99",
        ",\"sha256\":\"0000000000000000000000000000000000000000000000000000000000000000\""};
    struct app *app = *state;
    struct switching s;

    for (size_t i = 0; i < ARRAY_LEN(promises); i++) {
        STEP(app, image_comes);
        offer(app, &s, "%PDF-1.7", promises[i]);
        run_fetch_job(app);
        expect_state(app, "waiting");
        assert_int_equal(app->verdict.kind, VERDICT_RETRY);
        assert_string_equal(app->verdict.cause, i == 0 ? "wrong-size" : "wrong-digest");
    }
}

static enum status account_is_ok_again(struct app *app, struct tx *tx, struct err *e) {
    int64_t n;

    TRY(account_get(&app->a, tx, app->account.id, &app->account, e));
    EXPECT_STR(app->account.state, "blocked");
    TRY(account_set_state(tx, app->tenant, app->account.id, STR("ok"), STR_EMPTY, e));
    return queue_replay(tx, app->tenant, (struct job_id){0}, NULL, "account-blocked", &n, e);
}

static void refused_token_blocks_the_account_and_the_file_waits(void **state) {
    struct app *app = *state;
    struct switching s;

    STEP(app, image_comes);
    fake_http_answer(app->graph, (struct fake_reply){.status = 401, .body = REVOKED});
    run_fetch_job(app);
    assert_int_equal(app->verdict.kind, VERDICT_PARK);
    expect_state(app, "waiting");
    STEP(app, account_is_ok_again);
    offer(app, &s, "GIF89a", "");
    run_fetch_job(app);
    expect_state(app, "ready");
}

/* A directory where no file can be made stands for a disk that takes none. */
static void directory_that_takes_no_file_is_told_and_tried_again(void **state) {
    struct app *app = *state;
    struct switching s;
    struct str real = app->media.dir;

    STEP(app, image_comes);
    app->media.dir = STR("/dev/null");
    offer(app, &s, "GIF89a", "");
    run_fetch_job(app);
    expect_state(app, "waiting");
    assert_int_equal(app->verdict.kind, VERDICT_RETRY);
    assert_string_equal(app->verdict.cause, "disk");
    assert_true(str_contains(app->verdict.reason, STR("data directory")));
    app->media.dir = real;
    clock_shift_ms(HOUR_MS);
    offer(app, &s, "GIF89a", "");
    run_fetch_job(app);
    expect_state(app, "ready");
}

/* A small file system that this thread alone sees; the job runs on it. */
static bool mount_small(const char *dir) {
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", dir, "tmpfs", 0, "size=256k") == 0;
}

static size_t parts_in(struct app *app) {
    struct str tenant = uuid_format(&app->a, app->tenant.v);
    DIR *d = opendir(arena_cstr(
        &app->a, arena_printf(&app->a, "%s/media/%.*s/part", app->media_dir, STR_ARG(tenant))));
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d)) /* NOLINT(concurrency-mt-unsafe): each call has its own stream */
        n++;
    (void)closedir(d);
    return n - 2; /* "." and ".." */
}

static void full_disk_is_told_leaves_nothing_and_is_tried_again(void **state) {
    static char body[600 << 10];
    struct app *app = *state;
    struct switching s;

    if (!mount_small(app->media_dir))
        skip(); /* needs the right to mount */
    memset(body, 'x', sizeof(body) - 1);
    memcpy(body, "%PDF-", 5);
    STEP(app, image_comes);
    offer(app, &s, body, "");
    run_fetch_job(app);
    expect_state(app, "waiting");
    assert_int_equal(app->verdict.kind, VERDICT_RETRY);
    assert_string_equal(app->verdict.cause, "disk-full");
    assert_true(str_contains(app->verdict.reason, STR("the disk is full")));
    assert_int_equal(parts_in(app), 0);
    assert_int_equal(mount("tmpfs", app->media_dir, "tmpfs", MS_REMOUNT, "size=20m"), 0);
    clock_shift_ms(HOUR_MS);
    offer(app, &s, body, "");
    run_fetch_job(app);
    expect_state(app, "ready");
    assert_int_equal(read_file(app).len, sizeof(body) - 1);
    (void)umount2(app->media_dir, MNT_DETACH);
}

static enum status other_worker_takes_it(struct app *app, struct tx *tx, struct err *e) {
    struct tenant_id tenant = app->tenant;

    return DB_EXEC(tx, DB_SQL("UPDATE jobs SET token = token + 1 WHERE tenant_id = $1"), NULL, e,
                   V_UUID(tenant.v));
}

static void lose_lease(void *ctx) {
    struct switching *s = ctx;

    then_serve(s);
    STEP(s->app, other_worker_takes_it);
}

static void worker_that_was_taken_over_settles_nothing(void **state) {
    struct app *app = *state;
    struct switching s;

    STEP(app, image_comes);
    offer(app, &s, "GIF89a", "");
    fake_http_during(app->graph, lose_lease, &s);
    run_fetch_job(app);
    assert_int_equal(app->job_status, ST_CONFLICT);
    expect_state(app, "waiting");
}

static void slow_downloads_leave_workers_to_the_rest(void **state) {
    struct app *app = *state;
    struct switching s;

    app->media.max_fetches = 1;
    atomic_store(&app->media.fetching, 1);
    STEP(app, image_comes);
    run_fetch_job(app);
    assert_int_equal(app->verdict.kind, VERDICT_AGAIN);
    assert_int_equal(fake_http_count(app->graph), 0);
    atomic_store(&app->media.fetching, 0);
    clock_shift_ms(HOUR_MS);
    offer(app, &s, "GIF89a", "");
    run_fetch_job(app);
    expect_state(app, "ready");
    assert_int_equal(atomic_load(&app->media.fetching), 0);
}

static enum status other_looks(struct app *app, struct tx *tx, struct err *e) {
    struct err why = ERR_INIT;
    struct media m;

    EXPECT_FAILS(ST_NOT_FOUND, media_get(&app->a, tx, app->other, media.id, &m, &why));
    return ST_OK;
}

static void files_are_the_tenants_own(void **state) {
    struct app *app = *state;

    STEP(app, image_comes);
    expect_state(app, "waiting");
    STEP_SYSTEM(app, other_looks);
}

static enum status texts_come(struct app *app, struct tx *tx, struct err *e) {
    const struct inbound ev = inbound_text(app, ANA, "oi");

    TRY(receive(app, tx, &ev, &got, e));
    return media_expect(&app->a, tx, &got, clock_now_ms(), e);
}

static void messages_without_a_file_expect_none(void **state) {
    struct app *app = *state;

    STEP(app, texts_come);
    assert_int_equal(got.media.len, 0);
    assert_int_equal(count_rows(app, "SELECT count(*) FROM media"), 0);
}

/* --- what goes out ------------------------------------------------------------------------------------ */

#define SENT "{\"messages\":[{\"id\":\"wamid.out%d\"}]}"

static enum status talk(struct app *app, struct tx *tx, struct err *e) {
    TRY(ana_writes(app, tx, e));
    return queue_cancel(tx, app->tenant, CONVERSATION_TURN_JOB,
                        uuid_format(&app->a, app->conversation.v), e);
}

static enum status say_with_file(struct app *app, struct tx *tx, struct err *e) {
    struct outbox_put put = put_text(app, "person", "");
    struct str id = uuid_format(&app->a, media.id.v);

    put.type = STR("document");
    put.content = arena_printf(&app->a, "{\"media\":{\"id\":\"%.*s\"}}", STR_ARG(id));
    TRY(queue_message(app, tx, put, e));
    EXPECT(app->message.media.len > 0);
    return ST_OK;
}

static void keep(struct app *app, const char *bytes) {
    struct err e = ERR_INIT;

    assert_ok(
        media_keep(&app->media, &app->a, app->tenant, str_of(bytes), STR("a.pdf"), &media, &e), &e);
}

/* The first call is the upload, what follows it the send. */
struct upload {
    struct app *app;
    char sent[64];
};

static void then_take_message(void *ctx) {
    struct upload *u = ctx;

    fake_http_answer(u->app->graph, (struct fake_reply){.status = 200, .body = u->sent});
}

static void take_file_and_message(struct app *app, struct upload *u, int nth) {
    *u = (struct upload){.app = app};
    (void)snprintf(u->sent, sizeof(u->sent), SENT, nth);
    fake_http_answer(app->graph, (struct fake_reply){.status = 200, .body = "{\"id\":\"77\"}"});
    fake_http_during(app->graph, then_take_message, u);
}

static void uploaded_file_is_given_once_until_it_expires(void **state) {
    struct app *app = *state;
    struct upload u;

    keep(app, "%PDF-1.7 a");
    STEP(app, talk);
    STEP(app, say_with_file);
    take_file_and_message(app, &u, 1);
    run_fetch_job(app);
    assert_str(message_status(app), "sent");
    assert_int_equal(fake_http_count(app->graph), 2);
    assert_true(str_contains(fake_http_body(&app->a, app->graph),
                             STR("\"document\":{\"id\":\"77\",\"filename\":\"a.pdf\"}")));
    STEP(app, say_with_file);
    fake_http_answer(
        app->graph, (struct fake_reply){.status = 200, .body = "{\"messages\":[{\"id\":\"w2\"}]}"});
    run_fetch_job(app);
    assert_str(message_status(app), "sent");
    assert_int_equal(fake_http_count(app->graph), 3);
    clock_shift_ms((int64_t)31 * 24 * HOUR_MS);
    STEP(app, talk); /* opens the window again */
    STEP(app, say_with_file);
    take_file_and_message(app, &u, 3);
    run_fetch_job(app);
    assert_str(message_status(app), "sent");
    assert_int_equal(fake_http_count(app->graph), 5);
}

static void refused_upload_fails_the_message_and_passing_trouble_keeps_it_queued(void **state) {
    struct app *app = *state;

    keep(app, "%PDF-1.7 b");
    STEP(app, talk);
    STEP(app, say_with_file);
    fake_http_answer(app->graph, (struct fake_reply){.is_cut = true});
    run_fetch_job(app);
    assert_str(message_status(app), "queued");
    assert_int_equal(app->verdict.kind, VERDICT_RETRY);
    clock_shift_ms(HOUR_MS);
    fake_http_answer(
        app->graph, (struct fake_reply){.status = 400,
                                        .body = "{\"error\":{\"code\":131053,\"message\":\"x\"}}"});
    run_fetch_job(app);
    assert_str(message_status(app), "failed");
    assert_true(app->message.error_reason.len > 0);
}

static enum status purge_comes(struct app *app, struct tx *tx, struct err *e) {
    return queue_put(tx, (struct job_put){.tenant = app->tenant, .kind = MEDIA_PURGE_JOB}, NULL, e);
}

static bool is_on_disk(struct app *app, const struct media *m) {
    struct err e = ERR_INIT;
    uint64_t size;
    int fd;

    if (media_open(&app->media, m, &fd, &size, &e) != ST_OK)
        return false;
    (void)close(fd);
    return true;
}

static void upload_nobody_sends_is_removed_after_a_day(void **state) {
    struct app *app = *state;
    struct media unsent, twin, sent;

    keep(app, "%PDF-1.7 unsent");
    unsent = media;
    keep(app, "%PDF-1.7 twin");
    twin = media; /* the same bytes as one that is sent */
    keep(app, "%PDF-1.7 twin");
    sent = media;
    STEP(app, talk);
    STEP(app, say_with_file);
    STEP(app, purge_comes);
    fake_http_answer(app->graph, (struct fake_reply){.status = 503, .body = "busy"});
    (void)run_jobs(app, 10);
    assert_true(is_on_disk(app, &unsent));
    clock_shift_ms(25 * HOUR_MS);
    STEP(app, purge_comes);
    (void)run_jobs(app, 10);
    assert_false(is_on_disk(app, &unsent));
    assert_true(is_on_disk(app, &twin));
    assert_true(is_on_disk(app, &sent));
    assert_int_equal(count_rows(app, "SELECT count(*) FROM media"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FEATURE_TEST(file_is_expected_with_its_message_and_fetched_once),
        FEATURE_TEST(gone_file_is_expired_and_can_be_asked_for_again),
        FEATURE_TEST(passing_trouble_is_retried_and_ends_as_failed),
        FEATURE_TEST(wrong_digest_or_size_is_never_ready),
        FEATURE_TEST(refused_token_blocks_the_account_and_the_file_waits),
        FEATURE_TEST(directory_that_takes_no_file_is_told_and_tried_again),
        FEATURE_TEST(full_disk_is_told_leaves_nothing_and_is_tried_again),
        FEATURE_TEST(worker_that_was_taken_over_settles_nothing),
        FEATURE_TEST(slow_downloads_leave_workers_to_the_rest),
        FEATURE_TEST(files_are_the_tenants_own),
        FEATURE_TEST(messages_without_a_file_expect_none),
        FEATURE_TEST(uploaded_file_is_given_once_until_it_expires),
        FEATURE_TEST(refused_upload_fails_the_message_and_passing_trouble_keeps_it_queued),
        FEATURE_TEST(upload_nobody_sends_is_removed_after_a_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
