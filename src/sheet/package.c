/* package.c - Open Packaging Conventions as far as a spreadsheet needs them: _rels/.rels names the workbook, its own
 * relationships name the rest. Transitional and strict files differ in namespaces only; names are therefore compared without.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/package.h"

#include <errno.h>
#include <fcntl.h>

#include "base/utf8.h"

enum { KEPT_MAX_BYTES = 2048 };

struct rel {
    struct str id, type, target;
};

struct rels { /* of one part */
    struct package *p;
    struct rel *items;
    size_t n;
};

/* --- entries ----------------------------------------------------------------------------------------------------------- */

bool package_find(struct package *p, const char *path, uint64_t *ret_index) {
    zip_int64_t i = zip_name_locate(p->zip, path, ZIP_FL_NOCASE);

    if (i >= 0)
        *ret_index = (uint64_t)i;
    return i >= 0;
}

enum status package_parse(struct package *p, const char *path, const struct part_handlers *handlers,
                          struct err *e) {
    ATTR_CLEANUP(part_close_p) struct part *part = NULL;
    uint64_t index;
    bool more = true;

    if (!package_find(p, path, &index))
        REFUSE(e, "damaged", "the spreadsheet has no part \"%s\"", path);
    TRY(part_open(p->zip, index, &p->limits, handlers, path, &part, e));
    while (more)
        TRY(part_run(part, &more, e));
    return ST_OK;
}

/* A target seen from the folder it is named in: "xl", "worksheets/sheet1.xml" or "/xl/worksheets/sheet1.xml". */
static char *resolve(struct arena *a, struct str folder, struct str target) {
    if (str_eat(&target, STR("/")))
        return arena_cstr(a, target);
    while (str_eat(&target, STR("./")))
        ;
    while (str_eat(&target, STR("../"))) {
        while (folder.len > 0 && folder.ptr[folder.len - 1] != '/')
            folder.len--;
        folder.len -= folder.len > 0;
    }
    return arena_cstr(a, folder.len == 0
                             ? target
                             : arena_printf(a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(target)));
}

static struct str folder_of(struct str path) {
    while (path.len > 0 && path.ptr[path.len - 1] != '/')
        path.len--;
    path.len -= path.len > 0;
    return path;
}

/* --- relationships ----------------------------------------------------------------------------------------------------- */

static struct str kept(struct package *p, const char *text) {
    return arena_str(&p->a, utf8_cut_bytes(str_of(text), KEPT_MAX_BYTES));
}

static void rel_start(void *ctx, const char *name, const char **attrs) {
    struct rels *r = ctx;
    const char *id = part_attr(attrs, "Id"), *type = part_attr(attrs, "Type"),
               *target = part_attr(attrs, "Target"), *mode = part_attr(attrs, "TargetMode");

    if (strcmp(name, "Relationship") != 0 || r->n >= PACKAGE_RELS_MAX || !id || !type || !target)
        return;
    if (mode && strcmp(mode, "External") == 0) /* never followed */
        return;
    r->items[r->n++] = (struct rel){kept(r->p, id), kept(r->p, type), kept(r->p, target)};
}

static enum status read_rels(struct package *p, struct str folder, struct str file,
                             struct rels *ret, struct err *e) {
    char *path = resolve(&p->a, folder, arena_printf(&p->a, "_rels/%.*s.rels", STR_ARG(file)));
    uint64_t index;

    *ret = (struct rels){.p = p, .items = arena_array_of(&p->a, PACKAGE_RELS_MAX, struct rel)};
    if (!package_find(p, path, &index))
        return ST_OK;
    return package_parse(p, path, &(struct part_handlers){.start = rel_start, .ctx = ret}, e);
}

static const struct rel *rel_of_type(const struct rels *r, const char *end) {
    for (size_t i = 0; i < r->n; i++)
        if (str_ends(r->items[i].type, str_of(end)))
            return &r->items[i];
    return NULL;
}

