// JSON that can be understood in one way only.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonFault, parseStrict, parseText, StrictList } from '../../src/fhir/strict-json.ts';

const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);

test.each([
  ['a member twice', '{"a":1,"a":2}'],
  ['a member twice, once with an escape', '{"a":1,"\\u0061":2}'],
  ['a member twice, with space before the colon', '{"a" : 1, "a"\n: 2}'],
  ['a member twice, deep within', '{"x":[{"a":{}},{"b":{"c":1,"d":"","c":2}}]}'],
  ['__proto__', '{"a":{"__proto__":{}}}'],
  ['__proto__ with an escape', '{"\\u005f_proto__":{}}'],
  ['constructor', '[{"constructor":1}]'],
  ['prototype', '{"prototype":1}'],
  ['arrays too deep', nested(33, '[', ']')],
  ['objects too deep', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`],
  ['a hundred thousand levels', nested(100_000, '[', ']')],
  ['no end', '{"a":"b'],
  ['a string that ends in a backslash', '{"a":"b\\"}'],
  ['nothing', ''],
])('%s is refused', (_, json) => {
  expect(() => parseStrict(json)).toThrow(JsonFault);
});

test.each([
  '{"a":{"x":1},"b":{"x":1}}',
  '[{"a":1},{"a":1}]',
  '{"a":"{\\"a\\":1,\\"a\\":2}"}',
  '{"a":"b\\\\","c":"\\\\\\"d"}',
  '{"a":"__proto__","b":["constructor"]}',
  nested(32, '[', ']'),
  ' {"a" :\t1}\n',
  '"x"',
  '1',
])('%s is read as JSON.parse reads it', (json) => {
  expect(parseStrict(json)).toEqual(JSON.parse(json));
});

/** @param sizes of the pieces in which it comes, again and again */
const whole = (json: string, sizes: readonly number[]) => {
  const reader = new StrictList('list');
  const objects: unknown[] = [];
  for (let at = 0, n = 0; at < json.length; n++) {
    const to = at + (sizes[n % sizes.length] ?? json.length);
    objects.push(...reader.push(json.slice(at, to)).map((text) => parseText(text)));
    at = to;
  }
  const outside = reader.end();
  const list = (outside as { list?: unknown[] }).list;
  return list === undefined || !Array.isArray(list)
    ? outside
    : { ...(outside as object), list: list.map((e) => (e === null && objects.length > 0 ? objects.shift() : e)) };
};
/** Objects of a list are where null is: texts without any other null in it can be put together again. */
const value = fc.letrec((tie) => ({
  json: fc.oneof({ depthSize: 'small' }, fc.string(), fc.integer(), fc.boolean(), fc.array(tie('json')), tie('object')),
  object: fc.dictionary(fc.stringMatching(/^[a-z"\\]{1,6}$/), tie('json')),
}));

test('a text read by its list in pieces is what it is as a whole; damaged, it is a fault where JSON.parse has one', () => {
  fc.assert(
    fc.property(
      fc.array(value.json),
      value.object,
      fc.nat(),
      fc.constantFrom('', 'x', '{', '}', '[', ']', ',', '"', '1', 'null'),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
      (list, rest, at, put, sizes) => {
        const json = JSON.stringify({ a: 1, ...rest, list, z: { list: [{ b: 1 }] } });
        expect(whole(json, sizes)).toEqual(JSON.parse(json));
        const place = at % json.length;
        const damaged = json.slice(0, place) + put + json.slice(place + 1);
        const read = (by: (text: string) => unknown) => {
          try {
            by(damaged);
            return 'read';
          } catch (error) {
            expect(error).toBeInstanceOf(JsonFault);
            return 'fault';
          }
        };
        expect(read((text) => whole(text, sizes))).toBe(read(parseStrict));
      },
    ),
    { numRuns: 500 },
  );
});

test.each([
  ['an object of the list', '{"list":[{"a":"'],
  ['a text beside the list', '{"a":"'],
  ['many small values of the list', '{"list":["a","'],
])('%s that does not end is refused before it is held', (_, begin) => {
  const reader = new StrictList('list');
  reader.push(begin);
  expect(() => {
    for (let i = 0; i < 200; i++) reader.push(begin.endsWith(',"') ? '","'.repeat(30_000) : 'x'.repeat(60_000));
  }).toThrow(JsonFault);
});
