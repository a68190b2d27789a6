// What is hidden on a page, and what is left of it.
import { expect, test } from 'vitest';
import { identifyingIn, markRecord, otherForms } from '../../exchange/records/facts/identifying.ts';
import { hidden, hiddenText, hiddenWords, hidePage, unhidden } from '../../src/ui/hidden.ts';
import { html } from '../../src/ui/html.ts';

const NONE: ReadonlySet<string> = new Set();

test('enough of a number stays to check it by, and never more than half; of a day the year', () => {
  for (const [kind, value, left] of [
    ['number', 'ME1074300401', '••••\u00a00401'],
    ['number', '123456', '••••\u00a0456'],
    ['number', '12', '••••\u00a02'],
    ['number', '7', '••••'],
    ['day', '1986-09-07', '1986-••-••'],
    ['day', 'Sep 7, 1986', '1986-••-••'],
    ['day', 'unknown', '••••'],
    ['text', '4678 Granite Parkway', '••••'],
  ] as const)
    expect([value, hiddenText(hidden(kind, value)), unhidden(hidden(kind, value))]).toEqual([value, left, value]);
  expect(hidden('number', '')).toBe('');
});

test('marks are read aloud in text, plain where no markup may stand, and nothing of a value is left in either', () => {
  const mark = hidden('number', 'ME1074300401');
  const page = html`<title>${mark}</title><a title="${mark}" href="/x">${mark}</a><option value="1">${mark} ${'&'}</option>`;
  const { page: out, n } = hidePage(page.markup, [], NONE);
  expect(n).toBe(3);
  expect(out).toBe(
    '<title>••••\u00a00401</title><a title="••••\u00a00401" href="/x"><span class="hidden" role="img" aria-label="hidden; ends in 0401">••••\u00a00401</span></a><option value="1">••••\u00a00401 &amp;</option>',
  );
  // whoever sends our signs gets no mark of their own making
  expect(unhidden(hidden('number', 'a\ue002b\ue000c'))).toBe('abc');
});

test('what is known is hidden wherever it stands as a word, the longest first; addresses of pages and ids of ours stay', () => {
  const known = [
    { kind: 'number', value: 'AB-123' },
    { kind: 'number', value: 'AB-1234' },
    { kind: 'text', value: '1 "A" <B> Street' },
    { kind: 'number', value: 'ab' },
    { kind: 'number', value: 'current-7' },
  ] as const;
  const body = html`<p id="AB-123">AB-1234, XAB-1234, AB-123; ${'1 "A" <B> Street'}, ab, current-7, Patient/current-7, Patient/theirs-9 123-45-6789 1EG4TE5MK73</p>`;
  const { page, n } = hidePage(body.markup, known, new Set(['current-7']));
  const bare = page.replaceAll(/<[^>]*>/g, '');
  expect(bare).toBe(
    '••••\u00a0234, XAB-1234, ••••\u00a0123; ••••, ab, current-7, Patient/current-7, Patient/••••\u00a0rs-9 ••••\u00a06789 ••••\u00a0MK73',
  );
  expect([n, page.startsWith('<p id="AB-123">')]).toEqual([6, true]);
  const days = html`<time datetime="1951-02-03">Feb 3, 1951</time><time datetime="2026-01-02">Jan 2, 2026</time>`;
  const born = ['1951-02-03', 'Feb 3, 1951'].map((value) => ({ kind: 'day', value }) as const);
  expect(hidePage(days.markup, born, NONE).page).toBe(
    '<time><span class="hidden" role="img" aria-label="day hidden; year 1951">1951-••-••</span></time><time datetime="2026-01-02">Jan 2, 2026</time>',
  );
});

test('what is known is hidden in whatever case, with a time behind it, and as Americans write days and telephone numbers', () => {
  const known = otherForms([
    { kind: 'day', value: '1951-02-03' },
    { kind: 'day', value: '1951-02-31' },
    { kind: 'number', value: '+1 617 555 0188' },
    { kind: 'number', value: '123-45-6789' },
    { kind: 'text', value: '77 Hidden Lane' },
    { kind: 'number', value: 'h-4711x' },
  ]);
  const said =
    'Feb 3, 1951; February 3, 1951; 02/03/1951; 2/3/1951; 02-03-1951; 19510203; 1951-02-03T05:00:00Z; 617-555-0188; 617.555.0188; (617) 555-0188; 6175550188; 123456789; 77 HIDDEN LANE; H-4711X; 1951-02-03Z; 2/3/1952; Feb 31, 1951';
  const { page } = hidePage(html`<p>${said}</p>`.markup, known, NONE);
  const day = '1951-••-••';
  const phone = '••••\u00a00188';
  expect(page.replaceAll(/<[^>]*>/g, '')).toBe(
    `${[day, day, day, day, day, '••••', `${day}T05:00:00Z`, phone, phone, phone, phone, '••••\u00a06789', '••••', '••••\u00a011X'].join('; ')}; 1951-02-03Z; 2/3/1952; Feb 31, 1951`,
  );
});

