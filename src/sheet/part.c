/* part.c - libzip feeds Expat. Expat keeps every element's name and reads a whole tag before it tells of it, so a hostile part
 * could grow its memory: its allocations are counted against a budget, and a tag has a longest length.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/part.h"

#include <stdlib.h>

enum {
    CHUNK_BYTES = 32 << 10,
    TAG_MAX_BYTES = 256 << 10,
    DEPTH_MAX = 100,
    MEMORY_MAX = 16 << 20,
    ALIGN_BYTES = 16,
};
#define RATIO_FREE_BYTES (32ULL << 20) /* what may be unpacked whatever the ratio */

struct part {
    zip_file_t *file;
    XML_Parser parser;
    struct part_limits *limits;
    struct part_handlers handlers;
    const char *name;
    uint64_t packed, unpacked, size;
    size_t memory; /* Expat's, in bytes */
    unsigned depth;
    bool is_deep, is_typed, is_stopped, is_over;
};

/* --- Expat's memory ---------------------------------------------------------------------------------------------------- */

/* Expat's allocators know no context: whose parser is at work on this thread. */
static _Thread_local struct part *at_work;

static void *budget_realloc(void *old, size_t size) {
    size_t *block = old ? (size_t *)((char *)old - ALIGN_BYTES) : NULL;
    size_t before = block ? *block : 0;
    size_t *now;

    if (size > MEMORY_MAX || at_work->memory - before + size > MEMORY_MAX)
        return NULL;
    now = realloc(block, size + ALIGN_BYTES);
    if (!now)
        return NULL;
    at_work->memory += size - before;
    *now = size;
    return (char *)now + ALIGN_BYTES;
}

static void *budget_malloc(size_t size) {
    return budget_realloc(NULL, size);
}

static void budget_free(void *p) {
    size_t *block = p ? (size_t *)((char *)p - ALIGN_BYTES) : NULL;

    if (block)
        at_work->memory -= *block;
    free(block);
}

/* --- events ------------------------------------------------------------------------------------------------------------ */

const char *part_local_name(const char *name) {
    const char *colon = strchr(name, ':');

    return colon ? colon + 1 : name;
}

const char *part_attr(const char **attrs, const char *name) {
    for (; *attrs; attrs += 2)
        if (strcmp(part_local_name(attrs[0]), name) == 0)
            return attrs[1];
    return NULL;
}

static void on_start(void *ctx, const char *name, const char **attrs) {
    struct part *p = ctx;

    if (p->is_stopped)
        return;
    if (++p->depth > DEPTH_MAX) {
        p->is_deep = true;
        part_stop(p);
        return;
    }
    if (p->handlers.start)
        p->handlers.start(p->handlers.ctx, part_local_name(name), attrs);
}

static void on_end(void *ctx, const char *name) {
    struct part *p = ctx;

    p->depth--;
    if (!p->is_stopped && p->handlers.end)
        p->handlers.end(p->handlers.ctx, part_local_name(name));
}

static void on_text(void *ctx, const char *s, int n) {
    struct part *p = ctx;

    if (!p->is_stopped)
        p->handlers.text(p->handlers.ctx, s, n);
}

static void on_doctype(void *ctx, const char *name, const char *sysid, const char *pubid,
                       int has_internal) {
    struct part *p = ctx;

    (void)name, (void)sysid, (void)pubid, (void)has_internal;
    p->is_typed = true;
    part_stop(p);
}

void part_pause(struct part *p) {
    (void)XML_StopParser(p->parser, XML_TRUE);
}

void part_stop(struct part *p) {
    p->is_stopped = true;
    (void)XML_StopParser(p->parser, XML_FALSE);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

enum status part_open(zip_t *zip, uint64_t index, struct part_limits *limits,
                      const struct part_handlers *handlers, const char *name, struct part **ret,
                      struct err *e) {
    static const XML_Memory_Handling_Suite memory = {budget_malloc, budget_realloc, budget_free};
    ATTR_CLEANUP(part_close_p) struct part *p = calloc(1, sizeof(*p));
    zip_stat_t st;

    if (!p)
        abort();
    p->limits = limits;
    p->handlers = *handlers;
    p->name = name;
    if (zip_stat_index(zip, index, 0, &st) != 0 || !(st.valid & ZIP_STAT_COMP_SIZE))
        REFUSE(e, "damaged", /* NOLINT(clang-analyzer-unix.Malloc): p cleans itself up */
               "could not read \"%s\" of the spreadsheet", name);
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE)
        REFUSE(e, "encrypted", "the spreadsheet is protected by a password: save it without one");
    p->packed = st.comp_size;
    p->size = st.size;
    p->file = zip_fopen_index(zip, index, 0);
    if (!p->file)
        REFUSE(e, "damaged", "could not read \"%s\" of the spreadsheet: %s", name,
               zip_strerror(zip));
    at_work = p;
    p->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (!p->parser)
        abort();
    XML_SetUserData(p->parser, p);
    XML_SetElementHandler(p->parser, on_start, on_end);
    if (handlers->text)
        XML_SetCharacterDataHandler(p->parser, on_text);
    XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
    *ret = TAKE(p);
    return ST_OK;
}

