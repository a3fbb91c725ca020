/* describe.c - the API's description as OpenAPI 3.1.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/describe.h"

#include "descriptions/descriptions.h"

static const char *const methods[] = {
    [HTTP_GET] = "GET",     [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};
static const char *const members[] = {
    [HTTP_GET] = "get",     [HTTP_POST] = "post",     [HTTP_PUT] = "put",
    [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete", [HTTP_OPTIONS] = "options",
};
static const char *const roles[] = {
    [ROLE_AGENT] = "agent", [ROLE_SUPERVISOR] = "supervisor", [ROLE_ADMIN] = "admin"};

#define INTRODUCTION                                                                               \
    "People sign in by POST /api/v1/session and are known by a cookie; their writes need a "       \
    "same-origin proof (Origin or Sec-Fetch-Site). Programs send \"Authorization: Bearer KEY\" "   \
    "with an API key and reach what its scopes permit. Times are ISO 8601 in UTC, ids are UUIDs. " \
    "Failures are problems after RFC 9457 with a stable type. Lists go on with ?after=NEXT."

/* --- reading the files ----------------------------------------------------------------------- */

enum status describe_load(struct arena *a, struct descriptions *ret, struct err *e) {
    struct err why = ERR_INIT;

    *ret = (struct descriptions){0};
    if (descriptions_count > DESCRIBE_SUBJECTS_MAX)
        FAIL(e, ST_BROKEN, "the API has more subjects than %d", DESCRIBE_SUBJECTS_MAX);
    for (size_t i = 0; i < descriptions_count; i++) {
        const struct description *d = &descriptions_table[i];

        if (json_parse(a, (struct str){(const char *)d->data, d->len}, JSON_LIMITS_DEFAULT,
                       &ret->subjects[i], &why) != ST_OK)
            FAIL(e, ST_BROKEN, "src%s: %s", d->path, why.message);
        ret->paths[i] = d->path;
        ret->n++;
    }
    return ST_OK;
}

struct str describe_name(struct arena *a, const struct route *route) {
    return arena_printf(a, "%s %s", methods[route->method], route->path);
}

const struct json *describe_find(const struct descriptions *d, struct arena *a,
                                 const struct route *route, size_t *ret_subject) {
    const char *name = arena_cstr(a, describe_name(a, route));

    for (size_t i = 0; i < d->n; i++) {
        const struct json *op = json_path(d->subjects[i], "operations", name, NULL);

        if (op) {
            *ret_subject = i;
            return op;
        }
    }
    return NULL;
}

/* --- one operation --------------------------------------------------------------------------- */

static void write_security(struct json_out *o, const struct route *route) {
    json_arr(o, "security");
    if (route->auth == AUTH_MEMBER) {
        json_obj(o, NULL);
        json_arr(o, "session");
        json_end(o);
        json_end(o);
    }
    if (route->auth == AUTH_MEMBER && route->scope) {
        json_obj(o, NULL);
        json_arr(o, "key");
        json_put_str(o, NULL, str_of(route->scope));
        json_end(o);
        json_end(o);
    }
    if (route->auth == AUTH_OPERATOR) {
        json_obj(o, NULL);
        json_arr(o, "operator");
        json_end(o);
        json_end(o);
    }
    json_end(o);
}

static void write_limits(struct json_out *o, const struct route *route) {
    if (route->auth == AUTH_MEMBER)
        json_put_str(o, "x-role", str_of(roles[route->min_role]));
    if (route->auth == AUTH_MEMBER && route->scope)
        json_put_str(o, "x-scope", str_of(route->scope));
    if (route->max_body > 0)
        json_put_i64(o, "x-max-body-bytes", route->max_body);
    if (route->rate_per_min > 0)
        json_put_i64(o, "x-rate-per-minute", route->rate_per_min);
}

