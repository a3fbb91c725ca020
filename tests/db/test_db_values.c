/* test_db_values.c - values go in and come out the same on both engines, alone and in batches.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "db/harness.h"

static const char schema[] =
    "CREATE TABLE vals (id BIGINT PRIMARY KEY, n BIGINT, small INTEGER, d DOUBLE PRECISION, t TEXT,"
    " b BYTEA, u UUID);";

static struct db *db;

static int open_db(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(harness_db_with(schema, &db, &e), &e);
    return 0;
}

static int close_db(void **state) {
    (void)state;
    harness_done(db);
    return 0;
}

static int empty_table(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("DELETE FROM vals"), NULL, &e), &e);
    return 0;
}

/* --- one row there and back ------------------------------------------------------------------ */

struct row {
    struct arena *a;
    struct db_val vals[6];
    struct db_rows rows;
    bool is_returned; /* read by RETURNING instead of a second statement */
};

static enum status write_and_read(struct tx *tx, void *ctx, struct err *e) {
    struct row *row = ctx;
    const struct db_val *v = row->vals;
    struct db_sql insert = DB_SQL("INSERT INTO vals (id, n, small, d, t, b, u)"
                                  " VALUES (1, $1, $2, $3, $4, $5, $6)"
                                  " ON CONFLICT (id) DO UPDATE SET n = excluded.n,"
                                  " small = excluded.small, d = excluded.d, t = excluded.t,"
                                  " b = excluded.b, u = excluded.u"
                                  " RETURNING n, small, d, t, b, u");
    struct db_rows ignored;

    TRY(DB_QUERY(row->a, tx, insert, row->is_returned ? &row->rows : &ignored, e, v[0], v[1], v[2],
                 v[3], v[4], v[5]));
    if (row->is_returned)
        return ST_OK;
    return DB_QUERY(row->a, tx, DB_SQL("SELECT n, small, d, t, b, u FROM vals WHERE id = $1"),
                    &row->rows, e, V_I64(1));
}

static void run_row(struct row *row) {
    struct err e = ERR_INIT;

    assert_ok(db_write(db, DB_SYSTEM, write_and_read, row, &e), &e);
    assert_int_equal(row->rows.n, 1);
    assert_int_equal(row->rows.columns, 6);
}

static void every_type_comes_back_as_it_went_in(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    static const int64_t integers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1LL << 40};
    static const double reals[] = {0.0, -1.5, 1e300, DBL_MIN, -DBL_MAX, 0.1};
    static const char bytes[] = "\0\1\xff\x80 not text";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(integers); i++) {
        struct uuid u = uuid_new();
        struct row row = {.a = &a,
                          .vals = {V_I64(integers[i]), V_I64((int32_t)integers[i]),
                                   V_REAL(reals[i]), V_TEXT(STR("não \xf0\x9f\x98\x80 ''\"\\")),
                                   V_BYTES(((struct str){bytes, sizeof(bytes)})), V_UUID(u)},
                          .is_returned = i % 2 == 0};

        run_row(&row);
        assert_true(db_i64(&row.rows, 0, 0) == integers[i]);
        assert_true(db_i64(&row.rows, 0, 1) == (int32_t)integers[i]);
        assert_memory_equal(&(double){db_real(&row.rows, 0, 2)}, &reals[i], sizeof(double));
        assert_str(db_text(&row.rows, 0, 3), "não \xf0\x9f\x98\x80 ''\"\\");
        assert_int_equal(db_text(&row.rows, 0, 4).len, sizeof(bytes));
        assert_memory_equal(db_text(&row.rows, 0, 4).ptr, bytes, sizeof(bytes));
        assert_true(uuid_eq(db_uuid(&row.rows, 0, 5), u));
    }
}

static void nulls_read_as_nothing(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct row row = {.a = &a,
                      .vals = {V_I64_OPT(7, false),
                               {.type = DB_NULL},
                               {.type = DB_REAL, .is_null = true},
                               V_TEXT_OPT(STR_EMPTY),
                               {.type = DB_BYTES, .is_null = true},
                               V_UUID_OPT(((struct uuid){.bytes = {0}}))}};

    (void)state;
    run_row(&row);
    for (size_t col = 0; col < 6; col++)
        assert_true(db_is_null(&row.rows, 0, col));
    assert_int_equal(db_i64(&row.rows, 0, 0), 0);
    assert_true(db_real(&row.rows, 0, 2) == 0);
    assert_int_equal(db_text(&row.rows, 0, 3).len, 0);
    assert_true(uuid_is_nil(db_uuid(&row.rows, 0, 5)));
}

