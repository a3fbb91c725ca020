// SPDX-License-Identifier: Apache-2.0
// Where a file goes in: dropped, or chosen. It is sent as it is, with how far it is.
import { useSignal } from '@preact/signals';
import sample from '../../../sample.xlsx?url';
import { isSignedOut, Problem, told } from '../../../lib/api';
import { bytes } from '../../../lib/format';
import { t } from '../../../lib/i18n';
import { Icon } from '../../icons';
import { Progress } from '../grid';
import { w, type Import } from './api';

/** fetch cannot tell how far an upload is, so this is an XMLHttpRequest. */
function send(file: File, onProgress: (part: number) => void): Promise<Import> {
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    request.open('POST', `/api/v1/imports?name=${encodeURIComponent(file.name)}`);
    request.responseType = 'json';
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = (e) => e.lengthComputable && onProgress(e.loaded / e.total);
    request.onload = () => {
      const answer = (request.response ?? {}) as Record<string, unknown>;
      if (request.status >= 200 && request.status < 300) return resolve(answer as unknown as Import);
      if (request.status === 401) isSignedOut.value = true;
      reject(new Problem(request.status, '', String(answer.detail ?? answer.title ?? `HTTP ${request.status}`), answer));
    };
    request.onerror = () => reject(new Problem(0, 'offline', t('offlineShort')));
    request.send(file);
  });
}

export function Drop({ onDone }: { onDone: (one: Import) => void }) {
  const isOver = useSignal(false);
  const file = useSignal<File | null>(null);
  const part = useSignal(0);
  const problem = useSignal('');
  const take = async (given: File | undefined) => {
    if (!given || file.value) return;
    file.value = given;
    part.value = 0;
    problem.value = '';
    try {
      onDone(await send(given, (now) => (part.value = now)));
    } catch (why) {
      problem.value = told(why);
      file.value = null;
    }
  };
  const going = file.value;
  return (
    <>
      {problem.value && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {going ? (
        <div class="card">
          <Progress
            label={going.name}
            part={part.value < 1 ? part.value : null}
            words={part.value < 1 ? w('uploading', { name: going.name, size: bytes(going.size) }) : w('reading', { name: going.name })}
          />
        </div>
      ) : (
        <label
          class={isOver.value ? 'drop is-over' : 'drop'}
          onDragOver={(e) => {
            e.preventDefault();
            isOver.value = true;
          }}
          onDragLeave={() => (isOver.value = false)}
          onDrop={(e) => {
            e.preventDefault();
            isOver.value = false;
            void take(e.dataTransfer?.files[0]);
          }}
        >
          <Icon name="upload" size={28} />
          <strong>{w('dropTitle')}</strong>
          <span>{w('dropText')}</span>
          <input
            type="file"
            class="sr"
            aria-label={w('dropTitle')}
            accept=".xlsx,.csv,.tsv,.txt"
            onChange={(e) => void take(e.currentTarget.files?.[0])}
          />
        </label>
      )}
      {!going && (
        <p class="hint">
          <a href={sample} download={w('sampleFile')}>
            {w('sample')}
          </a>
        </p>
      )}
    </>
  );
}
