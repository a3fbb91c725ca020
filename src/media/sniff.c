/* sniff.c - what a file is, by its first bytes. Only what is listed here is ever shown inside a page; HTML and SVG are
 * not, whatever they call themselves.
 * Sources: the formats' own specifications; WHATWG MIME Sniffing §6 for images and audio; ISO 14496-12 for "ftyp".
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/media.h"

#include "base/utf8.h"

enum {
    FTYP_AT = 4,
    BRAND_AT = 8,
    OGG_CODEC_AT = 28,
    OGG_CODEC_BYTES = 8,
    WEBP_AT = 8,
};

static const struct media_type unknown = {"application/octet-stream", "document", "bin"};

static bool has_at(struct str head, size_t at, struct str magic) {
    return str_starts(str_sub(head, at, magic.len), magic);
}

static unsigned char byte_at(struct str head, size_t i) {
    return i < head.len ? (unsigned char)head.ptr[i] : 0;
}

/* MPEG audio layer III: sync, a version, the layer, a bit rate and a sample rate that exist. */
static bool is_mp3_frame(struct str head) {
    unsigned b1 = byte_at(head, 1), b2 = byte_at(head, 2);

    return byte_at(head, 0) == 0xff && (b1 & 0xe6) == 0xe2 && (b1 & 0x18) != 0x08 &&
           (b2 & 0xf0) != 0xf0 && (b2 & 0xf0) != 0 && (b2 & 0x0c) != 0x0c;
}

/* ADTS: sync of 12 bits, layer 0, a sampling index that exists. */
static bool is_adts_frame(struct str head) {
    return byte_at(head, 0) == 0xff && (byte_at(head, 1) & 0xf6) == 0xf0 &&
           (byte_at(head, 2) >> 2 & 0xf) < 13;
}

static const struct magic {
    struct str bytes;
    struct media_type type;
} magics[] = {
    {{"\x89PNG\r\n\x1a\n", 8}, {"image/png", "image", "png"}},
    {{"\xff\xd8\xff", 3}, {"image/jpeg", "image", "jpg"}},
    {{"GIF87a", 6}, {"image/gif", "document", "gif"}},
    {{"GIF89a", 6}, {"image/gif", "document", "gif"}},
    {{"%PDF-", 5}, {"application/pdf", "document", "pdf"}},
    {{"ID3", 3}, {"audio/mpeg", "audio", "mp3"}},
    {{"#!AMR\n", 6}, {"audio/amr", "audio", "amr"}},
    {{"#!AMR-WB\n", 9}, {"audio/amr-wb", "document", "awb"}},
};

static const struct {
    struct str brand;
    struct media_type type;
} brands[] = {
    {{"M4A ", 4}, {"audio/mp4", "audio", "m4a"}},
    {{"M4B ", 4}, {"audio/mp4", "audio", "m4a"}},
    {{"3gp", 3}, {"video/3gpp", "video", "3gp"}},
    {{"3g2", 3}, {"video/3gpp2", "document", "3g2"}},
    {{"qt  ", 4}, {"video/quicktime", "document", "mov"}},
    {{"heic", 4}, {"image/heic", "document", "heic"}},
    {{"heix", 4}, {"image/heic", "document", "heic"}},
    {{"mif1", 4}, {"image/heif", "document", "heif"}},
    {{"avif", 4}, {"image/avif", "document", "avif"}},
    {{"isom", 4}, {"video/mp4", "video", "mp4"}},
    {{"iso", 3}, {"video/mp4", "video", "mp4"}},
    {{"mp4", 3}, {"video/mp4", "video", "mp4"}},
    {{"avc1", 4}, {"video/mp4", "video", "mp4"}},
    {{"MSNV", 4}, {"video/mp4", "video", "mp4"}},
    {{"M4V ", 4}, {"video/mp4", "video", "mp4"}},
    {{"dash", 4}, {"video/mp4", "video", "mp4"}},
};

static struct media_type type_of_brand(struct str head) {
    for (size_t i = 0; i < ARRAY_LEN(brands); i++)
        if (has_at(head, BRAND_AT, brands[i].brand))
            return brands[i].type;
    return unknown;
}

