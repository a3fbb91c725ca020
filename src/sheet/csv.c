/* csv.c - rows of a CSV: RFC 4180 and what is found in its name. The separator is what divides the first records most evenly;
 * a line "sep=;" says it outright, as spreadsheet programs have it.
 *
 *   file ──64 KiB──► in ──decode──► text[at..] ──fields──► row
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/decode.h"
#include "sheet/reader.h"

enum {
    IN_BYTES = 64 << 10,
    TEXT_BYTES = 3 * IN_BYTES + 8,
    GUESS_RECORDS = 30,
    NOTHING = -1,
};

struct csv {
    int fd;
    uint64_t size, first, at; /* bytes: of the file, where text begins, read so far */
    enum encoding encoding;
    char delimiter;
    bool has_sep_line, is_end;
    int64_t number;
    size_t in_len; /* what of `in` waits for the rest of its last character */
    char in[IN_BYTES];
    struct buf text;
    size_t text_at;
    struct rowbuf row;
};

/* --- characters -------------------------------------------------------------------------------------------------------- */

static enum status fill(struct csv *c, struct err *e) {
    size_t n, used;

    buf_clear(&c->text);
    c->text_at = 0;
    while (!c->is_end && c->text.len == 0) {
        TRY(fd_read_at(c->fd, c->at, c->in + c->in_len, IN_BYTES - c->in_len, &n, e));
        c->at += n;
        c->is_end = n < IN_BYTES - c->in_len;
        n += c->in_len;
        used = decode(c->encoding, (struct str){.ptr = c->in, .len = n}, c->is_end, &c->text);
        c->in_len = n - used;
        memmove(c->in, c->in + used, c->in_len);
    }
    return ST_OK;
}

/* The next byte without taking it; NOTHING at the end. */
static inline enum status peek(struct csv *c, int *ret, struct err *e) {
    if (c->text_at == c->text.len)
        TRY(fill(c, e));
    *ret = c->text_at < c->text.len ? (unsigned char)c->text.ptr[c->text_at] : NOTHING;
    return ST_OK;
}

/* --- which separator --------------------------------------------------------------------------------------------------- */

/* Fields of the record at the front of s, were it divided by this; eats it. */
static size_t count_fields(struct str *s, char delimiter) {
    bool is_quoted = false;
    size_t n = 1, i = 0;

    for (; i < s->len && (is_quoted || (s->ptr[i] != '\n' && s->ptr[i] != '\r')); i++) {
        if (s->ptr[i] == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && s->ptr[i] == delimiter)
            n++;
    }
    while (i < s->len && (s->ptr[i] == '\n' || s->ptr[i] == '\r'))
        i++;
    *s = str_sub(*s, i, s->len);
    return n;
}

/* How evenly: for the commonest number of fields above one, that number times the square of how many records have it. */
static size_t evenness(struct str text, char delimiter, bool is_all) {
    size_t counts[GUESS_RECORDS], n = 0, best = 0;

    while (text.len > 0 && n < GUESS_RECORDS) {
        size_t fields = count_fields(&text, delimiter);

        if (text.len > 0 || is_all) /* the last one may be cut */
            counts[n++] = fields;
    }
    for (size_t i = 0; i < n; i++) {
        size_t same = 0, score;

        for (size_t k = 0; k < n; k++)
            same += counts[k] == counts[i];
        score = counts[i] > 1 ? counts[i] * same * same : 0;
        if (score > best)
            best = score;
    }
    return best;
}

static void guess_delimiter(struct csv *c) {
    static const char candidates[] = {';', ',', '\t', '|'};
    struct str text = str_sub(buf_str(&c->text), 0, IN_BYTES);
    size_t best = 0;

    c->delimiter = ',';
    if (str_starts(text, STR("sep=")) && text.len > 5 &&
        (text.ptr[5] == '\r' || text.ptr[5] == '\n')) {
        c->delimiter = text.ptr[4];
        c->has_sep_line = true;
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
        size_t score = evenness(text, candidates[i], c->is_end && text.len == c->text.len);

        if (score > best) {
            best = score;
            c->delimiter = candidates[i];
        }
    }
}

/* --- fields ------------------------------------------------------------------------------------------------------------ */

/* Behind the opening quote, up to behind the closing one. */
static enum status quoted(struct csv *c, size_t start, struct err *e) {
    int ch;

