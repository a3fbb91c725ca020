/* log.c - puts lines together and writes each by one write(2). A line fits PIPE_BUF, so that
 * several processes may share one pipe and lines do not mix; long values are cut, and what no
 * longer fits is left out and marked truncated=true. Nothing here waits, locks (but for a test's
 * sink) or fails.
 * SPDX-License-Identifier: Apache-2.0 */
#include "log/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "log/encode.h"

enum {
    LINE_BYTES = PIPE_BUF,
    TAIL_BYTES = 32, /* ,"truncated":true} and a line feed, kept free for the end */
    CHAIN_MAX = 16,
};

static struct {
    _Atomic int min;
    _Atomic int format;
} setup = {LOG_INFO, LOG_LOGFMT};

static struct {
    pthread_mutex_t lock;
    _Atomic bool set;
    void (*fn)(struct str line, void *ctx);
    void *ctx;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER};

void log_setup(enum log_level min, enum log_format format) {
    atomic_store(&setup.min, (int)min);
    atomic_store(&setup.format, (int)format);
}

static struct str level_name(enum log_level level) {
    switch (level) {
    case LOG_DEBUG:
        return STR("debug");
    case LOG_INFO:
        return STR("info");
    case LOG_WARN:
        return STR("warn");
    case LOG_ERROR:
        return STR("error");
    }
    return STR("error");
}

bool log_level_parse(struct str s, enum log_level *ret) {
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (str_eq(s, level_name(level))) {
            *ret = level;
            return true;
        }
    }
    return false;
}

void log_set_sink(void (*fn)(struct str line, void *ctx), void *ctx) {
    (void)pthread_mutex_lock(&sink.lock);
    sink.fn = fn;
    sink.ctx = ctx;
    atomic_store(&sink.set, fn != NULL);
    (void)pthread_mutex_unlock(&sink.lock);
}

/* A log that cannot be written has nowhere to complain: the line is lost. */
static void write_stderr(struct str line) {
    while (line.len > 0) {
        ssize_t n = write(STDERR_FILENO, line.ptr, line.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        line = str_sub(line, (size_t)n, line.len);
    }
}

static void emit(struct str line) {
    if (!atomic_load_explicit(&sink.set, memory_order_relaxed)) {
        write_stderr(line);
        return;
    }
    (void)pthread_mutex_lock(&sink.lock);
    if (sink.fn)
        sink.fn(line, sink.ctx);
    (void)pthread_mutex_unlock(&sink.lock);
}

struct line {
    struct buf buf;
    enum log_format format;
    bool truncated;
};

static void add_field(struct line *l, const struct log_field *f) {
    size_t before = l->buf.len;

    if (l->truncated)
        return;
    log_encode_field(&l->buf, l->format, f);
    if (l->buf.overflown) {
        l->buf.len = before;
        l->buf.overflown = false;
        l->truncated = true;
    }
}

static void add_fields(struct line *l, const struct log_field *fields, size_t n) {
    for (size_t i = 0; i < n; i++)
        add_field(l, &fields[i]);
}

/* The outermost link first: a reader finds the process before the job. */
static void add_chain(struct line *l, const struct log_ctx *ctx) {
    const struct log_ctx *chain[CHAIN_MAX];
    size_t n = 0;

    for (; ctx && n < CHAIN_MAX; ctx = ctx->parent)
        chain[n++] = ctx;
    while (n > 0) {
        n--;
        add_fields(l, chain[n]->fields, chain[n]->n);
    }
}

static void line_begin(struct line *l, enum log_level level, const char *message) {
    char time[CLOCK_ISO_BYTES];

    buf_init(&l->buf, LINE_BYTES - TAIL_BYTES);
    l->format = (enum log_format)atomic_load_explicit(&setup.format, memory_order_relaxed);
    if (l->format == LOG_JSON)
        buf_add_char(&l->buf, '{');
    clock_format_iso_to(clock_now_ms(), time);
    add_field(l, &F_STR("ts", ((struct str){.ptr = time, .len = sizeof(time)})));
    add_field(l, &F_STR("level", level_name(level)));
    add_field(l, &F_CSTR("msg", message));
}

static void line_end(struct line *l) {
    l->buf.max = LINE_BYTES;
    if (l->truncated)
        log_encode_field(&l->buf, l->format, &F_BOOL("truncated", true));
    if (l->format == LOG_JSON)
        buf_add_char(&l->buf, '}');
    buf_add_char(&l->buf, '\n');
    emit(buf_str(&l->buf));
    buf_done(&l->buf);
}

static bool is_wanted(enum log_level level) {
    return (int)level >= atomic_load_explicit(&setup.min, memory_order_relaxed);
}

void log_line(enum log_level level, const struct log_ctx *ctx, const char *message,
              const struct log_field *fields, size_t n) {
    struct line l = {0};

    if (!is_wanted(level))
        return;
    line_begin(&l, level, message);
    add_chain(&l, ctx);
    add_fields(&l, fields, n);
    line_end(&l);
}

static void add_err(struct line *l, const struct err *e) {
    add_field(l, &F_CSTR("status", status_name(e->status)));
    if (e->cause)
        add_field(l, &F_CSTR("cause", e->cause));
    add_field(l, &F_CSTR("error", e->message));
    if (e->retry_after_ms > 0)
        add_field(l, &F_I64("retry_after_ms", e->retry_after_ms));
    if (e->file) {
        add_field(l, &F_CSTR("file", e->file));
        add_field(l, &F_I64("line", e->line));
    }
}

void log_err_line(enum log_level level, const struct log_ctx *ctx, const char *message,
                  const struct err *e, const struct log_field *fields, size_t n) {
    struct line l = {0};

    if (!is_wanted(level))
        return;
    line_begin(&l, level, message);
    add_chain(&l, ctx);
    if (e)
        add_err(&l, e);
    add_fields(&l, fields, n);
    line_end(&l);
}

bool log_throttle_pass(struct log_throttle *t, int64_t interval_ms, int64_t *ret_suppressed) {
    int64_t now_ms = clock_mono_ms();
    int64_t next_ms = atomic_load(&t->next_ms);

    if (now_ms < next_ms ||
        !atomic_compare_exchange_strong(&t->next_ms, &next_ms, now_ms + interval_ms)) {
        atomic_fetch_add(&t->suppressed, 1);
        return false;
    }
    *ret_suppressed = atomic_exchange(&t->suppressed, 0);
    return true;
}
