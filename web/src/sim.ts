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
  at: number | string;
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
  watch(onChat: (chat: Bubble[]) => void): () => void {
    const stop = new AbortController();
    const run = async () => {
      let after = -1;
      while (!stop.signal.aborted) {
        try {
          const query = after < 0 ? '' : `/events?after=${after}&wait_ms=20000`;
          const url = after < 0 ? `${this.base}/sim/phone?number=${this.number}` : `${this.base}/sim/phone${query}&number=${this.number}`;
          const answer = await fetch(url, { signal: stop.signal });
          if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
          const chat = (await answer.json()) as { seq: number; messages: Bubble[] };
          if (after < 0 || chat.seq !== after) {
            const whole = after < 0 ? chat : ((await (await fetch(`${this.base}/sim/phone?number=${this.number}`, { signal: stop.signal })).json()) as { seq: number; messages: Bubble[] });
            after = whole.seq;
            onChat(whole.messages);
          }
        } catch {
          if (!stop.signal.aborted) await new Promise((done) => setTimeout(done, 1000));
        }
      }
    };
    void run();
    return () => stop.abort();
  }
}
