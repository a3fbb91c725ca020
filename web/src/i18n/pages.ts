// SPDX-License-Identifier: Apache-2.0
// Words of failures, the life of a message and settings.
import { dictionary } from '../lib/dictionary';

export const pages = dictionary(
  {
    pageFailures: 'Falhas',
  },
  {
    pageFailures: 'Failures',
  },
);
