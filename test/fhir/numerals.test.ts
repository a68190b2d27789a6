// Numbers that a double does not hold: told by value, and those that no database takes.
import { expect, test } from 'vitest';
import { lookAtMembers } from '../../src/fhir/json-members.ts';
import { areVast, exactNumerals, longNumerals } from '../../src/fhir/numerals.ts';

const of = (json: string) => {
  const { numerals } = lookAtMembers(json, JSON.parse(json));
  // both ways of finding them find the same
  expect(exactNumerals(numerals)).toBe(exactNumerals(longNumerals(json)));
  return numerals;
};
const exact = (value: string) => exactNumerals(of(`{"a":${value}}`));

test.each([
  ['13.5', ''],
  ['13.50000000000000000000', ''],
  ['3.141592653589793', ''],
  ['1e3', ''],
  ['-0', ''],
  ['5.00000000000000000000000001', '500000000000000000000000001e1'],
  ['0.123456789012345678901234567890', '12345678901234567890123456789e0'],
  ['-123456789012345678901', '-123456789012345678901e21'],
  ['0.00000000000000000000012345678901234567891', '12345678901234567891e-21'],
])('%s', (numeral, wanted) => {
  expect(exact(numeral)).toBe(wanted);
});

test('one value is one, however it is written, and wherever it stands', () => {
  expect(exact('12345678901234567890.10')).toBe(exact('1.23456789012345678901e+19'));
  expect(exact('12345678901234567890.1')).not.toBe(exact('12345678901234567890.2'));
  const many =
    '{"a":"1.00000000000000000000001","b":[1.00000000000000000000002,{"c":3}],"d":{"e":1.00000000000000000000001}}';
  expect(exactNumerals(of(many)).split(',')).toHaveLength(2);
});

test.each([
  ['[1,2,12]', 0],
  ['[1,-2.5,12345678901234567890.1]', 1],
  ['[1,null,12345678901234567890.1]', 1],
  ['[null,12345678901234567890.1,"x"]', 1],
  ['[[1,2],[3,12345678901234567890.1]]', 1],
  ['[1],"s":"[12345678901234567890.1]"', 0],
  ['"[12345678901234567890.1]","s":[1]', 0],
])('in a list: %s', (list, many) => {
  expect(of(`{"l":${list}}`).filter((n) => exactNumerals([n]) !== '')).toHaveLength(many);
});

test.each([
  ['1e400', false],
  ['1e1000', true],
  ['1e-200000', true],
  ['1E+0099', false],
  ['9'.repeat(64), false],
  [`0.${'1'.repeat(80)}`, true],
  ['9'.repeat(20_000), true],
])('is %s more than is meant?', (numeral, vast) => {
  expect(areVast(of(`{"a":${numeral.replace(/^1e400$/, '1e300')}}`))).toBe(vast);
  expect(areVast(of(`{"a":["x",${numeral.replace(/^1e400$/, '1e300')}]}`))).toBe(vast);
  expect(areVast(of(`{"a":"${numeral}","b":" :${numeral},"}`))).toBe(false);
});

test('a string may be as long as a document is', () => {
  const json = `{"data":"${'Ab3/'.repeat(3 * 1024 * 1024)}","x":1.00000000000000000000001}`;
  expect(longNumerals(json)).toEqual(['1.00000000000000000000001']);
});
