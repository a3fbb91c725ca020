/* lead.h - who a person is: one lead, several identities, found or made when they write.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"
#include "provider/provider.h"
#include "sheet/sheet.h"
#include "json/json.h"

struct lead {
    struct lead_id id;
    struct str name;
    struct str phone; /* as the provider addresses it; empty when withheld */
    struct str user_id;
    struct str email;
    bool is_new;     /* lead_resolve: made by it */
    bool is_changed; /* lead_resolve: known before, but under another name or without this number */
    struct lead_id
        merged[2]; /* lead_resolve, lead_change_identity: those that were merged into this */
    size_t n_merged;
    struct str state;           /* lead_resolve: as it was before, or "new" */
    int64_t last_inbound_at_ms; /* lead_resolve: the same; 0: never wrote */
};

struct lead_identity {
    struct str kind;  /* "phone", "user_id", "email", "cpf", "cnpj" */
    struct str value; /* as the provider addresses it */
};
struct lead_profile { /* what people see and say of a lead */
    struct lead_id id;
    struct str name;
    struct str state; /* lead_move */
    struct str company;
    struct str document, document_kind; /* "52998224725", "cpf" | "cnpj"; empty: none */
    struct str tags;                    /* JSON array of texts */
    struct str fields;                  /* JSON object of the tenant's own */
    struct str source;                  /* "whatsapp", "import:<uuid>", "api", … */
    int64_t marketing_stopped_at_ms, created_at_ms, updated_at_ms, last_inbound_at_ms;
    struct lead_identity *identities;
    size_t n_identities;
};
/* Follows a merge: ret->id may differ from id. ST_NOT_FOUND. */
enum status lead_profile(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                         struct lead_profile *ret, struct err *e) ATTR_MUST_CHECK;
struct lead_list {
    struct lead_id *items;
    size_t n;
};
/* Those whose number begins with these digits, country first; at most `limit`. */
enum status lead_list_phone(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct str digits, size_t limit, struct lead_list *ret, struct err *e)
    ATTR_MUST_CHECK;
enum {
    LEAD_NAME_MAX = 200,
    LEAD_TAGS_MAX = 50,
    LEAD_TAG_MAX = 60,
    LEAD_FIELDS_MAX = 100,
    LEAD_FIELDS_BYTES = 32 << 10,
};
/* Name, company, document (as typed), tags and fields as in p. A name that a person gave is no longer replaced by the
 * provider's (is_named). ST_INVALID. */
enum status lead_edit(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      const struct lead_profile *p, bool is_named, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;

/* The lead behind party, by phone (equal numbers meet, see phone_key) or user id; made when new, and when the two keys
 * have so far belonged to two leads, the younger is merged into the older (ret->merged: its conversations are the
 * caller's to move). Name and newest address are kept up to date. */
enum status lead_resolve(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         const struct party *party, int64_t now_ms, struct lead *ret, struct err *e)
    ATTR_MUST_CHECK;
enum status lead_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                     struct lead *ret, struct err *e) ATTR_MUST_CHECK;
/* party's identity is now also, or instead, the new one: both lead to the same person. Whoever was known by the new one was
 * that person as well, and is merged as lead_resolve does. ST_NOT_FOUND: nobody had the old one. */
enum status lead_change_identity(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct party *from, const struct party *to, struct lead *ret,
                                 struct err *e) ATTR_MUST_CHECK;
/* The provider calls the number differently from what we sent to (Brazil's ninth digit): remember its form. */
enum status lead_learn_address(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id id, const struct party *address, int64_t now_ms,
                               struct err *e) ATTR_MUST_CHECK;

struct lead_key { /* what a person is recognised by, and to which lead it leads now */
    size_t at;    /* index of the lead in what was asked for */
    struct str
        key; /* "phone:5511987654321", "email:…", "user_id:…": kind and value of lead_identities */
};
/* The keys of n leads, in order of the leads; of one that was merged, those of the lead it is now. */
enum status lead_keys_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct lead_id *leads, size_t n, struct lead_key **ret,
                           size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* The key of an e-mail address or a telephone number as typed; false when it is neither. */
