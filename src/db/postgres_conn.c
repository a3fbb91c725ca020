/* postgres_conn.c - one connection: opened, spoken to in rounds, given up. libpq runs non-blocking
 * and every wait has an end, so that a frozen server costs a minute and not a thread.
 *
 * A round is: statements queued (nothing leaves yet), pg_sync(), then one pg_reply() per statement
 * and pg_reply_sync(). After a failed statement the server skips to the end of the round.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/postgres_engine.h"

enum { ARRAYS_KEPT_BYTES = 1 << 20 };

/* --- waiting --------------------------------------------------------------------------------- */

enum status pg_lose(struct pg_conn *conn, const char *doing, struct err *e) {
    struct str rest = str_trim(str_of(PQerrorMessage(conn->pq)));
    struct str why; /* the first line: what follows is advice */

    conn->is_lost = true;
    (void)str_cut(&rest, '\n', &why);
    FAIL(e, ST_UNAVAILABLE, "could not %s: %.*s%s", doing, STR_ARG(why),
         why.len == 0 || str_ends(why, STR(":")) ? " no answer in time" : "");
}

/* Waits until the socket is ready; false when it is not within the time. */
static bool wait_for(struct pg_conn *conn, short events, int64_t timeout_ms) {
    struct pollfd fd = {.fd = PQsocket(conn->pq), .events = events};
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    int n;

    do {
        int64_t left_ms = until_ms - clock_mono_ms();

        n = poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* The server ends a statement after DB_STATEMENT_TIMEOUT_MS by itself, unless it is frozen. */
static bool wait_for_server(struct pg_conn *conn, short events) {
    return wait_for(conn, events, DB_STATEMENT_TIMEOUT_MS + 5000);
}

enum status pg_next(struct pg_conn *conn, PGresult **ret, struct err *e) {
    if (conn->is_lost)
        FAIL(e, ST_UNAVAILABLE, "the connection to the database is gone");
    while (PQisBusy(conn->pq))
        if (!wait_for_server(conn, POLLIN) || !PQconsumeInput(conn->pq))
            return pg_lose(conn, "hear from the database", e);
    *ret = PQgetResult(conn->pq);
    if (PQstatus(conn->pq) == CONNECTION_BAD) {
        PQclear(TAKE(*ret));
        return pg_lose(conn, "hear from the database", e);
    }
    return ST_OK;
}

void pg_result_clear_p(PGresult **result) {
    PQclear(*result);
}

enum status pg_reply(struct pg_conn *conn, PGresult **ret, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *first = NULL;
    PGresult *end = NULL;

    TRY(pg_next(conn, &first, e));
    TRY(pg_next(conn, &end, e));
    if (!first || end) {
        PQclear(end);
        conn->is_lost = true;
        FAIL(e, ST_BROKEN, "could not follow the database's answers");
    }
    *ret = TAKE(first);
    return ST_OK;
}

enum status pg_reply_sync(struct pg_conn *conn, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;

    TRY(pg_next(conn, &result, e));
    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
        conn->is_lost = true;
        FAIL(e, ST_BROKEN, "could not follow the database's answers");
    }
    return ST_OK;
}

enum status pg_sync(struct pg_conn *conn, struct err *e) {
    int left;

    if (conn->is_lost || !PQpipelineSync(conn->pq))
        return pg_lose(conn, "speak to the database", e);
    while ((left = PQflush(conn->pq)) > 0)
        /* It may be waiting for us to read before it reads on itself. */
        if (!wait_for_server(conn, POLLIN | POLLOUT) || !PQconsumeInput(conn->pq))
            return pg_lose(conn, "speak to the database", e);
    return left == 0 ? ST_OK : pg_lose(conn, "speak to the database", e);
}

/* --- statements every connection has --------------------------------------------------------- */

static const struct {
    const char *name;
    const char *sql;
} controls[PG_N_CONTROLS] = {
    [PG_BEGIN] = {"begin", "BEGIN"},
    [PG_BEGIN_READ] = {"begin_read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
    [PG_COMMIT] = {"commit", "COMMIT"},
    [PG_ROLLBACK] = {"rollback", "ROLLBACK"},
    [PG_SAVE] = {"save", "SAVEPOINT s"},
    [PG_RELEASE] = {"release", "RELEASE SAVEPOINT s"},
    [PG_UNDO] = {"undo", "ROLLBACK TO SAVEPOINT s"},
    [PG_SCOPE] = {"scope", "SELECT set_config('prosa.scope', $1, true),"
                           " set_config('prosa.tenant', $2, true)"},
};

static bool send_scope(struct pg_conn *conn, struct db_scope scope) {
    char tenant[UUID_TEXT_BYTES + 1] = "";
    const char *values[] = {scope.is_system ? "system" : "tenant", tenant};

    if (!scope.is_system)
        uuid_format_to(scope.tenant.v, tenant);
    return PQsendQueryPrepared(conn->pq, controls[PG_SCOPE].name, 2, values, NULL, NULL, 1) != 0;
}

enum status pg_send_control(struct pg_conn *conn, struct pg_pending control, struct err *e) {
    const char *name = controls[control.what].name;
    bool is_sent = control.what == PG_SCOPE
                       ? send_scope(conn, control.scope)
                       : PQsendQueryPrepared(conn->pq, name, 0, NULL, NULL, NULL, 1) != 0;

    return is_sent ? ST_OK : pg_lose(conn, "speak to the database", e);
}

/* --- opening --------------------------------------------------------------------------------- */

static const char session_sql[] =
    "SELECT set_config('statement_timeout', $1, false),"
    " set_config('lock_timeout', $2, false),"
    " set_config('idle_in_transaction_session_timeout', $3, false),"
    " set_config('timezone', 'UTC', false),"
    /* What is short is not worth compiling, and what looks long to
                                   * the planner is cut by its LIMIT. */
    " set_config('jit', 'off', false),"
    /* Disks have no arm to move: rows that an index names are read one
                                   * by one, not by walking the table. */
    " set_config('random_page_cost', '1.1', false)";

/* A superuser and the tables' owner with BYPASSRLS would not be held by row-level security. */
static const char role_sql[] = "SELECT set_config('role', rolname, false) FROM pg_roles"
                               " WHERE rolname = 'prosa_app' AND pg_has_role(oid, 'member')";
static const char no_role_sql[] = "SELECT 1 WHERE false";

static void ignore_notice(void *arg, const PGresult *result) {
    (void)arg;
    (void)result; /* libpq would print it; what matters comes as an error as well */
}

static enum status connect_socket(struct pg_db *db, struct pg_conn *conn, struct err *e) {
    /* What comes before dbname are defaults the URL may change; what comes behind holds. */
    static const char *const keys[] = {
        "fallback_application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",          "dbname",          "client_encoding",     NULL};
    const char *values[] = {"prosa", "30", "10", "3", "30000", db->url, "UTF8", NULL};
    int64_t until_ms = clock_mono_ms() + db->base.options.timeout_ms;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    conn->pq = PQconnectStartParams(keys, values, 1);
    if (!conn->pq || PQstatus(conn->pq) == CONNECTION_BAD)
        return pg_lose(conn, "connect to the database", e);
    (void)PQsetNoticeReceiver(conn->pq, ignore_notice, NULL);
    while (state != PGRES_POLLING_OK) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;

        if (state == PGRES_POLLING_FAILED || !wait_for(conn, events, until_ms - clock_mono_ms()))
            return pg_lose(conn, "connect to the database", e);
        state = PQconnectPoll(conn->pq);
    }
    if (PQsetnonblocking(conn->pq, 1) != 0 || !PQenterPipelineMode(conn->pq))
        return pg_lose(conn, "connect to the database", e);
    return ST_OK;
}

static bool send_session(struct pg_db *db, struct pg_conn *conn, bool with_role) {
    char statement_ms[16];
    char lock_ms[16];
    char idle_ms[16];
    const char *values[] = {statement_ms, lock_ms, idle_ms};

    (void)snprintf(statement_ms, sizeof(statement_ms), "%d", DB_STATEMENT_TIMEOUT_MS);
    (void)snprintf(lock_ms, sizeof(lock_ms), "%u", db->base.options.timeout_ms);
    (void)snprintf(idle_ms, sizeof(idle_ms), "%d", PG_IDLE_TX_TIMEOUT_MS);
    if (!PQsendQueryParams(conn->pq, session_sql, 3, NULL, values, NULL, NULL, 0) ||
        !PQsendQueryParams(conn->pq, with_role ? role_sql : no_role_sql, 0, NULL, NULL, NULL, NULL,
                           0))
        return false;
    for (size_t i = 0; i < PG_N_CONTROLS; i++)
        if (!PQsendPrepare(conn->pq, controls[i].name, controls[i].sql, 0, NULL))
            return false;
    return true;
}

static enum status receive_session(struct pg_conn *conn, struct err *e) {
    for (size_t i = 0; i < 2 + PG_N_CONTROLS; i++) {
        ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;

        TRY(pg_reply(conn, &result, e));
        if (!pg_is_ok(result))
            return pg_fail(result, "set up of the session", e);
        if (i == 1)
            conn->is_bare = PQntuples(result) == 0;
    }
    return pg_reply_sync(conn, e);
}

enum status pg_conn_open(struct pg_db *db, bool with_role, struct pg_conn **ret, struct err *e) {
    ATTR_CLEANUP(pg_conn_close_p) struct pg_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        FAIL(e, ST_UNAVAILABLE, "could not connect to the database: out of memory");
    buf_init(&conn->arrays, 2 * (size_t)DB_MAX_ROWS_BYTES);
    TRY(connect_socket(db, conn, e));
    if (!send_session(db, conn, with_role))
        return pg_lose(conn, "set up a session", e);
    TRY(pg_sync(conn, e));
    TRY(receive_session(conn, e));
    *ret = TAKE(conn);
    return ST_OK;
}

void pg_conn_close(struct pg_conn *conn) {
    if (!conn)
        return;
    PQfinish(conn->pq);
    buf_done(&conn->arrays);
    free(conn);
}

void pg_conn_close_p(struct pg_conn **conn) {
    pg_conn_close(*conn);
}

/* --- between two transactions ---------------------------------------------------------------- */

static enum status receive_owed(struct pg_conn *conn, struct err *e) {
    while (conn->n_owed > 0) {
        ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;

        TRY(pg_reply(conn, &result, e));
        TRY(pg_reply_sync(conn, e));
        if (!pg_is_ok(result)) {
            conn->is_lost = true;
            return pg_fail(result, "ROLLBACK", e);
        }
        conn->n_owed--;
    }
    return ST_OK;
}

enum status pg_conn_settle(struct pg_conn *conn, struct err *e) {
    struct pollfd fd = {.fd = PQsocket(conn->pq), .events = POLLIN};

    if (conn->arrays.cap > ARRAYS_KEPT_BYTES)
        buf_done(&conn->arrays);
    TRY(receive_owed(conn, e));
    /* A server that hangs up sends its reason, then the end: read until there is nothing more. */
    while (poll(&fd, 1, 0) > 0)
        if (!PQconsumeInput(conn->pq))
            return pg_lose(conn, "keep a connection to the database", e);
    return ST_OK;
}
