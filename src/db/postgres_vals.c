/* postgres_vals.c - values to and from PostgreSQL's binary forms: big-endian integers, IEEE 754,
 * arrays as in array_send() of its source (dimensions, flags, element type, length, lower bound,
 * items).
 * SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <string.h>

#include "db/postgres_engine.h"

enum { ARRAY_HEADER_BYTES = 20 };

/* --- parameters ------------------------------------------------------------------------------ */

static Oid oid_of(enum db_type type) {
    switch (type) {
    case DB_NULL:
        return 0; /* the server infers it */
    case DB_I64:
        return PG_INT8;
    case DB_REAL:
        return PG_FLOAT8;
    case DB_TEXT:
        return PG_TEXT;
    case DB_BYTES:
        return PG_BYTEA;
    case DB_UUID:
        return PG_UUID;
    }
    return 0;
}

static Oid array_oid_of(enum db_type type) {
    switch (type) {
    case DB_NULL:
        return 0;
    case DB_I64:
        return PG_INT8_ARRAY;
    case DB_REAL:
        return PG_FLOAT8_ARRAY;
    case DB_TEXT:
        return PG_TEXT_ARRAY;
    case DB_BYTES:
        return PG_BYTEA_ARRAY;
    case DB_UUID:
        return PG_UUID_ARRAY;
    }
    return 0;
}

static uint64_t real_bits(double r) {
    uint64_t bits;

    memcpy(&bits, &r, sizeof(bits));
    return htobe64(bits);
}

/* The bytes of a value; a number's are put into *number. Never NULL. */
static struct str bytes_of(const struct db_val *v, uint64_t *number) {
    switch (v->type) {
    case DB_I64:
        *number = htobe64((uint64_t)v->i);
        return (struct str){.ptr = (const char *)number, .len = sizeof(*number)};
    case DB_REAL:
        *number = real_bits(v->r);
        return (struct str){.ptr = (const char *)number, .len = sizeof(*number)};
    case DB_TEXT:
    case DB_BYTES:
        return v->s.len > 0 ? v->s : STR("");
    case DB_UUID:
        return (struct str){.ptr = (const char *)v->u.bytes, .len = UUID_BYTES};
    case DB_NULL:
        break;
    }
    return STR("");
}

static bool is_null(const struct db_val *v) {
    return v->is_null || v->type == DB_NULL;
}

void pg_params_of(const struct db_val *vals, size_t n, struct pg_params *ret) {
    ret->n = (int)n;
    for (size_t i = 0; i < n; i++) {
        struct str bytes = bytes_of(&vals[i], &ret->numbers[i]);

        ret->types[i] = oid_of(vals[i].type);
        ret->values[i] = is_null(&vals[i]) ? NULL : bytes.ptr;
        ret->lengths[i] = (int)bytes.len;
        ret->formats[i] = 1;
    }
}

uint64_t pg_types_hash(const struct pg_params *params) {
    return str_hash((struct str){.ptr = (const char *)params->types,
                                 .len = (size_t)params->n * sizeof(params->types[0])});
}

/* --- arrays ---------------------------------------------------------------------------------- */

static char *put_u32(char *out, uint32_t v) {
    uint32_t be = htobe32(v);

    memcpy(out, &be, sizeof(be));
    return out + sizeof(be);
}

static size_t column_bytes(struct db_batch batch, size_t col) {
    size_t n = ARRAY_HEADER_BYTES;

    for (size_t row = 0; row < batch.n_rows; row++) {
        const struct db_val *v = &batch.vals[row * batch.n_cols + col];
        uint64_t number;

        n += sizeof(uint32_t) + (is_null(v) ? 0 : bytes_of(v, &number).len);
    }
    return n;
}

static char *put_column(char *out, struct db_batch batch, size_t col) {
    char *flags;
    uint32_t has_null = 0;

    out = put_u32(out, 1); /* dimensions */
    flags = out;
    out = put_u32(out, 0);
    out = put_u32(out, oid_of(batch.vals[col].type));
    out = put_u32(out, (uint32_t)batch.n_rows);
    out = put_u32(out, 1); /* lower bound */
    for (size_t row = 0; row < batch.n_rows; row++) {
        const struct db_val *v = &batch.vals[row * batch.n_cols + col];
        uint64_t number;
        struct str bytes = bytes_of(v, &number);

        if (is_null(v)) {
            has_null = 1;
            out = put_u32(out, UINT32_MAX); /* -1 */
            continue;
        }
        out = put_u32(out, (uint32_t)bytes.len);
        memcpy(out, bytes.ptr, bytes.len);
        out += bytes.len;
    }
    (void)put_u32(flags, has_null);
    return out;
}

