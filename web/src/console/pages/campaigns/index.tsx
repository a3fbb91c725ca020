// SPDX-License-Identifier: Apache-2.0
// Every campaign, newest first, with how far it is.
import { number, when } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { Icon } from '../../icons';
import { Empty, When } from '../../ui';
import { Head } from '../kit';
import { Listing, usePages, usePoll } from '../grid';
import { isBusy, w, wx, type Campaign, type Counts } from './api';
import { CampaignState, CampaignTabs } from './frame';

/** Nothing before it was started, or when there was no time to count. */
const soFar = (one: Campaign, of: (counts: Counts) => number): string => (one.counts && one.started_at ? number(of(one.counts)) : '—');

export default function Campaigns() {
  const list = usePages<Campaign>('/dispatches?limit=50');
  const items = list.items.value;
  usePoll(Boolean(items?.some(isBusy)), 3000, list.reload);
  return (
    <>
      <CampaignTabs />
      <Head title={t('pageCampaigns')} lead={w('campaignsLead')}>
        <a class="button primary" href="/app/campaigns/new">
          <Icon name="plus" size={16} /> {w('newCampaign')}
        </a>
      </Head>
      <Listing
        of={list}
        label={t('pageCampaigns')}
        columns={[w('name'), w('state'), { n: w('recipients') }, { n: w('reached') }, { n: w('failed') }, { n: w('stillToGo') }, w('channels'), w('begun'), w('made')]}
        empty={
          <Empty icon="campaign" title={w('noCampaigns')}>
            {w('noCampaignsLead')}
          </Empty>
        }
        row={(one) => (
          <tr key={one.id}>
            <th scope="row">
              <a class="row-link" href={`/app/campaigns/${one.id}`}>
                {one.name}
              </a>
            </th>
            <td>
              <CampaignState one={one} />
              {one.cause && <small>{wx('reason_', one.cause)}</small>}
            </td>
            <td class="n">{one.estimate ? number(one.estimate.recipients) : '—'}</td>
            <td class="n">{soFar(one, (c) => c.reached)}</td>
            <td class="n">{soFar(one, (c) => c.failed + c.uncertain)}</td>
            <td class="n">{soFar(one, (c) => c.planned + c.sending)}</td>
            <td>{one.channels.map((channel) => wx('channel_', channel.channel)).join(', ')}</td>
            <td class="nowrap">{one.started_at ? when(one.started_at) : one.start_at ? w('startsAt', { when: when(one.start_at) }) : '—'}</td>
            <td class="nowrap">
              <When at={one.created_at} />
            </td>
          </tr>
        )}
      />
    </>
  );
}
