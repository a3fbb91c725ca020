/* fuzz_media.c - what strangers say about files, through every reader of media/: first bytes, names, ranges. Whatever comes,
 * nothing a browser runs is shown inside a page, names stay harmless, and parts lie inside the file.
 * Input: a byte that says how long the name is, the name, then the file's head; the name is the Range as well.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "media/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_type(struct media_type type) {
    static const char *const active[] = {"html", "svg", "xml", "script", "css"};

    for (size_t i = 0; i < ARRAY_LEN(active); i++)
        assert(!media_is_inline(str_of(type.mime)) ||
               !str_contains(str_of(type.mime), str_of(active[i])));
    assert(media_is_kind(str_of(type.kind)));
}

static void check_name(struct arena *a, struct str raw, struct media_type type) {
    struct str name = media_clean_name(a, raw, type.kind, type);
    struct str header = media_disposition(a, name, false);

    assert(name.len > 0 && utf8_is_valid(name) && utf8_count(name) <= 120);
    assert(name.ptr[0] != '.' && name.ptr[name.len - 1] != '.');
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        assert(c >= ' ' && c != 0x7f && !strchr("/\\\"", (int)c));
    }
    for (size_t i = 0; i < header.len; i++)
        assert(header.ptr[i] >= ' ' && header.ptr[i] <= '~');
    assert(str_eq(media_clean_name(a, name, type.kind, type), name));
}

static void check_range(struct str header, uint64_t size) {
    uint64_t from = 0, len = 0;

    if (media_range(header, size, &from, &len) == MEDIA_RANGE_PART)
        assert(len > 0 && from < size && len <= size - from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str all = {.ptr = (const char *)data, .len = size};
    struct str name = size > 0 ? str_sub(all, 1, data[0]) : STR_EMPTY;
    struct str head = str_sub(all, 1 + name.len, size);
    struct media_type type = media_sniff(head, name);

    check_type(type);
    check_name(&a, name, type);
    (void)media_unescape_name(&a, name);
    check_range(name, head.len);
    check_range(name, UINT64_MAX);
    return 0;
}
