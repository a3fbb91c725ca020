// SPDX-License-Identifier: Apache-2.0
// Words of the limits of campaigns, the usual ones and one campaign’s own.
import { dictionary } from '../lib/dictionary';

export const limits = dictionary(
  {
    limit_per_second: 'Mensagens por segundo',
    limitHint_per_second: 'Nunca mais do que o provedor aceita.',
    limit_error_percent: 'Pausar com tantos % de falhas',
    limitHint_error_percent: 'Uma pessoa decide depois se continua.',
    limit_error_min: '… de pelo menos tantos envios',
    limitHint_error_min: 'Antes disto as falhas não contam.',
    limit_frequency_max: 'Disparos por pessoa',
    limitHint_frequency_max: 'Quem já recebeu tantos fica fora.',
    limit_frequency_days: '… em tantos dias',
    limitHint_frequency_days: 'O período que conta.',
    limit_overlap_hours: 'Horas entre dois disparos',
    limitHint_overlap_hours: 'Para a mesma pessoa.',
  },
  {
    limit_per_second: 'Messages per second',
    limitHint_per_second: 'Never more than the provider takes.',
    limit_error_percent: 'Pause at so many % failures',
    limitHint_error_percent: 'A person then decides whether it goes on.',
    limit_error_min: '… of at least so many sends',
    limitHint_error_min: 'Before that failures do not count.',
    limit_frequency_max: 'Campaigns per person',
    limitHint_frequency_max: 'Who got so many is left out.',
    limit_frequency_days: '… in so many days',
    limitHint_frequency_days: 'The time that counts.',
    limit_overlap_hours: 'Hours between two campaigns',
    limitHint_overlap_hours: 'To the same person.',
  },
);
