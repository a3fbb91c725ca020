// SPDX-License-Identifier: Apache-2.0
// What stands above every page of the leads.
import { t } from '../../../lib/i18n';
import { Tabs } from '../grid';

export const LeadTabs = () => (
  <Tabs
    label={t('pageLeads')}
    tabs={[
      { href: '/app/leads', title: t('pageLeads') },
      { href: '/app/leads/board', title: t('pageBoard') },
      { href: '/app/leads/imports', title: t('pageImports') },
    ]}
  />
);