enum status pg_params_of_rows(struct buf *arrays, struct db_batch batch, struct pg_params *ret,
                              struct err *e) {
    size_t total = 0;
    char *out;

    ret->n = (int)batch.n_cols;
    for (size_t col = 0; col < batch.n_cols; col++) {
        size_t bytes = column_bytes(batch, col);

        ret->types[col] = array_oid_of(batch.vals[col].type);
        ret->lengths[col] = (int)bytes;
        ret->formats[col] = 1;
        total += bytes;
    }
    buf_clear(arrays);
    out = buf_reserve(arrays, total);
    if (!out)
        FAIL(e, ST_INVALID, "could not write %zu rows at once: %zu bytes", batch.n_rows, total);
    for (size_t col = 0; col < batch.n_cols; col++) {
        ret->values[col] = out;
        out = put_column(out, batch, col);
    }
    return ST_OK;
}

/* --- results --------------------------------------------------------------------------------- */

enum status pg_check_columns(const PGresult *result, const char *sql, struct err *e) {
    for (int col = 0; col < PQnfields(result); col++) {
        switch (PQftype(result, col)) {
        case PG_BOOL:
        case PG_BYTEA:
        case PG_CHAR:
        case PG_NAME:
        case PG_INT8:
        case PG_INT2:
        case PG_INT4:
        case PG_TEXT:
        case PG_OID:
        case PG_JSON:
        case PG_FLOAT4:
        case PG_FLOAT8:
        case PG_BPCHAR:
        case PG_VARCHAR:
        case PG_VOID:
        case PG_UUID:
        case PG_JSONB:
            break;
        default:
            FAIL(
                e, ST_BROKEN,
                "could not read column \"%s\" of \"%s\": its type, oid %u, has no place here; cast "
                "it to bigint, double precision or text",
                PQfname(result, col), db_sql_name(sql).text, PQftype(result, col));
        }
    }
    return ST_OK;
}

static uint64_t get_number(struct str s) {
    uint64_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n = n << 8 | (unsigned char)s.ptr[i];
    return n;
}

static double get_real(struct str s) {
    uint64_t bits = get_number(s);
    uint32_t short_bits = (uint32_t)bits;
    float f;
    double r;

    if (s.len == sizeof(f)) {
        memcpy(&f, &short_bits, sizeof(f));
        return (double)f;
    }
    memcpy(&r, &bits, sizeof(r));
    return r;
}

static void read_integer(struct db_val *v) {
    uint64_t n = get_number(v->s);

    v->type = DB_I64;
    if (v->s.len == 2)
        v->i = (int16_t)n;
    else if (v->s.len == 4)
        v->i = (int32_t)n;
    else
        v->i = (int64_t)n; /* one byte, a bool, has no sign */
}

struct db_val pg_cell(const PGresult *result, int row, int col) {
    struct db_val v = {.type = DB_TEXT};

    if (PQgetisnull(result, row, col))
        return (struct db_val){.is_null = true};
    v.s.ptr = PQgetvalue(result, row, col);
    v.s.len = (size_t)PQgetlength(result, row, col);
    switch (PQftype(result, col)) {
    case PG_BOOL:
    case PG_INT2:
    case PG_INT4:
    case PG_INT8:
        read_integer(&v);
        break;
    case PG_OID:
        v.type = DB_I64;
        v.i = (int64_t)get_number(v.s);
        break;
    case PG_FLOAT4:
    case PG_FLOAT8:
        v.type = DB_REAL;
        v.r = get_real(v.s);
        break;
    case PG_BYTEA:
        v.type = DB_BYTES;
        break;
    case PG_UUID:
        v.type = DB_UUID;
        memcpy(v.u.bytes, v.s.ptr, UUID_BYTES);
        break;
    case PG_JSONB: /* one byte of version in front */
        v.s = str_sub(v.s, 1, SIZE_MAX);
        break;
    default:
        break;
    }
    return v;
}
