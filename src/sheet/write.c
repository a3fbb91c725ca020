/* write.c - rows out as CSV or XLSX, as they come.
 *
 * XLSX: the texts stand inline in the rows, so that nothing has to be remembered; type inlineStr is never taken for a formula.
 * CSV: what begins with = + - @ or a control character, and is not a plain number, begins with ' instead (OWASP, "CSV
 * Injection"). A telephone number stays as it is: +55 (11) 91234-5678 can say nothing to a spreadsheet but a number.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/sheet.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "sheet/zipout.h"

enum {
    FLUSH_BYTES = 64 << 10,
    ROW_MAX_BYTES = 16 << 20,
    CELL_MAX_POINTS = 32767,
};

#define XML   "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define MAIN  "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define REL   "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define PKG   "http://schemas.openxmlformats.org/package/2006/"
#define TYPES "application/vnd.openxmlformats-officedocument.spreadsheetml."

struct sheet_writer {
    struct sheet_out to;
    struct zipout *zip;
    struct buf b;
    struct arena scratch;
    int64_t rows;
};

/* --- CSV --------------------------------------------------------------------------------------------------------------- */

static bool is_plain_number(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789+-(). ", s.ptr[i]) || s.ptr[i] == '\0')
            return false;
    return true;
}

static bool is_formula_like(struct str s) {
    return s.len > 0 && strchr("=+-@\t\r\n", s.ptr[0]) && s.ptr[0] != '\0' && !is_plain_number(s);
}

/* Also for the delimiters that this file does not have: a program that expects one of them must not find a cell that begins in
 * the middle of a text. */
static bool needs_quotes(struct str s, char delimiter) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == delimiter || strchr("\"\r\n,;\t", s.ptr[i]))
            return true;
    return s.len > 0 && (s.ptr[0] == ' ' || s.ptr[s.len - 1] == ' ');
}

void sheet_csv_cell(struct buf *out, struct str s, char delimiter) {
    bool is_quoted = needs_quotes(s, delimiter);

    if (is_quoted)
        buf_add_char(out, '"');
    if (is_formula_like(s))
        buf_add_char(out, '\'');
    for (size_t i = 0; is_quoted && i < s.len; i++) {
        if (s.ptr[i] == '"')
            buf_add_char(out, '"');
        if (s.ptr[i] != '\0')
            buf_add_char(out, s.ptr[i]);
    }
    if (is_quoted)
        buf_add_char(out, '"');
    else
        buf_add(out, s);
}

static void csv_row(struct sheet_writer *w, const struct str *cells, size_t n) {
    char delimiter = w->to.delimiter ? w->to.delimiter : ',';

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(&w->b, delimiter);
        sheet_csv_cell(&w->b, utf8_repair(&w->scratch, cells[i]), delimiter);
    }
    buf_add(&w->b, STR("\r\n"));
}

/* --- XLSX -------------------------------------------------------------------------------------------------------------- */

/* XML 1.0 has no words for most control characters, nor for U+FFFE and U+FFFF. */
static void add_xml(struct buf *b, struct str s) {
    uint32_t c;

    for (struct str at = s; utf8_next(&s, &c); at = s) {
        if (c == '&')
            buf_add(b, STR("&amp;"));
        else if (c == '<')
            buf_add(b, STR("&lt;"));
        else if (c == '>')
            buf_add(b, STR("&gt;"));
        else if (c == '"')
            buf_add(b, STR("&quot;"));
        else if (c == '\r')
            buf_add(b, STR("&#13;"));
        else if ((c >= ' ' || c == '\t' || c == '\n') && c != 0xfffe && c != 0xffff)
            buf_add(b, (struct str){.ptr = at.ptr, .len = at.len - s.len});
    }
}

/* _x0041_ in a cell means a letter A (ST_Xstring), so that an underscore that begins such a thing is written as _x005F_. */
static bool begins_escape(struct str s) {
    if (s.len < 7 || s.ptr[0] != '_' || s.ptr[1] != 'x' || s.ptr[6] != '_')
        return false;
    for (size_t i = 2; i < 6; i++)
        if (!strchr("0123456789abcdefABCDEF", s.ptr[i]) || s.ptr[i] == '\0')
            return false;
    return true;
}

static void add_cell_text(struct buf *b, struct str s) {
    size_t from = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (!begins_escape(str_sub(s, i, 7)))
            continue;
        add_xml(b, str_sub(s, from, i - from));
        buf_add(b, STR("_x005F"));
        from = i;
    }
    add_xml(b, str_sub(s, from, s.len));
}

/* "A", "Z", "AA": counted in 26 letters without a zero. */
static void add_column(struct buf *b, size_t column) {
    if (column >= 26)
        add_column(b, column / 26 - 1);
    buf_add_char(b, (char)('A' + column % 26));
}

