// SPDX-License-Identifier: Apache-2.0
// A message as whoever gets it sees it. An e-mail's HTML is shown in a frame that may do nothing.
import { reason, w, wx, type CampaignPreview, type Preview } from './api';

export function Missing({ preview }: { preview: Preview }) {
  if (!preview.missing?.length) return null;
  return <p class="warning">{w('missing', { names: preview.missing.join(', ') })}</p>;
}

/** The words; what has no value stands in them as the template has it, and is marked. */
function Marked({ text, missing }: { text: string; missing?: string[] | undefined }) {
  const gaps = new Set(missing?.map((key) => `{{${key}}}`));
  if (gaps.size === 0) return <>{text}</>;
  return <>{text.split(/(\{\{[^{}]+\}\})/).map((piece, i) => (gaps.has(piece) ? <mark key={i} class="gap">{piece}</mark> : piece))}</>;
}

export function Bubble({ channel, preview }: { channel: string; preview: Preview }) {
  if (channel !== 'email')
    return (
      <div class="phone-preview" role="group" aria-label={wx('channel_', channel)}>
        <p class="bubble-like">
          <Marked text={preview.text} missing={preview.missing} />
        </p>
      </div>
    );
  const mail = preview.content ?? {};
  return (
    <div class="mail-preview" role="group" aria-label={wx('channel_', channel)}>
      {mail.subject && <strong>{mail.subject}</strong>}
      <p class="mail-text">
        <Marked text={mail.text ?? preview.text} missing={preview.missing} />
      </p>
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

/** One channel's message of a campaign, with what keeps it from going out. */
export function Message({ message }: { message: CampaignPreview['messages'][number] }) {
  const preview: Preview = { text: message.text ?? '', missing: message.missing, ...(message.content ? { content: message.content } : {}) };
  return (
    <>
      {message.block_reason && (
        <p class="warning" {...(message.block_detail ? { title: message.block_detail } : {})}>
          {reason(message.block_reason)}
        </p>
      )}
      <Missing preview={preview} />
      {message.text && <Bubble channel={message.channel} preview={preview} />}
    </>
  );
}
