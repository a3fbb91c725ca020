/* postgres_error.c - what SQLSTATEs mean to the caller. Source: PostgreSQL 15 documentation,
 * appendix A.
 *
 * Only the primary message goes into an error, never the detail: details quote keys and rows, and
 * class 22 quotes the value even in the message.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "db/postgres_engine.h"

static struct str field(const PGresult *result, int code) {
    return str_of(PQresultErrorField(result, code));
}

static struct str sqlstate(const PGresult *result) {
    return field(result, PG_DIAG_SQLSTATE);
}

bool pg_is_ok(const PGresult *result) {
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
    case PGRES_EMPTY_QUERY:
        return true;
    default:
        return false;
    }
}

bool pg_is_retryable(const PGresult *result) {
    struct str state = sqlstate(result);

    return str_eq(state, STR("40001")) || str_eq(state, STR("40P01"));
}

bool pg_is_stale(const PGresult *result) {
    struct str state = sqlstate(result);

    return str_eq(state, STR("26000")) ||
           (str_eq(state, STR("0A000")) &&
            str_contains(field(result, PG_DIAG_MESSAGE_PRIMARY), STR("cached plan")));
}

bool pg_is_read_only(const PGresult *result) {
    return str_eq(sqlstate(result), STR("25006"));
}

bool pg_is_fatal(const PGresult *result) {
    struct str severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return severity.len == 0 || str_eq(severity, STR("FATAL")) || str_eq(severity, STR("PANIC"));
}

static enum status status_of(const PGresult *result) {
    static const struct {
        const char *prefix; /* of the SQLSTATE; the first that fits counts */
        enum status st;
    } table[] = {
        {"23", ST_CONFLICT},       {"22", ST_INVALID},
        {"40", ST_UNAVAILABLE},                               /* serialisation, deadlock */
        {"55P03", ST_UNAVAILABLE},                            /* lock timeout */
        {"57014", ST_UNAVAILABLE},                            /* statement timeout */
        {"57P", ST_UNAVAILABLE},                              /* shutdown, starting up */
        {"53", ST_UNAVAILABLE},                               /* connections, disk, memory */
        {"58", ST_UNAVAILABLE},                               /* I/O error */
        {"08P01", ST_BROKEN},                                 /* not as many values as parameters */
        {"08", ST_UNAVAILABLE},    {"25P03", ST_UNAVAILABLE}, /* idle in transaction for too long */
        {"26000", ST_UNAVAILABLE},
    };
    struct str state = sqlstate(result);

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (str_starts(state, str_of(table[i].prefix)))
            return table[i].st;
    return state.len == 0 ? ST_UNAVAILABLE : ST_BROKEN;
}

/* SQLite's form where PostgreSQL names no constraint: "table.column" of a NOT NULL. */
static const char *cause_of(const PGresult *result) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str constraint = field(result, PG_DIAG_CONSTRAINT_NAME);

    if (str_eq(sqlstate(result), STR("23503")))
        return "foreign_key";
    if (constraint.len > 0)
        return db_intern(constraint);
    return db_intern(arena_printf(&a, "%.*s.%.*s", STR_ARG(field(result, PG_DIAG_TABLE_NAME)),
                                  STR_ARG(field(result, PG_DIAG_COLUMN_NAME))));
}

static struct str story_of(const PGresult *result) {
    struct str message = field(result, PG_DIAG_MESSAGE_PRIMARY);

    if (str_starts(sqlstate(result), STR("22")))
        return STR("a value is out of its type's range or form");
    if (message.len > 0)
        return message;
    return str_trim(str_of(PQresultErrorMessage(result)));
}

enum status pg_fail(const PGresult *result, const char *what, struct err *e) {
    enum status st = status_of(result);
    bool is_first = e && e->status == ST_OK;

    (void)err_set(e, st, __FILE__, __LINE__, "could not run \"%s\": %.*s (%.*s)", what,
                  STR_ARG(story_of(result)), STR_ARG(sqlstate(result)));
    if (is_first && st == ST_CONFLICT)
        e->cause = cause_of(result);
    return st;
}
