# SPDX-License-Identifier: Apache-2.0
# read_openpyxl.py FILE: openpyxl read_only over all rows, each number parsed, checked and formatted by python3-phonenumbers.
import sys, time
import phonenumbers as P
from openpyxl import load_workbook
t, n, ok = time.time(), 0, 0
for r in load_workbook(sys.argv[1], read_only=True, data_only=True).worksheets[0].iter_rows(min_row=2, values_only=True):
    n += 1
    try:
        x = P.parse(str(r[1]), "BR")
        if P.is_valid_number(x):
            P.format_number(x, P.PhoneNumberFormat.E164)
            ok += 1
    except P.NumberParseException:
        pass
d = time.time() - t
print(f"rows={n} valid={ok} secs={d:.2f} rows_s={n / d:.0f}")
