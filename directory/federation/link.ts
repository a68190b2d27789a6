// Linking what is the same in several directories. Records are never changed by it; a link can be undone by a person, and no
// rule takes the word of a person back. docs/federation.md.
import { randomUUID } from 'node:crypto';
import type { FederationDeps } from './client.ts';
import { typeName } from './harvest/context.ts';
import { judgePair } from './judge-pair.ts';
import {
  type Conflict,
  candidates,
  conflicted,
  countDirty,
  decideLink,
  LINKED_TYPES,
  type LinkRow,
  markClean,
  pairOf,
  readConflict,
  recluster,
  writeLinks,
  writeSplit,
} from './link-rows.ts';
import { leaveMergeLease, takeMergeLease } from './merge-rows.ts';

const BATCH = 5000;

/** Links what is new or changed. undefined: nothing is, or another process merges. */
export async function linkDue(deps: FederationDeps): Promise<{ same: number; review: number } | undefined> {
  const { sql } = deps.database;
  if ((await countDirty(sql)) === 0) return undefined;
  const owner = randomUUID();
  const { leaseSeconds } = deps.config;
  if (!(await takeMergeLease(sql, owner, new Date(), leaseSeconds))) return undefined;
  const renewal = setInterval(
    () => void takeMergeLease(sql, owner, new Date(), leaseSeconds).catch(() => {}),
    (leaseSeconds * 1000) / 3,
  );
  const reader = deps.database.dedicated('work');
  const found = { same: 0, review: 0 };
  try {
    await sql.unsafe('analyze federation.feature, federation.feature_id');
    for (const type of LINKED_TYPES) {
      let rows: LinkRow[] = [];
      for await (const batch of candidates(reader, type)) {
        for (const { a, b, left, right } of batch) {
          const verdict = judgePair(typeName(type), left, right);
          if (!verdict) continue;
          found[verdict.outcome]++;
          rows.push({ a, b, type, ...verdict });
        }
        if (rows.length >= BATCH) {
          await writeLinks(sql, rows, deps.clock());
          rows = [];
        }
      }
      await writeLinks(sql, rows, deps.clock());
    }
    await sql.begin(async (tx) => {
      await recluster(tx);
      await takeApart(tx);
      await markClean(tx);
    });
    return found;
  } finally {
    clearInterval(renewal);
    await reader.end({ timeout: 5 });
    await leaveMergeLease(sql, owner);
  }
}

async function takeApart(tx: Parameters<typeof conflicted>[0]): Promise<void> {
  for (const cluster of await conflicted(tx)) {
    const { members, refused } = split(await readConflict(tx, cluster));
    await writeSplit(tx, members, refused);
  }
}

/**
 * Joins the members of a cluster again, the surest links first; a link that would bring together what a person holds apart, or
 * two numbers, is refused. Pure.
 */
export function split(conflict: Conflict): {
  members: { rk: string; cluster: string }[];
  refused: { a: string; b: string }[];
} {
  const parent = new Map(conflict.members.map((m) => [m.rk, m.rk]));
  const find = (rk: string): string => {
    let at = rk;
    while (parent.get(at) !== at) at = parent.get(at) ?? at;
    return at;
  };
  const npis = new Map(conflict.members.map((m) => [m.rk, new Set(m.npi === null ? [] : [m.npi])]));
  const nots = conflict.links.filter((l) => l.outcome === 'not');
  const refused: { a: string; b: string }[] = [];
  const wanted = conflict.links.filter((l) => l.outcome === 'same');
  wanted.sort(
    (x, y) =>
      Number(y.by !== 'rule') - Number(x.by !== 'rule') ||
      y.score - x.score ||
      x.a.localeCompare(y.a) ||
      x.b.localeCompare(y.b),
  );
  for (const link of wanted) {
    const [x, y] = [find(link.a), find(link.b)];
    if (x === y) continue;
    const numbers = new Set([...(npis.get(x) ?? []), ...(npis.get(y) ?? [])]);
    const vetoed = nots.some((n) => {
      const ends = new Set([find(n.a), find(n.b)]);
      return ends.has(x) && ends.has(y);
    });
    if (vetoed || numbers.size > 1) {
      refused.push({ a: link.a, b: link.b });
      continue;
    }
    parent.set(y, x);
    npis.set(x, numbers);
  }
  return { members: conflict.members.map((m) => ({ rk: m.rk, cluster: find(m.rk) })), refused };
}

export type LinkDecision = 'ok' | 'no-pair';

/** A person says that two records are the same or not, or leaves it to the rules again. Networks are no pair. */
export async function decidePair(
  deps: FederationDeps,
  keyA: string,
  keyB: string,
  outcome: 'same' | 'not' | 'rule',
  by: string,
  note: string,
): Promise<LinkDecision> {
  const pair = await pairOf(deps.database.sql, keyA, keyB);
  if (!pair) return 'no-pair';
  await deps.database.sql.begin(async (tx) => {
    await decideLink(tx, pair, outcome, by, note, deps.clock());
    await recluster(tx, [pair.a, pair.b]);
    await takeApart(tx);
  });
  if (outcome === 'rule') await linkDue(deps);
  return 'ok';
}
