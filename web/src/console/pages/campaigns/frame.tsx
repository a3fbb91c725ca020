// SPDX-License-Identifier: Apache-2.0
// What stands above every page of the campaigns.
import { t } from '../../../lib/i18n';
import { Tabs } from '../grid';
import { wx, type Campaign } from './api';

export const CampaignTabs = () => (
  <Tabs
    label={t('pageCampaigns')}
    tabs={[
      { href: '/app/campaigns', title: t('pageCampaigns') },
      { href: '/app/campaigns/templates', title: t('pageTemplates') },
      { href: '/app/campaigns/stopped', title: t('pageStopped') },
    ]}
  />
);

export function CampaignState({ one }: { one: Campaign }) {
  const tone = one.state === 'running' ? 'accent' : one.state === 'paused' ? 'warn' : one.state === 'cancelled' ? 'bad' : '';
  return <span class={`badge ${tone}`}>{wx('cstate_', one.state)}</span>;
}