/* The description stands in the schema, where the files have it. */
static void write_parameter(struct json_out *o, const char *in, struct str name,
                            const struct json *schema) {
    bool is_path = in[0] == 'p';

    json_obj(o, NULL);
    json_put_str(o, "name", name);
    json_put_str(o, "in", str_of(in));
    json_put_bool(o, "required", is_path);
    json_put_opt(o, "description", json_str(json_get(schema, "description")));
    if (schema) {
        json_put_json(o, "schema", schema);
    } else {
        json_obj(o, "schema");
        json_put_str(o, "type", STR("string"));
        if (is_path)
            json_put_str(o, "format", STR("uuid"));
        json_end(o);
    }
    json_end(o);
}

static void write_path_parameters(struct json_out *o, struct arena *a, const struct route *route,
                                  const struct json *op) {
    struct str rest = str_of(route->path), head;

    while (str_cut(&rest, '{', &head)) {
        struct str name;

        if (!str_cut(&rest, '}', &name))
            return;
        write_parameter(o, "path", name,
                        json_path(op, "path", (const char *)arena_cstr(a, name), NULL));
    }
}

static void write_reference(struct json_out *o, const char *text) {
    json_obj(o, NULL);
    json_put_str(o, "$ref", str_of(text));
    json_end(o);
}

static void write_parameters(struct json_out *o, struct arena *a, const struct route *route,
                             const struct json *op) {
    const struct json *query = json_get(op, "query"), *schema;
    struct str name;

    json_arr(o, "parameters");
    write_path_parameters(o, a, route, op);
    for (size_t i = 0; json_member(query, i, &name, &schema); i++)
        write_parameter(o, "query", name, schema);
    if (json_bool(json_get(op, "page"), false)) {
        write_reference(o, "#/components/parameters/limit");
        write_reference(o, "#/components/parameters/after");
    }
    json_end(o);
}

static void write_content(struct json_out *o, struct arena *a, struct str type,
                          const struct json *schema) {
    json_obj(o, "content");
    json_obj(o, arena_cstr(a, type.len > 0 ? type : STR("application/json")));
    json_put_json(o, "schema", schema);
    json_end(o);
    json_end(o);
}

static void write_body(struct json_out *o, struct arena *a, const struct json *op) {
    if (!json_get(op, "body"))
        return;
    json_obj(o, "requestBody");
    json_put_opt(o, "description", json_str(json_get(op, "body_note")));
    json_put_bool(o, "required", !json_bool(json_get(op, "body_optional"), false));
    write_content(o, a, json_str(json_get(op, "body_type")), json_get(op, "body"));
    json_end(o);
}

static void write_list(struct json_out *o, const struct json *items) {
    json_obj(o, "content");
    json_obj(o, "application/json");
    json_obj(o, "schema");
    json_put_str(o, "type", STR("object"));
    json_put_raw(o, "required", STR("[\"data\",\"next\",\"has_more\"]"));
    json_obj(o, "properties");
    json_obj(o, "data");
    json_put_str(o, "type", STR("array"));
    json_put_json(o, "items", items);
    json_end(o);
    json_put_raw(o, "next",
                 STR("{\"type\":[\"string\",\"null\"],\"description\":\"go on with ?after=\"}"));
    json_put_raw(o, "has_more", STR("{\"type\":\"boolean\"}"));
    json_end(o);
    json_end(o);
    json_end(o);
    json_end(o);
}

static void write_responses(struct json_out *o, struct arena *a, const struct json *op) {
    int64_t status = json_i64(json_get(op, "status"), 200);

    json_obj(o, "responses");
    json_obj(o, arena_cstr(a, arena_printf(a, "%lld", (long long)status)));
    json_put_str(o, "description",
                 status == 101   ? STR("The WebSocket is open")
                 : status == 204 ? STR("Done")
                 : status == 202 ? STR("Taken on; it happens later")
                                 : STR("The answer"));
    if (json_get(op, "list"))
        write_list(o, json_get(op, "list"));
    else if (json_get(op, "answer"))
        write_content(o, a, json_str(json_get(op, "answer_type")), json_get(op, "answer"));
    json_end(o);
    json_put_raw(o, "4XX", STR("{\"$ref\":\"#/components/responses/Problem\"}"));
    json_put_raw(o, "5XX", STR("{\"$ref\":\"#/components/responses/Problem\"}"));
    json_end(o);
}

