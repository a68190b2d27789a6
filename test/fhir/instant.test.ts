// Instants: the form that most have is read by its digits, and is the same as by the pattern of all.
import { expect, test } from 'vitest';
import { parseInstant, timeRange } from '../../src/fhir/instant.ts';

const TIMES = [
  '2026-01-02T03:04:05Z',
  '2026-01-02T03:04:05.678Z',
  '2024-02-29T23:59:59.999Z',
  '2023-02-29T00:00:00Z',
  '2000-02-29T00:00:00.001Z',
  '2026-04-31T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:60:00Z',
  '2026-01-01T00:00:60Z',
  '2026-01-01T00:00:61Z',
  '2026-01-01T00:00:0xZ',
  '2026-01-01T00:00:00.0x1Z',
  '2026-01-01T00:00:00.01xZ',
  '2026-01-01T00:00:00,123Z',
  '2026-01-01 00:00:00.123Z',
  '20 6-01-01T00:00:00Z',
  '1999-12-31T23:59:59Z',
  '0001-01-01T00:00:00Z',
  '2026-01-01T00:00:00.1234567Z',
  '2026-01-01T00:00:00+05:30',
];

test.each(TIMES)('%s', (time) => {
  const isInstant = /T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(time);
  expect(parseInstant(time)).toEqual(isInstant ? timeRange(time)?.from : undefined);
});

test('what it is in milliseconds', () => {
  expect(parseInstant('2026-01-02T03:04:05.678Z')?.getTime()).toBe(1_767_323_045_678);
  expect(parseInstant('2024-02-29T23:59:59Z')?.getTime()).toBe(1_709_251_199_000);
});
