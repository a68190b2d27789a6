// Lists to and from the server without its table of types, as Workers have them: as the driver does it with that table.
import { afterAll, describe, expect, test } from 'vitest';
import { clientOf } from '../../src/db/database-address.ts';
import { ARRAY_TYPES, readArray } from '../../src/runtime/array-types.ts';
import { addressOf } from '../support/db.ts';

const { url } = addressOf('postgres');
const plain = clientOf(url, { max: 1, fetch_types: false, types: ARRAY_TYPES });
const fetched = clientOf(url, { max: 1 });
afterAll(() => Promise.all([plain.end(), fetched.end()]));

const ODD = ['', 'NULL', 'null', 'a,b', '"', '\\', '{}', ' ', "it's", 'é', 'a\nb'];

describe.each<[string, unknown[]]>([
  ['text', ODD],
  ['text', []],
  ['varchar', ['a', 'b']],
  ['smallint', [1, -2]],
  ['int', [1, 2]],
  ['bigint', ['9007199254740993', '-1']],
  ['float8', [1.5, -2]],
  ['uuid', ['0ec55a78-0000-4000-8000-000000000001']],
])('%s[] of %j', (type, values) => {
  const there = async (sql: typeof plain) =>
    (
      await sql.unsafe(`select $1::${type}[] as x, array(select * from unnest($1::${type}[])) as y`, [values as never])
    )[0];
  test('goes there and comes back', async () => {
    const back = await there(plain);
    expect(back?.['x']).toEqual(values);
    expect(back?.['y']).toEqual(values);
  });
  test('as with the table', async () => expect(await there(plain)).toEqual(await there(fetched)));
});

// the driver takes these for single values before it asks anybody: as parameters they are written as literals
test.each<[string, string, unknown[]]>([
  ['boolean', '{t,f}', [true, false]],
  ['timestamptz', '{2027-03-01 00:00:00+00}', [new Date('2027-03-01T00:00:00Z')]],
  ['date', '{2027-03-01}', [new Date('2027-03-01T00:00:00Z')]],
  ['bytea', '{"\\\\x00ff225c"}', [Buffer.from([0, 255, 34, 92])]],
])('%s[] is read', async (type, literal, values) => {
  for (const sql of [plain, fetched])
    expect((await sql.unsafe(`select $1::text::${type}[] as x`, [literal]))[0]?.['x']).toEqual(values);
});
test('nothing among others', async () => {
  const [row] = await plain`select ${[null, 'x', null]}::text[] as x, ${[1, null]}::int[] as y`;
  expect(row).toEqual({ x: [null, 'x', null], y: [1, null] });
});
test('a literal that is written already goes as it is', async () => {
  const [row] = await plain`select ${'{a,"b c"}'}::text[] as x, ${'x'} = any(${['x', 'y']}) as y`;
  expect(row).toEqual({ x: ['a', 'b c'], y: true });
});
test('literals are read', () => expect(readArray('{NULL,"NULL",a,"",b}')).toEqual([null, 'NULL', 'a', '', 'b']));
