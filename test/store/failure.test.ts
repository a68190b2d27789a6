import { expect, test } from 'vitest';
import { isTimeout, storeFailure } from '../../src/db/failure.ts';

const failed = (code: string) => Object.assign(new Error('as the driver says it'), { code });

test.each([
  ['57014', 'too-costly'],
  ['57P03', 'unavailable'],
  ['40001', 'unavailable'], // canceling statement due to conflict with recovery
  ['53100', 'unavailable'], // no room for a sort or for shared memory
  ['53200', 'unavailable'],
  ['53300', 'unavailable'],
  ['08006', 'unavailable'],
  ['ECONNREFUSED', 'unavailable'],
  ['42P01', undefined],
])('%s of the database is answered as %s', (code, outcome) => {
  const found = storeFailure(failed(code));
  expect(found?.code).toBe(outcome);
  expect(found === undefined || Number(found.headers['retry-after']) > 0).toBe(true);
});

test.each(['22021', '22P05'])('%s: characters that are no text are the fault of who sent them', (code) => {
  expect(storeFailure(failed(code))?.status).toBe(400);
});

test('only a statement that was cancelled took too long', () => {
  expect(isTimeout(failed('57014'))).toBe(true);
  expect(isTimeout(failed('53200'))).toBe(false);
  expect(isTimeout('57014')).toBe(false);
});
