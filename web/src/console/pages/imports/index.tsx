// SPDX-License-Identifier: Apache-2.0
// Every spreadsheet that came in, newest first, and what became of its rows.
import { bytes, number, timeFull, when } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { navigate } from '../../../lib/router';
import { Empty, Failed, Loading } from '../../ui';
import { Head } from '../kit';
import { Grid, More, usePages, usePoll } from '../grid';
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
      {list.why.value && !items ? <Failed why={list.why.value} onRetry={() => void list.reload()} /> : null}
      {!items && !list.why.value && <Loading />}
      {items?.length === 0 && <Empty title={w('noImports')}>{w('noImportsLead')}</Empty>}
      {items && items.length > 0 && (
        <Grid label={t('pageImports')}>
          <thead>
            <tr>
              <th scope="col">{w('file')}</th>
              <th scope="col">{w('state')}</th>
              <th scope="col" class="n">
                {w('rows')}
              </th>
              <th scope="col" class="n">
                {w('created')}
              </th>
              <th scope="col" class="n">
                {w('updated')}
              </th>
              <th scope="col" class="n">
                {w('skipped')}
              </th>
              <th scope="col" class="n">
                {w('failed')}
              </th>
              <th scope="col">{w('when')}</th>
            </tr>
          </thead>
          <tbody>
            {items.map((one) => (
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
