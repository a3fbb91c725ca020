// SPDX-License-Identifier: Apache-2.0
// A message as whoever gets it sees it. An e-mail's HTML is shown in a frame that may do nothing.
import { w, wx, type Preview } from './api';

export function Bubble({ channel, preview }: { channel: string; preview: Preview }) {
  if (channel !== 'email')
    return (
      <div class="phone-preview" role="group" aria-label={wx('channel_', channel)}>
        <p class="bubble-like">{preview.text}</p>
      </div>
    );
  const mail = preview.content ?? {};
  return (
    <div class="mail-preview" role="group" aria-label={wx('channel_', channel)}>
      {mail.subject && <strong>{mail.subject}</strong>}
      <p class="mail-text">{mail.text ?? preview.text}</p>
      {mail.html && (
        <details>
          <summary>{w('asHtml')}</summary>
          <p class="hint">{w('htmlPlain')}</p>
          <iframe title={w('asHtml')} sandbox="" srcdoc={mail.html} />
        </details>
      )}
    </div>
  );
}
