// SPDX-License-Identifier: Apache-2.0
// A campaign's message as one person would get it, also where it cannot go out because something has no value.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { post } from '../../../lib/api';
import { Dialog, Failed, Loading } from '../../ui';
import { reason, w, type Campaign, type CampaignPreview } from './api';
import { Message } from './preview';

export interface Wanted {
  lead: string;
  name: string | null;
  channel: string;
}

export function MessageFor({ one, wanted, onClose }: { one: Campaign; wanted: Wanted; onClose: () => void }) {
  const seen = useSignal<CampaignPreview | null>(null);
  const why = useSignal<unknown>(null);
  const look = () => {
    why.value = null;
    post<CampaignPreview>(`/dispatches/${one.id}/preview`, { lead_id: wanted.lead }).then(
      (got) => (seen.value = got),
      (failure) => (why.value = failure),
    );
  };
  useEffect(look, []);
  const message = seen.value?.messages.find((of) => of.channel === wanted.channel);
  return (
    <Dialog title={w('messageFor', { name: wanted.name || '—' })} onClose={onClose}>
      {why.value ? <Failed why={why.value} onRetry={look} /> : !seen.value && <Loading />}
      {message && <Message message={message} />}
      {seen.value && !message && <p class="warning">{reason('template-missing')}</p>}
    </Dialog>
  );
}
