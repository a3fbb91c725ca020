/* columns.c - people call the same thing many names; what they write below it settles the rest.
 *
 * A title is compared folded (lower case, no accents, other signs as one blank) and without a number at its end: "E-mail 2" is
 * "e mail". Words that name persons and numbers alike ("Contato", "Número") are believed only when the cells below agree.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/columns.h"

#include "base/utf8.h"

enum { HEADER_LOOK_ROWS = 20, HEADER_CELL_BYTES = 60, ROOM_BYTES = 512 << 10 };

static const struct {
    enum target target;
    const char *titles; /* between bars */
} known[] = {
    {TARGET_NAME,
     "|nome|nome completo|contato|cliente|nome do cliente|nome cliente|nome do contato|nome contato|pessoa|responsavel|"
     "lead|sobrenome|primeiro nome|ultimo nome|destinatario|aluno|paciente|titular|proprietario|comprador|"
     "name|full name|first name|last name|surname|contact|contact name|customer|customer name|person|"},
    {TARGET_COMPANY,
     "|empresa|razao social|nome fantasia|fantasia|nome da empresa|organizacao|instituicao|companhia|"
     "company|company name|organization|organisation|account|account name|business|"},
    {TARGET_DOCUMENT,
     "|cpf|cnpj|cpf cnpj|cnpj cpf|cpf ou cnpj|documento|doc|cpf do cliente|cnpj da empresa|n documento|"
     "tax id|document|document number|"},
    {TARGET_PHONE,
     "|telefone|fone|tel|celular|cel|whatsapp|whats|whats app|wpp|zap|telefone celular|telefone fixo|telefone comercial|"
     "telefone residencial|telefone principal|fone comercial|fone celular|fone fixo|numero de telefone|numero do telefone|"
     "numero de celular|numero whatsapp|numero do whatsapp|contato telefonico|ddd telefone|ddd fone|ddd celular|numero|"
     "telefones|celulares|phone|phones|phone number|mobile|mobile phone|cell|cell phone|telephone|work phone|home phone|"},
    {TARGET_PHONE_AREA, "|ddd|codigo de area|cod area|area code|"},
    {TARGET_EMAIL,
     "|email|e mail|emails|e mails|correio eletronico|endereco de email|endereco de e mail|email principal|e mail principal|"
     "email comercial|e mail comercial|email do cliente|mail|email address|e mail address|"},
    {TARGET_TAGS, "|tag|tags|etiqueta|etiquetas|marcador|marcadores|label|labels|"},
};

static const struct {
    enum target target;
    const char *slug;
} slugs[] = {
    {TARGET_IGNORE, "ignore"},     {TARGET_NAME, "name"},   {TARGET_COMPANY, "company"},
    {TARGET_DOCUMENT, "document"}, {TARGET_PHONE, "phone"}, {TARGET_PHONE_AREA, "phone_area"},
    {TARGET_EMAIL, "email"},       {TARGET_TAGS, "tags"},
};

/* --- titles ------------------------------------------------------------------------------------------------------------ */

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static struct str plain_title(struct arena *a, struct str title) {
    struct str folded = utf8_fold(a, title);
    char *to = arena_alloc(a, folded.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < folded.len; i++) {
        if (is_word_char(folded.ptr[i]))
            to[n++] = folded.ptr[i];
        else if (n > 0 && to[n - 1] != ' ')
            to[n++] = ' ';
    }
    while (n > 0 && (to[n - 1] == ' ' || (to[n - 1] >= '0' && to[n - 1] <= '9')))
        n--;
    return (struct str){.ptr = to, .len = n};
}

static bool begins_with_any(struct str s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_starts(s, str_of(words[i])))
            return true;
    return false;
}

static bool is_known_title(struct arena *a, struct str plain, enum target *ret) {
    static const char *const phones[] = {"telefone ", "celular ", "fone ",  "whatsapp ",
                                         "tel ",      "phone ",   "mobile "};
    static const char *const emails[] = {"email ", "e mail "};
    struct str barred = arena_printf(a, "|%.*s|", STR_ARG(plain));

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_contains(str_of(known[i].titles), barred)) {
            *ret = known[i].target;
            return true;
        }
    }
    *ret = begins_with_any(plain, phones, ARRAY_LEN(phones))   ? TARGET_PHONE
           : begins_with_any(plain, emails, ARRAY_LEN(emails)) ? TARGET_EMAIL
                                                               : TARGET_FIELD;
    return *ret != TARGET_FIELD;
}

