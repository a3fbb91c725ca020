// SPDX-License-Identifier: Apache-2.0
// Where in a JSON text a path like "nodes.menu.say[0].text" stands, so that a problem leads to its place.

const isSpace = (c: string | undefined) => c === ' ' || c === '\n' || c === '\r' || c === '\t';

function skipSpace(text: string, i: number): number {
  while (isSpace(text[i])) i++;
  return i;
}

function skipString(text: string, i: number): number {
  for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
  return i + 1;
}

function skipValue(text: string, i: number): number {
  let depth = 0;
  for (; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      i = skipString(text, i) - 1;
      if (depth === 0) return i + 1;
    } else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') {
      if (depth === 0) return i;
      if (--depth === 0) return i + 1;
    } else if (c === ',' && depth === 0) return i;
  }
  return i;
}

/** The start of the member's value, or -1. */
function find(text: string, at: number, part: string): number {
  const isObject = text[at] === '{';
  if (!isObject && text[at] !== '[') return -1;
  let i = skipSpace(text, at + 1);
  for (let n = 0; i < text.length && text[i] !== '}' && text[i] !== ']'; n++) {
    let name = String(n);
    if (isObject) {
      const end = skipString(text, i);
      try {
        name = String(JSON.parse(text.slice(i, end)));
      } catch {
        return -1;
      }
      i = skipSpace(text, end);
      if (text[i] !== ':') return -1;
      i = skipSpace(text, i + 1);
    }
    if (name === part) return i;
    i = skipSpace(text, skipValue(text, i));
    if (text[i] === ',') i = skipSpace(text, i + 1);
  }
  return -1;
}

/** First and last character of the value at the path, or of the deepest part of the path that is there. */
export function placeOf(text: string, path: string): [number, number] {
  let at = skipSpace(text, 0);
  for (const part of path.match(/[^.[\]]+/g) ?? []) {
    const next = find(text, at, part);
    if (next < 0) break;
    at = next;
  }
  return [at, Math.max(at + 1, skipValue(text, at))];
}

/** "line 3, column 5" of a character, counted from 1. */
export function lineOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return { line, column: at - before.lastIndexOf('\n') };
}