/* The format takes rows and cells without their place, but not every program that reads it does (exceljs refuses the file). */
static void xlsx_row(struct sheet_writer *w, const struct str *cells, size_t n) {
    buf_printf(&w->b, "<row r=\"%lld\">", (long long)w->rows);
    for (size_t i = 0; i < n; i++) {
        struct str text = utf8_cut_points(utf8_repair(&w->scratch, cells[i]), CELL_MAX_POINTS);

        if (text.len == 0)
            continue;
        buf_add(&w->b, STR("<c r=\""));
        add_column(&w->b, i);
        buf_printf(&w->b, "%lld\" t=\"inlineStr\"><is><t xml:space=\"preserve\">",
                   (long long)w->rows);
        add_cell_text(&w->b, text);
        buf_add(&w->b, STR("</t></is></c>"));
    }
    buf_add(&w->b, STR("</row>"));
}

static enum status part(struct zipout *z, const char *name, struct str text, struct err *e) {
    TRY(zipout_begin(z, name, e));
    TRY(zipout_add(z, text, e));
    return zipout_end(z, e);
}

static enum status begin_xlsx(struct sheet_writer *w, struct err *e) {
    struct str name = w->to.name.len > 0 ? w->to.name : STR("Planilha1");

    TRY(part(
        w->zip, "[Content_Types].xml",
        STR(XML
            "<Types xmlns=\"" PKG "content-types\">"
            "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
            "<Default Extension=\"xml\" ContentType=\"application/xml\"/>"
            "<Override PartName=\"/xl/workbook.xml\" ContentType=\"" TYPES "sheet.main+xml\"/>"
            "<Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"" TYPES
            "worksheet+xml\"/></Types>"),
        e));
    TRY(part(w->zip, "_rels/.rels",
             STR(XML "<Relationships xmlns=\"" PKG
                     "relationships\"><Relationship Id=\"rId1\" Type=\"" REL
                     "/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"),
             e));
    buf_add(&w->b,
            STR(XML "<workbook xmlns=\"" MAIN "\" xmlns:r=\"" REL "\"><sheets><sheet name=\""));
    add_xml(&w->b, utf8_cut_points(utf8_repair(&w->scratch, name), 31));
    buf_add(&w->b, STR("\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"));
    TRY(part(w->zip, "xl/workbook.xml", buf_str(&w->b), e));
    buf_clear(&w->b);
    TRY(part(w->zip, "xl/_rels/workbook.xml.rels",
             STR(XML "<Relationships xmlns=\"" PKG
                     "relationships\"><Relationship Id=\"rId1\" Type=\"" REL
                     "/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"),
             e));
    TRY(zipout_begin(w->zip, "xl/worksheets/sheet1.xml", e));
    buf_add(&w->b, STR(XML "<worksheet xmlns=\"" MAIN "\"><sheetData>"));
    return ST_OK;
}

/* --- both -------------------------------------------------------------------------------------------------------------- */

static enum status flush(struct sheet_writer *w, struct err *e) {
    TRY(w->zip ? zipout_add(w->zip, buf_str(&w->b), e) : fd_write_all(w->to.fd, buf_str(&w->b), e));
    buf_clear(&w->b);
    return ST_OK;
}

enum status sheet_writer_open(struct sheet_out out, struct sheet_writer **ret, struct err *e) {
    ATTR_CLEANUP(sheet_writer_close_p) struct sheet_writer *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    w->to = out;
    buf_init(&w->b, ROW_MAX_BYTES + FLUSH_BYTES);
    if (out.kind == SHEET_XLSX) {
        w->zip = zipout_new(out.fd);
        TRY(begin_xlsx(w, e));
    } else {
        buf_add(&w->b, STR("\xef\xbb\xbf"));
    }
    *ret = TAKE(w);
    return ST_OK;
}

enum status sheet_write_row(struct sheet_writer *w, const struct str *cells, size_t n,
                            struct err *e) {
    arena_reset(&w->scratch);
    if (w->zip && w->rows >= SHEET_MAX_ROWS) {
        if (e)
            e->cause = "too-many-rows";
        FAIL(e, ST_INVALID, "an XLSX holds at most %d rows: write a CSV", SHEET_MAX_ROWS);
    }
    w->rows++;
    if (w->zip)
        xlsx_row(w, cells, n);
    else
        csv_row(w, cells, n);
    if (w->b.overflown) {
        if (e)
            e->cause = "cell-too-long";
        FAIL(e, ST_INVALID, "row %lld is longer than 16 MB", (long long)w->rows);
    }
    return w->b.len >= FLUSH_BYTES ? flush(w, e) : ST_OK;
}

enum status sheet_writer_finish(struct sheet_writer *w, struct err *e) {
    if (!w->zip)
        return flush(w, e);
    buf_add(&w->b, STR("</sheetData></worksheet>"));
    TRY(flush(w, e));
    TRY(zipout_end(w->zip, e));
    return zipout_finish(w->zip, e);
}

void sheet_writer_close(struct sheet_writer *w) {
    if (!w)
        return;
    zipout_free(w->zip);
    buf_done(&w->b);
    arena_done(&w->scratch);
    free(w);
}

void sheet_writer_close_p(struct sheet_writer **w) {
    sheet_writer_close(*w);
}
