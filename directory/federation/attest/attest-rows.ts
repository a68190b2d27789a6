// Links by which providers attest, and what they say is wrong.

import { and, asc, eq, sql as expression, gt, isNull } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { attestLink, correction } from '../schema.ts';

export async function addLinks(
  sql: Queryable,
  links: readonly { hash: string; key: string }[],
  by: string,
  at: Date,
  until: Date,
): Promise<void> {
  if (links.length === 0) return;
  await sql`insert into federation.attest_link (code_hash, key, made_by, made_at, expires_at)
    select decode(l.hash, 'hex'), l.key, ${by}, ${at}, ${until} from jsonb_to_recordset(${JSON.stringify(links)}::text::jsonb) l(hash text, key text)`;
}

/** The entry that a link is about. attest_link_pkey */
export async function findLink(
  sql: Queryable,
  hash: string,
  now: Date,
): Promise<{ key: string; usedAt: Date | null } | undefined> {
  const [row] = await orm(sql)
    .select({ key: attestLink.key, usedAt: attestLink.usedAt })
    .from(attestLink)
    .where(and(eq(attestLink.codeHash, Buffer.from(hash, 'hex')), gt(attestLink.expiresAt, now)));
  return row;
}

/** attest_link_pkey */
export async function useLink(sql: Queryable, hash: string, at: Date): Promise<void> {
  await orm(sql)
    .update(attestLink)
    .set({ usedAt: at })
    .where(eq(attestLink.codeHash, Buffer.from(hash, 'hex')));
}

export type NewCorrection = {
  key: string;
  said: string;
  who: string;
  receivedAt: Date;
  dueOn: string;
  finalOn: string;
};

/** What is said again while it is open is one correction. */
export async function addCorrections(sql: Queryable, rows: readonly NewCorrection[]): Promise<void> {
  for (const r of rows)
    await sql`insert into federation.correction (key, said, who, received_at, due_on, final_on)
      select ${r.key}, ${r.said}, ${r.who}, ${r.receivedAt}, ${r.dueOn}, ${r.finalOn}
      where not exists (select from federation.correction c where c.key = ${r.key} and c.said = ${r.said} and c.settled_at is null)`;
}

/** So many of an entry wait for a person; the holder of its link could send others for ever. */
const MOST_OPEN = 10;

/** Is so much of an entry open that a further one is too many? What is open already is not a further one. correction_open */
export async function tooManyOpen(
  sql: Queryable,
  rows: readonly Pick<NewCorrection, 'key' | 'said'>[],
): Promise<boolean> {
  const said = rows.map(({ key, said }) => ({ key, said }));
  const found = await sql`
    select from jsonb_to_recordset(${JSON.stringify(said)}::text::jsonb) n(key text, said text)
    join federation.correction c on c.key = n.key and c.settled_at is null
    group by n.key, n.said having count(*) >= ${MOST_OPEN} and not bool_or(c.said = n.said) limit 1`;
  return found.length > 0;
}

export type Correction = Omit<typeof correction.$inferSelect, 'id'> & { id: string };

/** The open ones by their day, then the newest settled ones. correction_open */
export async function corrections(sql: Queryable, count: number): Promise<Correction[]> {
  const newestSettled = expression`${correction.settledAt} desc nulls first`;
  const order = [newestSettled, asc(correction.dueOn), asc(correction.id)];
  const rows = await orm(sql)
    .select()
    .from(correction)
    .orderBy(...order)
    .limit(count);
  return rows.map((row) => ({ ...row, id: String(row.id) }));
}

/** How many wait, and how many of them are late. correction_open */
export async function correctionCounts(sql: Queryable, today: string): Promise<{ open: number; late: number }> {
  const [row] = await sql<{ open: number; late: number }[]>`
    select count(*)::int as open, (count(*) filter (where due_on < ${today}))::int as late from federation.correction where settled_at is null`;
  return row ?? { open: 0, late: 0 };
}

/** @returns false when it is settled already, or there is none */
export async function settleCorrection(
  sql: Queryable,
  id: string,
  resolution: string,
  by: string,
  at: Date,
): Promise<boolean> {
  const rows = await orm(sql)
    .update(correction)
    .set({ settledBy: by, settledAt: at, resolution })
    .where(and(eq(correction.id, Number(id)), isNull(correction.settledAt)))
    .returning({ id: correction.id });
  return rows.length > 0;
}

/** People and organizations of ours with one of these signals, after a key. signal_name */
export async function withSignal(
  sql: Queryable,
  names: readonly string[],
  after: string,
  count: number,
): Promise<{ key: string; body: string }[]> {
  return sql<{ key: string; body: string }[]>`
    select r.key, r.body from (
      select distinct s.rk, s.key from federation.signal s where s.name = any(${[...names]}::text[]) and s.settled_by is null
        and s.key > ${after} and (s.key like 'Practitioner/%' or s.key like 'Organization/%') order by s.key limit ${count}) k
    join directory.resource r on r.rk = k.rk and r.key = k.key and not r.deleted order by r.key`;
}
