import { expect, test, vi } from 'vitest';
import { withWrittenNumbers, writtenNumbers } from '../../src/fhir/number-literals.ts';
import type { Resource } from '../../src/fhir/resource.ts';

const through = (text: string, change: (r: Resource) => Resource = (r) => r): string =>
  withWrittenNumbers(change(structuredClone(JSON.parse(text) as Resource)), writtenNumbers(text));
const location = (position: string) => `{"resourceType":"Location","name":"No. 10.0 e1","position":${position}}`;

test.each([
  ['{"longitude":-72.680,"latitude":41.0}'],
  ['{"longitude":1.5e2,"latitude":-0}'],
  ['{"longitude":-72.123456789012345678,"latitude":1e-7}'],
  ['{"longitude":100,"latitude":12345678901234567890}'],
  ['{"longitude":10,"latitude":10.00}'],
  ['{"longitude":-0.0000001,"latitude":1E+2}'],
  ['{"longitude":-0,"latitude":1e400}'],
])('numbers of a record that was parsed and copied are written as they were: %s', (position) => {
  expect(through(location(position))).toBe(location(position));
});

test('what is changed on the way is written as it is now', () => {
  const changed = through(location('{"longitude":-72.680,"latitude":41.0}'), (r) => ({
    ...r,
    position: { longitude: -72.68, latitude: 42 },
  }));
  expect(changed).toBe(location('{"longitude":-72.680,"latitude":42}'));
});

test('one name with one value in two spellings is written plainly', () => {
  const two = '{"resourceType":"Basic","a":[{"value":1.0},{"value":1},{"value":2.0}]}';
  expect(through(two)).toBe('{"resourceType":"Basic","a":[{"value":1},{"value":1},{"value":2.0}]}');
});

test('texts whose numbers need nothing are not read twice', () => {
  const read = vi.spyOn(JSON, 'parse');
  const id = '"id":"2e9d6f70-1.0-0","versionId":"12345678901234567890"';
  expect(writtenNumbers(location(`{${id},"longitude":-72.68,"latitude":41.076}`))).toBeUndefined();
  expect(read).not.toHaveBeenCalled();
  read.mockRestore();
});