static void empty_text_and_bytes_are_not_null(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct row row = {.a = &a,
                      .vals = {V_I64(1), V_I64(1), V_REAL(1), V_TEXT(STR_EMPTY), V_BYTES(STR_EMPTY),
                               V_UUID(uuid_new())}};

    (void)state;
    run_row(&row);
    assert_false(db_is_null(&row.rows, 0, 3));
    assert_false(db_is_null(&row.rows, 0, 4));
}

/* --- texts of statements --------------------------------------------------------------------- */

struct question {
    struct arena *a;
    struct db_sql sql;
    struct db_val vals[12];
    size_t n;
    size_t max_rows;
    struct db_rows rows;
};

static enum status ask(struct tx *tx, void *ctx, struct err *e) {
    struct question *q = ctx;

    return db_query_vals(q->a, tx, q->sql, q->vals, q->n, q->max_rows, &q->rows, e);
}

static void placeholders_go_by_number_not_by_place(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct question q = {.a = &a,
                         .sql = DB_SQL("SELECT $2, $11::bigint, $1, $2 WHERE $3 = $4 OR $5 = $6"
                                       " OR $7 = $8 OR $9 = $10"),
                         .n = 11};
    struct err e = ERR_INIT;

    (void)state;
    for (int64_t i = 0; i < 11; i++)
        q.vals[i] = V_I64(i == 9 ? 9 : i + 1); /* $9 = $10 */
    assert_ok(db_read(db, DB_SYSTEM, ask, &q, &e), &e);
    assert_int_equal(q.rows.n, 1);
    assert_int_equal(db_i64(&q.rows, 0, 0), 2);
    assert_int_equal(db_i64(&q.rows, 0, 1), 11);
    assert_int_equal(db_i64(&q.rows, 0, 2), 1);
    assert_int_equal(db_i64(&q.rows, 0, 3), 2);
}

static void one_text_takes_values_of_different_types(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct question q = {.a = &a, .sql = DB_SQL("SELECT $1"), .n = 1};
    struct err e = ERR_INIT;

    (void)state;
    for (int round = 0; round < 2; round++) {
        q.vals[0] = V_I64(5);
        assert_ok(db_read(db, DB_SYSTEM, ask, &q, &e), &e);
        assert_int_equal(db_i64(&q.rows, 0, 0), 5);
        q.vals[0] = V_TEXT(STR("five"));
        assert_ok(db_read(db, DB_SYSTEM, ask, &q, &e), &e);
        assert_str(db_text(&q.rows, 0, 0), "five");
    }
}

static void the_engines_own_types_are_read(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct question q = {
        .a = &a,
        .sql = DB_SQL2("SELECT 1, -2, 1.5, 'name', '{\"a\": 1}', '{}', 'c', count(*) FROM vals",
                       "SELECT true, (-2)::smallint, 1.5::real, 'name'::name, '{\"a\": 1}'::jsonb,"
                       " '{}'::json, 'c'::varchar(5), count(*) FROM vals")};
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(db_read(db, DB_SYSTEM, ask, &q, &e), &e);
    assert_int_equal(db_i64(&q.rows, 0, 0), 1);
    assert_int_equal(db_i64(&q.rows, 0, 1), -2);
    assert_true(db_real(&q.rows, 0, 2) == 1.5);
    assert_str(db_text(&q.rows, 0, 3), "name");
    assert_str(db_text(&q.rows, 0, 4), "{\"a\": 1}");
    assert_str(db_text(&q.rows, 0, 5), "{}");
    assert_str(db_text(&q.rows, 0, 6), "c");
    assert_int_equal(db_i64(&q.rows, 0, 7), 0);
}

static void numeric_is_refused_with_advice(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct question q = {.a = &a, .sql = DB_SQL("SELECT sum(n) AS total, 1.5::numeric FROM vals")};
    struct err e = ERR_INIT;

    (void)state;
    if (harness_engine() != DB_POSTGRES)
        skip();
    assert_int_equal(db_read(db, DB_SYSTEM, ask, &q, &e), ST_BROKEN);
    assert_non_null(strstr(e.message, "\"total\""));
    assert_non_null(strstr(e.message, "cast"));
}

static void wrong_statements_are_our_bug(void **state) {
    static const char *const texts[] = {"SELEC 1", "SELECT * FROM nothing", "SELECT 1; SELECT 2"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct err e = ERR_INIT;

        assert_int_equal(
            HARNESS_EXEC(db, DB_SYSTEM, ((struct db_sql){texts[i], texts[i]}), NULL, &e),
            ST_BROKEN);
        assert_non_null(strstr(e.message, "SELEC"));
    }
}

