// SPDX-License-Identifier: Apache-2.0
// What a browser brings to the server besides the page: a cookie jar and a same-origin proof. Every call says where it comes from.
export const PASSWORD = 'correct horse battery';

/** People of a tenant by role, each signed in by nobody yet: {email, password}. */
export async function addUser(installation, slug, email, role, password = PASSWORD) {
  const { writeFile } = await import('node:fs/promises');
  const file = `${installation.dir}/password`;
  await writeFile(file, `${password}\n`);
  return installation.cli('user', 'add', slug, email, '--role', role, '--name', email.split('@')[0], '--password-file', file);
}

/** A browser at url. `origin` is the page's, the server's own unless told otherwise. */
export function browser(url, { origin = url, agent = 'test browser' } = {}) {
  const b = { cookie: '', setCookie: '', last: null };
  b.call = async (method, path, body, headers = {}) => {
    const write = method !== 'GET';
    const res = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        'User-Agent': agent,
        ...(write && origin ? { Origin: origin } : {}),
        ...(b.cookie ? { Cookie: `prosa_session=${b.cookie}` } : {}),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) }),
    });
    b.last = res;
    const set = res.headers.get('set-cookie');
    if (set) {
      b.setCookie = set;
      b.cookie = /^prosa_session=([^;]*)/.exec(set)?.[1] ?? b.cookie;
    }
    const text = await res.text();
    let json = null;
    try {
      json = JSON.parse(text);
    } catch {
      json = null;
    }
    return { status: res.status, headers: res.headers, text, json };
  };
  b.get = (path, headers) => b.call('GET', path, undefined, headers);
  b.post = (path, body = {}, headers) => b.call('POST', path, body, headers);
  b.patch = (path, body) => b.call('PATCH', path, body);
  b.put = (path, body) => b.call('PUT', path, body);
  b.del = (path) => b.call('DELETE', path);
  b.signIn = (tenant, email, password = PASSWORD, more = {}) => b.post('/api/v1/session', { tenant, email, password, ...more });
  return b;
}
