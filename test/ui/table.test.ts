// How tables are drawn: figures downwards, words that stay whole, marks beside their word.
import { expect, test } from 'vitest';
import { cutJson, type Table, tableCsv, tableHtml, tablesCsv } from '../../src/ui/table.ts';
import { daysInWords } from '../../src/ui/time.ts';

const table = (columns: Table['columns'], rows: Table['rows']): Table => ({
  name: 't',
  caption: 'T',
  columns,
  rows,
  empty: 'Nothing.',
});
const shown = (t: Table) => String(tableHtml(t));

test('one row of figures is a line each; with a word or a second row it is a table as any', () => {
  const columns = [
    { key: 'asked', label: 'Asked', kind: 'number' },
    { key: 'came', label: 'Came', kind: 'number' },
  ] as const;
  const one = table(columns, [[{ value: 3 }, { value: 2 }]]);
  expect(shown(one)).toMatch(/<tr><th scope="row">Asked<\/th><td[^>]*>3<\/td><\/tr><tr><th scope="row">Came/);
  expect(tableCsv(one)).toBe('asked,came\r\n3,2\r\n');
  for (const other of [
    table(columns, [
      [{ value: 3 }, { value: 2 }],
      [{ value: 1 }, { value: 1 }],
    ]),
    table([{ key: 'payer', label: 'Payer', kind: 'head' }, ...columns], [[{ value: 'A' }, { value: 3 }, { value: 2 }]]),
    { ...one, total: [{ value: 3 }, { value: 2 }] },
  ])
    expect(shown(other)).toContain('<thead>');
});

test('days, keys and short codes are not broken, long codes are; a mark stays with its word', () => {
  const text = shown(
    table(
      [
        { key: 'day', label: 'Day', kind: 'head' },
        { key: 'key', label: 'Key' },
        { key: 'hash', label: 'Hash', kind: 'hash' },
        { key: 'words', label: 'Words' },
        { key: 'state', label: 'State' },
      ],
      [
        [
          { value: '2026-11-27' },
          { value: 'M-0123456789', code: true },
          { value: 'a'.repeat(64), code: true },
          { value: 'well - known' },
          { value: 'done', tone: 'good' },
        ],
      ],
    ),
  );
  expect(text).toContain('<th scope="row"><span class="short">2026-11-27</span></th>');
  expect(text).toContain('<code class="short">M-0123456789</code>');
  expect(text).toContain(`<code>${'a'.repeat(64)}</code>`);
  expect(text).toContain('>well - known<');
  expect(text).toContain('✔\u00a0done');
});

test('of a list that may be long the page shows the beginning, its files hold all', () => {
  const columns = [
    { key: 'day', label: 'Day' },
    { key: 'n', label: 'N', kind: 'number' },
  ] as const;
  const rows = Array.from({ length: 1200 }, (_, i) => [{ value: `day ${i}` }, { value: i }]);
  const long: Table = { ...table(columns, rows), most: 500 };
  const links = { csv: '/x.csv', json: '/x.json' };
  const page = String(tableHtml(long, links));
  expect([page.includes('day 499<'), page.includes('day 500<')]).toEqual([true, false]);
  expect(page).toContain('The first 500 of 1,200 rows; all of them as <a href="/x.csv">');
  expect(tableCsv(long).trim().split('\r\n')).toHaveLength(1201);
  expect(String(tableHtml({ ...long, most: 1200 }, links))).toContain('These rows as');
  // on paper nothing leads on, and what is left out is said
  expect(String(tableHtml(long))).toContain('The first 500 of 1,200 rows.');
  expect(String(tableHtml({ ...long, most: 1200 }))).not.toContain('rows.');
});

test('a list of which only the first rows were read says so in each form', () => {
  const columns = [{ key: 'n', label: 'N', kind: 'number' }] as const;
  const cut: Table = { ...table(columns, [[{ value: 1 }], [{ value: 2 }]]), ofAll: 9 };
  const page = String(tableHtml(cut, { csv: '/x.csv', json: '/x.json' }));
  expect(page).toContain('The first 2 of 9 rows; too many for one file: the first 2 as <a href="/x.json">');
  expect(page).not.toContain('/x.csv');
  expect(tablesCsv([cut]).split('\r\n').slice(0, 3)).toEqual([
    'table,row,column,value',
    `${cut.name},,ofAll,9`,
    `${cut.name},1,n,1`,
  ]);
  expect([cutJson([cut]), cutJson([{ ...cut, ofAll: 2 }])]).toEqual([{ ofAll: { [cut.name]: 9 } }, {}]);
});

test('what something is called and what it is need no label on a phone; a figure or a third column does', () => {
  const head = { key: 'what', label: 'What', kind: 'head' } as const;
  const value = { key: 'value', label: 'Value' };
  const isPairs = (columns: Table['columns']) =>
    shown(table(columns, [columns.map(() => ({ value: 'x' }))])).includes('class="scroll pairs"');
  expect(isPairs([head, value])).toBe(true);
  expect(isPairs([head, { ...value, kind: 'number' }])).toBe(false);
  expect(isPairs([head, value, { key: 'more', label: 'More' }])).toBe(false);
});

test('a cell without a value is marked, so that a phone leaves its line out; a word in its place is not', () => {
  const columns = [
    { key: 'payer', label: 'Payer', kind: 'head' },
    { key: 'ends', label: 'Ends' },
    { key: 'n', label: 'Pulls', kind: 'number' },
  ] as const;
  const html = shown(
    table(columns, [
      [{ value: 'A' }, { value: null }, { value: null }],
      [{ value: 'B' }, { value: null, text: 'never' }, { value: 0 }],
      [{ value: 'C' }, { value: '' }, { value: null, text: '' }],
    ]),
  );
  expect(html).toContain(
    '<td data-label="Ends" class="nothing">–</td><td data-label="Pulls" class="number nothing">–</td>',
  );
  expect(html).toContain(
    '<td data-label="Ends" class="nothing"></td><td data-label="Pulls" class="number nothing"></td>',
  );
  expect(html).toContain('<td data-label="Ends">never</td><td data-label="Pulls" class="number">0</td>');
});

test('days are read as instants beside them are, and stay in ISO form in files; what only looks like a day stays', () => {
  const columns = [{ key: 'day', label: 'Day' }];
  const days = ['2027-01-02', '2027-01', '2027-13-45', 'M-2027-01-02'];
  const t = daysInWords(table(columns, [...days.map((value) => [{ value }]), [{ value: '2027-01-02', code: true }]]));
  expect(shown(t)).toContain('<time datetime="2027-01-02">Jan 2, 2027</time>');
  // as what is told where there may be none: `goes on`
  const told = daysInWords(table(columns, [[{ value: '2027-01-02', text: '2027-01-02' }]]));
  expect(shown(told)).toContain('>Jan 2, 2027</time>');
  for (const same of [...days.slice(1), '2027-01-02</code>']) expect(shown(t)).toContain(same);
  expect(tableCsv(t)).toContain('2027-01-02\r\n2027-01\r\n');
});

test('a table of ten columns is set closer, so that it is read without moving it', () => {
  const isClose = (n: number) => {
    const columns = Array.from({ length: n }, (_, i) => ({ key: `c${i}`, label: `C${i}` }));
    return shown(table(columns, [columns.map(() => ({ value: 'x' }))])).includes('class="scroll many"');
  };
  expect([isClose(9), isClose(10)]).toEqual([false, true]);
});