enum target columns_target_of_title(struct arena *a, struct str title) {
    struct str plain = plain_title(a, title);
    enum target t = TARGET_FIELD;

    if (plain.len > 0)
        (void)is_known_title(a, plain, &t);
    return t;
}

int64_t columns_find_header(struct arena *a, const struct kept_row *rows, size_t n) {
    int64_t number = 0;
    size_t best = 0;

    for (size_t i = 0; i < n && i < HEADER_LOOK_ROWS; i++) {
        bool seen[TARGET_FIELD + 1] = {false};
        size_t score = 0;

        for (size_t k = 0; k < rows[i].n; k++) {
            enum target t;

            if (rows[i].cells[k].len == 0 || rows[i].cells[k].len > HEADER_CELL_BYTES)
                continue;
            t = columns_target_of_title(a, rows[i].cells[k]);
            score += t == TARGET_FIELD || seen[t] ? 0 : 1;
            seen[t] = true;
        }
        if (score > best) {
            best = score;
            number = rows[i].number;
        }
    }
    return number;
}

/* --- cells ------------------------------------------------------------------------------------------------------------- */

static size_t count_digits(struct str s) {
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] >= '0' && s.ptr[i] <= '9';
    return n;
}

static bool is_only(struct str s, const char *chars) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\0' || !strchr(chars, s.ptr[i]))
            return false;
    return s.len > 0;
}

static bool is_phone_like(struct str s) {
    size_t digits = count_digits(s);

    return digits >= 8 && digits <= 15 && is_only(s, "0123456789+-() ./;,");
}

static bool is_email_like(struct str s) {
    return str_contains(s, STR("@")) && str_contains(s, STR(".")) && !str_contains(s, STR("://"));
}

/* 111.444.777-35 or 11.222.333/0001-81: with their signs, since bare digits are numbers of anything. */
static bool is_document_like(struct str s) {
    size_t digits = count_digits(s);

    return (digits == 11 && s.len == 14 && s.ptr[3] == '.' && s.ptr[7] == '.' &&
            s.ptr[11] == '-') ||
           (digits == 14 && s.len == 18 && s.ptr[2] == '.' && s.ptr[10] == '/');
}

struct content {
    size_t filled, phones, emails, documents;
};

static struct content look(const struct kept_row *rows, size_t n, size_t index) {
    struct content c = {0};

    for (size_t i = 0; i < n; i++) {
        struct str s = index < rows[i].n ? str_trim(rows[i].cells[index]) : STR_EMPTY;

        c.filled += s.len > 0;
        c.emails += is_email_like(s);
        if (is_document_like(s))
            c.documents++;
        else
            c.phones += is_phone_like(s);
    }
    return c;
}

/* What the cells are, TARGET_FIELD when nothing stands out. */
static enum target by_content(const struct content *c, bool has_title) {
    if (c->emails > 0 && 2 * c->emails >= c->filled)
        return TARGET_EMAIL;
    if (c->documents > 0 && 2 * c->documents >= c->filled)
        return TARGET_DOCUMENT;
    /* Under a title of its own a long number may be anything: an order, a bar code. */
    if (!has_title && c->phones > 0 && 3 * c->phones >= 2 * c->filled)
        return TARGET_PHONE;
    return TARGET_FIELD;
}

static enum target settle(enum target by_title, bool has_title, const struct content *c) {
    bool is_phones = c->phones > 0 && 2 * c->phones >= c->filled;

    switch (by_title) {
    case TARGET_NAME: /* "Contato" */
        if (is_phones)
            return TARGET_PHONE;
        return c->emails > 0 && 2 * c->emails >= c->filled ? TARGET_EMAIL : TARGET_NAME;
    case TARGET_PHONE: /* "Número" may be a house's */
        return c->filled == 0 || c->phones > 0 ? TARGET_PHONE : TARGET_FIELD;
    case TARGET_FIELD:
        return by_content(c, has_title);
    case TARGET_IGNORE:
    case TARGET_COMPANY:
    case TARGET_DOCUMENT:
    case TARGET_PHONE_AREA:
    case TARGET_EMAIL:
    case TARGET_TAGS:
        return by_title;
    }
    return by_title;
}

/* --- columns ----------------------------------------------------------------------------------------------------------- */

struct str column_letters(struct arena *a, size_t index) {
    char text[8];
    size_t at = sizeof(text);

