// SPDX-License-Identifier: Apache-2.0
// The simulated provider's side of the page: what the customer's phone shows and what the customer does.
import type { Content } from './api';

export interface Bubble {
  seq: number;
  id: string;
  direction: 'in' | 'out'; // as the business sees it: "in" was written by the customer
  type: string;
  text?: string;
  content?: Content;
  status?: string;
  at: number; // milliseconds since 1970
  reaction?: string;
}

export interface Chat {
  seq: number;
  typing: boolean;
  messages: Bubble[];
}

export type Act =
  | { text: string }
  | { button_reply: { id: string; title: string } }
  | { list_reply: { id: string; title: string; description?: string } };

export class Phone {
  constructor(
    private readonly base: string,
    private readonly to: string,
    readonly number: string,
    readonly name: string,
  ) {}

  async write(act: Act): Promise<void> {
    const answer = await fetch(`${this.base}/sim/customer`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ from: this.number, name: this.name, to: this.to, ...act }),
    });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  }

  /** Long-polls the phone until stopped; each change hands over the whole chat. */
  watch(onChat: (chat: Chat) => void): () => void {
    const stop = new AbortController();
    const look = async (path: string): Promise<Chat> => {
      const answer = await fetch(`${this.base}/sim/phone${path}number=${this.number}`, { signal: stop.signal });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      return (await answer.json()) as Chat;
    };
    const run = async () => {
      let seq = -1;
      while (!stop.signal.aborted) {
        try {
          const chat = await look(seq < 0 ? '?' : `/events?after=${seq}&wait_ms=20000&`);
          if (chat.seq !== seq) onChat(chat);
          seq = chat.seq;
        } catch {
          seq = -1;
          if (!stop.signal.aborted) await new Promise((done) => setTimeout(done, 1000));
        }
      }
    };
    void run();
    return () => stop.abort();
  }
}

export interface MailLine {
  id: number;
  to: string;
  from: string;
  from_name: string;
  subject: string;
  message_id: string;
  at: string;
  preview: string;
}

export interface Mail extends Omit<MailLine, 'preview'> {
  text: string;
  quoted: string;
  headers: string;
  files: { name: string; mime: string; size: number }[];
}

/** The mail server's side: every address has a mailbox there. */
export class Mailboxes {
  constructor(private readonly base: string) {}

  async list(): Promise<MailLine[]> {
    return (await this.get<{ data: MailLine[] }>('/sim/mails')).data;
  }

  show(id: number): Promise<Mail> {
    return this.get<Mail>(`/sim/mail?id=${id}`);
  }

  async answer(mail: Mail, text: string): Promise<void> {
    const subject = /^re:/i.test(mail.subject) ? mail.subject : `Re: ${mail.subject}`;
    const answer = await fetch(`${this.base}/sim/mail`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ from: mail.to, to: mail.from, subject, text, in_reply_to: mail.message_id }),
    });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  }

  private async get<T>(path: string): Promise<T> {
    const answer = await fetch(this.base + path);
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return (await answer.json()) as T;
  }
}
