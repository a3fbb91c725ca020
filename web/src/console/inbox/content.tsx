// SPDX-License-Identifier: Apache-2.0
// What a message says, type by type. Everything a customer sent is text here: never markup, and links only where they
// lead to a page.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Content, Media, Message } from '../../lib/api';
import { bytes, phone } from '../../lib/format';
import { language, t, tn, tx } from '../../lib/i18n';
import { Icon } from '../icons';
import { Dialog } from '../ui';

/** An address a person may open: a page, never a script. */
function webAddress(text: string): string | null {
  try {
    const url = new URL(text);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}

const ADDRESS = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/g;

/** Words with their addresses as links; WhatsApp's *bold* and its like stay as they were typed. */
export function Words({ text }: { text: string }) {
  const parts = text.split(ADDRESS);
  return (
    <p class="words" dir="auto">
      {parts.map((part, i) => {
        const to = i % 2 === 1 ? webAddress(part) : null;
        return to ? (
          <a key={i} href={to} target="_blank" rel="noopener noreferrer nofollow">
            {part}
          </a>
        ) : (
          part
        );
      })}
    </p>
  );
}

const addressOf = (media: Media): string => `/api/v1/media/${media.id}`;

function Picture({ media, alt }: { media: Media; alt: string }) {
  const isOpen = useSignal(false);
  return (
    <>
      <button type="button" class="picture" aria-label={t('pictureOpen', { name: alt })} onClick={() => (isOpen.value = true)}>
        <img src={addressOf(media)} alt={alt} loading="lazy" decoding="async" />
      </button>
      {isOpen.value && (
        <Dialog title={alt} wide onClose={() => (isOpen.value = false)}>
          <img class="picture-full" src={addressOf(media)} alt={alt} />
          <a class="button" href={addressOf(media)} download={media.file_name || true}>
            {t('download')}
          </a>
        </Dialog>
      )}
    </>
  );
}

function File({ name, about, href }: { name: string; about: string; href?: string }) {
  const inside = (
    <>
      <Icon name="file" size={24} />
      <span class="file-name" dir="auto">
        {name}
      </span>
      <span class="quiet">{about}</span>
    </>
  );
  return href ? (
    <a class="file" href={href} download={name} aria-label={`${t('download')}: ${name}, ${about}`}>
      {inside}
    </a>
  ) : (
    <div class="file">{inside}</div>
  );
}

/** A file that is not here (yet): which, and why. */
function Absent({ media, name }: { media: Media | null; name: string }) {
  if (media && media.state !== 'waiting')
    return <File name={name} about={t(media.state === 'expired' ? 'mediaExpired' : 'mediaFailed')} />;
  return <File name={name} about={media ? t('mediaWaiting') : t('mediaElsewhere')} />;
}

function Attached({ type, content, media }: { type: string; content: Content; media: Media | null }) {
  const given = media?.file_name || content.media?.filename;
  const name = given || tx('type_', content.media?.voice ? 'voice' : type);
  if (!media || media.state !== 'ready') return <Absent media={media} name={name} />;
  const src = addressOf(media);
  if (media.mime.startsWith('image/')) return <Picture media={media} alt={content.caption || name} />;
  if (media.mime.startsWith('audio/')) return <audio controls preload="metadata" src={src} aria-label={name} />;
  if (media.mime.startsWith('video/')) return <video controls preload="metadata" src={src} aria-label={name} />;
  return <File name={name} about={bytes(media.size)} href={src} />;
}

function Place({ content }: { content: Content }) {
  const { latitude = 0, longitude = 0 } = content;
  const map = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=17/${latitude}/${longitude}`;
  return (
    <a class="file" href={map} target="_blank" rel="noopener noreferrer">
      <Icon name="place" size={24} />
      <span class="file-name">{content.name || t('place')}</span>
      <span class="quiet">{content.address || `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`}</span>
    </a>
  );
}

function Cards({ content }: { content: Content }) {
  return (
    <ul class="cards">
      {content.contacts?.map((card, i) => (
        <li key={i}>
          <strong>{card.name?.formatted_name ?? t('contact')}</strong>
          {card.org?.company && <span class="quiet">{card.org.company}</span>}
          {card.phones?.map((one) => <span key={one.phone}>{phone((one.phone ?? '').replace(/\D/g, ''))}</span>)}
          {card.emails?.map((one) => <span key={one.email}>{one.email}</span>)}
        </li>
      ))}
    </ul>
  );
}

function Order({ content }: { content: Content }) {
  const items = content.items ?? [];
  const currency = items[0]?.currency ?? 'BRL';
  let money: Intl.NumberFormat;
  try {
    money = new Intl.NumberFormat(language.value, { style: 'currency', currency });
  } catch {
    money = new Intl.NumberFormat(language.value);
  }
  return (
    <>
      <table class="order">
        <caption>{tn('orderOf', items.length)}</caption>
        <tbody>
          {items.map((item, i) => (
            <tr key={i}>
              <td>{item.quantity} ×</td>
              <td>{item.id}</td>
              <td>{money.format(item.price * item.quantity)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <td colSpan={2}>{t('total')}</td>
            <td>{money.format(items.reduce((sum, item) => sum + item.price * item.quantity, 0))}</td>
          </tr>
        </tfoot>
      </table>
      {content.text && <Words text={content.text} />}
    </>
  );
}

function Choices({ content }: { content: Content }) {
  const rows = [...(content.buttons ?? []), ...(content.sections?.flatMap((section) => section.rows) ?? [])];
  if (rows.length === 0) return null;
  return (
    <ul class="chips" aria-label={content.button ?? t('options')}>
      {rows.map((row) => (
        <li key={row.id} title={(row as { description?: string }).description}>
          {row.title}
        </li>
      ))}
    </ul>
  );
}

function Interactive({ content, text }: { content: Content; text: string }) {
  return (
    <>
      {typeof content.header === 'string' && <p class="headline">{content.header}</p>}
      <Words text={content.text ?? text} />
      {content.footer && <p class="footer-words">{content.footer}</p>}
      <Choices content={content} />
      {content.url && <Words text={`${content.title ?? ''} ${content.url}`.trim()} />}
    </>
  );
}

function Template({ content, text }: { content: Content; text: string }) {
  const values = content.components?.flatMap((part) => part.parameters?.map((one) => one.text ?? one.type) ?? []) ?? [];
  return (
    <>
      <p class="kind">
        <Icon name="template" size={14} /> {t('template')} · {content.name} ({content.language})
      </p>
      {text && text !== content.name && <Words text={text} />}
      {values.length > 0 && !content.text && (
        <ul class="chips">
          {values.map((value, i) => (
            <li key={i}>{value}</li>
          ))}
        </ul>
      )}
    </>
  );
}

const Kind = ({ children }: { children: ComponentChildren }) => <p class="kind">{children}</p>;

function Form({ content }: { content: Content }) {
  return (
    <>
      <Kind>{t('formSent', { name: content.name ?? '' })}</Kind>
      <dl class="pairs">
        {Object.entries(content.response ?? {}).map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Body({ type, text, content, media }: Said) {
  switch (type) {
    case 'text':
      return <Words text={text || (content.text ?? '')} />;
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return (
        <>
          <Attached type={type} content={content} media={media} />
          {content.caption && <Words text={content.caption} />}
        </>
      );
    case 'location':
      return <Place content={content} />;
    case 'contacts':
      return <Cards content={content} />;
    case 'order':
      return <Order content={content} />;
    case 'template':
      return <Template content={content} text={text} />;
    case 'buttons':
    case 'list':
    case 'link':
    case 'ask_location':
      return <Interactive content={content} text={text} />;
    case 'choice':
      return (
        <>
          <Kind>{t('chose')}</Kind>
          <Words text={content.title || text} />
        </>
      );
    case 'form':
      return <Form content={content} />;
    case 'reaction':
      return <Kind>{content.emoji ? t('reactedBefore', { emoji: content.emoji }) : t('reactionGone')}</Kind>;
    case 'edit':
      return (
        <>
          <Kind>{t('editedBefore')}</Kind>
          <Words text={text} />
        </>
      );
    case 'revoke':
      return <Kind>{t('revokedBefore')}</Kind>;
    case 'system':
      return <Kind>{content.text || text}</Kind>;
    case 'unsupported':
      return <Kind>{t('unsupported', { kind: content.kind ?? '' })}</Kind>;
    default:
      return text ? <Words text={text} /> : <Kind>{t('unknownType', { type })}</Kind>;
  }
}

interface Said {
  type: string;
  text: string;
  content: Content;
  media: Media | null;
}

export function Says(said: Said) {
  const { content } = said;
  return (
    <>
      {content.forwarded && <p class="kind">{t('forwarded')}</p>}
      {content.referral && (
        <p class="kind">
          {t('fromAd')} {content.referral.headline ?? content.referral.body ?? ''}
        </p>
      )}
      <Body {...said} />
    </>
  );
}

/** One line of it, for quotes and lists. */
export function gist(m: Pick<Message, 'type' | 'text' | 'content'>): string {
  return m.text || m.content.text || m.content.caption || m.content.title || m.content.name || m.content.media?.filename || tx('type_', m.type);
}