/* --- the workbook ------------------------------------------------------------------------------------------------------ */

static bool is_true(const char *value) {
    return value && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

/* The attribute with a prefix that ends in :id, beside sheetId, which is another's. */
static const char *rel_id(const char **attrs) {
    for (; *attrs; attrs += 2)
        if (strchr(attrs[0], ':') && strcmp(part_local_name(attrs[0]), "id") == 0)
            return attrs[1];
    return NULL;
}

static void workbook_start(void *ctx, const char *name, const char **attrs) {
    struct package *p = ctx;
    const char *id = rel_id(attrs), *title = part_attr(attrs, "name"),
               *state = part_attr(attrs, "state");

    if (strcmp(name, "workbookPr") == 0)
        p->is_1904 = is_true(part_attr(attrs, "date1904"));
    if (strcmp(name, "sheet") != 0 || !id)
        return;
    if (p->n_sheets < SHEET_MAX_SHEETS)
        p->sheets[p->n_sheets] = (struct package_sheet){
            .name = kept(p, title ? title : ""),
            .rel_id = kept(p, id),
            .is_hidden = state && strcmp(state, "visible") != 0,
        };
    p->n_sheets++;
}

static void find_sheets(struct package *p, struct str folder, const struct rels *rels) {
    for (size_t i = 0; i < p->n_sheets; i++)
        for (size_t k = 0; k < rels->n; k++)
            if (str_eq(rels->items[k].id, p->sheets[i].rel_id) &&
                str_ends(rels->items[k].type, STR("/worksheet")))
                p->sheets[i].path = resolve(&p->a, folder, rels->items[k].target);
}

/* Sheets of charts and macros have no rows. */
static void drop_others(struct package *p) {
    size_t n = 0;

    for (size_t i = 0; i < p->n_sheets; i++)
        if (p->sheets[i].path)
            p->sheets[n++] = p->sheets[i];
    p->n_sheets = n;
}

static enum status refuse_other_package(struct package *p, struct err *e) {
    static const struct {
        const char *part, *what;
    } others[] = {
        {"content.xml", "an OpenDocument file"},
        {"xl/workbook.bin", "a binary spreadsheet (.xlsb)"},
        {"word/document.xml", "a text document"},
        {"ppt/presentation.xml", "a presentation"},
        {"Index/Document.iwa", "a Numbers file"},
    };
    uint64_t index;

    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (package_find(p, others[i].part, &index))
            REFUSE(e, "wrong-type", "this is %s: save it as .xlsx or .csv", others[i].what);
    REFUSE(e, "wrong-type", "this is an archive without a spreadsheet in it");
}

static enum status read_workbook(struct package *p, struct err *e) {
    const struct rel *to;
    struct rels rels;
    struct str path = STR("xl/workbook.xml"), folder;
    uint64_t index;

    TRY(read_rels(p, STR_EMPTY, STR_EMPTY, &rels, e));
    to = rel_of_type(&rels, "/officeDocument");
    if (to)
        path = str_of(resolve(&p->a, STR_EMPTY, to->target));
    if (!package_find(p, arena_cstr(&p->a, path), &index))
        return refuse_other_package(p, e);
    if (!str_ends(path, STR(".xml")))
        return refuse_other_package(p, e);
    TRY(package_parse(p, arena_cstr(&p->a, path),
                      &(struct part_handlers){.start = workbook_start, .ctx = p}, e));
    if (p->n_sheets > SHEET_MAX_SHEETS)
        REFUSE(e, "too-many-sheets", "the spreadsheet has more than %d sheets", SHEET_MAX_SHEETS);
    folder = folder_of(path);
    TRY(read_rels(p, folder, str_sub(path, folder.len > 0 ? folder.len + 1 : 0, path.len), &rels,
                  e));
    find_sheets(p, folder, &rels);
    if (p->n_sheets == 0)
        return refuse_other_package(p, e);
    drop_others(p);
    if (p->n_sheets == 0)
        REFUSE(e, "no-sheet", "the spreadsheet has no sheet with rows");
    to = rel_of_type(&rels, "/sharedStrings");
    p->strings_path = to ? resolve(&p->a, folder, to->target) : NULL;
    to = rel_of_type(&rels, "/styles");
    p->styles_path = to ? resolve(&p->a, folder, to->target) : NULL;
    return ST_OK;
}

/* --- number formats ---------------------------------------------------------------------------------------------------- */

struct styles {
    struct package *p;
    struct {
        uint32_t id;
        struct str code;
    } * formats;
    size_t n_formats;
    bool is_cell; /* inside cellXfs */
};

static uint32_t to_u32(const char *text) {
    int64_t v;

    return text && str_parse_i64(str_of(text), 0, UINT32_MAX, &v) ? (uint32_t)v : 0;
}

static struct str code_of(const struct styles *s, uint32_t id) {
    for (size_t i = 0; i < s->n_formats; i++)
        if (s->formats[i].id == id)
            return s->formats[i].code;
    return STR_EMPTY;
}

static void style_start(void *ctx, const char *name, const char **attrs) {
    struct styles *s = ctx;
    struct package *p = s->p;
    const char *code;
    uint32_t id;

    if (strcmp(name, "cellXfs") == 0)
        s->is_cell = true;
    id = to_u32(part_attr(attrs, "numFmtId"));
    if (strcmp(name, "numFmt") == 0 && s->n_formats < PACKAGE_FORMATS_MAX) {
        code = part_attr(attrs, "formatCode");
        s->formats[s->n_formats].id = id;
        s->formats[s->n_formats++].code = kept(p, code ? code : "");
    } else if (strcmp(name, "xf") == 0 && s->is_cell && p->n_styles < PACKAGE_STYLES_MAX) {
        p->styles[p->n_styles++] = number_format_of(id, code_of(s, id));
    }
}

static void style_end(void *ctx, const char *name) {
    struct styles *s = ctx;

    if (strcmp(name, "cellXfs") == 0)
        s->is_cell = false;
}

static enum status read_styles(struct package *p, struct err *e) {
    struct styles s = {.p = p};
    uint64_t index;

    if (!p->styles_path || !package_find(p, p->styles_path, &index))
        return ST_OK;
    s.formats = arena_alloc_n(&p->a, PACKAGE_FORMATS_MAX, sizeof(*s.formats));
    p->styles = arena_array_of(&p->a, PACKAGE_STYLES_MAX, struct number_format);
    return package_parse(p, p->styles_path,
                         &(struct part_handlers){.start = style_start, .end = style_end, .ctx = &s},
                         e);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static enum status open_zip(int fd, struct package *p, struct err *e) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), code = 0;
    char reason[64];

    if (copy < 0)
        FAIL(e, ST_UNAVAILABLE, "could not read the file: %s",
             strerror_r(errno, reason, sizeof(reason)));
    p->zip = zip_fdopen(copy, 0, &code);
    if (p->zip)
        return ST_OK;
    (void)close(copy);
    if (code == ZIP_ER_NOZIP || code == ZIP_ER_EOF || code == ZIP_ER_SEEK || code == ZIP_ER_READ)
        REFUSE(e, "truncated", "the spreadsheet is cut off: its end is missing");
    REFUSE(e, "damaged", "the spreadsheet is damaged");
}

enum status package_open(int fd, struct package *p, struct err *e) {
    TRY(open_zip(fd, p, e));
    if (zip_get_num_entries(p->zip, 0) > PACKAGE_ENTRIES_MAX)
        REFUSE(e, "damaged", "the spreadsheet is an archive of more than %d files",
               PACKAGE_ENTRIES_MAX);
    TRY(read_workbook(p, e));
    return read_styles(p, e);
}

void package_close(struct package *p) {
    if (p->zip)
        zip_discard(p->zip);
    p->zip = NULL;
    arena_done(&p->a);
}
