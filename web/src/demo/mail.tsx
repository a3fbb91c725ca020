// SPDX-License-Identifier: Apache-2.0
// The customers' mailboxes: what the simulated mail server took for them, and their answers.
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t, time } from './i18n';
import { Send } from './parts';
import { Mailboxes, type Mail, type MailLine } from './sim';
import { demo } from './store';

const LOOK_MS = 1500;

export const mails = signal<MailLine[]>([]);
const opened = signal<Mail | null>(null);
const failed = signal(false);

const boxes = (): Mailboxes | null => (demo.value ? new Mailboxes(demo.value.sim) : null);

async function look(): Promise<void> {
  const [server, ours] = [boxes(), demo.value?.email];
  if (!server) return;
  try {
    mails.value = (await server.list()).filter((mail) => mail.to !== ours);
    failed.value = false;
  } catch {
    failed.value = true;
  }
}

/** Looks again and again while the page is there. */
export function useMails(): void {
  const isKnown = demo.value !== null;
  useEffect(() => {
    if (!isKnown) return;
    let timer = 0;
    let isOver = false;
    const again = async () => {
      await look();
      if (!isOver) timer = window.setTimeout(() => void again(), LOOK_MS);
    };
    void again();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [isKnown]);
}

async function open(id: number): Promise<void> {
  try {
    opened.value = (await boxes()?.show(id)) ?? null;
  } catch {
    failed.value = true;
  }
}

function Answer({ mail }: { mail: Mail }) {
  const text = useSignal('');
  const state = useSignal<'' | 'sent' | 'failed'>('');
  const send = async (e: Event) => {
    e.preventDefault();
    const words = text.value.trim();
    if (!words) return;
    try {
      await boxes()?.answer(mail, words);
      text.value = '';
      state.value = 'sent';
    } catch {
      state.value = 'failed';
    }
  };
  return (
    <form class="compose" onSubmit={(e) => void send(e)}>
      <input aria-label={t('mailAnswer')} placeholder={t('mailAnswer')} autocomplete="off" value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} />
      <button type="submit" aria-label={t('send')} title={t('send')}>
        <Send />
      </button>
      <p role="status">{state.value === 'sent' ? t('mailSent') : state.value === 'failed' ? t('sendFailed') : ''}</p>
    </form>
  );
}

function One({ mail }: { mail: Mail }) {
  return (
    <>
      <article class="mail" aria-labelledby="mail-subject" tabIndex={0}>
        <button type="button" class="plain" onClick={() => (opened.value = null)}>
          ← {t('mailBack')}
        </button>
        <h3 id="mail-subject">{mail.subject || t('mailNoSubject')}</h3>
        <dl>
          <dt>{t('mailFrom')}</dt>
          <dd>
            {mail.from_name} &lt;{mail.from}&gt;
          </dd>
          <dt>{t('mailTo')}</dt>
          <dd>{mail.to}</dd>
        </dl>
        <div class="letter">{mail.text}</div>
        {mail.files.map((file) => (
          <p class="quiet">📎 {file.name}</p>
        ))}
        {mail.quoted && (
          <details>
            <summary>{t('mailQuoted')}</summary>
            <div class="letter quiet">{mail.quoted}</div>
          </details>
        )}
        <details>
          <summary>{t('mailHeaders')}</summary>
          <pre>{mail.headers}</pre>
        </details>
      </article>
      <Answer key={mail.id} mail={mail} />
    </>
  );
}

export function MailView() {
  const mail = opened.value;
  return (
    <section class="phone mailbox" aria-labelledby="mail-title">
      <header>
        <span class="avatar" aria-hidden="true">
          @
        </span>
        <div>
          <h2 id="mail-title">{t('mails')}</h2>
          <p>{t('mailsLead')}</p>
        </div>
      </header>
      {failed.value && (
        <p class="problem" role="alert">
          {t('mailsFailed')}
        </p>
      )}
      {mail ? (
        <One mail={mail} />
      ) : mails.value.length === 0 ? (
        <div class="empty">
          <p>{t('mailsEmpty')}</p>
        </div>
      ) : (
        <ul class="mails">
          {mails.value.map((line) => (
            <li key={line.id}>
              <button type="button" onClick={() => void open(line.id)}>
                <span class="who">{line.to}</span>
                <time dateTime={line.at}>{time(line.at)}</time>
                <strong>{line.subject || t('mailNoSubject')}</strong>
                <span class="quiet">{line.preview}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
