/* describe.h - the API's description, made of the route table and of what the api_*.json beside each api_*.c say about bodies
 * and answers. Private to console/.
 *
 * What is in the table (path, role, scope, limits, summary) is told by the table alone. An entry of "operations" is named
 * "METHOD PATH" and has
 *   id           operationId
 *   description  more than the summary, if there is more
 *   path, query  parameters: name → schema with its description; {id} needs no word
 *   page         true: takes limit and after
 *   body         schema; body_optional: true; body_type when it is no JSON; body_note
 *   status       200 unless told otherwise; 204 and 101 have no answer
 *   answer       schema of it; or list: schema of its items; answer_type when it is no JSON
 * "schemas" are named ones, referred to by "#/components/schemas/NAME" from any subject; "title" is the subject's name.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "httpd/httpd.h"
#include "json/json.h"

enum { DESCRIBE_SUBJECTS_MAX = 64, DESCRIBE_MAX_BYTES = 4 << 20 };

struct descriptions {
    const struct json *subjects[DESCRIBE_SUBJECTS_MAX];
    const char *paths[DESCRIBE_SUBJECTS_MAX]; /* of the files */
    size_t n;
};
/* ST_BROKEN: one of the files in the program is not what it should be. */
enum status describe_load(struct arena *a, struct descriptions *ret, struct err *e) ATTR_MUST_CHECK;
/* "GET /api/v1/me" */
struct str describe_name(struct arena *a, const struct route *route);
/* NULL: nothing is said about it. *ret_subject is whose. */
const struct json *describe_find(const struct descriptions *d, struct arena *a,
                                 const struct route *route, size_t *ret_subject);

/* The description as OpenAPI 3.1, as JSON. */
void describe_openapi(struct buf *b, struct arena *a, const struct descriptions *d,
                      const struct route *const *routes, size_t n);
/* An OpenAPI document for people: one page without anything from outside. style is the text of its <style>. */
void describe_page(struct buf *b, const struct json *openapi, struct str style);