test('of thousands of values that are known each is hidden in whatever case, and scopes stay', () => {
  const known = Array.from({ length: 3000 }, (_, n) => ({ kind: 'number', value: `Card-${n}x` }) as const);
  const page = html`<p>CARD-2999X, card-1X, Card-7x; patient/Observation.rs, patient/card-9x, Patient/theirs-9</p>`;
  expect(hidePage(page.markup, known, NONE).page.replaceAll(/<[^>]*>/g, '')).toBe(
    '••••\u00a0999X, ••••\u00a0-1X, ••••\u00a0-7x; patient/Observation.rs, patient/••••\u00a0-9x, Patient/••••\u00a0rs-9',
  );
});

test('a picture or document within a record is hidden, figures are not, and neither is looked for elsewhere', () => {
  const data = 'aGlkZGVu'.repeat(20);
  const record = {
    photo: [{ contentType: 'image/png', data }],
    valueSampledData: { origin: { value: 0 }, data: '1 2 3' },
  };
  const marked = markRecord(JSON.stringify({ resourceType: 'Observation', ...record }), NONE);
  expect(hiddenText(marked.text)).toBe(
    '{"resourceType":"Observation","photo":[{"contentType":"image/png","data":"••••"}],"valueSampledData":{"origin":{"value":0},"data":"1 2 3"}}',
  );
  expect(marked.known).toEqual([]);
});

test('in the words of others days, mail and long numbers are hidden, and the words stay', () => {
  const said =
    'No coverage of jo@mail.example born 1951-02-03, card X12-3456: code 404, see 2026, or 2/3/1951, 02/03/51 and 617.555.0188.';
  expect(hiddenText(hiddenWords(said))).toBe(
    'No coverage of •••• born 1951-••-••, card ••••\u00a03456: code 404, see 2026, or 1951-••-••, •••• and ••••\u00a00188.',
  );
});

test('of a record the person is hidden, and not the plan, the doctor or the claim', () => {
  const eob = {
    resourceType: 'ExplanationOfBenefit',
    identifier: [{ value: 'claim-1' }],
    patient: { reference: 'Patient/x', identifier: { value: 'card-1' } },
    contained: [
      { resourceType: 'Practitioner', identifier: [{ value: 'npi-1' }], telecom: [{ value: '555' }] },
      {
        resourceType: 'Coverage',
        subscriberId: 'sub-1',
        identifier: [{ value: 'card-2' }],
        payor: [{ identifier: { value: 'npi-2' } }],
      },
      {
        resourceType: 'Patient',
        id: 'theirs',
        birthDate: '1951-02-03',
        contact: [{ address: { line: ['7 Lane'], text: '7 Lane, Salem' } }],
        generalPractitioner: [{ identifier: { value: 'npi-3' } }],
      },
    ],
  };
  const values = (isTheirs: boolean) =>
    identifyingIn(eob, isTheirs)
      .map((k) => k.value)
      .sort();
  expect(values(false)).toEqual(['1951-02-03', '7 Lane', '7 Lane, Salem', 'card-1', 'card-2', 'sub-1']);
  expect(values(true)).toContain('theirs');
  const { text } = markRecord(
    '{"resourceType":"Patient","id":"1.0","birthDate" : "19\\u00351-02-03","multipleBirthInteger":1.0}',
    NONE,
  );
  expect(hiddenText(text)).toBe(
    '{"resourceType":"Patient","id":"••••\u00a0","birthDate" : "1951-••-••","multipleBirthInteger":1.0}'.replace(
      '••••\u00a0"',
      '••••\u00a00"',
    ),
  );
  expect(hiddenText(markRecord('{"birthDate": "1951-02-03", ', NONE).text)).toBe('••••');
});
