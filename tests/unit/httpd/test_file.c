/* test_file.c - a file as the body of a response: whole, a part of it, under HEAD, and its descriptor closed whatever
 * becomes of the answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/httpd/client.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

enum { FILE_BYTES = 300000 };

static struct httpd *server;
static char path[] = "/tmp/prosa-file-XXXXXX";

static char byte_of(size_t i) {
    return (char)('a' + i % 23);
}

static int open_file(void) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static enum status whole(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    ret->content_type = STR("image/png");
    resp_file(ret, open_file(), 0, FILE_BYTES);
    return ST_OK;
}

static enum status part(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    ret->status = 206;
    resp_file(ret, open_file(), 100, 50);
    return ST_OK;
}

static enum status unchanged(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    ret->status = 304;
    resp_file(ret, open_file(), 0, FILE_BYTES);
    return ST_OK;
}

static enum status empty(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    resp_file(ret, open_file(), 0, 0);
    return ST_OK;
}

static enum status refused(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    resp_file(ret, open_file(), 0, FILE_BYTES);
    FAIL(e, ST_CONFLICT, "changed its mind");
}

static enum status malformed(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    resp_header(ret, "X-Own", STR("a\r\nb: c"));
    resp_file(ret, open_file(), 0, FILE_BYTES);
    return ST_OK;
}

static enum status cut(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    (void)app;
    (void)r;
    (void)e;
    resp_file(ret, open_file(), 0, FILE_BYTES);
    ret->is_cut = true;
    return ST_OK;
}

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/whole", .handler = whole},
    {.method = HTTP_GET, .path = "/part", .handler = part},
    {.method = HTTP_GET, .path = "/unchanged", .handler = unchanged},
    {.method = HTTP_GET, .path = "/empty", .handler = empty},
    {.method = HTTP_GET, .path = "/refused", .handler = refused},
    {.method = HTTP_GET, .path = "/malformed", .handler = malformed},
    {.method = HTTP_GET, .path = "/cut", .handler = cut},
};

static int setup(void **state) {
    static char bytes[FILE_BYTES];
    int fd = mkstemp(path);

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = byte_of(i);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, sizeof(bytes)), FILE_BYTES);
    (void)close(fd);
    server = server_start((struct httpd_options){.routes = routes, .n_routes = ARRAY_LEN(routes)});
    return 0;
}

static int teardown(void **state) {
    (void)state;
    httpd_stop(server, 1000);
    (void)unlink(path);
    return 0;
}

static struct reply ask(struct client *c, const char *target) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct reply r;

    client_send(c, arena_printf(&a, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target));
    assert_true(client_try_reply(c, false, &r));
    return r;
}

static void file_is_sent_whole(void **state) {
    struct client c = client_open(server);
    struct reply r = ask(&c, "/whole");

    (void)state;
    assert_int_equal(r.status, 200);
    assert_str(reply_get(&r, "Content-Type"), "image/png");
    assert_int_equal(r.body.len, FILE_BYTES);
    for (size_t i = 0; i < r.body.len; i++)
        assert_int_equal(r.body.ptr[i], byte_of(i));
    client_close(&c);
}

static void part_of_a_file_is_sent(void **state) {
    struct client c = client_open(server);
    struct reply r = ask(&c, "/part");

    (void)state;
    assert_int_equal(r.status, 206);
    assert_int_equal(r.body.len, 50);
    for (size_t i = 0; i < r.body.len; i++)
        assert_int_equal(r.body.ptr[i], byte_of(100 + i));
    client_close(&c);
}

static void head_tells_the_length_without_the_file(void **state) {
    struct client c = client_open(server);
    struct reply r;

    (void)state;
    client_send(&c, STR("HEAD /whole HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_try_reply(&c, true, &r));
    assert_str(reply_get(&r, "Content-Length"), "300000");
    client_consume(&c, &r);
    r = ask(&c, "/part");
    assert_int_equal(r.body.len, 50);
    client_close(&c);
}

static void statuses_without_a_body_and_empty_files_send_none(void **state) {
    struct client c = client_open(server);
    struct reply r = ask(&c, "/unchanged");

    (void)state;
    assert_int_equal(r.status, 304);
    client_consume(&c, &r);
    r = ask(&c, "/empty");
    assert_int_equal(r.body.len, 0);
    client_close(&c);
}

static size_t count_open(void) {
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static void refused_malformed_and_cut_answers_close_the_file(void **state) {
    struct client c = client_open(server);
    struct reply r = ask(&c, "/refused");
    size_t before;

    (void)state;
    assert_int_equal(r.status, 409);
    client_consume(&c, &r);
    before = count_open();
    for (int i = 0; i < 50; i++) {
        r = ask(&c, "/refused");
        assert_int_equal(r.status, 409);
        client_consume(&c, &r);
        r = ask(&c, "/malformed");
        assert_int_equal(r.status, 500);
        client_consume(&c, &r);
        r = ask(&c, "/unchanged");
        client_consume(&c, &r);
    }
    assert_in_range(count_open(), 1, before + 2);
    client_close(&c);
    c = client_open(server);
    client_send(&c, STR("GET /cut HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_is_at_end(&c));
    client_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_sent_whole),
        cmocka_unit_test(part_of_a_file_is_sent),
        cmocka_unit_test(head_tells_the_length_without_the_file),
        cmocka_unit_test(statuses_without_a_body_and_empty_files_send_none),
        cmocka_unit_test(refused_malformed_and_cut_answers_close_the_file),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