static void too_few_values_are_our_bug(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("SELECT $1, $2"), NULL, &e, V_I64(1)),
                     ST_BROKEN);
}

static void text_with_a_nul_is_invalid(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("INSERT INTO vals (id, t) VALUES (1, $1)"),
                                  NULL, &e, V_TEXT(STR("a\0b"))),
                     ST_INVALID);
}

static void readers_may_not_write(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct question q = {.a = &a, .sql = DB_SQL("INSERT INTO vals (id) VALUES (1)")};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(db_read(db, DB_SYSTEM, ask, &q, &e), ST_BROKEN);
    assert_int_equal(harness_i64(db, DB_SYSTEM, DB_SQL("SELECT count(*) FROM vals")), 0);
}

/* More texts than a connection keeps prepared. */
static void many_statements_find_their_own_text(void **state) {
    enum { N_TEXTS = 700 };
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct question q = {.a = &a, .n = 1, .vals = {V_I64(1000)}};
    const char *texts[N_TEXTS];
    struct err e = ERR_INIT;

    (void)state;
    for (int i = 0; i < N_TEXTS; i++)
        texts[i] = arena_printf(&a, "SELECT %d + $1", i).ptr;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < N_TEXTS; i++) {
            q.sql = (struct db_sql){texts[i], texts[i]};
            assert_ok(db_read(db, DB_SYSTEM, ask, &q, &e), &e);
            assert_int_equal(db_i64(&q.rows, 0, 0), 1000 + i);
        }
}

/* --- batches and walks ----------------------------------------------------------------------- */

static const struct db_sql insert_rows = {
    .sqlite = "INSERT INTO vals (id, n, d, t, b, u) VALUES ($1, $2, $3, $4, $5, $6)",
    .postgres =
        "INSERT INTO vals (id, n, d, t, b, u) SELECT * FROM unnest($1::bigint[], $2::bigint[],"
        " $3::double precision[], $4::text[], $5::bytea[], $6::uuid[])",
};

enum { COLUMNS = 6 };

struct batch {
    struct arena a;
    struct db_val *vals;
    size_t n;
    int64_t changed;
};

/* Every seventh row has NULLs but in its key. */
static void fill(struct batch *b, size_t n) {
    b->n = n;
    b->vals = arena_array_of(&b->a, n * COLUMNS, struct db_val);
    for (size_t i = 0; i < n; i++) {
        struct db_val *v = &b->vals[i * COLUMNS];

        v[0] = V_I64((int64_t)i);
        v[1] = V_I64(-(int64_t)i);
        v[2] = V_REAL((double)i / 4);
        v[3] = V_TEXT(arena_printf(&b->a, "texto número %zu", i));
        v[4] = V_BYTES(arena_printf(&b->a, "%*s", (int)(i % 50), ""));
        v[5] = V_UUID(uuid_new());
        for (size_t col = 1; i % 7 == 3 && col < COLUMNS; col++)
            v[col].is_null = true;
    }
}

static enum status insert_batch(struct tx *tx, void *ctx, struct err *e) {
    struct batch *b = ctx;

    return db_exec_rows(tx, insert_rows, b->vals, b->n, COLUMNS, &b->changed, e);
}

struct compare {
    const struct batch *batch;
    size_t n;
    size_t stop_at;
    int wrong;
};

static enum status compare_row(const struct db_val *cells, size_t columns, void *ctx,
                               struct err *e) {
    struct compare *c = ctx;
    const struct db_val *want = &c->batch->vals[c->n * COLUMNS];

    c->wrong += columns != COLUMNS || cells[0].i != want[0].i;
    for (size_t col = 1; col < columns; col++)
        c->wrong += cells[col].is_null != want[col].is_null;
    if (!want[1].is_null)
        c->wrong += cells[1].i != want[1].i || cells[2].r != want[2].r ||
                    !str_eq(cells[3].s, want[3].s) || !str_eq(cells[4].s, want[4].s) ||
                    !uuid_eq(cells[5].u, want[5].u);
    if (++c->n == c->stop_at)
        FAIL(e, ST_LIMITED, "enough");
    return ST_OK;
}

static enum status walk(struct tx *tx, void *ctx, struct err *e) {
    struct compare *c = ctx;
    enum status st;

