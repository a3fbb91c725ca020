/* meta_party.c - who is on the other side: out of the ids of a message and the contacts beside it.
 * Source: BSUID page (phones may be withheld, user ids stand in for them).
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "provider/meta.h"

enum {
    PHONE_MAX_DIGITS = 32,
    CONTACTS_MAX = 1000, /* looked at for one message; as many updates as Meta puts into one call */
};

static bool is_phone(struct str s) {
    if (s.len == 0 || s.len > PHONE_MAX_DIGITS)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return true;
}

void meta_party_put(struct arena *a, struct party *p, const struct json *v) {
    struct str id = meta_id(a, v), digits = id;

    (void)str_eat(&digits, STR("+"));
    if (is_phone(digits) && p->phone.len == 0)
        p->phone = digits;
    else if (!is_phone(digits) && p->user_id.len == 0)
        p->user_id = id;
}

void meta_party_put_user_id(struct arena *a, struct party *p, const struct json *v) {
    if (p->user_id.len == 0)
        p->user_id = meta_id(a, v);
}

bool meta_party_is_empty(const struct party *p) {
    return p->phone.len == 0 && p->user_id.len == 0;
}

static void take_contact(struct arena *a, const struct json *contact, struct party *p) {
    struct str username = json_str(json_path(contact, "profile", "username", NULL));

    (void)str_eat(&username, STR("@"));
    meta_party_put(a, p, json_get(contact, "wa_id"));
    meta_party_put_user_id(a, p, json_get(contact, "user_id"));
    p->name = json_str(json_path(contact, "profile", "name", NULL));
    p->username = username;
}

static bool is_same_person(struct arena *a, const struct party *p, const struct json *contact) {
    struct party other = {0};

    meta_party_put(a, &other, json_get(contact, "wa_id"));
    meta_party_put_user_id(a, &other, json_get(contact, "user_id"));
    if (other.user_id.len > 0 && p->user_id.len > 0)
        return str_eq(other.user_id, p->user_id);
    if (other.phone.len == 0 || p->phone.len == 0)
        return false;
    if (other.phone.len == p->phone.len)
        return str_eq(other.phone, p->phone);
    return str_eq(phone_key(a, other.phone), phone_key(a, p->phone));
}

void meta_party_join(struct arena *a, const struct json *contacts, struct party *p) {
    size_t n = json_len(contacts);

    if (meta_party_is_empty(p)) {
        if (n == 1)
            take_contact(a, json_at(contacts, 0), p);
        return;
    }
    for (size_t i = 0; i < n && i < CONTACTS_MAX; i++) {
        if (is_same_person(a, p, json_at(contacts, i))) {
            take_contact(a, json_at(contacts, i), p);
            return;
        }
    }
}

/* "User <name> changed from <old> to <new>": where the old user id stands when nothing else says it
 * (BSUID page, system webhooks; previous_user_id came in August 2026). */
static struct str old_id_of_body(struct str body) {
    static const char before[] = " changed from ";
    const char *at = body.len > 0 ? memmem(body.ptr, body.len, before, sizeof(before) - 1) : NULL;
    struct str rest, id;

    if (!at)
        return STR_EMPTY;
    rest = str_sub(body, (size_t)(at - body.ptr) + sizeof(before) - 1, body.len);
    (void)str_cut(&rest, ' ', &id);
    return id.len <= META_ID_MAX_BYTES ? id : STR_EMPTY;
}

static bool is_bsuid(struct str s) { /* "BR.1502…", "US.ENT.1181…" */
    return s.len > 3 && s.ptr[0] >= 'A' && s.ptr[0] <= 'Z' && s.ptr[1] >= 'A' && s.ptr[1] <= 'Z' &&
           s.ptr[2] == '.';
}

void meta_party_before(struct arena *a, const struct json *m, struct party *p) {
    const struct json *system = json_get(m, "system");
    struct str old;

    meta_party_put(a, p, json_get(m, "from"));
    meta_party_put(a, p, json_get(system, "customer"));
    meta_party_put_user_id(a, p, json_get(system, "previous_user_id"));
    meta_party_put_user_id(a, p, json_get(m, "from_user_id"));
    old = old_id_of_body(json_str(json_get(system, "body")));
    if (p->user_id.len == 0 && is_bsuid(old))
        p->user_id = old;
}
