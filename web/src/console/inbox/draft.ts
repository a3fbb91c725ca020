// SPDX-License-Identifier: Apache-2.0
// What one writes but has not sent, per conversation, kept over reloads. Files on their way are kept while the page lives.
import { signal, type Signal } from '@preact/signals';
import type { Media, Message } from '../../lib/api';
import { told } from '../../lib/api';
import { typeOf, upload, type Upload } from './upload';

export interface Attachment {
  id: string;
  name: string;
  type: ReturnType<typeof typeOf>;
  preview: string; // object URL of a picture
  part: Signal<number>;
  media: Signal<Media | null>;
  problem: Signal<string>;
  file: File;
  upload: Upload | null;
}

export interface Draft {
  text: Signal<string>;
  note: Signal<string>;
  mode: Signal<'reply' | 'note'>;
  quoting: Signal<Message | null>;
  files: Signal<Attachment[]>;
}

const drafts = new Map<string, Draft>();
const kept = (key: string): Signal<string> => {
  const text = signal(localStorage.getItem(key) ?? '');
  text.subscribe((now) => (now ? localStorage.setItem(key, now) : localStorage.removeItem(key)));
  return text;
};

export function draftOf(id: string): Draft {
  let draft = drafts.get(id);
  if (!draft) {
    draft = {
      text: kept(`prosa.draft.${id}`),
      note: kept(`prosa.note.${id}`),
      mode: signal('reply'),
      quoting: signal(null),
      files: signal([]),
    };
    drafts.set(id, draft);
  }
  return draft;
}
/** What is written but not sent there, empty when nothing. */
export const draftText = (id: string): string => drafts.get(id)?.text.value ?? localStorage.getItem(`prosa.draft.${id}`) ?? '';

export function start(one: Attachment): void {
  one.problem.value = '';
  one.part.value = 0;
  one.upload = upload(one.file, (part) => (one.part.value = part));
  one.upload.done.then(
    (media) => (one.media.value = media),
    (why: unknown) => (one.problem.value = told(why)),
  );
}

export function attach(draft: Draft, files: Iterable<File>): void {
  for (const file of files) {
    const type = typeOf(file.type);
    const one: Attachment = {
      id: crypto.randomUUID(),
      name: file.name || type,
      type,
      preview: type === 'image' ? URL.createObjectURL(file) : '',
      part: signal(0),
      media: signal(null),
      problem: signal(''),
      file,
      upload: null,
    };
    draft.files.value = [...draft.files.value, one];
    start(one);
  }
}

export function detach(draft: Draft, one: Attachment): void {
  if (!one.media.peek()) one.upload?.cancel();
  if (one.preview) URL.revokeObjectURL(one.preview);
  draft.files.value = draft.files.value.filter((other) => other !== one);
}