    c->n = 0;
    st = db_each_vals(tx, DB_SQL("SELECT id, n, d, t, b, u FROM vals WHERE id >= $1 ORDER BY id"),
                      DB_VALS_(V_I64(0)), 1, compare_row, c, e);
    if (st == ST_OK) /* the transaction is still of use */
        st = DB_EXEC(tx, DB_SQL("SELECT 1"), NULL, e);
    return st;
}

static void batches_of_any_size_come_back(void **state) {
    static const size_t sizes[] = {0, 1, 2, 7, 64, 256, 1000};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct batch b = {.changed = -1};
        struct compare c = {.batch = &b};
        struct err e = ERR_INIT;

        empty_table(state);
        fill(&b, sizes[i]);
        assert_ok(db_write(db, DB_SYSTEM, insert_batch, &b, &e), &e);
        assert_int_equal(b.changed, sizes[i]);
        assert_ok(db_read(db, DB_SYSTEM, walk, &c, &e), &e);
        assert_int_equal(c.n, sizes[i]);
        assert_int_equal(c.wrong, 0);
        arena_done(&b.a);
    }
}

struct table {
    int64_t n, sum;
};

static enum status measure(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct table *t = ctx;
    struct db_rows rows;

    TRY(DB_QUERY(&a, tx, DB_SQL("SELECT count(*), CAST(coalesce(sum(n), 0) AS BIGINT) FROM vals"),
                 &rows, e));
    *t = (struct table){db_i64(&rows, 0, 0), db_i64(&rows, 0, 1)};
    return ST_OK;
}

static struct table table_now(void) {
    struct err e = ERR_INIT;
    struct table t;

    assert_ok(db_read(db, DB_SYSTEM, measure, &t, &e), &e);
    return t;
}

static void a_batch_with_a_refused_row_leaves_nothing_wherever_that_stands(void **state) {
    static const size_t places[] = {1, 31, 32, 33, 64, 99};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct batch b = {.changed = -1};
        struct err e = ERR_INIT;

        fill(&b, 100);
        b.vals[places[i] * COLUMNS] = V_I64(0); /* the first one's key */
        assert_int_equal(db_write(db, DB_SYSTEM, insert_batch, &b, &e), ST_CONFLICT);
        assert_string_equal(e.cause, "vals_pkey");
        assert_int_equal(table_now().n, 0);
        arena_done(&b.a);
    }
}

struct pairs {
    struct db_sql sql;
    struct db_val vals[2 * 100];
    size_t n;
    int64_t changed;
};

static enum status insert_pairs(struct tx *tx, void *ctx, struct err *e) {
    struct pairs *p = ctx;

    return db_exec_rows(tx, p->sql, p->vals, p->n, 2, &p->changed, e);
}

/* Keys from to from + 99, each with n = 1. */
static int64_t put_pairs(struct db_sql sql, int64_t from) {
    struct pairs p = {.sql = sql, .n = 100};
    struct err e = ERR_INIT;

    for (size_t i = 0; i < p.n; i++) {
        p.vals[2 * i] = V_I64(from + (int64_t)i);
        p.vals[2 * i + 1] = V_I64(1);
    }
    assert_ok(db_write(db, DB_SYSTEM, insert_pairs, &p, &e), &e);
    return p.changed;
}

#define PAIRS " SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS u (id, n)"

