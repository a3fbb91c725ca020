/* read.h - a record as it was read without the database; private to lead/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/document.h"
#include "lead/lead.h"

enum { LEAD_PHONES_MAX = 10, LEAD_EMAILS_MAX = 10, LEAD_EMAIL_BYTES = 254 };

struct read_phone {
    struct str typed;
    struct str e164;    /* empty: no number */
    const char *kind;   /* as phone.h says */
    const char *reason; /* why messages do not reach it; "" when they do */
};

struct read_email {
    struct str address; /* in lower case when valid, else as typed */
    bool is_valid;
};

struct read_tag {
    struct str text, key;
};

struct lead_read {
    struct str name, name_key, company, company_key;
    struct document document;
    struct read_phone *phones;
    size_t n_phones;
    struct read_email *emails;
    size_t n_emails;
    struct read_tag *tags;
    size_t n_tags;
    const struct json *fields; /* an object or NULL */
    const char *fault;         /* why the record is refused, or NULL */
    const char *note;          /* what was left out of a record that is taken, or NULL */
    const char *column;        /* of either */
};

const struct lead_read *lead_read_one(struct arena *a, const struct lead_record *r,
                                      const char *region);
/* "ana@example.com" in a, lower case; false when it is no address that mail can go to. */
bool email_read(struct arena *a, struct str typed, struct str *ret);
/* The number that a provider gives as digits with the country, as a lead's. */
void phone_of_provider(struct arena *a, struct str digits, struct read_phone *ret);