void part_close(struct part *p) {
    if (!p)
        return;
    at_work = p;
    if (p->parser)
        XML_ParserFree(p->parser);
    if (p->file)
        (void)zip_fclose(p->file);
    at_work = NULL;
    free(p);
}

void part_close_p(struct part **p) {
    part_close(*p);
}

/* --- running ----------------------------------------------------------------------------------------------------------- */

static enum status check_bomb(struct part *p, struct err *e) {
    if (p->limits->unpacked > p->limits->max_unpacked)
        REFUSE(e, "zip-bomb", "the spreadsheet unpacks to more than %llu bytes",
               (unsigned long long)p->limits->max_unpacked);
    if (p->unpacked > RATIO_FREE_BYTES && p->unpacked / p->limits->max_ratio > p->packed)
        REFUSE(e, "zip-bomb", "\"%s\" unpacks to more than %u times its size", p->name,
               p->limits->max_ratio);
    return ST_OK;
}

static enum status refuse_xml(struct part *p, struct err *e) {
    enum XML_Error code = XML_GetErrorCode(p->parser);

    if (p->is_typed)
        REFUSE(e, "xml-dtd",
               "\"%s\" defines entities of its own, which no spreadsheet program does", p->name);
    if (p->is_deep || code == XML_ERROR_NO_MEMORY)
        REFUSE(e, "damaged", "\"%s\" is nested or built like no spreadsheet", p->name);
    if (p->is_stopped && e && e->status != ST_OK) /* the handler's own reason */
        return e->status;
    if (code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN)
        REFUSE(e, "truncated", "\"%s\" of the spreadsheet is cut off", p->name);
    REFUSE(e, "damaged", "\"%s\" is damaged at line %lu: %s", p->name,
           (unsigned long)XML_GetCurrentLineNumber(p->parser), XML_ErrorString(code));
}

/* One chunk into the parser. */
static enum status feed(struct part *p, enum XML_Status *ret, struct err *e) {
    void *to = XML_GetBuffer(p->parser, CHUNK_BYTES);
    zip_int64_t n;

    if (!to)
        return refuse_xml(p, e);
    n = zip_fread(p->file, to, CHUNK_BYTES);
    if (n < 0)
        REFUSE(e, "damaged", "\"%s\" of the spreadsheet is damaged: %s", p->name,
               zip_file_strerror(p->file));
    p->unpacked += (uint64_t)n;
    p->limits->unpacked += (uint64_t)n;
    TRY(check_bomb(p, e));
    *ret = XML_ParseBuffer(p->parser, (int)n, n == 0);
    p->is_over = n == 0;
    return ST_OK;
}

/* What is fed but not told of yet is one tag. */
static bool is_tag_too_long(const struct part *p) {
    XML_Index at = XML_GetCurrentByteIndex(p->parser);

    return at >= 0 && p->unpacked > (uint64_t)at + TAG_MAX_BYTES;
}

enum status part_run(struct part *p, bool *ret_more, struct err *e) {
    XML_ParsingStatus now;
    enum XML_Status st = XML_STATUS_ERROR;

    at_work = p;
    for (;;) {
        XML_GetParsingStatus(p->parser, &now);
        if (now.parsing == XML_FINISHED) {
            *ret_more = false;
            return ST_OK;
        }
        if (now.parsing == XML_SUSPENDED)
            st = XML_ResumeParser(p->parser);
        else
            TRY(feed(p, &st, e));
        if (st == XML_STATUS_ERROR || p->is_stopped)
            return refuse_xml(p, e);
        if (st == XML_STATUS_SUSPENDED) {
            *ret_more = true;
            return ST_OK;
        }
        if (is_tag_too_long(p))
            REFUSE(e, "damaged", "\"%s\" has a tag like no spreadsheet", p->name);
    }
}

int part_permille(const struct part *p) {
    return p->size == 0 || p->unpacked >= p->size ? 1000 : (int)(p->unpacked * 1000 / p->size);
}
