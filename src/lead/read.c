/* read.c - what a record says, read without the database: the costly part of a put, done before its transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/read.h"

#include <string.h>

#include "base/utf8.h"
#include "phone/phone.h"

static bool is_text(struct str s) {
    return utf8_is_valid(s) && (s.len == 0 || !memchr(s.ptr, '\0', s.len));
}

static void refuse(struct lead_read *r, const char *fault, const char *column) {
    if (r->fault)
        return;
    r->fault = fault;
    r->column = column;
}

static void note(struct lead_read *r, const char *what, const char *column) {
    if (r->note || r->fault)
        return;
    r->note = what;
    r->column = column;
}

/* --- e-mail ------------------------------------------------------------------------------------------ */

static bool is_local_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", c));
}

static bool is_local_part(struct str s) {
    if (s.len == 0 || s.len > 64 || s.ptr[0] == '.' || s.ptr[s.len - 1] == '.' ||
        str_contains(s, STR("..")))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_local_char(s.ptr[i]))
            return false;
    }
    return true;
}

static bool is_label(struct str s) {
    if (s.len == 0 || s.len > 63 || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

static bool is_domain(struct str s) {
    struct str label = {0};
    size_t n = 0;

    do {
        (void)str_cut(&s, '.', &label);
        if (!is_label(label))
            return false;
        n++;
    } while (s.len > 0);
    /* A last label of digits would be an address of another kind. */
    return n >= 2 && label.len >= 2 && !(label.ptr[0] >= '0' && label.ptr[0] <= '9');
}

bool email_read(struct arena *a, struct str typed, struct str *ret) {
    struct str s = str_trim(typed), local, domain;
    char *out;

    *ret = STR_EMPTY;
    if (str_starts(s, STR("<")) && str_ends(s, STR(">")))
        s = str_sub(s, 1, s.len - 2);
    if (s.len > 7 && str_eq_nocase(str_sub(s, 0, 7), STR("mailto:")))
        s = str_sub(s, 7, s.len);
    if (s.len == 0 || s.len > LEAD_EMAIL_BYTES || s.ptr[s.len - 1] == '.')
        return false;
    out = arena_alloc(a, s.len);
    for (size_t i = 0; i < s.len; i++)
        out[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + 32 : s.ptr[i]);
    *ret = domain = (struct str){.ptr = out, .len = s.len};
    return str_cut(&domain, '@', &local) && is_local_part(local) && is_domain(domain);
}

static void read_emails(struct arena *a, const struct lead_record *in, struct lead_read *r) {
    r->emails = arena_array_of(a, in->n_emails, struct read_email);
    for (size_t i = 0; i < in->n_emails; i++) {
        struct read_email one = {.address = STR_EMPTY};
        bool is_known = false;

        if (str_trim(in->emails[i]).len == 0)
            continue;
        if (!is_text(in->emails[i])) {
            refuse(r, "not-text", "email");
            continue;
        }
        one.is_valid = email_read(a, in->emails[i], &one.address);
        if (!one.is_valid) {
            note(r, "invalid-email", "email");
            one.address = utf8_cut_bytes(str_trim(in->emails[i]), LEAD_EMAIL_BYTES);
        }
        for (size_t k = 0; k < r->n_emails; k++)
            is_known = is_known || str_eq(r->emails[k].address, one.address);
        if (!is_known)
            r->emails[r->n_emails++] = one;
    }
}

/* --- phones ------------------------------------------------------------------------------------------ */

static struct read_phone phone_of(const struct phone *p, struct str typed) {
    return (struct read_phone){
        .typed = typed, .e164 = p->e164, .kind = p->kind, .reason = p->reason};
}

void phone_of_provider(struct arena *a, struct str digits, struct read_phone *ret) {
    struct str key = phone_key(a, digits);
    struct phone p;

    phone_read(a, arena_printf(a, "+%.*s", STR_ARG(key)), "BR", &p);
    *ret = phone_of(&p, digits);
    if (ret->e164.len == 0) { /* a provider's test number: it writes, so it can be written to */
        ret->e164 = key;
        ret->reason = "";
    }
}

static void read_phones(struct arena *a, const struct lead_record *in, const char *region,
                        struct lead_read *r) {
    r->phones = arena_array_of(a, in->n_phones, struct read_phone);
    for (size_t i = 0; i < in->n_phones; i++) {
        struct str typed = str_trim(in->phones[i]);
        struct phone p;
        bool is_known = false;

        if (typed.len == 0)
            continue;
        if (!is_text(typed)) {
            refuse(r, "not-text", "phone");
            continue;
        }
        phone_read(a, typed, region, &p);
        if (!p.is_valid)
            note(r, p.reason, "phone");
        for (size_t k = 0; k < r->n_phones; k++)
            is_known = is_known || str_eq(r->phones[k].typed, typed) ||
                       (p.is_valid && str_eq(r->phones[k].e164, p.e164));
        if (!is_known)
            r->phones[r->n_phones++] = phone_of(&p, utf8_cut_bytes(typed, PHONE_TYPED_MAX));
    }
}

/* --- the rest ----------------------------------------------------------------------------------------- */

static void read_names(struct arena *a, const struct lead_record *in, struct lead_read *r) {
    r->name = str_trim(in->name);
    r->company = str_trim(in->company);
    if (!is_text(r->name) || !is_text(r->company)) {
        refuse(r, "not-text", is_text(r->name) ? "company" : "name");
        return;
    }
    if (utf8_count(r->name) > LEAD_NAME_MAX)
        refuse(r, "too-long", "name");
    if (utf8_count(r->company) > LEAD_NAME_MAX)
        refuse(r, "too-long", "company");
    r->name_key = utf8_fold(a, r->name);
    r->company_key = utf8_fold(a, r->company);
}

static void read_tags(struct arena *a, const struct lead_record *in, struct lead_read *r) {
    r->tags = arena_array_of(a, in->n_tags, struct read_tag);
    if (in->n_tags > LEAD_TAGS_MAX)
        refuse(r, "too-many", "tags");
    for (size_t i = 0; i < in->n_tags && !r->fault; i++) {
        struct str tag = str_trim(in->tags[i]);
        bool is_known = false;

        if (tag.len == 0)
            continue;
        if (!is_text(tag) || utf8_count(tag) > LEAD_TAG_MAX) {
            refuse(r, is_text(tag) ? "too-long" : "not-text", "tags");
            return;
        }

        struct read_tag one = {.text = tag, .key = utf8_fold(a, tag)};

        for (size_t k = 0; k < r->n_tags; k++)
            is_known = is_known || str_eq(r->tags[k].key, one.key);
        if (!is_known)
            r->tags[r->n_tags++] = one;
    }
}

static void read_fields(struct arena *a, const struct lead_record *in, struct lead_read *r) {
    const struct json_limits limits = {
        .max_bytes = LEAD_FIELDS_BYTES, .max_depth = 4, .max_values = 1000};
    struct err why = ERR_INIT;

    if (in->fields.len == 0)
        return;
    if (json_parse(a, in->fields, limits, &r->fields, &why) != ST_OK ||
        json_type(r->fields) != JSON_OBJECT || json_len(r->fields) > LEAD_FIELDS_MAX) {
        r->fields = NULL;
        refuse(r, "invalid-fields", "fields");
    }
}

/* Somebody whom nothing leads to could neither be found again nor written to. */
static void want_key(struct lead_read *r) {
    for (size_t i = 0; i < r->n_phones; i++) {
        if (r->phones[i].e164.len > 0)
            return;
    }
    for (size_t i = 0; i < r->n_emails; i++) {
        if (r->emails[i].is_valid)
            return;
    }
    if (r->document.value.len > 0)
        return;
    refuse(r, r->note ? r->note : "no-contact", r->note ? r->column : NULL);
}

const struct lead_read *lead_read_one(struct arena *a, const struct lead_record *in,
                                      const char *region) {
    struct lead_read *r = arena_new_of(a, struct lead_read);

    read_names(a, in, r);
    if (in->n_phones > LEAD_PHONES_MAX)
        refuse(r, "too-many", "phone");
    if (in->n_emails > LEAD_EMAILS_MAX)
        refuse(r, "too-many", "email");
    if (r->fault)
        return r;
    read_phones(a, in, region, r);
    read_emails(a, in, r);
    if (!is_text(in->document))
        refuse(r, "not-text", "document");
    else if (!document_read(a, in->document, &r->document))
        note(r, "invalid-document", "document");
    read_tags(a, in, r);
    read_fields(a, in, r);
    want_key(r);
    return r;
}

void lead_read_many(struct arena *a, struct lead_record *records, size_t n, const char *region) {
    for (size_t i = 0; i < n; i++)
        records[i].read = lead_read_one(a, &records[i], region);
}

const char *lead_read_fault(const struct lead_record *record, const char **ret_column) {
    *ret_column = record->read->column;
    return record->read->fault;
}
