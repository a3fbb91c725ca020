// SPDX-License-Identifier: Apache-2.0
// The API's description: well-formed by an independent judge, and true of what the server really answers.
import { Validator } from '@seriousme/openapi-schema-validator';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { judge } from '../support/api.mjs';
import { newInstallation } from '../support/prosa.mjs';

describe('the description of the API', () => {
  let installation, node, openapi, routes;

  before(async () => {
    installation = await newInstallation('sqlite');
    node = await installation.serve();
    openapi = await (await fetch(`${node.url}/openapi.json`)).json();
    routes = (await installation.cli('routes')).data.filter((r) => r.is_api);
  });
  after(async () => {
    if (node) await node.kill();
    await installation?.remove();
  });

  test('is OpenAPI 3.1', async () => {
    const result = await new Validator().validate(openapi);
    assert.ok(result.valid, JSON.stringify(result.errors, null, 1));
    assert.equal(openapi.openapi, '3.1.0');
  });

  test('has every route of the program with its role and scope, and no other', () => {
    const { operations } = judge(openapi);
    for (const r of routes) {
      const op = operations.get(`${r.method} ${r.path}`);
      assert.ok(op, `${r.method} ${r.path} is not described: see src/console/describe.h`);
      assert.equal(op['x-role'] ?? null, r.role, r.path);
      assert.equal(op['x-scope'] ?? null, r.scope, r.path);
      assert.equal(op['x-max-body-bytes'] ?? 0, r.max_body_bytes, r.path);
      assert.equal(op.summary, r.summary, r.path);
      const key = op.security.find((s) => s.key);
      assert.deepEqual(key?.key, r.auth === 'member' && r.scope ? [r.scope] : undefined, `${r.path}: keys`);
      assert.equal(op.security.some((s) => s.session), r.auth === 'member', `${r.path}: sessions`);
    }
    assert.equal(operations.size, routes.length);
    assert.equal(new Set([...operations.values()].map((op) => op.operationId)).size, routes.length);
  });

  test('reads as a page without anything from outside', async () => {
    const page = await fetch(`${node.url}/api`);
    assert.equal(page.status, 200);
    const policy = page.headers.get('content-security-policy');
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/=]+'; /);
    const html = await page.text();
    assert.doesNotMatch(html, /<script|<img|<link|src=|https?:\/\/(?!www\.w3\.org)/);
    for (const op of judge(openapi).operations.values()) assert.ok(html.includes(`<section id="${op.operationId}">`), op.operationId);
  });
});
