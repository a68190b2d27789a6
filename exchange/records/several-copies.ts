// Several records of one payer that all say to be copies of one that we hold, and say something else than it: which of them it is nobody can tell, and some
// payers call by one name what belongs to one message. None of them is taken for it.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { CHANGED_COPY } from '../reconcile/judge/verdict.ts';

export type Edge = {
  memberId: string;
  type: string;
  a: string;
  b: string;
  kind: string;
  rule: string;
  state: string;
  score: number;
  aOrigin: string;
  bOrigin: string;
  /** one of the two is a copy that is not shown, as its record was taken back: it is none of the events that are */
  isHidden: boolean;
};

/** By the rules alone: nobody said anything of the two. */
export const isChangedCopy = (e: Pick<Edge, 'rule' | 'state'>): boolean =>
  e.rule === CHANGED_COPY && e.state !== 'rejected';

/**
 * Changed copies whose payer has another copy of the same record: one that is changed as well, one that says what it says (`source`), or one that came back as it is
 * (an echo). identity_echo.
 */
export async function severalCopies(
  tx: Queryable,
  memberId: string,
  type: string,
  edges: readonly Edge[],
): Promise<ReadonlySet<Edge>> {
  const changed = edges.filter(isChangedCopy);
  if (changed.length === 0) return new Set();
  const name = (origin: string, id: string) => `${origin}|${id}`;
  /** records that a payer has as copies of one */
  const copies = new Map<string, Set<string>>();
  const note = (origin: string, of: string, copy: string) => {
    const known = copies.get(name(origin, of));
    if (known) known.add(copy);
    else copies.set(name(origin, of), new Set([copy]));
  };
  for (const e of edges.filter((x) => x.state !== 'rejected' && (isChangedCopy(x) || x.rule === 'source'))) {
    note(e.bOrigin, e.a, e.b);
    note(e.aOrigin, e.b, e.a);
  }
  const sides = changed.flatMap((e) => [
    { origin: e.bOrigin, of: e.a },
    { origin: e.aOrigin, of: e.b },
  ]);
  const echoes = await tx<{ origin: string; of: string; copy: string }[]>`
    select i.peer_id as origin, i.local_id as of, 'echo ' || i.source_id as copy
    from (select distinct * from unnest(${arrayLiteral(sides.map((s) => s.origin))}::text::text[], ${arrayLiteral(sides.map((s) => s.of))}::text::text[]) s(origin, of)) s
    cross join lateral (select * from exchange.identity x
      where x.peer_id = s.origin and x.type = ${type} and x.local_id = s.of and x.state = 'echo' and x.member_id = ${memberId} offset 0) i`;
  for (const { origin, of, copy } of echoes) note(origin, of, copy);
  const has = (origin: string, of: string) => (copies.get(name(origin, of))?.size ?? 0) > 1;
  return new Set(changed.filter((e) => has(e.bOrigin, e.a) || has(e.aOrigin, e.b)));
}
