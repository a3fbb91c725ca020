// SPDX-License-Identifier: Apache-2.0
// The official openai client as judge of our model dialect. tests/contract/test_model.c shows that we make exactly the
// requests of tests/fixtures/model/suite.json and judge its replies as it says; here the client's own types accept the
// same requests and answers, its parser reads the same out of them, and it retries what we would retry.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';

const TESTS = fileURLToPath(new URL('..', import.meta.url));
const { asks, replies } = JSON.parse(readFileSync(join(TESTS, 'fixtures/model/suite.json')));

/** A client whose calls end here. What it is told to wait is nothing, so that retries do not. */
function clientWith(reply, maxRetries) {
  const calls = [];
  const fetch = async (url, init) => {
    calls.push({ url: String(url), body: JSON.parse(init.body), authorization: new Headers(init.headers).get('authorization') });
    const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
    const type = typeof reply.body === 'string' ? 'text/html' : 'application/json';
    return new Response(text, { status: reply.status, headers: { 'content-type': type, 'retry-after-ms': '1', ...reply.headers } });
  };
  return { calls, client: new OpenAI({ apiKey: 'sk-invented', baseURL: 'https://model.example.test/v1', maxRetries, fetch }) };
}

describe('requests', () => {
  for (const ask of asks) {
    test(`${ask.name} goes out of the client as we send it`, async () => {
      const { calls, client } = clientWith({ status: 200, body: { choices: [] } }, 0);
      await client.chat.completions.create(ask.body);
      assert.deepEqual(calls[0].body, ask.body);
      assert.equal(calls[0].url, 'https://model.example.test/v1/chat/completions');
      assert.equal(calls[0].authorization, 'Bearer sk-invented');
    });
  }
});

describe('types', () => {
  // TypeScript finds what JavaScript does not: a field of ours that the API's types do not know, or miss.
  test('the types of the client accept our requests and the answers we read', () => {
    const dir = mkdtempSync(join(TESTS, '.types-'));
    const constants = [
      ...asks.map((a) => ['ChatCompletionCreateParamsNonStreaming', a.body]),
      ...replies.filter((r) => r.is_completion).map((r) => ['ChatCompletion', r.body]),
    ];
    const source = `import type { ChatCompletion, ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';\n${
      constants.map(([type, value], i) => `export const v${i}: ${type} = ${JSON.stringify(value)};\n`).join('')}`;

    try {
      writeFileSync(join(dir, 'suite.ts'), source);
      execFileSync(process.execPath, [join(TESTS, '../web/node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022',
        '--module', 'nodenext', '--moduleResolution', 'nodenext', '--types', '', join(dir, 'suite.ts')], { encoding: 'utf8', stdio: 'pipe' });
    } catch (e) {
      assert.fail(e.stdout || e.message);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('replies', () => {
  for (const reply of replies.filter((r) => r.is_completion)) {
    test(`the client reads the same out of "${reply.name}"`, async () => {
      const { client } = clientWith(reply, 0);
      const { choices: [choice], usage } = await client.chat.completions.create(asks[0].body);
      const call = choice.message.tool_calls?.[0]?.function;

      assert.equal(choice.message.refusal ?? choice.message.content ?? '', reply.expect.text ?? '');
      assert.equal(call?.name, reply.expect.tool);
      if (call) assert.deepEqual(JSON.parse(call.arguments), reply.expect.arguments);
      assert.equal(choice.finish_reason === 'length', reply.expect.is_cut ?? false);
      assert.equal(usage.prompt_tokens, reply.expect.prompt_tokens);
      assert.equal(usage.prompt_tokens_details.cached_tokens, reply.expect.cached_tokens);
    });
  }

  for (const reply of replies.filter((r) => !r.is_completion)) {
    test(`the client retries "${reply.name}" when we would`, async () => {
      const { calls, client } = clientWith(reply, 1);
      await assert.rejects(client.chat.completions.create(asks[0].body));
      assert.equal(calls.length > 1, reply.differs ? true : reply.expect.outcome === 'retry');
    });
  }
});
