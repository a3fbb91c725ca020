// SPDX-License-Identifier: Apache-2.0
// A set of texts in both languages. The second must have exactly the keys of the first, which the compiler checks.

export interface Dictionary<K extends string> {
  pt: Record<K, string>;
  en: Record<K, string>;
}

export const dictionary = <K extends string>(pt: Record<K, string>, en: Record<NoInfer<K>, string>): Dictionary<K> => ({
  pt,
  en,
});

type KeysOf<D> = D extends Dictionary<infer K> ? K : never;

/** Several sets as one; a word stands in one of them. */
export const together = <D extends Dictionary<string>[]>(...parts: D): Dictionary<KeysOf<D[number]>> => ({
  pt: Object.assign({}, ...parts.map((part) => part.pt)),
  en: Object.assign({}, ...parts.map((part) => part.en)),
});
