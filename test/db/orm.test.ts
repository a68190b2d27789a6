// The query builder on the driver's client: values both ways, errors, transactions, and the client as it was.
import { eq } from 'drizzle-orm';
import { afterAll, expect, test } from 'vitest';
import { history } from '../../directory/schema.ts';
import { enrolment, member, peer } from '../../exchange/schema.ts';
import { orm } from '../../src/db/orm.ts';
import { onSchema } from '../../src/db/schema-view.ts';
import { freshDb } from '../support/db.ts';

const db = await freshDb();
afterAll(() => db.close());
const { sql } = db;
const INSTANT = new Date('2026-05-06T07:08:09.123Z');

test('values come back as they went: instants, days, lists, JSON, large numbers, bytes', async () => {
  const added = {
    id: 'p1',
    name: 'Prior "Health"',
    state: 'active',
    addedBy: 'ada',
    addedAt: INSTANT,
    scopes: ['a,b', '"c"', '\\'],
  } as const;
  const more = { limits: { a: [1, { b: null }] }, epoch: 3, keysSeenAt: INSTANT };
  await orm(sql)
    .insert(peer)
    .values({ ...added, scopes: [...added.scopes], ...more });
  const [found] = await orm(sql).select().from(peer).where(eq(peer.id, 'p1'));
  expect(found).toMatchObject({ ...added, ...more, origins: [], jwks: null, npi: null });
  // objects, not texts that hold one
  const [kept] = await sql`select jsonb_typeof(limits) as limits, jsonb_typeof(quirks) as quirks from exchange.peer`;
  expect(kept).toEqual({ limits: 'object', quirks: 'object' });
  for (const jwks of [{ keys: [] }, [1], 'text', 7, true]) {
    await orm(sql).update(peer).set({ jwks }).where(eq(peer.id, 'p1'));
    expect(await sql`select jwks from exchange.peer`).toEqual([{ jwks }]);
    expect(await orm(sql).select({ jwks: peer.jwks }).from(peer)).toEqual([{ jwks }]);
  }

  await orm(sql).insert(member).values({ id: 'm1', umb: 'U1', died: '2026-02-28' });
  const starts = '2026-01-01';
  await orm(sql).insert(enrolment).values({ memberId: 'm1', memberNumber: '1', plan: 'GOLD', starts, lob: 'ma' });
  const [held] = await orm(sql)
    .select({ died: member.died, starts: enrolment.starts, ends: enrolment.ends, lob: enrolment.lob })
    .from(member)
    .innerJoin(enrolment, eq(enrolment.memberId, member.id));
  expect(held).toEqual({ died: '2026-02-28', starts, ends: null, lob: 'ma' });

  const rk = '-9223372036854775807';
  const version = {
    rk,
    version: 1,
    lastUpdated: INSTANT,
    deleted: false,
    body: '{}',
    type: 7,
    contentHash: Buffer.from([0, 255]),
  };
  await orm(sql).insert(history).values(version);
  expect(await orm(sql).select().from(history)).toEqual([version]);
});

test('the client reads as before: instants as dates, by both ways at once', async () => {
  const [raw] =
    await sql`select added_at, '2026-01-01'::date as day, '{1,2}'::int[] as list from exchange.peer where id = 'p1'`;
  expect(raw).toEqual({ added_at: INSTANT, day: new Date('2026-01-01'), list: [1, 2] });
  expect(await sql`select ${INSTANT}::timestamptz as at`).toEqual([{ at: INSTANT }]);
});

test('an error is that of the driver, with its code, and has no value in its message', async () => {
  const twice = orm(sql).insert(member).values({ id: 'm1', umb: 'secret' });
  await expect(twice).rejects.toMatchObject({ code: '23505', message: expect.not.stringContaining('secret') });
});

test('a transaction takes what was written with it', async () => {
  const undone = sql.begin(async (tx) => {
    await orm(tx).update(peer).set({ name: 'Other' }).where(eq(peer.id, 'p1'));
    expect(await tx`select name from exchange.peer`).toEqual([{ name: 'Other' }]);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await orm(sql).select({ name: peer.name }).from(peer)).toEqual([{ name: 'Prior "Health"' }]);
});

test('a view on the merged directory is one for the query builder too', async () => {
  const merged = onSchema(db, 'merged');
  expect(await orm(merged.sql).select().from(history)).toEqual([]);
  expect(await orm(merged.sql).select({ rk: history.rk }).from(history).where(eq(history.version, 1))).toEqual([]);
  expect(await orm(sql).select({ rk: history.rk }).from(history)).toHaveLength(1);
});
