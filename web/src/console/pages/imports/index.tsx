// SPDX-License-Identifier: Apache-2.0
// Every spreadsheet that came in, newest first, and what became of its rows.
import { bytes, number } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { navigate } from '../../../lib/router';
import { Empty, When } from '../../ui';
import { Head } from '../kit';
import { Listing, usePages, usePoll } from '../grid';
import { LeadTabs } from '../leads/frame';
import { isDraft, isRunning, w, wx, type Import } from './api';
import { Drop } from './drop';

export function ImportState({ one }: { one: Import }) {
  const tone = one.state === 'failed' ? 'bad' : one.state === 'done' ? 'accent' : one.state === 'cancelled' || one.state === 'undone' ? 'warn' : '';
  return <span class={`badge ${tone}`}>{wx('istate_', one.state)}</span>;
}

export default function Imports() {
  const list = usePages<Import>('/imports?limit=50');
  const items = list.items.value;
  usePoll(Boolean(items?.some(isRunning)), 2000, list.reload);
  return (
    <>
      <LeadTabs />
      <Head title={t('pageImports')} lead={w('importsLead')} />
      <Drop onDone={(one) => navigate(`/app/leads/imports/${one.id}`)} />
      <Listing
        of={list}
        label={t('pageImports')}
        columns={[w('file'), w('state'), { n: w('rows') }, { n: w('created') }, { n: w('updated') }, { n: w('skipped') }, { n: w('failed') }, w('when')]}
        empty={
          <Empty title={w('noImports')}>{w('noImportsLead')}</Empty>
        }
        row={(one) => (
          <tr key={one.id}>
            <th scope="row">
              <a class="row-link" href={`/app/leads/imports/${one.id}`}>
                {one.name}
              </a>
              <small>{bytes(one.size)}</small>
            </th>
            <td>
              <ImportState one={one} />
            </td>
            <td class="n">{isDraft(one) ? '—' : number(one.counts.rows)}</td>
            {[one.counts.created, one.counts.updated, one.counts.skipped, one.counts.failed].map((n, i) => (
              <td key={i} class="n">
                {isDraft(one) ? '—' : number(n)}
              </td>
            ))}
            <td class="nowrap">
              <When at={one.created_at} />
            </td>
          </tr>
        )}
      />
    </>
  );
}
