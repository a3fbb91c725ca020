// SPDX-License-Identifier: Apache-2.0
// read_exceljs.cjs FILE: exceljs' streaming reader over all rows, each number parsed, checked and formatted by libphonenumber-js.
const E = require('exceljs');
const P = require('libphonenumber-js/max');
(async () => {
  const t = performance.now();
  let n = 0, ok = 0;
  for await (const sheet of new E.stream.xlsx.WorkbookReader(process.argv[2], { sharedStrings: 'cache', worksheets: 'emit', styles: 'cache', hyperlinks: 'ignore' }))
    for await (const row of sheet) {
      if (row.number === 1) continue;
      n++;
      const p = P.parsePhoneNumberFromString(String(row.values[2]), 'BR');
      if (p && p.isValid() && p.number) ok++;
    }
  const d = (performance.now() - t) / 1000;
  console.log(`rows=${n} valid=${ok} secs=${d.toFixed(2)} rows_s=${Math.round(n / d)}`);
})();