    for (size_t n = index + 1; n > 0 && at > 0; n = (n - 1) / 26)
        text[--at] = (char)('A' + (n - 1) % 26);
    return arena_str(a, (struct str){.ptr = text + at, .len = sizeof(text) - at});
}

static void add_samples(struct column *c, const struct kept_row *rows, size_t n) {
    for (size_t i = 0; i < n && c->n_samples < COLUMN_SAMPLES; i++) {
        struct str s = c->index < rows[i].n ? str_trim(rows[i].cells[c->index]) : STR_EMPTY;

        if (s.len > 0)
            c->samples[c->n_samples++] = utf8_cut_bytes(s, COLUMN_TITLE_BYTES);
    }
}

static size_t width_of(const struct kept_row *header, const struct kept_row *rows, size_t n) {
    size_t width = header ? header->n : 0;

    for (size_t i = 0; i < n; i++)
        if (rows[i].n > width)
            width = rows[i].n;
    return width < INGEST_COLUMNS_MAX ? width : INGEST_COLUMNS_MAX;
}

void columns_find(struct arena *a, const struct kept_row *header, const struct kept_row *rows,
                  size_t n, struct columns *ret) {
    size_t width = width_of(header, rows, n);

    ret->n = 0;
    for (size_t i = 0; i < width; i++) {
        struct column *c = &ret->items[ret->n];
        struct str title = header && i < header->n ? str_trim(header->cells[i]) : STR_EMPTY;
        struct content content = look(rows, n, i);

        *c = (struct column){.index = i, .title = utf8_cut_bytes(title, COLUMN_TITLE_BYTES)};
        if (title.len == 0 && content.filled == 0)
            continue;
        c->target = settle(title.len > 0 ? columns_target_of_title(a, title) : TARGET_FIELD,
                           title.len > 0, &content);
        if (c->target == TARGET_FIELD) {
            c->field = c->title;
            if (title.len == 0)
                c->target = TARGET_IGNORE;
        }
        add_samples(c, rows, n);
        ret->n++;
    }
}

/* --- as text ----------------------------------------------------------------------------------------------------------- */

bool target_parse(struct str text, enum target *ret, struct str *ret_field) {
    *ret_field = STR_EMPTY;
    if (str_eat(&text, STR("field:"))) {
        *ret = TARGET_FIELD;
        *ret_field = str_trim(text);
        return ret_field->len > 0 && ret_field->len <= COLUMN_TITLE_BYTES;
    }
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++) {
        if (str_eq(text, str_of(slugs[i].slug))) {
            *ret = slugs[i].target;
            return true;
        }
    }
    return false;
}

struct str target_format(struct arena *a, const struct column *c) {
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++)
        if (slugs[i].target == c->target)
            return str_of(slugs[i].slug);
    return arena_printf(a, "field:%.*s", STR_ARG(c->field));
}

struct str columns_json(struct arena *a, const struct columns *c) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = ROOM_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < c->n; i++) {
        const struct column *one = &c->items[i];

        json_obj(&o, NULL);
        json_put_i64(&o, "index", (int64_t)one->index);
        json_put_str(&o, "letter", column_letters(a, one->index));
        json_put_str(&o, "title", one->title);
        json_put_str(&o, "target", target_format(a, one));
        json_arr(&o, "samples");
        for (size_t k = 0; k < one->n_samples; k++)
            json_put_str(&o, NULL, one->samples[k]);
        json_end(&o);
        json_end(&o);
    }
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

enum status columns_parse(struct arena *a, struct str json, struct columns *ret, struct err *e) {
    const struct json *list;

    ret->n = 0;
    TRY(json_parse(a, json, JSON_LIMITS_DEFAULT, &list, e));
    for (size_t i = 0; i < json_len(list) && i < INGEST_COLUMNS_MAX; i++) {
        const struct json *v = json_at(list, i), *samples = json_get(v, "samples");
        struct column *c = &ret->items[ret->n++];

        *c = (struct column){.index = (size_t)json_i64(json_get(v, "index"), 0),
                             .title = json_str(json_get(v, "title"))};
        if (!target_parse(json_str(json_get(v, "target")), &c->target, &c->field))
            c->target = TARGET_IGNORE;
        for (; c->n_samples < COLUMN_SAMPLES && c->n_samples < json_len(samples); c->n_samples++)
            c->samples[c->n_samples] = json_str(json_at(samples, c->n_samples));
    }
    return ST_OK;
}
