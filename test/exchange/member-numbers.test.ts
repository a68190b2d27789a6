// Members without a member number, whom no payer can find: said after an import, and by `doctor`.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memberNumbers, unnumbered } from '../../exchange/commands/member-numbers.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
});
afterAll(() => db.close());

const member = (id: string) => db.sql`insert into exchange.member (id, umb) values (${id}, ${`U-${id}`})`;
const number = (id: string) =>
  db.sql`insert into exchange.enrolment (member_id, member_number, plan, starts) values (${id}, ${`N-${id}`}, 'p', '2026-01-01')`;

test('none, some and all', async () => {
  expect(await unnumbered(db.sql)).toBeUndefined();
  expect(await memberNumbers(db.sql)).toBe('none yet');
  await member('a');
  await member('b');
  await expect(memberNumbers(db.sql)).rejects.toThrow('none of 2 has a member number');
  expect(await unnumbered(db.sql)).toContain('2 of 2 members have no member number');
  await number('a');
  expect(await memberNumbers(db.sql)).toContain('2, of whom 1 have no member number: no payer that asks finds them.');
  await number('b');
  expect([await unnumbered(db.sql), await memberNumbers(db.sql)]).toEqual([undefined, '2, each with a member number']);
});

test('who goes on as another member needs none', async () => {
  await member('former');
  expect(await unnumbered(db.sql)).toContain('1 of 3 members');
  await db.sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason) values ('g', 'a', 'former', now(), 'staff', 'x', 'x')`;
  expect(await unnumbered(db.sql)).toBeUndefined();
});
