// SPDX-License-Identifier: Apache-2.0
// What the thread shows, line by line: messages, notes, steps and day marks in the order they happened.
import type { LiveEvent, Message } from '../../lib/api';
import { dayOf } from '../../lib/format';
import type { Note, Outgoing, Thread } from './thread_store';

export interface Reaction {
  emoji: string;
  who: string; // owner of the reaction
}

export type Row =
  | { key: string; kind: 'day'; at: string }
  | { key: string; kind: 'message'; message: Message; isFirst: boolean; reactions: Reaction[]; quoted: Message | null }
  | { key: string; kind: 'outgoing'; outgoing: Outgoing; quoted: Message | null }
  | { key: string; kind: 'note'; note: Note }
  | { key: string; kind: 'step'; step: LiveEvent }
  | { key: string; kind: 'start' };

const TOGETHER_MS = 5 * 60_000;

/** Reactions by the provider id of the message they are on: the last of each person, none when taken back. */
function reactionsOf(messages: readonly Message[], known: Map<string, Message>): Map<string, Reaction[]> {
  const found = new Map<string, Map<string, string>>();
  for (const m of messages) {
    if (m.type !== 'reaction' || !m.content.target || !known.has(m.content.target)) continue;
    const on = found.get(m.content.target) ?? new Map<string, string>();
    if (m.content.emoji) on.set(m.owner, m.content.emoji);
    else on.delete(m.owner);
    found.set(m.content.target, on);
  }
  return new Map([...found].map(([id, on]) => [id, [...on].map(([who, emoji]) => ({ who, emoji }))]));
}

/** What says something about another message that is on screen is shown there, not by itself. */
const isAbout = (m: Message, known: Map<string, Message>): boolean =>
  (m.type === 'reaction' || m.type === 'edit' || m.type === 'revoke') && known.has(m.content.target ?? '');

/** What the thread itself does not show: who has it, from when on. */
const STEPS = ['taken', 'released', 'closed', 'handoff_requested', 'assigned', 'queued', 'expired', 'escalated', 'reminded', 'merged'];
const isStep = (id: string, step: LiveEvent): boolean =>
  step.conversation_id === id && STEPS.some((one) => step.kind === `conversation.${one}`);

function sideRows(thread: Thread, since: string): { at: string; row: Row }[] {
  const notes = thread.notes.value.map((note) => ({
    at: note.created_at,
    row: { key: `n${note.id}`, kind: 'note', note } as Row,
  }));
  const steps = thread.timeline.value
    .filter((step) => isStep(thread.id, step))
    .map((step) => ({ at: step.at, row: { key: `e${step.id}`, kind: 'step', step } as Row }));
  return [...notes, ...steps].filter((one) => one.at >= since).sort((a, b) => (a.at < b.at ? -1 : 1));
}

export function rowsOf(thread: Thread): Row[] {
  const messages = thread.messages.value;
  const known = new Map<string, Message>();
  for (const m of messages) if (m.provider_message_id) known.set(m.provider_message_id, m);
  const reactions = reactionsOf(messages, known);
  // Older steps come with the older messages they stood among.
  const sides = sideRows(thread, thread.hasOlder.value ? (messages[0]?.created_at ?? '') : '');
  const rows: Row[] = thread.hasOlder.value ? [] : [{ key: 'start', kind: 'start' }];
  let day = 0;
  let next = 0;
  let before: Message | null = null;
  const mark = (at: string) => {
    if (dayOf(at) === day) return;
    day = dayOf(at);
    before = null;
    rows.push({ key: `d${day}`, kind: 'day', at });
  };
  const sidesUntil = (at: string) => {
    for (let side = sides[next]; side && side.at <= at; side = sides[++next]) {
      mark(side.at);
      rows.push(side.row);
      before = null;
    }
  };
  for (const message of messages) {
    if (isAbout(message, known)) continue;
    sidesUntil(message.created_at);
    mark(message.created_at);
    const last = before as Message | null;
    const isFirst =
      !last ||
      last.owner !== message.owner ||
      last.owner_user !== message.owner_user ||
      Date.parse(message.created_at) - Date.parse(last.created_at) > TOGETHER_MS;
    rows.push({
      key: message.id,
      kind: 'message',
      message,
      isFirst,
      reactions: reactions.get(message.provider_message_id ?? '') ?? [],
      quoted: message.reply_to ? (known.get(message.reply_to) ?? null) : null,
    });
    before = message;
  }
  sidesUntil('~');
  for (const outgoing of thread.outgoing.value) {
    mark(outgoing.at);
    rows.push({ key: outgoing.clientId, kind: 'outgoing', outgoing, quoted: known.get(outgoing.replyTo) ?? null });
  }
  return rows;
}
