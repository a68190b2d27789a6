// Makes the chains of the members anew whose claims a work changed, in the transaction of its commit, a page of members at
// a time. Nothing is written for chains that stay as they were.
import type { Queryable } from '../../../src/db/database.ts';
import {
  type ChainFinding,
  chainsOf,
  claimMembers,
  claimRecords,
  closeChainItems,
  staleAuthorizations,
  writeChainFindings,
  writeChains,
} from '../../records/chain.ts';
import { markDeniedSince } from '../../records/denied-since.ts';
import { doubtsStay } from '../../records/doubt.ts';
import { OUTLIVED } from '../../records/outlived.ts';
import type { Work } from '../../records/write-links.ts';
import { CHAIN_ITEMS, ITEM_KINDS } from '../../review/kinds.ts';
import { authorizationChains } from './authorizations.ts';
import { type Chain, claimChains } from './claims.ts';
import type { ReviewEntry } from './facts.ts';

const PAGE = 100;
type Of = Chain & { memberId: string };

const same = (a: Chain, b: Chain) => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
/** Members of objects in one order: jsonb gives them back in another. */
const canonical = (c: Chain): unknown => sorted([c.kind, c.state, c.finalId, c.nodes, c.anomalies, c.facts]);
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

/**
 * Of the members of the open slice.
 * @param windowStart gaps of services before this day are of little weight
 * @param at instant of the transaction
 */
export async function recomputeChains(tx: Queryable, work: Work, windowStart: string, at: string): Promise<void> {
  await recomputeChainsOf(tx, work, await claimMembers(tx), windowStart, at);
}

/** The same of some members. */
export async function recomputeChainsOf(
  tx: Queryable,
  work: Work,
  members: readonly string[],
  windowStart: string,
  at: string,
): Promise<void> {
  for (let i = 0; i < members.length; i += PAGE) await page(tx, work, members.slice(i, i + PAGE), windowStart, at);
}

async function page(
  tx: Queryable,
  work: Work,
  members: readonly string[],
  windowStart: string,
  at: string,
): Promise<void> {
  await doubtsStay(tx, members);
  const records = await claimRecords(tx, members);
  const stale = await staleAuthorizations(tx, work.peerId, members);
  const denials = await markDeniedSince(tx, members, records, at);
  const before = await chainsOf(tx, members);
  const after: Of[] = members.flatMap((memberId) => {
    const own = records.filter((r) => r.memberId === memberId);
    const ids = new Set(own.map((o) => o.id));
    const told = [...stale.filter((r) => ids.has(r.id)), ...denials].filter((r) => r.memberId === memberId);
    const earlier = new Map(
      before
        .filter((c) => c.memberId === memberId && c.kind === 'authorization')
        .map((c) => [c.chain, (c.facts['history'] ?? []) as ReviewEntry[]]),
    );
    // a copy that fell with its record is no version of what is shown
    const shown = own.filter((r) => r.withheld !== OUTLIVED);
    return [...claimChains(shown, windowStart), ...authorizationChains([...own, ...told], earlier)].map((c) => ({
      ...c,
      memberId,
    }));
  });
  const keyOf = (c: Of) => `${c.memberId}|${c.chain}`;
  const old = new Map(before.map((c) => [keyOf(c), c]));
  const now = new Map(after.map((c) => [keyOf(c), c]));
  const written = [...now].filter(([key, c]) => !old.has(key) || !same(old.get(key) as Of, c)).map(([, c]) => c);
  const gone = before.filter((c) => !now.has(keyOf(c)));
  await writeChains(
    tx,
    gone.map(({ memberId, chain }) => ({ memberId, chain })),
    written,
  );

  // how our own claims fit together nobody is asked here, as long as no other payer tells one of them
  const originOf = new Map(records.map((r) => [`${r.memberId}|${r.id}`, r.origin]));
  const anomalies = (list: readonly Of[]) =>
    new Map(
      list.flatMap((c) => {
        const ids = c.nodes.flatMap((n) => n.ids);
        return c.anomalies.flatMap((a) => {
          const origins = [a.at, ...ids].map((id) => originOf.get(`${c.memberId}|${id}`));
          const peerId = origins.find((o) => o !== undefined && o !== 'own');
          const isOfOthers = peerId !== undefined || origins.includes(undefined);
          return isOfOthers
            ? [[`${c.memberId}|${a.at}|${a.code}`, { memberId: c.memberId, peerId, ...a }] as const]
            : [];
        });
      }),
    );
  const [were, are] = [anomalies(before), anomalies(after)];
  const found: ChainFinding[] = [...are].map(([key, a]) => ({
    memberId: a.memberId,
    id: a.at,
    code: a.code,
    detail: a.detail,
    isNew: !were.has(key),
    isItem: CHAIN_ITEMS.includes(a.code),
    peerId: were.has(key) || work.pull === null ? (a.peerId ?? work.peerId) : work.peerId,
    weight: ITEM_KINDS['chain-anomaly']?.weight ?? 1,
  }));
  await writeChainFindings(tx, work.pull, found, at);
  await closeChainItems(
    tx,
    [...were].filter(([key]) => !are.has(key)).map(([, a]) => ({ memberId: a.memberId, id: a.at, code: a.code })),
  );
}
