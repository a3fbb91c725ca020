// SPDX-License-Identifier: Apache-2.0
// Words of the inbox: queues, list, thread, composer, panel.
import { dictionary } from '../lib/dictionary';

export const inbox = dictionary(
  {
    queue_mine: 'Minhas',
  },
  {
    queue_mine: 'Mine',
  },
);
