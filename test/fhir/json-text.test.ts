import fc from 'fast-check';
import { expect, test } from 'vitest';
import { elements, members, minify, referencesIn, replaceReferences, stamp } from '../../src/fhir/json-text.ts';

const pretty = fc.jsonValue().map((value) => ({ value, text: JSON.stringify(value, null, 2) }));

test('minify changes nothing but white space', () => {
  fc.assert(
    fc.property(pretty, ({ value, text }) => {
      expect(minify(text)).toBe(JSON.stringify(value));
      expect(minify(JSON.stringify(value))).toBe(JSON.stringify(value));
    }),
  );
});

test('minify finds white space on either side of every token', () => {
  const space = fc.constantFrom('', ' ', '\n', '\t', ' \r\n');
  const spaced = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom('1', '-1.50e2', 'true', 'null', '"a, b : c"', '"\\" ]"', '""'),
      fc
        .tuple(
          fc.array(
            fc.tuple(space, tie('value'), space).map((p) => p.join('')),
            { maxLength: 3 },
          ),
        )
        .map(([items]) => `[${items.join(',')}]`),
      fc
        .array(fc.tuple(space, space, space, tie('value'), space), { maxLength: 3 })
        .map((list) => `{${list.map(([a, b, c, v, d], i) => `${a}"k${i}"${b}:${c}${String(v)}${d}`).join(',')}}`),
    ),
  })).value;
  const bare = (text: string) => text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
  fc.assert(
    fc.property(spaced as fc.Arbitrary<string>, (text) => {
      expect(minify(text)).toBe(bare(text));
    }),
  );
});

test.each(['[1 ,2]', '{"a":1 ,"b":2}', '{"a" :1}', '{"a": 1}', '{"a":[ 1]}', '{"a":[1 ]}', '{ "a":1}', '{"a":1 }'])(
  'minify sees the one blank of %s',
  (text) => {
    expect(minify(text)).toBe(text.replaceAll(' ', ''));
  },
);

test('minify keeps decimals and escapes as written', () => {
  expect(minify('{ "a" : 1.00,\r\n\t"b" : "x \\" : , y" }')).toBe('{"a":1.00,"b":"x \\" : , y"}');
});

test('members and elements find every value', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()), (object, array) => {
      const json = JSON.stringify(object);
      expect(members(json).map((m) => JSON.parse(json.slice(m.valueStart, m.end)) as unknown)).toEqual(
        Object.keys(object).map((k) => JSON.parse(JSON.stringify(object[k])) as unknown),
      );
      expect(elements(JSON.stringify(array), 0).map((e) => JSON.parse(e) as unknown)).toEqual(
        JSON.parse(JSON.stringify(array)),
      );
    }),
  );
});

test.each(['{"a":[1]}', '"ab"', '12.5', 'true', 'null', ''])('what is no array has no elements: %s', (json) => {
  expect(elements(json, 0)).toEqual([]);
});

test('stamp replaces id and version and leaves the rest as written', () => {
  const given =
    '{"resourceType":"Observation","id":"a","meta":{"lastUpdated":"2020-01-01T00:00:00Z","profile":["p"]},"valueQuantity":{"value":1.00}}';
  expect(stamp(given, { id: 'b', versionId: '2', lastUpdated: '2027-01-01T00:00:00.000Z', source: 's' })).toBe(
    '{"resourceType":"Observation","id":"b","meta":{"versionId":"2","lastUpdated":"2027-01-01T00:00:00.000Z","source":"s","profile":["p"]},"valueQuantity":{"value":1.00}}',
  );
  expect(stamp('{"resourceType":"X","id":"a"}', { versionId: '1', lastUpdated: 'T' })).toBe(
    '{"resourceType":"X","id":"a","meta":{"versionId":"1","lastUpdated":"T"}}',
  );
  // wherever they stand, and if somebody wrote one twice
  expect(
    stamp('{"meta":{"source":"s"},"x":{"id":"no"},"id":"a","id":"c","z":[1]}', {
      id: 'b',
      versionId: '1',
      lastUpdated: 'T',
    }),
  ).toBe('{"meta":{"versionId":"1","lastUpdated":"T","source":"s"},"x":{"id":"no"},"id":"b","id":"c","z":[1]}');
  expect(stamp('{"id":"a","id":"c","meta":{},"z":1}', { versionId: '1', lastUpdated: 'T' })).toBe(
    '{"id":"a","id":"c","meta":{"versionId":"1","lastUpdated":"T"},"z":1}',
  );
});

test('references are rewritten in keys only, never inside strings', () => {
  const given = JSON.stringify({
    subject: { reference: 'Patient/1' },
    note: '{"reference":"Patient/1"}',
    list: [{ display: 'x', reference: 'https://a.example/Patient/1' }],
  });
  const out = replaceReferences(given, (r) => (r.startsWith('Patient/') ? `"reference":"Patient/me"` : undefined));
  expect(JSON.parse(out)).toEqual({
    subject: { reference: 'Patient/me' },
    note: '{"reference":"Patient/1"}',
    list: [{ display: 'x', reference: 'https://a.example/Patient/1' }],
  });
  expect(referencesIn(given)).toEqual(['Patient/1', 'https://a.example/Patient/1']);
});

test('a reference with a quote in it is one reference, and one that is no text is none', () => {
  const given = JSON.stringify({
    a: { reference: 'x"y\\' },
    b: { reference: 7 },
    c: ',"reference":"Patient/1"',
    d: { display: '{', reference: '' },
  });
  expect(referencesIn(given)).toEqual(['x"y\\', '']);
  expect(replaceReferences(given, () => undefined)).toBe(given);
  expect(JSON.parse(replaceReferences(given, (r) => (r === '' ? undefined : '"reference":"Patient/2"')))).toEqual({
    a: { reference: 'Patient/2' },
    b: { reference: 7 },
    c: ',"reference":"Patient/1"',
    d: { display: '{', reference: '' },
  });
});
