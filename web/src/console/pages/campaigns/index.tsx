// SPDX-License-Identifier: Apache-2.0
// Every campaign, newest first, with how far it is.
import { number, timeFull, when } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { Icon } from '../../icons';
import { Empty, Failed, Loading } from '../../ui';
import { Head } from '../kit';
import { Grid, More, usePages, usePoll } from '../grid';
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
      {list.why.value && !items ? <Failed why={list.why.value} onRetry={() => void list.reload()} /> : null}
      {!items && !list.why.value && <Loading />}
      {items?.length === 0 && (
        <Empty icon="campaign" title={w('noCampaigns')}>
          {w('noCampaignsLead')}
        </Empty>
      )}
      {items && items.length > 0 && (
        <Grid label={t('pageCampaigns')}>
          <thead>
            <tr>
              <th scope="col">{w('name')}</th>
              <th scope="col">{w('state')}</th>
              <th scope="col">{w('channels')}</th>
              <th scope="col" class="n">
                {w('recipients')}
              </th>
              <th scope="col" class="n">
                {w('reached')}
              </th>
              <th scope="col" class="n">
                {w('failed')}
              </th>
              <th scope="col" class="n">
                {w('stillToGo')}
              </th>
              <th scope="col">{w('begun')}</th>
              <th scope="col">{w('made')}</th>
            </tr>
          </thead>
          <tbody>
            {items.map((one) => (
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
                  <td>{one.channels.map((channel) => wx('channel_', channel.channel)).join(', ')}</td>
                  <td class="n">{one.estimate ? number(one.estimate.recipients) : '—'}</td>
                  <td class="n">{soFar(one, (c) => c.reached)}</td>
                  <td class="n">{soFar(one, (c) => c.failed + c.uncertain)}</td>
                  <td class="n">{soFar(one, (c) => c.planned + c.sending)}</td>
                  <td class="nowrap">{one.started_at ? when(one.started_at) : one.start_at ? w('startsAt', { when: when(one.start_at) }) : '—'}</td>
                  <td class="nowrap">
                    <time dateTime={one.created_at} title={timeFull(one.created_at)}>
                      {when(one.created_at)}
                    </time>
                  </td>
                </tr>
            ))}
          </tbody>
        </Grid>
      )}
      <More of={list} />
    </>
  );
}
