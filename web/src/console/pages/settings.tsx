// SPDX-License-Identifier: Apache-2.0
// What there is to set, as a list.
import { t } from '../../lib/i18n';
import { Icon } from '../icons';
import { may } from '../session';
import { sections } from './index';
import { Head } from './kit';
import { w, wx } from './words';

export default function Settings() {
  return (
    <>
      <Head title={t('pageSettings')} lead={w('settingsLead')} />
      <ul class="tiles">
        {sections
          .filter((one) => may(one.least))
          .map((one) => (
            <li key={one.name}>
              <a class="card choice-card" href={`/app/settings/${one.name}`}>
                <Icon name={one.icon} size={22} />
                <strong>{t(one.title)}</strong>
                <span class="quiet">{wx('sectionLead_', one.name)}</span>
              </a>
            </li>
          ))}
      </ul>
    </>
  );
}