static struct media_type type_of_ogg(struct str head) {
    struct str codec = str_sub(head, OGG_CODEC_AT, OGG_CODEC_BYTES);

    if (str_eq(codec, STR("OpusHead")))
        return (struct media_type){"audio/ogg", "audio", "ogg"};
    if (str_starts(codec, STR("\1vorbis")) || str_starts(codec, STR("Speex   ")))
        return (struct media_type){"audio/ogg", "document", "ogg"};
    return unknown;
}

/* --- documents: the name decides among what the container allows; none of them is ever shown inside ------------------ */

enum container { CONTAINER_ZIP, CONTAINER_OLE, CONTAINER_TEXT };

static const struct {
    enum container container;
    const char *extension;
    const char *mime;
} documents[] = {
    {CONTAINER_ZIP, "docx",
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {CONTAINER_ZIP, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {CONTAINER_ZIP, "pptx",
     "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {CONTAINER_ZIP, "odt", "application/vnd.oasis.opendocument.text"},
    {CONTAINER_ZIP, "ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {CONTAINER_ZIP, "zip", "application/zip"},
    {CONTAINER_OLE, "doc", "application/msword"},
    {CONTAINER_OLE, "xls", "application/vnd.ms-excel"},
    {CONTAINER_OLE, "ppt", "application/vnd.ms-powerpoint"},
    {CONTAINER_TEXT, "txt", "text/plain; charset=utf-8"},
    {CONTAINER_TEXT, "csv", "text/csv; charset=utf-8"},
};

static bool has_extension(struct str name, const char *extension) {
    struct str ext = str_of(extension);

    return name.len > ext.len && name.ptr[name.len - ext.len - 1] == '.' &&
           str_eq_nocase(str_sub(name, name.len - ext.len, ext.len), ext);
}

/* The head may end in the middle of a character. */
static bool is_text(struct str head) {
    for (size_t i = 0; i < head.len; i++) {
        unsigned char c = (unsigned char)head.ptr[i];

        if (c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f')
            return false;
    }
    return head.len > 0 && utf8_valid_prefix(head) + 3 >= head.len;
}

static bool container_of(struct str head, enum container *ret) {
    if (str_starts(head, STR("PK\3\4")))
        *ret = CONTAINER_ZIP;
    else if (str_starts(head, STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")))
        *ret = CONTAINER_OLE;
    else if (is_text(head))
        *ret = CONTAINER_TEXT;
    else
        return false;
    return true;
}

static struct media_type type_of_document(struct str head, struct str name) {
    enum container container;

    if (!container_of(head, &container))
        return unknown;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        if (documents[i].container == container && has_extension(name, documents[i].extension))
            return (struct media_type){documents[i].mime, "document", documents[i].extension};
    if (container == CONTAINER_ZIP)
        return (struct media_type){"application/zip", "document", "zip"};
    return unknown;
}

struct media_type media_sniff(struct str head, struct str file_name) {
    head = str_sub(head, 0, MEDIA_HEAD_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(magics); i++)
        if (str_starts(head, magics[i].bytes))
            return magics[i].type;
    if (str_starts(head, STR("RIFF")) && has_at(head, WEBP_AT, STR("WEBP")))
        return (struct media_type){"image/webp", "sticker", "webp"};
    if (has_at(head, FTYP_AT, STR("ftyp")))
        return type_of_brand(head);
    if (str_starts(head, STR("OggS")))
        return type_of_ogg(head);
    if (is_adts_frame(head))
        return (struct media_type){"audio/aac", "audio", "aac"};
    if (is_mp3_frame(head))
        return (struct media_type){"audio/mpeg", "audio", "mp3"};
    return type_of_document(head, file_name);
}

bool media_is_inline(struct str mime) {
    static const char *const shown[] = {
        "image/png", "image/jpeg", "image/webp", "image/gif", "audio/ogg",  "audio/mpeg",
        "audio/mp4", "audio/aac",  "audio/amr",  "video/mp4", "video/3gpp", "application/pdf",
    };

    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (str_eq(mime, str_of(shown[i])))
            return true;
    return false;
}
