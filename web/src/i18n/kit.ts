// SPDX-License-Identifier: Apache-2.0
// Words of what all pages beside the inbox are made of.
import { dictionary } from '../lib/dictionary';

export const kit = dictionary(
  {
    leaveUnsaved: 'Há mudanças que não foram salvas. Sair mesmo assim?',
    putBack: 'Desfazer mudanças',
    unsaved: 'Mudanças não salvas',
    copyFailed: 'O navegador não deixou copiar. Selecione e copie à mão.',
    kept: 'Já guardei',
  },
  {
    leaveUnsaved: 'There are unsaved changes. Leave all the same?',
    putBack: 'Undo changes',
    unsaved: 'Unsaved changes',
    copyFailed: 'The browser did not allow copying. Select it and copy by hand.',
    kept: 'I have kept it',
  },
);
