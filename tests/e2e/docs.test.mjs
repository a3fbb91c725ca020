// SPDX-License-Identifier: Apache-2.0
// Every command in the documentation runs: blocks marked "sh run" in order on a fresh installation, ./dev commands exist.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { BIN } from '../support/prosa.mjs';

const top = path.resolve(import.meta.dirname, '../..');
const pages = ['README.md', ...readdirSync(`${top}/docs`).filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`)];
const blocks = (text, kind) => [...text.matchAll(new RegExp(`\`\`\`${kind}\n([\\s\\S]*?)\`\`\``, 'g'))].map((m) => m[1]);

for (const page of pages) {
  const text = readFileSync(`${top}/${page}`, 'utf8');
  const commands = blocks(text, 'sh run').join('');
  if (commands)
    test(`the commands of ${page} run`, () => {
      const dir = mkdtempSync(path.join(os.tmpdir(), 'prosa-docs-'));
      try {
        symlinkSync(path.resolve(BIN), `${dir}/prosa`);
        for (const line of commands.split('\n').filter(Boolean)) {
          const ran = spawnSync('sh', ['-c', line], { cwd: dir, encoding: 'utf8', env: { PATH: `${dir}:${process.env.PATH}`, PROSA_DATABASE_URL: 'sqlite:docs.db', PROSA_META_BASE_URL: 'http://127.0.0.1:9' } });
          const isDoctor = line === 'prosa doctor'; // finds what is wrong with invented credentials
          assert.ok(ran.status === 0 || (isDoctor && ran.status === 1), `${line}: ${ran.status} ${ran.stdout} ${ran.stderr}`);
        }
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
  test(`what ${page} says of ./dev and of other pages exists`, () => {
    const help = execFileSync(`${top}/dev`, ['help'], { encoding: 'utf8' });
    for (const [, verb] of text.matchAll(/\.\/dev ([a-z-]+)/g)) assert.match(help, new RegExp(`^\\s*(\\./dev )?${verb}\\b`, 'm'), `./dev ${verb}`);
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) assert.ok(readFileSync(path.resolve(top, path.dirname(page), link)).length > 0, link);
  });
}
