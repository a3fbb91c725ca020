// SPDX-License-Identifier: Apache-2.0
// The console on a cold load: a browser without a cache opens it, signed in, N times; when the first words are painted and when the
// inbox's list stands. Once as fast as the machine gives it, once as a phone on a slow line (CPU four times slower, 1.6 Mbit/s,
// 150 ms there and back).
//   node bench/paint.mjs [TIMES]      PROSA_BIN, PROSA_CHROMIUM
import os from 'node:os';
import { person, startBrowser, startHouse, until } from '../tests/web/kit.mjs';

const times = Number(process.argv[2] ?? 20);
const TALKS = 60;
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))].toFixed(0).padStart(5);

const house = await startHouse();
const browser = await startBrowser();
for (let i = 0; i < TALKS; i++) await house.write(`5511977${String(i).padStart(6, '0')}`, `mensagem ${i}`);
await until(async () => (await house.api.get('/api/v1/conversations/counts')).bot >= TALKS, 'they are filed');
const first = await person(browser, house);
await first.signIn('ana');
const storageState = await first.context.storageState();
await first.close();

async function load(isSlow) {
  const context = await browser.newContext({ storageState, locale: 'pt-BR', viewport: isSlow ? { width: 390, height: 844 } : { width: 1440, height: 900 } });
  const page = await context.newPage();
  if (isSlow) {
    const cdp = await context.newCDPSession(page);
    await cdp.send('Network.enable');
    await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 94_000 });
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  }
  await page.addInitScript(() => {
    new MutationObserver((_, self) => {
      if (!document.querySelector('.talk')) return;
      self.disconnect();
      requestAnimationFrame(() => (window.listStands = performance.now()));
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(`${house.url}/app/inbox/all`);
  await page.waitForFunction(() => window.listStands && performance.getEntriesByName('first-contentful-paint').length);
  const seen = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    list: window.listStands,
    bytes: [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((sum, one) => sum + one.transferSize, 0),
  }));
  await context.close();
  return seen;
}

console.log(`first paint of the console, ${times} cold loads, load of the machine ${os.loadavg()[0].toFixed(1)}`);
for (const isSlow of [false, true]) {
  const seen = [];
  for (let i = 0; i < times; i++) seen.push(await load(isSlow));
  const of = (what) => seen.map((one) => one[what]).sort((a, b) => a - b);
  console.log(`  ${isSlow ? 'slow phone' : 'this machine'}: first words p50 ${quantile(of('paint'), 0.5)} ms, p90 ${quantile(of('paint'), 0.9)} ms; the list p50 ${quantile(of('list'), 0.5)} ms, p90 ${quantile(of('list'), 0.9)} ms; ${(seen[0].bytes / 1024).toFixed(0)} KB over the line`);
}
await browser.close();
await house.stop();
