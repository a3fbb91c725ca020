// SPDX-License-Identifier: Apache-2.0
// Files on their way to the server, with how far they are. fetch cannot tell that, so this is an XMLHttpRequest.
import { isSignedOut, Problem, saidOf, slugOf, type Media } from '../../lib/api';
import { t } from '../../lib/i18n';

export interface Upload {
  done: Promise<Media>;
  cancel: () => void;
}

export function upload(file: File, onProgress: (part: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<Media>((resolve, reject) => {
    request.open('POST', '/api/v1/media');
    request.responseType = 'json';
    request.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    request.setRequestHeader('X-Filename', encodeURIComponent(file.name));
    request.upload.onprogress = (e) => e.lengthComputable && onProgress(e.loaded / e.total);
    request.onload = () => {
      const answer = (request.response ?? {}) as Record<string, unknown>;
      if (request.status >= 200 && request.status < 300) return resolve(answer as unknown as Media);
      if (request.status === 401) isSignedOut.value = true;
      reject(new Problem(request.status, slugOf(answer), saidOf(slugOf(answer), answer, request.status)));
    };
    request.onerror = () => reject(new Problem(0, 'offline', t('offlineShort')));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}

/** The message type a file goes out as: what WhatsApp shows as such, and a document otherwise. */
export function typeOf(mime: string): 'image' | 'video' | 'audio' | 'document' {
  if (/^image\/(jpeg|png)$/.test(mime)) return 'image';
  if (/^video\/(mp4|3gpp)$/.test(mime)) return 'video';
  if (/^audio\/(aac|amr|mpeg|mp4|ogg|opus)/.test(mime)) return 'audio';
  return 'document';
}
