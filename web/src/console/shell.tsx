// SPDX-License-Identifier: Apache-2.0
// What stands around every page: navigation, profile menu, connection, shortcuts.
import { useComputed, useSignal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import icon from '../icon.svg';
import type { Presence, Theme } from '../lib/api';
import { chosenLanguage, t, tx, type Key, type Language } from '../lib/i18n';
import { link } from '../lib/live';
import { match, navigate, path } from '../lib/router';
import { Icon, type IconName } from './icons';
import { Inbox, InboxNav } from './inbox/inbox';
import { leave, presence, setPresence } from './inbox/store';
import { Help, isHelpOpen } from './keys';
import { pages, type Page, type PageProps } from './pages';
import { isLoading, load, loadProblem, may, me, setLanguage, setTheme, signOut, theme, user } from './session';
import { SignIn } from './signin';
import { Avatar, Empty, Failed, Loading, Popover, Toasts, toastProblem } from './ui';

function Choice<T extends string>({
  legend,
  value,
  choices,
  onPick,
}: {
  legend: string;
  value: T;
  choices: [T, string][];
  onPick: (value: T) => Promise<void>;
}) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {choices.map(([code, name]) => (
        <button
          key={code}
          type="button"
          aria-pressed={value === code}
          onClick={() => void onPick(code).catch(toastProblem)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}

const PRESENCES: Presence[] = ['online', 'away', 'offline'];
const THEMES: Theme[] = ['auto', 'light', 'dark'];

function Profile() {
  const who = user.value;
  const name = who?.name ?? who?.email ?? me.value?.tenant.name ?? '';
  return (
    <Popover
      label={t('profileMenu', { name })}
      title={name}
      buttonClass="profile-button"
      hasText
      button={
        <>
          <span class="with-dot">
            <Avatar name={name} small />
            {presence.value && <span class={`dot ${presence.value}`} />}
          </span>
          <span class="label">{name}</span>
        </>
      }
    >
      {(close) => (
        <div class="profile-menu">
          <p>
            <strong>{name}</strong>
            <span class="quiet">
              {who ? tx('role_', who.role) : ''} · {me.value?.tenant.name}
            </span>
          </p>
          {presence.value && (
            <Choice
              legend={t('presence')}
              value={presence.value}
              choices={PRESENCES.map((p) => [p, tx('presence_', p)])}
              onPick={setPresence}
            />
          )}
          <Choice
            legend={t('theme')}
            value={theme.value}
            choices={THEMES.map((one) => [one, tx('theme_', one)])}
            onPick={setTheme}
          />
          <Choice<Language | ''>
            legend={t('language')}
            value={chosenLanguage.value}
            choices={[
              ['', t('languageAuto')],
              ['pt-BR', 'Português'],
              ['en', 'English'],
            ]}
            onPick={setLanguage}
          />
          <ul class="menu">
            <li>
              <a href="/app/profile" onClick={close}>
                {t('profile')}
              </a>
            </li>
            <li>
              <button
                type="button"
                onClick={() => {
                  close();
                  isHelpOpen.value = true;
                }}
              >
                {t('keys')} <kbd>?</kbd>
              </button>
            </li>
            <li>
              <button type="button" onClick={() => void signOut(leave)}>
                {t('signOut')}
              </button>
            </li>
          </ul>
        </div>
      )}
    </Popover>
  );
}

function NavLink({ href, icon: name, title }: { href: string; icon: IconName; title: string }) {
  const isHere = useComputed(() => path.value.startsWith(href.replace(/^(\/app\/\w+).*/, '$1'))).value;
  return (
    <li>
      <a href={href} title={title} aria-current={isHere ? 'page' : undefined}>
        <Icon name={name} />
        <span class="label">{title}</span>
      </a>
    </li>
  );
}

function Sidebar() {
  return (
    <nav class="sidebar" aria-label={t('nav')}>
      <a class="brand" href="/app/inbox/mine" title={t('toInbox')}>
        <img src={icon} alt="" width="24" height="24" />
        <span class="label">{me.value?.tenant.name || 'prosa'}</span>
      </a>
      <InboxNav />
      <ul class="nav-pages">
        {pages
          .filter((page) => page.nav && may(page.least))
          .map((page) => (
            <NavLink key={page.pattern} href={page.nav!.href} icon={page.nav!.icon} title={t(page.title)} />
          ))}
      </ul>
      <Profile />
    </nav>
  );
}


/** A page's file, once it is here. */
function Lazy({ page, params }: { page: Page } & PageProps) {
  const view = useSignal<FunctionComponent<PageProps> | null>(null);
  const why = useSignal<unknown>(null);
  const fetch = () => {
    why.value = null;
    page.load().then(
      (file) => (view.value = file.default),
      (failure: unknown) => (why.value = failure),
    );
  };
  useEffect(fetch, [page]);
  const View = view.value;
  if (why.value) return <Failed why={new Error(t('loadFailed'))} onRetry={fetch} />;
  return View ? <View params={params} /> : <Loading />;
}

function Content() {
  const at = path.value;
  const inbox = match('/app/inbox/:queue?/:conversation?', at);
  if (inbox) return <Inbox queue={inbox.queue ?? 'mine'} conversation={inbox.conversation ?? ''} />;
  for (const page of pages) {
    const params = match(page.pattern, at);
    if (!params) continue;
    return (
      <main class="page" id="content" tabIndex={-1}>
        {may(page.least) ? <Lazy key={page.pattern} page={page} params={params} /> : <Empty title={t('notAllowed')} />}
      </main>
    );
  }
  return (
    <main class="page" id="content" tabIndex={-1}>
      <Empty title={t('notFound')}>
        <a href="/app/inbox/mine">{t('toInbox')}</a>
      </Empty>
    </main>
  );
}

function pageTitle(): Key {
  for (const page of pages) if (match(page.pattern, path.value)) return page.title;
  return 'navInbox';
}

function Frame() {
  const before = useRef(path.value);
  useEffect(() => {
    if (match('/app', path.value)) navigate('/app/inbox/mine', 'replace');
    // A change of page moves the focus there; a change of conversation is the inbox's own business.
    const area = (where: string) => where.split('/')[2];
    if (area(before.current) !== area(path.value)) document.getElementById('content')?.focus();
    before.current = path.value;
  }, [path.value]);
  useEffect(() => {
    document.title = `${t(pageTitle())} · prosa`;
  });
  return (
    <>
      <a class="skip" href="#content" onClick={() => document.getElementById('content')?.focus()}>
        {t('skip')}
      </a>
      <Sidebar />
      {link.value === 'lost' && (
        <p class="banner" role="status">
          {t('offline')}
        </p>
      )}
      <Content />
      <Help />
      <Toasts />
    </>
  );
}

export function Shell() {
  if (loadProblem.value)
    return (
      <main class="signin">
        <Failed why={loadProblem.value} onRetry={() => void load()} />
      </main>
    );
  if (isLoading.value) return <Loading />;
  return me.value ? <Frame /> : <SignIn />;
}
