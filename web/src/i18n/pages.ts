// SPDX-License-Identifier: Apache-2.0
// Titles of the pages beside the inbox. Their other words come with them: i18n/settings.ts.
import { dictionary } from '../lib/dictionary';

export const pages = dictionary(
  {
    pageFailures: 'Falhas',
    pageLife: 'A vida de uma mensagem',
    pageSettings: 'Ajustes',
    pageChannels: 'Canais',
    pageBot: 'Robô',
    pageHours: 'Horários e prazos',
    pageUsers: 'Pessoas e papéis',
    pageKeys: 'Chaves de API',
    pageCanned: 'Respostas prontas',
    pageLabels: 'Etiquetas',
    pageWebhooks: 'Webhooks',
    pageAudit: 'Auditoria',
    pageProfile: 'Seu perfil',
    undo: 'Desfazer',
  },
  {
    pageFailures: 'Failures',
    pageLife: 'One message’s life',
    pageSettings: 'Settings',
    pageChannels: 'Channels',
    pageBot: 'Bot',
    pageHours: 'Hours and deadlines',
    pageUsers: 'People and roles',
    pageKeys: 'API keys',
    pageCanned: 'Canned answers',
    pageLabels: 'Labels',
    pageWebhooks: 'Webhooks',
    pageAudit: 'Audit log',
    pageProfile: 'Your profile',
    undo: 'Undo',
  },
);