    for (;;) {
        TRY(peek(c, &ch, e));
        if (ch == NOTHING || c->row.text.len - start > SHEET_MAX_CELL_BYTES)
            REFUSE(e, "unclosed-quote", "row %lld: a quotation mark is opened and never closed",
                   (long long)c->number);
        c->text_at++;
        if (ch == '"') {
            TRY(peek(c, &ch, e));
            if (ch != '"')
                return ST_OK;
            c->text_at++;
        }
        buf_add_char(&c->row.text, (char)ch);
    }
}

/* As far as the separator or the line's end, which stay. */
static enum status plain(struct csv *c, struct err *e) {
    int ch;

    for (;;) {
        TRY(peek(c, &ch, e));
        if (ch == NOTHING || ch == (unsigned char)c->delimiter || ch == '\n' || ch == '\r')
            return ST_OK;
        c->text_at++;
        buf_add_char(&c->row.text, (char)ch);
    }
}

static bool is_blank(struct str s) {
    return str_trim(s).len == 0;
}

static enum status field(struct csv *c, size_t column, struct err *e) {
    size_t start = c->row.text.len;
    struct str text;
    int ch;

    TRY(peek(c, &ch, e));
    if (ch == '"') {
        c->text_at++;
        TRY(quoted(c, start, e));
    }
    TRY(plain(c, e));
    text = str_sub(buf_str(&c->row.text), start, c->row.text.len);
    return rowbuf_put(&c->row, column, is_blank(text) ? SHEET_EMPTY : SHEET_TEXT, start, e);
}

static enum status end_line(struct csv *c, struct err *e) {
    int ch;

    TRY(peek(c, &ch, e));
    if (ch == NOTHING)
        return ST_OK;
    c->text_at++;
    if (ch != '\r')
        return ST_OK;
    TRY(peek(c, &ch, e));
    c->text_at += ch == '\n';
    return ST_OK;
}

static enum status record(struct csv *c, struct err *e) {
    int ch;

    rowbuf_clear(&c->row);
    c->number++;
    for (size_t column = 0;; column++) {
        TRY(field(c, column, e));
        TRY(peek(c, &ch, e));
        if (ch != (unsigned char)c->delimiter)
            return end_line(c, e);
        c->text_at++;
    }
}

/* --- the reader -------------------------------------------------------------------------------------------------------- */

enum status csv_start(struct csv *c, struct err *e) {
    c->at = c->first;
    c->in_len = 0;
    c->is_end = false;
    c->number = 0;
    TRY(fill(c, e));
    if (c->delimiter == '\0')
        guess_delimiter(c);
    if (!c->has_sep_line)
        return ST_OK;
    c->text_at = 5;
    return end_line(c, e);
}

enum status csv_next(struct csv *c, struct sheet_row *ret, struct err *e) {
    int ch;

    for (;;) {
        TRY(peek(c, &ch, e));
        if (ch == NOTHING)
            return ST_NOT_FOUND;
        TRY(record(c, e));
        if (rowbuf_finish(&c->row, c->number, ret))
            return ST_OK;
    }
}

enum status csv_open(int fd, uint64_t size, struct csv **ret, struct err *e) {
    struct csv *c = calloc(1, sizeof(*c));
    size_t n, skip;
    bool is_text;
    enum status st;

    if (!c)
        abort();
    *ret = c; /* the caller closes it also after a failure */
    c->fd = fd;
    c->size = size;
    buf_init(&c->text, TEXT_BYTES);
    rowbuf_init(&c->row);
    st = fd_read_at(fd, 0, c->in, IN_BYTES, &n, e);
    if (st != ST_OK)
        return st;
    is_text =
        encoding_detect((struct str){.ptr = c->in, .len = n}, n < IN_BYTES, &c->encoding, &skip);
    if (!is_text)
        REFUSE(e, "wrong-type", "this is neither an XLSX nor a CSV");
    c->first = skip;
    return csv_start(c, e);
}

void csv_close(struct csv *c) {
    if (!c)
        return;
    buf_done(&c->text);
    rowbuf_done(&c->row);
    free(c);
}

const char *csv_encoding(const struct csv *c) {
    return encoding_name(c->encoding);
}

char csv_delimiter(const struct csv *c) {
    return c->delimiter;
}

int csv_permille(const struct csv *c) {
    uint64_t waits = c->text.len - c->text_at;
    uint64_t done = c->at > waits ? c->at - waits : 0;

    return c->size == 0 || done >= c->size ? 1000 : (int)(done * 1000 / c->size);
}
