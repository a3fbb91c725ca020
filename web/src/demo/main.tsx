// SPDX-License-Identifier: Apache-2.0
// The demo page: the customer's phone on the left, the team's view on the right.
import { render } from 'preact';
import { useSignal, useSignalEffect } from '@preact/signals';
import { isConnected } from './api';
import { language, t, type Language } from './i18n';
import icon from '../icon.svg';
import { MailView, mails, useMails } from './mail';
import { PhoneView } from './phone';
import { loadError, start } from './store';
import { TeamView } from './team';
import './style.css';

function Languages() {
  const choices: [Language, string][] = [
    ['pt-BR', 'Português'],
    ['en', 'English'],
  ];
  return (
    <div class="languages" role="group" aria-label={t('language')}>
      {choices.map(([code, name]) => (
        <button type="button" lang={code} aria-pressed={language.value === code} onClick={() => (language.value = code)}>
          {name}
        </button>
      ))}
    </div>
  );
}

/** What the customer holds in the hand. */
function CustomerSide() {
  const side = useSignal<'phone' | 'mail'>('phone');
  useMails();
  return (
    <div class="side">
      <div class="sides" role="group" aria-label={t('sideLabel')}>
        <button type="button" aria-pressed={side.value === 'phone'} onClick={() => (side.value = 'phone')}>
          {t('sidePhone')}
        </button>
        <button type="button" aria-pressed={side.value === 'mail'} onClick={() => (side.value = 'mail')}>
          {t('sideMail')}
          {mails.value.length > 0 && ` (${mails.value.length})`}
        </button>
      </div>
      {side.value === 'phone' ? <PhoneView /> : <MailView />}
    </div>
  );
}

function App() {
  useSignalEffect(() => {
    document.documentElement.lang = language.value;
    document.title = t('title');
  });
  return (
    <>
      <a class="skip" href="#team">
        {t('skip')}
      </a>
      <header class="top">
        <h1>
          <img src={icon} alt="" width="26" height="26" />
          prosa
        </h1>
        <p>{t('tagline')}</p>
        <a href="/app/inbox/all">{t('console')}</a>
        <Languages />
      </header>
      {!isConnected.value && (
        <p class="banner" role="status">
          {t('reconnecting')}
        </p>
      )}
      {loadError.value && (
        <p class="banner" role="alert">
          {t('loadFailed')}: {loadError.value}{' '}
          <button type="button" onClick={() => void start()}>
            {t('retry')}
          </button>
        </p>
      )}
      <main>
        <CustomerSide />
        <TeamView />
      </main>
    </>
  );
}

const root = document.getElementById('app');
if (root) render(<App />, root);
void start();
