// SPDX-License-Identifier: Apache-2.0
// The API's own description as a judge: answers are held to the schemas that /openapi.json promises.
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** Every object that names its members has no others: what the program answers and nobody described is found. */
function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== 'object') return schema;
  if (schema.allOf) return { allOf: schema.allOf.map(open), unevaluatedProperties: false };
  const copy = Object.fromEntries(Object.entries(schema).map(([k, v]) => [k, closed(v)]));
  if (copy.properties && copy.type !== undefined && copy.additionalProperties === undefined) copy.additionalProperties = false;
  return copy;
}

/** A part of a bigger object: what it holds is closed, itself it is not. */
function open(schema) {
  if (schema.$ref) return { $ref: `${schema.$ref}.open` };
  const { additionalProperties, ...copy } = closed(schema);
  return schema.additionalProperties === undefined ? copy : { ...copy, additionalProperties };
}

/** {operations, check(method, path, status, type, body)}; path is the route's, with its {names}. */
export function judge(openapi) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  const schemas = {};
  for (const [name, schema] of Object.entries(openapi.components.schemas)) Object.assign(schemas, { [name]: closed(schema), [`${name}.open`]: open(schema) });
  const strict = { ...openapi, components: { ...openapi.components, schemas } };
  ajv.addSchema({ $id: 'openapi', ...strict });
  const rebase = (schema) => JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/'));
  const operations = new Map();
  for (const [path, item] of Object.entries(openapi.paths))
    for (const [method, op] of Object.entries(item)) operations.set(`${method.toUpperCase()} ${path}`, op);

  const responseOf = (op, status) => op.responses[status] ?? op.responses[`${Math.floor(status / 100)}XX`];
  const resolve = (response) => (response?.$ref ? response.$ref.split('/').slice(1).reduce((o, k) => o[k], openapi) : response);
  const check = (method, path, status, type, body) => {
    const name = `${method} ${path}`;
    const op = operations.get(name);
    if (!op) throw new Error(`${name} is not described`);
    const response = resolve(responseOf(op, status));
    if (!response) throw new Error(`${name}: status ${status} is not described`);
    if (!response.content) {
      if (body !== null && body !== '') throw new Error(`${name}: ${status} has a body and none is described`);
      return;
    }
    const media = Object.keys(response.content)[0];
    if (media !== '*/*' && media !== (type ?? '').split(';')[0]) throw new Error(`${name}: ${status} is ${type}, described is ${media}`);
    const validate = ajv.compile(rebase(closed(response.content[media].schema)));
    if (!validate(body)) throw new Error(`${name}: ${status} is not as described (src/console/api_*.json): ${ajv.errorsText(validate.errors, { separator: '\n  ' })}\n${JSON.stringify(body).slice(0, 2000)}`);
  };
  return { operations, check };
}
