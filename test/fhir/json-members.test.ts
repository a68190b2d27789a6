import { expect, test } from 'vitest';
import { lookAtMembers, lookFor, TOLD } from '../../src/fhir/json-members.ts';
import { minify } from '../../src/fhir/json-text.ts';

const twice = (json: string) => lookAtMembers(minify(json), JSON.parse(json)).saysTwice;

test.each([
  '{"a":1,"a":2}',
  '{"x":[{"b":{"c":1,"d":2,"c":3}}]}',
  String.raw`{"a":1,"\u0061":2}`,
  '{"a":{"b":1},"a":null}',
  '{"":1,"":2}',
  '{"__proto__":1,"__proto__":2}',
  String.raw`{"q\"":1,"q\"":2}`,
])('twice: %s', (json) => expect(twice(json)).toBe(true));

test.each([
  '{}',
  '[]',
  '{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}',
  '{ "a" : "b" , "c" : { } }',
  String.raw`{"a":"\":","b":"\\\":x","c":"x\\"}`,
  String.raw`{"a\\":1,"a":"{\"a\":1,\"a\":2}"}`,
  '{"__proto__":1,"constructor":2,"toString":3}',
  '{"a":"\u{1F600}\\":"}',
])('once: %s', (json) => expect(twice(json)).toBe(false));

test('what no record is', () => {
  const many = `{${Array.from({ length: 10_001 }, (_, i) => `"m${i}":1`).join(',')}}`;
  expect(() => twice(many)).toThrow(RangeError);
  expect(twice(`[${Array.from({ length: 10_001 }, () => '{"a":1}').join(',')}]`)).toBe(false);
  expect(() => twice(JSON.stringify({ a: 'x'.repeat(8 * 1024 * 1024 + 1) }))).toThrow(RangeError);
});

test('watched names, wherever they stand, and what those tell that are to be told', () => {
  const watched = new Map([
    ['day', TOLD],
    ['data', 2],
    ['url', 4],
  ]);
  const record = {
    a: [{ day: '2026-01-01', b: { data: 1 } }, { day: ['2026-01-02'] }],
    c: '"url":',
    day: 5,
    e: { day: 'x' },
  };
  const found = { names: TOLD | 2, told: ['2026-01-01', 'x'] };
  expect(lookFor(watched, record)).toMatchObject(found);
  expect(lookAtMembers(JSON.stringify(record), record, watched)).toMatchObject({ saysTwice: false, found });
  expect(lookFor(watched, { data2: 1 })).toMatchObject({ names: 0, told: [] });
});