bool lead_key_of(struct arena *a, struct str typed, struct str *ret);
/* Those behind the keys, each once; a key that nobody has is left out. */
enum status lead_list_keys(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct str *keys, size_t n, struct lead_list *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Shows on the leads since when they want no marketing, 0: no longer. consent/ keeps the truth. */
enum status lead_show_stopped(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_id *leads, size_t n, int64_t stopped_at_ms,
                              int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

struct lead_phone {
    struct str typed, e164;  /* e164: digits, empty when typed is no number */
    struct str kind, reason; /* "mobile", …; why messages do not reach it */
    bool is_dispatchable;
    int64_t is_whatsapp; /* enum lead_whatsapp */
};
struct lead_email {
    struct str address;
    bool is_valid, is_bounced;
};
struct lead_row { /* one lead as lists show it */
    struct lead_id id;
    struct str name, company, document, document_kind, state, source;
    struct str fields, tags;          /* JSON */
    struct str name_key, company_key; /* folded */
    int64_t created_at_ms, updated_at_ms, last_inbound_at_ms, marketing_stopped_at_ms;
    struct lead_phone *phones;
    size_t n_phones;
    struct lead_email *emails;
    size_t n_emails;
    struct str user_id;
    bool is_listed; /* for callers that list each once */
};

/* --- many at once: import and API ---------------------------------------------------------------------------------- */

/* What is said of somebody; empty: not told. */
struct lead_record {
    struct str name, company, document; /* CPF or CNPJ as typed */
    const struct str *phones;           /* as typed, one number each (phone_split) */
    size_t n_phones;
    const struct str *emails;
    size_t n_emails;
    const struct str *tags;
    size_t n_tags;
    struct str fields;            /* JSON object of custom fields, or empty */
    struct str source;            /* "import:<uuid>", "api", … */
    const struct lead_read *read; /* of lead_read_many, or NULL */
};

enum lead_policy {
    LEAD_SKIP,
    LEAD_FILL,
    LEAD_OVERWRITE
}; /* what happens to somebody known already */
enum lead_put_outcome { LEAD_CREATED, LEAD_UPDATED, LEAD_SKIPPED, LEAD_REFUSED };
struct lead_put_result {
    enum lead_put_outcome outcome;
    struct lead_id id; /* nil when refused */
    const char *
        reason; /* slug; skipped: "known", "duplicate" (in this call), "unchanged"; refused: "no-contact", … */
    const char
        *column; /* at fault: "phone", "document", "email", "fields", "tags", "name"; or NULL */
    struct str before; /* JSON by which lead_put_undo restores; empty when created */
};

enum { LEAD_PUT_MAX = 2000 };

/* Reads what can be read without the database (numbers, documents, addresses, names to sort by) into each record's .read:
 * most of the work of a put. Pure; call it before the transaction, from any thread. region: "BR". */
void lead_read_many(struct arena *a, struct lead_record *records, size_t n, const char *region);
/* What is wrong with a record, as lead_put_many would refuse it; NULL when it would be taken. */
const char *lead_read_fault(const struct lead_record *record, const char **ret_column);

/* Each record finds somebody by a number, a CPF, an e-mail address, in that order, or makes somebody new. A CNPJ alone, with
 * neither number nor address, is a key as well. Keys that belong to others stay theirs. LEAD_FILL adds what is not known,
 * LEAD_OVERWRITE also replaces name, company, document and fields; both add numbers, addresses and tags, and never move a state.
 * An invalid number is kept and never used; a record whose every key is wrong is refused. Records of one call that are the
 * same person meet. A few statements a call, at most LEAD_PUT_MAX records. ST_CONFLICT: another put was faster; do it again. */
enum status lead_put_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          const struct lead_record *records, size_t n, enum lead_policy policy,
                          int64_t now_ms, struct lead_put_result *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Takes puts back, newest first: deletes who was created and has nothing else by now, restores who was updated where the value
 * is still ours. *ret_undone counts those of which something was taken back. */
enum status lead_put_undo(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          const struct lead_put_result *puts, size_t n, int64_t now_ms,
                          size_t *ret_undone, struct err *e) ATTR_MUST_CHECK;

/* --- audiences ------------------------------------------------------------------------------------------------------- */

struct lead_contact { /* one of an audience, all that a campaign needs to know */
    struct lead_id id;
    struct str name, company, document, state;
    struct str fields, tags; /* JSON */
    bool is_opted_out;       /* state "opted_out": on every channel; of one, consent/ knows */
    struct str phone;        /* best number, E.164 digits; empty: none valid for dispatch */
    struct str
        phone_reason; /* why none is: "no-phone", "invalid", "landline", "no-whatsapp", …; empty when there is one */
    struct str user_id;      /* WhatsApp's business-scoped user id, or empty */
    struct str email;        /* best address; empty: none */
    struct str email_reason; /* "no-email", "invalid", "bounced" */
    struct str timezone;     /* IANA, by the number's area; else empty */
};

/* What a template's variable of that name says of c: "name"/"nome", "first_name"/"primeiro_nome", "company"/"empresa",
 * "document"/"documento" ("cpf", "cnpj": only if it is one), "phone"/"telefone", "email", "tags"/"etiquetas" (with commas),
 * a field of the tenant's own by its name or "field.<name>". fields: c->fields, parsed; NULL: none. Empty: nothing is known. */
struct str lead_contact_value(struct arena *a, const struct lead_contact *c,
                              const struct json *fields, struct str name);

/* A filter, as lists, segments and audiences have it; docs/leads.md tells its JSON. */
struct lead_filter;
/* ST_INVALID says what is wrong and where. A NULL or null filter is everybody. */
enum status lead_filter_parse(struct arena *a, const struct json *filter, struct lead_filter **ret,
                              struct err *e) ATTR_MUST_CHECK;

/* A saved segment's filter, as it was stored. ST_NOT_FOUND. */
enum status lead_segment_filter(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct uuid segment, const struct json **ret, struct err *e)
    ATTR_MUST_CHECK;
/* Those whom the filter takes, in order of id, behind `after` (nil: from the start), at most `limit`; fewer only at the end. */
enum status lead_audience_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct json *filter, struct lead_id after, size_t limit,
                               struct lead_contact **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;
/* Those of ids that exist, in that order; a merged one as the one it is now, each once. */
enum status lead_audience_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct lead_id *ids, size_t n, struct lead_contact **ret,
                               size_t *ret_n, struct err *e) ATTR_MUST_CHECK;

/* --- lists ------------------------------------------------------------------------------------------------------------ */

struct lead_query {
    const struct json *filter; /* NULL: everybody */
    struct str
        q; /* words or the beginning of a number, address or document: the best hits, in one page */
    struct str
        sort; /* "name", "company", "state", "created_at", "updated_at", "last_inbound_at"; "-" in front: downwards;
                        * empty: newest first */
    struct str cursor; /* of the page before; empty: from the start */
    size_t limit;
};
struct lead_page {
    struct lead_row **items;
    size_t n;
    struct str next; /* cursor behind the last that was looked at */
    bool
        has_more; /* a page may hold fewer than the limit, even none, and have more: a filter that takes few is looked for in steps */
};
enum status lead_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      const struct lead_query *query, struct lead_page *ret, struct err *e)
    ATTR_MUST_CHECK;
