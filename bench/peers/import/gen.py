# SPDX-License-Identifier: Apache-2.0
# gen.py OUT.xlsx ROWS: a contact sheet of ROWS x 8 as Excel writes it (shared strings), the same bytes on every run. All of it made up.
import random, sys, zipfile
from xml.sax.saxutils import escape

random.seed(7)
path, rows = sys.argv[1], int(sys.argv[2])
first = "Ana Bia Caio Davi Eva Fábio Gil Heitor Iara João Kátia Lia Márcio Nina Otávio Paula Rui Sônia Téo Vera".split()
last = "Alves Barros Cardoso Dias Esteves Faria Gomes Hora Inácio Jardim Lopes Melo Nunes Prado Queiroz Rocha Souza Tavares".split()
city = "Belém Curitiba Fortaleza Goiânia Manaus Natal Recife Salvador".split()
area = "11 19 21 27 31 41 48 51 61 62 71 81 85 91 92".split()
strings, index = [], {}

def shared(text):
    i = index.get(text)
    if i is None:
        i = index[text] = len(strings)
        strings.append(text)
    return i

def phone():
    a, x, y, k = random.choice(area), random.randint(6000, 9999), random.randint(0, 9999), random.random()
    if k < .35: return f"({a}) 9{x}-{y:04d}"
    if k < .6: return f"+55 {a} 9{x}-{y:04d}"
    if k < .8: return f"{a}9{x}{y:04d}"
    if k < .9: return f"({a}) 3{x % 1000:03d}-{y:04d}"
    if k < .97: return f"({a}) 9{x}-{y:04d} / {a} 3{x % 1000:03d}-{y:04d}"
    return random.choice(["não tem", "12345", "ligar depois"])

def line(number, values):
    cells = "".join(f'<c r="{chr(65 + i)}{number}"' + (f'><v>{v}</v></c>' if isinstance(v, int) else f' t="s"><v>{shared(v)}</v></c>') for i, v in enumerate(values))
    return f'<row r="{number}">{cells}</row>'

NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml."
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as z:
    z.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>' f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPES}worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="{TYPES}sharedStrings+xml"/></Types>')
    z.writestr("_rels/.rels", f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
    z.writestr("xl/workbook.xml", f'<workbook {NS} xmlns:r="{REL}"><sheets><sheet name="Contatos" sheetId="1" r:id="rId1"/></sheets></workbook>')
    z.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="{REL}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{REL}/sharedStrings" Target="sharedStrings.xml"/></Relationships>')
    with z.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as f:
        f.write(f'<worksheet {NS}><sheetData>'.encode())
        f.write(line(1, ["Nome", "Telefone", "E-mail", "Empresa", "Cidade", "Origem", "Valor", "Observações"]).encode())
        for i in range(rows):
            a, b = random.choice(first), random.choice(last)
            f.write(line(i + 2, [f"{a} {b}", phone(), f"p{i}@example.com", f"{b} & Filhos {i % 997}", random.choice(city), random.choice(["site", "feira", "indicação"]), random.randint(80, 5200), f"Pediu {random.randint(1, 5)} caixas, ficha {i}"]).encode())
        f.write(b"</sheetData></worksheet>")
    with z.open("xl/sharedStrings.xml", "w", force_zip64=True) as f:
        f.write(f'<sst {NS} uniqueCount="{len(strings)}">'.encode())
        for s in strings: f.write(f"<si><t>{escape(s)}</t></si>".encode())
        f.write(b"</sst>")