static void a_batch_counts_what_it_changed_and_not_what_was_there(void **state) {
    static const struct db_sql unless =
        DB_SQL2("INSERT INTO vals (id, n) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                "INSERT INTO vals (id, n)" PAIRS " ON CONFLICT DO NOTHING");
    static const struct db_sql more =
        DB_SQL2("INSERT INTO vals (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET"
                " n = vals.n + excluded.n",
                "INSERT INTO vals (id, n)" PAIRS " ON CONFLICT (id) DO UPDATE SET"
                " n = vals.n + excluded.n");

    (void)state;
    assert_int_equal(put_pairs(unless, 0), 100);
    assert_int_equal(put_pairs(unless, 30), 30);
    assert_int_equal(table_now().sum, 130);
    assert_int_equal(put_pairs(more, 65), 100);
    assert_int_equal(table_now().n, 165);
    assert_int_equal(table_now().sum, 230);
}

static void a_batch_may_reckon_with_its_values(void **state) {
    static const struct db_sql tuple =
        DB_SQL2("INSERT INTO vals (id, n) VALUES ($1, abs($2) + $1)",
                "INSERT INTO vals (id, n) SELECT id, abs(n) + id FROM unnest($1::bigint[],"
                " $2::bigint[]) AS u (id, n)");
    static const struct db_sql tail = DB_SQL2(
        "INSERT INTO vals (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = $2 + 1",
        "INSERT INTO vals (id, n)" PAIRS " ON CONFLICT (id) DO UPDATE SET n = excluded.n + 1");

    (void)state;
    assert_int_equal(put_pairs(tuple, 0), 100);
    assert_int_equal(table_now().sum, 100 + 4950);
    assert_int_equal(put_pairs(tail, 0), 100);
    assert_int_equal(table_now().sum, 200);
}

static void a_walk_can_stop_early(void **state) {
    struct batch b = {.changed = -1};
    struct compare c = {.batch = &b, .stop_at = 10};
    struct err e = ERR_INIT;

    (void)state;
    fill(&b, 1000);
    assert_ok(db_write(db, DB_SYSTEM, insert_batch, &b, &e), &e);
    assert_int_equal(db_read(db, DB_SYSTEM, walk, &c, &e), ST_LIMITED);
    assert_int_equal(c.n, 10);
    assert_int_equal(harness_i64(db, DB_SYSTEM, DB_SQL("SELECT count(*) FROM vals")), 1000);
    arena_done(&b.a);
}

static enum status run_inside(const struct db_val *cells, size_t columns, void *ctx,
                              struct err *e) {
    (void)cells;
    (void)columns;
    return DB_EXEC((struct tx *)ctx, DB_SQL("SELECT 1"), NULL, e);
}

static enum status walk_and_run(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return db_each_vals(tx, DB_SQL("SELECT 1"), NULL, 0, run_inside, tx, e);
}

static void no_statement_runs_inside_a_walk(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(db_read(db, DB_SYSTEM, walk_and_run, NULL, &e), ST_BROKEN);
}

static void mixed_types_in_a_column_are_refused(void **state) {
    struct batch b = {.changed = -1};
    struct err e = ERR_INIT;

    (void)state;
    fill(&b, 2);
    b.vals[COLUMNS + 3] = V_I64(3);
    assert_int_equal(db_write(db, DB_SYSTEM, insert_batch, &b, &e), ST_BROKEN);
    arena_done(&b.a);
}

static void more_rows_than_asked_for_are_an_error(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct question q = {.a = &a, .sql = DB_SQL("SELECT id FROM vals"), .max_rows = 10};
    struct batch b = {.changed = -1};
    struct err e = ERR_INIT;

    (void)state;
    fill(&b, 11);
    assert_ok(db_write(db, DB_SYSTEM, insert_batch, &b, &e), &e);
    assert_int_equal(db_read(db, DB_SYSTEM, ask, &q, &e), ST_BROKEN);
    err_clear(&e);
    q.max_rows = 11;
    assert_ok(db_read(db, DB_SYSTEM, ask, &q, &e), &e);
    assert_int_equal(q.rows.n, 11);
    arena_done(&b.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_type_comes_back_as_it_went_in, empty_table),
        cmocka_unit_test_setup(nulls_read_as_nothing, empty_table),
        cmocka_unit_test_setup(empty_text_and_bytes_are_not_null, empty_table),
        cmocka_unit_test(placeholders_go_by_number_not_by_place),
        cmocka_unit_test(one_text_takes_values_of_different_types),
        cmocka_unit_test_setup(the_engines_own_types_are_read, empty_table),
        cmocka_unit_test(numeric_is_refused_with_advice),
        cmocka_unit_test(wrong_statements_are_our_bug),
        cmocka_unit_test(too_few_values_are_our_bug),
        cmocka_unit_test(text_with_a_nul_is_invalid),
        cmocka_unit_test_setup(readers_may_not_write, empty_table),
        cmocka_unit_test(many_statements_find_their_own_text),
        cmocka_unit_test(batches_of_any_size_come_back),
        cmocka_unit_test_setup(a_batch_with_a_refused_row_leaves_nothing_wherever_that_stands,
                               empty_table),
        cmocka_unit_test_setup(a_batch_counts_what_it_changed_and_not_what_was_there, empty_table),
        cmocka_unit_test_setup(a_batch_may_reckon_with_its_values, empty_table),
        cmocka_unit_test_setup(a_walk_can_stop_early, empty_table),
        cmocka_unit_test(no_statement_runs_inside_a_walk),
        cmocka_unit_test(mixed_types_in_a_column_are_refused),
        cmocka_unit_test_setup(more_rows_than_asked_for_are_an_error, empty_table),
    };

    return cmocka_run_group_tests(tests, open_db, close_db);
}
