// JSON that can be understood in one way only.
import { expect, test } from 'vitest';
import { JsonFault, parseStrict } from '../../src/fhir/strict-json.ts';

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