static void write_operation(struct json_out *o, struct arena *a, const struct descriptions *d,
                            const struct route *route) {
    size_t subject = 0;
    const struct json *op = describe_find(d, a, route, &subject);

    json_obj(o, members[route->method]);
    if (op) {
        json_put_str(o, "operationId", json_str(json_get(op, "id")));
        json_arr(o, "tags");
        json_put_str(o, NULL, json_str(json_get(d->subjects[subject], "title")));
        json_end(o);
        json_put_opt(o, "description", json_str(json_get(op, "description")));
    }
    json_put_str(o, "summary", str_of(route->summary));
    write_limits(o, route);
    write_security(o, route);
    write_parameters(o, a, route, op);
    write_body(o, a, op);
    write_responses(o, a, op);
    json_end(o);
}

/* --- the document ---------------------------------------------------------------------------- */

static bool is_first_of_path(const struct route *const *routes, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (str_eq(str_of(routes[k]->path), str_of(routes[i]->path)))
            return false;
    return true;
}

static void write_paths(struct json_out *o, struct arena *a, const struct descriptions *d,
                        const struct route *const *routes, size_t n) {
    json_obj(o, "paths");
    for (size_t i = 0; i < n; i++) {
        if (!is_first_of_path(routes, i))
            continue;
        json_obj(o, routes[i]->path);
        for (size_t k = i; k < n; k++)
            if (str_eq(str_of(routes[k]->path), str_of(routes[i]->path)))
                write_operation(o, a, d, routes[k]);
        json_end(o);
    }
    json_end(o);
}

static void write_components(struct json_out *o, struct arena *a, const struct descriptions *d) {
    struct str name;
    const struct json *schema;

    json_obj(o, "components");
    json_obj(o, "schemas");
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; json_member(json_get(d->subjects[i], "schemas"), k, &name, &schema); k++)
            json_put_json(o, arena_cstr(a, name), schema);
    json_end(o);
    json_put_raw(o, "responses",
                 STR("{\"Problem\":{\"description\":\"What is wrong (RFC 9457)\",\"content\":"
                     "{\"application/problem+json\":{\"schema\":{\"$ref\":"
                     "\"#/components/schemas/Problem\"}}}}}"));
    json_put_raw(
        o, "parameters",
        STR("{\"limit\":{\"name\":\"limit\",\"in\":\"query\",\"description\":\"items of a page\","
            "\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":500,\"default\":50}},"
            "\"after\":{\"name\":\"after\",\"in\":\"query\",\"description\":"
            "\"go on behind this: next of the page before\",\"schema\":{\"type\":\"string\"}}}"));
    json_put_raw(o, "securitySchemes",
                 STR("{\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":"
                     "\"prosa_session\",\"description\":\"of POST /api/v1/session\"},"
                     "\"key\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":"
                     "\"an API key with the named scope\"},"
                     "\"operator\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":"
                     "\"from this machine, or with the metrics token\"}}"));
    json_end(o);
}

static void write_tags(struct json_out *o, const struct descriptions *d) {
    json_arr(o, "tags");
    for (size_t i = 0; i < d->n; i++) {
        json_obj(o, NULL);
        json_put_str(o, "name", json_str(json_get(d->subjects[i], "title")));
        json_end(o);
    }
    json_end(o);
}

void describe_openapi(struct buf *b, struct arena *a, const struct descriptions *d,
                      const struct route *const *routes, size_t n) {
    struct json_out o;

    json_out_init(&o, b);
    json_obj(&o, NULL);
    json_put_str(&o, "openapi", STR("3.1.0"));
    json_obj(&o, "info");
    json_put_str(&o, "title", STR("prosa"));
    json_put_str(&o, "version", STR("1"));
    json_put_str(&o, "description", STR(INTRODUCTION));
    json_put_raw(&o, "license", STR("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
    json_end(&o);
    json_put_raw(&o, "servers", STR("[{\"url\":\"/\"}]"));
    write_tags(&o, d);
    write_paths(&o, a, d, routes, n);
    write_components(&o, a, d);
    json_end(&o);
}
