// SPDX-License-Identifier: Apache-2.0
// Templates of every channel: WhatsApp's as the provider has approved them, e-mail's as they are written here.
import { useSignal } from '@preact/signals';
import { campaigns } from '../../../i18n/campaigns';
import { templates } from '../../../i18n/templates';
import { together } from '../../../lib/dictionary';
import { post, search, type List } from '../../../lib/api';
import { when } from '../../../lib/format';
import { t, words } from '../../../lib/i18n';
import { Icon } from '../../icons';
import { may } from '../../session';
import { Empty, When, toast } from '../../ui';
import { Head, useData, useDoing } from '../kit';
import { Listing, Narrow, usePages, useSlow } from '../grid';
import { channelChoices, reason, type Template } from './api';
import { CampaignTabs } from './frame';

const { w, wx } = words(together(campaigns, templates));

export function TemplateStatus({ one }: { one: Template }) {
  const tone = one.status === 'approved' || one.status === 'local' ? 'accent' : one.status === 'pending' || one.status === 'paused' ? 'warn' : 'bad';
  return <span class={`badge ${tone}`}>{wx('tstatus_', one.status)}</span>;
}

interface Sync {
  account_id: string | null;
  state: string;
  cause: string;
  reason: string;
  at: string;
}

const toneOf: Record<string, string> = { green: 'good-badge', yellow: 'warn', red: 'bad' };

export default function Templates() {
  const channel = useSignal('');
  const words = useSignal('');
  const list = usePages<Template>(`/templates${search({ channel: channel.value, limit: 100 })}`);
  const syncs = useData<List<Sync>>('/templates/syncs');
  const failed = syncs.data.value?.data.filter((one) => one.state === 'failed') ?? [];
  const [isBusy, run] = useDoing();
  const look = useSlow((text) => (words.value = text.toLowerCase()), 100);
  const sync = () =>
    run(async () => {
      await post('/templates/sync');
      toast(w('syncQueued'));
      setTimeout(() => (void list.reload(), void syncs.reload()), 1500);
    });
  const fits = (one: Template) => `${one.name} ${one.body}`.toLowerCase().includes(words.value);
  return (
    <>
      <CampaignTabs />
      <Head title={t('pageTemplates')} lead={w('templatesLead')}>
        {may('supervisor') && (
          <>
            <button type="button" disabled={isBusy.value} onClick={() => void sync()}>
              <Icon name="retry" size={16} /> {w('sync')}
            </button>
            <a class="button primary" href="/app/campaigns/templates/new">
              <Icon name="plus" size={16} /> {w('newMail')}
            </a>
          </>
        )}
      </Head>
      <div class="bar">
        <span class="search-box">
          <Icon name="search" size={16} />
          <input type="search" aria-label={t('search')} placeholder={t('search')} onInput={(e) => look(e.currentTarget.value)} />
        </span>
        <Narrow label={w('channel')} value={channel.value} choices={channelChoices()} onPick={(to) => (channel.value = to)} />
      </div>
      {failed.map((one) => (
        <p key={one.account_id} class="warning">
          {w('syncFailed', { when: when(one.at), why: one.reason || one.cause })}
        </p>
      ))}
      <Listing
        of={list}
        only={fits}
        label={t('pageTemplates')}
        columns={[w('name'), w('channel'), w('status'), w('quality'), w('text'), w('changed')]}
        empty={
          <Empty icon="template" title={w('noTemplates')}>
            {w('noTemplatesLead')}
          </Empty>
        }
        row={(one) => (
          <tr key={one.id}>
            <th scope="row">
              <a class="row-link" href={`/app/campaigns/templates/${one.id}`}>
                {one.name}
              </a>
              <small>
                {one.language}
                {one.category ? ` · ${wx('category_', one.category.toLowerCase())}` : ''}
              </small>
            </th>
            <td>{wx('channel_', one.channel)}</td>
            <td>
              <TemplateStatus one={one} />
              {one.status_reason && one.status_reason !== 'NONE' && <small class="bad">{reason(one.status_reason)}</small>}
            </td>
            <td>{one.quality ? <span class={`badge ${toneOf[one.quality] ?? ''}`}>{wx('quality_', one.quality)}</span> : <span class="quiet">—</span>}</td>
            <td>
              <span class="two-lines">{one.subject || one.body}</span>
            </td>
            <td class="nowrap">
              <When at={one.updated_at} />
            </td>
          </tr>
        )}
      />
    </>
  );
}
