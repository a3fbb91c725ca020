// SPDX-License-Identifier: Apache-2.0
// The demo page: the customer's phone on the left, the team's view on the right.
import { render } from 'preact';
import { useSignalEffect } from '@preact/signals';
import { isConnected } from './api';
import { language, t, type Language } from './i18n';
import icon from '../icon.svg';
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
        <PhoneView />
        <TeamView />
      </main>
    </>
  );
}

const root = document.getElementById('app');
if (root) render(<App />, root);
void start();