/* One with its numbers and addresses; follows a merge. ST_NOT_FOUND. */
enum status lead_row_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id id,
                         struct lead_row **ret, struct err *e) ATTR_MUST_CHECK;
/* Those of ids that exist, in that order. */
enum status lead_rows_some(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct lead_id *ids, size_t n, struct lead_page *ret,
                           struct err *e) ATTR_MUST_CHECK;
/* How many a filter takes. *ret_is_exact false: it was too many to look at, at least so many. */
enum status lead_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       const struct json *filter, int64_t *ret, bool *ret_is_exact, struct err *e)
    ATTR_MUST_CHECK;

struct lead_export {
    struct lead_query query; /* cursor and limit are not looked at */
    const struct lead_id *ids;
    size_t n_ids; /* > 0: these, in that order, instead of the query's */
    enum sheet_kind kind;
    int fd; /* a file; what it holds is thrown away */
};
/* Writes leads as a spreadsheet, in memory that does not grow with their number; *ret_n: how many. ST_INVALID: the query, or more
 * than the format holds; ST_UNAVAILABLE: the disk. */
enum status lead_export(struct tx *tx, struct tenant_id tenant, const struct lead_export *what,
                        int64_t *ret_n, struct err *e) ATTR_MUST_CHECK;
struct lead_column { /* of the board */
    struct str state;
    int64_t count;
    struct lead_page page; /* the first, in order "-updated_at" */
};
enum status lead_board(struct arena *a, struct tx *tx, struct tenant_id tenant, size_t limit,
                       struct lead_column ret[static 9], struct err *e) ATTR_MUST_CHECK;
/* Why no message would reach this lead by WhatsApp: a slug, empty when one would; *ret_best: the number (may be NULL). */
struct str lead_dispatch_reason(const struct lead_row *row, const struct lead_phone **ret_best);

/* Numbers and addresses of one lead, replaced by what is typed; keys of others stay theirs. ST_INVALID says what is wrong. */
enum status lead_set_contacts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct lead_id id, const struct lead_record *typed, bool has_phones,
                              bool has_emails, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* Adds and takes away tags of many leads. ST_INVALID. */
enum status lead_tag_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          const struct lead_id *ids, size_t n, const struct str *add, size_t n_add,
                          const struct str *drop, size_t n_drop, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;

struct lead_happening { /* on a lead's timeline */
    struct uuid id;
    struct str kind, data, actor; /* data: a JSON object */
    int64_t at_ms;
};
/* Newest first, of the lead and of those merged into it; behind `before` (nil: from the newest). */
enum status lead_happenings(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id id, struct uuid before, size_t limit,
                            struct lead_happening **ret, size_t *ret_n, struct err *e)
    ATTR_MUST_CHECK;

