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
