/* strings.c - one line of bytes, cut into pages:
 *
 *   length text length text …            length: 7 bits a byte, the lowest first
 *   |page 0|page 1|page 2| … |tail|      full pages in memory, then in the file; the tail is being written
 *
 * The place of every 16th text is kept; from there one hops. Spreadsheets number texts as they first appear, so that reading goes
 * through the pages in order, with jumps back to the common texts, which a cache of CACHE_PAGES serves.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "sheet/reader.h"
#include "sheet/zipout.h"

enum {
    PAGE_BYTES = 16 << 10,
    CACHE_PAGES = 128,
    GROUP = 16,
    MAX_TEXTS = 32 << 20,
};
#define MAX_BYTES (4ULL << 30)

struct page {
    uint64_t number; /* + 1; 0: none */
    char bytes[PAGE_BYTES];
};

struct strings {
    size_t max_kept;
    const char *dir;
    char **kept; /* the first pages */
    size_t n_kept;
    int fd;           /* the pages behind them; -1: none yet */
    uint64_t n_pages; /* full ones */
    char tail[PAGE_BYTES];
    size_t tail_len;
    uint64_t *groups;
    size_t n_groups, cap_groups;
    uint64_t n;
    struct page *cache;
};

struct strings *strings_new(size_t in_memory, const char *dir) {
    struct strings *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    s->max_kept = in_memory / PAGE_BYTES;
    s->kept = calloc(s->max_kept + 1, sizeof(*s->kept));
    if (!s->kept)
        abort();
    s->dir = dir;
    s->fd = -1;
    return s;
}

void strings_free(struct strings *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->n_kept; i++)
        free(s->kept[i]);
    if (s->fd >= 0)
        (void)close(s->fd);
    free(s->kept);
    free(s->groups);
    free(s->cache);
    free(s);
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

static enum status open_spill(struct strings *s, struct err *e) {
    /* Nobody changes the environment while threads run. */
    const char *dir = s->dir ? s->dir : getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    char reason[64];

    if (s->fd >= 0)
        return ST_OK;
    s->cache = calloc(CACHE_PAGES, sizeof(*s->cache));
    if (!s->cache)
        abort();
    s->fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0)
        FAIL(e, ST_UNAVAILABLE, "could not make a temporary file for a large spreadsheet: %s",
             strerror_r(errno, reason, sizeof(reason)));
    return ST_OK;
}

static enum status put_page(struct strings *s, struct err *e) {
    if (s->n_kept < s->max_kept) {
        char *page = malloc(PAGE_BYTES);

        if (!page)
            abort();
        memcpy(page, s->tail, PAGE_BYTES);
        s->kept[s->n_kept++] = page;
    } else {
        TRY(open_spill(s, e));
        TRY(fd_write_all(s->fd, (struct str){.ptr = s->tail, .len = PAGE_BYTES}, e));
    }
    s->n_pages++;
    s->tail_len = 0;
    return ST_OK;
}

static enum status put(struct strings *s, struct str bytes, struct err *e) {
    while (bytes.len > 0) {
        struct str part = str_sub(bytes, 0, PAGE_BYTES - s->tail_len);

        memcpy(s->tail + s->tail_len, part.ptr, part.len);
        s->tail_len += part.len;
        bytes = str_sub(bytes, part.len, bytes.len);
        if (s->tail_len == PAGE_BYTES)
            TRY(put_page(s, e));
    }
    return ST_OK;
}

static void remember_group(struct strings *s, uint64_t at) {
    if (s->n_groups == s->cap_groups) {
        size_t cap = s->cap_groups ? 2 * s->cap_groups : 64;
        uint64_t *more = realloc(s->groups, cap * sizeof(*more));

        if (!more)
            abort();
        s->groups = more;
        s->cap_groups = cap;
    }
    s->groups[s->n_groups++] = at;
}

enum status strings_add(struct strings *s, struct str text, struct err *e) {
    uint64_t at = s->n_pages * PAGE_BYTES + s->tail_len;
    char length[8];
    size_t n = 0, rest = text.len;

    if (s->n >= MAX_TEXTS || at > MAX_BYTES)
        REFUSE(e, "too-large", "the spreadsheet has more than %d different texts", MAX_TEXTS);
    if (s->n++ % GROUP == 0)
        remember_group(s, at);
    do {
        length[n++] = (char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    TRY(put(s, (struct str){.ptr = length, .len = n}, e));
    return put(s, text, e);
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static enum status page(struct strings *s, uint64_t number, const char **ret, struct err *e) {
    struct page *p;
    size_t n;

    if (number == s->n_pages) {
        *ret = s->tail;
        return ST_OK;
    }
    if (number < s->n_kept) {
        *ret = s->kept[number];
        return ST_OK;
    }
    p = &s->cache[number % CACHE_PAGES];
    if (p->number != number + 1) {
        p->number = 0;
        TRY(fd_read_at(s->fd, (number - s->n_kept) * PAGE_BYTES, p->bytes, PAGE_BYTES, &n, e));
        if (n != PAGE_BYTES)
            FAIL(e, ST_UNAVAILABLE, "could not read a temporary file: it is too short");
        p->number = number + 1;
    }
    *ret = p->bytes;
    return ST_OK;
}

static enum status read_length(struct strings *s, uint64_t *at, size_t *ret, struct err *e) {
    const char *bytes = s->tail;
    unsigned char c;
    unsigned shift = 0;

    *ret = 0;
    do {
        TRY(page(s, *at / PAGE_BYTES, &bytes, e));
        c = (unsigned char)bytes[*at % PAGE_BYTES];
        *ret |= (size_t)(c & 0x7f) << shift;
        shift += 7;
        ++*at;
    } while (c & 0x80);
    return ST_OK;
}

enum status strings_get(struct strings *s, uint64_t i, struct buf *out, bool *ret_found,
                        struct err *e) {
    uint64_t at;
    size_t len = 0;

    *ret_found = i < s->n;
    if (i >= s->n)
        return ST_OK;
    at = s->groups[i / GROUP];
    TRY(read_length(s, &at, &len, e));
    for (uint64_t k = i % GROUP; k > 0; k--) {
        at += len;
        TRY(read_length(s, &at, &len, e));
    }
    while (len > 0) {
        size_t offset = at % PAGE_BYTES, n = len < PAGE_BYTES - offset ? len : PAGE_BYTES - offset;
        const char *bytes = s->tail;

        TRY(page(s, at / PAGE_BYTES, &bytes, e));
        buf_add(out, (struct str){.ptr = bytes + offset, .len = n});
        at += n;
        len -= n;
    }
    return ST_OK;
}