/* --- segments ---------------------------------------------------------------------------------------------------------- */

struct segment {
    struct uuid id; /* nil: a new one */
    struct str name;
    struct str filter; /* JSON */
    int64_t created_at_ms, updated_at_ms;
};
enum { SEGMENTS_MAX = 200, SEGMENT_NAME_MAX = 100, SEGMENT_FILTER_BYTES = 16 << 10 };
/* ST_NOT_FOUND. */
enum status segment_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                        struct segment *ret, struct err *e) ATTR_MUST_CHECK;
enum status segment_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct segment **ret, size_t *ret_n, struct err *e) ATTR_MUST_CHECK;
/* ST_INVALID; ST_CONFLICT with cause "segments_name": the name is taken. */
enum status segment_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct segment *segment, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
enum status segment_remove(struct tx *tx, struct tenant_id tenant, struct uuid id, struct err *e)
    ATTR_MUST_CHECK;

/* --- merges ------------------------------------------------------------------------------------------------------------- */

/* `gone` becomes `keep`: identities, numbers, addresses and tags move over, gaps are filled, and how both were is kept. talks:
 * JSON array of ids of gone's conversations, which are the caller's to move; it comes back from the undo. ST_INVALID: the same
 * one; ST_NOT_FOUND. */
enum status lead_merge(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id keep,
                       struct lead_id gone, struct str talks, struct str actor, int64_t now_ms,
                       struct uuid *ret_merge, struct err *e) ATTR_MUST_CHECK;
/* The same for a merge that lead_resolve or lead_change_identity did of `gone`, the newest. Nothing when there is none. */
enum status lead_merge_remember(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct lead_id gone, struct str talks, struct err *e)
    ATTR_MUST_CHECK;
struct lead_unmerged {
    struct lead_id keep, gone;
    struct str talks; /* of gone, as lead_merge got them */
};
/* Both are as they were; what came since stays with the one that was kept. ST_CONFLICT: undone already. */
enum status lead_merge_undo(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct uuid merge, struct str actor, int64_t now_ms,
                            struct lead_unmerged *ret, struct err *e) ATTR_MUST_CHECK;

/* What sending taught about a number (E.164 digits, with or without the ninth digit) or an address, whoever has it. */
enum lead_whatsapp { LEAD_WHATSAPP_UNKNOWN, LEAD_WHATSAPP_YES, LEAD_WHATSAPP_NO };
enum status lead_learn_whatsapp(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct str phone, enum lead_whatsapp is_whatsapp, struct err *e)
    ATTR_MUST_CHECK;
enum status lead_learn_bounce(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str address, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;

/* --- state ------------------------------------------------------------------------------------------------------------ */

/*   new → contacting → replied → qualifying → scheduled → won | lost
 * A step forward may leave states out; back goes only a person. opted_out (wants to hear nothing, on no channel) and unreachable
 * from anywhere; out of opted_out only the lead's own wish leads, to contacting or replied: consent/ makes both steps. Each step
 * is an event on the lead's timeline. */
#define LEAD_STATES                                                                                \
    {                                                                                              \
        "new", "contacting", "replied", "qualifying", "scheduled", "won", "lost", "opted_out",     \
            "unreachable"                                                                          \
    }
enum { LEAD_N_STATES = 9 };
bool lead_is_state(struct str state);
enum lead_mover { LEAD_PROGRAM, LEAD_PERSON, LEAD_OWN_WISH };
bool lead_may_move(struct str from, struct str to, enum lead_mover by);

struct lead_step {
    struct str to;
    struct str why;   /* for the timeline; may be empty */
    struct str actor; /* "user:…", "key:…"; empty: the program, which only goes forward */
    bool is_own_wish; /* consent/ alone: what the lead asked for, whoever noted it */
};
/* ST_CONFLICT, cause "illegal-transition"; ST_NOT_FOUND; ST_INVALID: no such state. To the state it has: nothing. */
enum status lead_step(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                      const struct lead_step *step, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
/* The program's step. */
enum status lead_move(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                      struct str to_state, struct str why, int64_t now_ms, struct err *e)
    ATTR_MUST_CHECK;
/* A campaign's message went out to them: whoever was new is being contacted. At most 1,000; others stay where they are. */
enum status lead_contacted_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct lead_id *leads, size_t n, int64_t now_ms,
                                struct err *e) ATTR_MUST_CHECK;
/* The person wrote: remembered, and new, contacting and unreachable become "replied". lead: as lead_resolve gave it. */
enum status lead_heard(struct arena *a, struct tx *tx, struct tenant_id tenant,
                       const struct lead *lead, int64_t now_ms, struct err *e) ATTR_MUST_CHECK;
