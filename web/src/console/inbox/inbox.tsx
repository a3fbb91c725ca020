// SPDX-License-Identifier: Apache-2.0
// The inbox: queues, list, thread, panel.
import { t } from '../../lib/i18n';
import { Empty } from '../ui';

export function InboxNav() {
  return (
    <ul class="nav-pages">
      <li>
        <a href="/app/inbox/mine">{t('navInbox')}</a>
      </li>
    </ul>
  );
}

export function Inbox({ queue, conversation }: { queue: string; conversation: string }) {
  return (
    <main class="page" id="content" tabIndex={-1}>
      <Empty icon="inbox" title={t('navInbox')}>
        {queue} {conversation}
      </Empty>
    </main>
  );
}
