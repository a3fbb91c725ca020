/* log.h - one line per event, logfmt or JSON, on standard error. The message is constant text, what
 * varies are fields. Libraries return errors, loops log them. Personal data and secrets pass only
 * through the redacting field types. Any thread; a line is written whole.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

enum field_type { FIELD_STR, FIELD_I64, FIELD_BOOL, FIELD_UUID, FIELD_PHONE, FIELD_SECRET };

struct log_field {
    const char *key;
    enum field_type type;
    struct str s;
    int64_t i;
    struct uuid u;
};

#define F_STR(k, v)    ((struct log_field){.key = (k), .type = FIELD_STR, .s = (v)})
#define F_CSTR(k, v)   ((struct log_field){.key = (k), .type = FIELD_STR, .s = str_of(v)})
#define F_I64(k, v)    ((struct log_field){.key = (k), .type = FIELD_I64, .i = (v)})
#define F_BOOL(k, v)   ((struct log_field){.key = (k), .type = FIELD_BOOL, .i = (v)})
#define F_UUID(k, v)   ((struct log_field){.key = (k), .type = FIELD_UUID, .u = (v)})
/* "+55…42": country and two digits. */
#define F_PHONE(k, v)  ((struct log_field){.key = (k), .type = FIELD_PHONE, .s = (v)})
/* "***". */
#define F_SECRET(k, v) ((struct log_field){.key = (k), .type = FIELD_SECRET, .s = (v)})

/* A link of the context chain: process → connection → request or job. Lives on its owner's stack;
 * fields outlive it. */
struct log_ctx {
    const struct log_ctx *parent;
    const struct log_field *fields;
    size_t n;
};

void log_setup(enum log_level min, enum log_format format);
bool log_level_parse(struct str s, enum log_level *ret);
/* Where lines go; NULL restores standard error. For tests. */
void log_set_sink(void (*sink)(struct str line, void *ctx), void *ctx);

void log_line(enum log_level level, const struct log_ctx *ctx, const char *message,
              const struct log_field *fields, size_t n);
/* The same with e's status, cause and message added. */
void log_err_line(enum log_level level, const struct log_ctx *ctx, const char *message,
                  const struct err *e, const struct log_field *fields, size_t n);

#define LOG_FIELDS(...)                                                                            \
    (const struct log_field[]){(struct log_field){0}, ##__VA_ARGS__} + 1,                          \
        sizeof((struct log_field[]){(struct log_field){0}, ##__VA_ARGS__}) /                       \
                sizeof(struct log_field) -                                                         \
            1
#define log_debug(ctx, msg, ...) log_line(LOG_DEBUG, (ctx), (msg), LOG_FIELDS(__VA_ARGS__))
#define log_info(ctx, msg, ...)  log_line(LOG_INFO, (ctx), (msg), LOG_FIELDS(__VA_ARGS__))
#define log_warn(ctx, msg, ...)  log_line(LOG_WARN, (ctx), (msg), LOG_FIELDS(__VA_ARGS__))
#define log_error(ctx, msg, ...) log_line(LOG_ERROR, (ctx), (msg), LOG_FIELDS(__VA_ARGS__))
#define log_fail(ctx, msg, e, ...)                                                                 \
    log_err_line(LOG_ERROR, (ctx), (msg), (e), LOG_FIELDS(__VA_ARGS__))

/* For lines that can come once per packet: at most one per interval_ms and throttle, the rest
 * counted and reported as a field suppressed=N on the next. Static storage, {0}. */
struct log_throttle {
    _Atomic int64_t next_ms;
    _Atomic int64_t suppressed;
};
bool log_throttle_pass(struct log_throttle *t, int64_t interval_ms, int64_t *ret_suppressed);
