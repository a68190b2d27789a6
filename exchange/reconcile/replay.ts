// Running today's rules on the kept files of a pull: everything is read, decided, rewritten and judged again, and what comes
// out is compared with what is there. A dry run does the same in a transaction that is taken back. Single units go the same
// way when a person releases them, or when the record that they are about has come.
import { randomUUID } from 'node:crypto';
import { lendOne, type Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { contentHashes, MEMBER_CONTENT } from '../../src/fhir/canonical.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import { exactNumerals, longNumerals } from '../../src/fhir/numerals.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import type { Peer } from '../peers/peer.ts';
import { addresses, ourselves } from '../plan.ts';
import { chainsOf } from '../records/chain.ts';
import { commitRecords } from '../records/commit-pull.ts';
import type { Decided } from '../records/decided.ts';
import { drugsOf } from '../records/drug.ts';
import { type Drugs, withDrug } from '../records/facts/drug.ts';
import { type KeyedRecord, type KeyRow, recordsToKey, rekey } from '../records/keys-replayed.ts';
import { holdLabels } from '../records/label-lock.ts';
import { membersLosing, returnMoved } from '../records/moved-units.ts';
import { transactionInstant } from '../records/records.ts';
import {
  decideReplay,
  type LinkRow,
  linksOfWork,
  membersOfWork,
  settleReplayed,
  type UnitChange,
  unitChanges,
  writeRevisions,
} from '../records/replay.ts';
import { eachSlice } from '../records/slice.ts';
import { clearStaging, lendStaging, openStaging, stageUnits } from '../records/staging.ts';
import { withdrawUnits } from '../records/withdrawn.ts';
import type { Pull } from '../requester/pull.ts';
import { pullFiles } from '../requester/pull-file.ts';
import { heldThen } from '../requester/pull-member.ts';
import type { Chain } from './chain/claims.ts';
import { claimFacts } from './chain/facts.ts';
import { recomputeChains, recomputeChainsOf } from './chain/recompute.ts';
import { RULES_VERSION } from './judge/verdict.ts';
import { keyWorkAnew } from './keys-anew.ts';
import { linkUnits } from './link.ts';
import type { UnitContext } from './read-unit.ts';
import { recordKeys } from './record-keys.ts';
import { rewriteUnits } from './rewrite-units.ts';
import { KeptFileGone, unitsOf } from './stage.ts';
import { unitContext } from './unit-context.ts';

export type Replay = {
  pull: Pull;
  peer: Peer;
  /** who or what asked */
  by: { kind: 'staff' | 'system' | 'command'; name: string };
  cause: 'replay' | 'release' | 'arrival';
  /** changes nothing */
  dryRun?: boolean;
  /** what it reads was taken in: choices that members made since do not take it out */
  isShown?: boolean;
  /** only these units, each with the reasons from which people release it, or for which it is held again; `isBack`: what was shown before */
  only?: readonly {
    file: number;
    line: number;
    entry: number;
    released?: readonly string[] | undefined;
    held?: string;
    isBack?: boolean;
  }[];
  requestId?: string;
  /** what else is written with it */
  also?: (tx: Queryable) => Promise<void>;
};
export type ReplayReport = {
  rules: number;
  units: UnitChange[];
  links: { added: LinkRow[]; removed: LinkRow[] };
  chains: { memberId: string; chain: string; before: string | null; after: string | null }[];
};

/** Is it about a record that a person takes in as another member's, or takes back? */
const movedOf = (r: Pick<Replay, 'only'>): 'taken' | 'held' | undefined =>
  r.only?.some((o) => o.released?.includes('patient-change'))
    ? 'taken'
    : r.only?.some((o) => o.held === 'patient-change')
      ? 'held'
      : undefined;

/** What else a person said of the one line that is read. */
function saidOf(r: Pick<Replay, 'cause' | 'only'>): Parameters<typeof decideReplay>[3] {
  const [one] = r.only ?? [];
  if (r.cause !== 'release' || one === undefined || movedOf(r) !== undefined) return undefined;
  if (one.isBack === true) return 'given-back';
  if (one.held !== undefined) return { again: one.held };
  return one.released === undefined ? undefined : 'released';
}

class TakenBack extends Error {}

type Needs = Pick<Deps, 'database' | 'config' | 'clock' | 'blobs'>;

/** Stages the units of a replay. Choices that members made since do not hide what was lawfully received; what came after them waits as before. */
async function stage(deps: Needs, r: Replay, work: Decided, context: UnitContext): Promise<void> {
  const held = r.cause === 'replay' ? await heldThen(deps.database.sql, r.pull.id) : undefined;
  const isTaken = r.isShown === true || movedOf(r) === 'held';
  const then: UnitContext = {
    ...context,
    members: new Map(
      [...context.members].map(([id, m]) => [
        id,
        { ...m, withdrawn: held ? (held.get(m.memberId) ?? false) : isTaken ? false : m.withdrawn },
      ]),
    ),
  };
  const chosen = r.only && new Map(r.only.map((o) => [`${o.file}-${o.line}`, o]));
  await lendStaging(deps.database, 1, async ([clients]) => {
    for (const file of await pullFiles(deps.database.sql, r.pull.id)) {
      if (file.kind === 'error') continue;
      if (r.only && !r.only.some((o) => o.file === file.position)) continue;
      // what never came whole has no line that could be read
      if (file.blobKey === null && file.sha256 === null && !r.only) continue;
      if (file.blobKey === null) throw new KeptFileGone();
      const contextOf = (line: number): UnitContext | undefined => {
        if (!chosen) return then;
        const one = chosen.get(`${file.position}-${line}`);
        if (!one) return undefined;
        return one.released === undefined ? then : { ...then, released: one.released };
      };
      await stageUnits(openStaging(clients), work.id, unitsOf(deps, file, contextOf));
    }
  });
}

function keysOf(memberId: string, { type, id, version, body, shared }: KeyedRecord, drugs: Drugs): KeyRow {
  const r = JSON.parse(body) as Resource;
  const shown = shared === null ? r : (JSON.parse(shared) as Resource);
  const { substance } = contentHashes(shown, MEMBER_CONTENT, exactNumerals(longNumerals(shared ?? body)));
  const claim = claimFacts(r);
  const keys = recordKeys(withDrug(r, drugs));
  return { memberId, type, id, version, keys, substance, claim: claim ? JSON.stringify(claim) : null };
}

/** Makes the keys of everything that the members have anew: rules may key records otherwise than when they came. */
async function keyAnew(deps: Needs, work: Decided): Promise<void> {
  const { sql } = deps.database;
  for (const memberId of await membersOfWork(sql, work.id))
    for (let after: [string, string] | undefined = ['', '']; after; ) {
      const page: KeyedRecord[] = await recordsToKey(sql, memberId, after);
      const last = page.at(-1);
      const drugs = await drugsOf(sql, page);
      const rows = page.map((p) => keysOf(memberId, p, drugs));
      if (last) await rekey(sql, rows);
      after = last && [last.type, last.id];
    }
}

const linkKey = (l: LinkRow) => [l.memberId, l.type, l.a, l.b, l.kind, l.state].join('|');
const brief = (c: Chain | undefined): string | null =>
  c === undefined
    ? null
    : `${c.kind} ${c.state}${c.finalId === null ? '' : ` ${c.finalId}`}: ${c.nodes.map((n) => n.number).join(' → ')}${c.anomalies.length > 0 ? ` (${c.anomalies.map((a) => a.code).join(', ')})` : ''}`;

/**
 * @throws KeptFileGone
 */
export async function replay(deps: Needs, r: Replay): Promise<ReplayReport> {
  const { sql } = deps.database;
  const work: Decided = { id: `replay-${randomUUID()}`, pull: r.pull.id, peerId: r.peer.id, isFull: false };
  const context = await unitContext(deps, r.pull, r.peer);
  try {
    await stage(deps, r, work, context);
    await sql`analyze exchange.staging`;
    await sql.begin((tx) => decideReplay(tx, work, movedOf(r), saidOf(r)));
    if (r.cause === 'replay') await keyAnew(deps, work);
    else await keyWorkAnew(deps, work.id);
    await ready(deps, work, context);
    await sql.begin((tx) => settleReplayed(tx, work.id));
    return await apply(deps, r, work, context);
  } finally {
    await clearStaging(sql, work.id);
  }
}

/** Leads references to where they lead, and judges pairs. */
async function ready(deps: Needs, work: Decided, context: UnitContext): Promise<void> {
  await lendOne(deps.database, async (reader) => {
    await rewriteUnits(deps, reader, work, context);
    await linkUnits(deps, reader, work);
  });
}

async function apply(deps: Needs, r: Replay, work: Decided, context: UnitContext): Promise<ReplayReport> {
  let report: ReplayReport | undefined;
  try {
    await deps.database.sql.begin(async (tx) => {
      await holdLabels(tx, work.id, r.peer.id);
      const at = await transactionInstant(tx);
      const instant = formatInstant(new Date(at));
      const members = await membersOfWork(tx, work.id);
      const [links, chains] = [await linksOfWork(tx, work.id), await chainsOf(tx, members)];
      const units = await unitChanges(tx, work);
      await withdrawUnits(tx, work, instant, r.cause !== 'replay');
      if (movedOf(r) === 'held' && r.cause === 'release') await returnMoved(tx, work, instant);
      const us = { ...ourselves(deps.config), base: addresses(deps.config).fhir };
      const peer = { id: r.peer.id, name: r.peer.name, npi: r.peer.npi, base: context.peerBase };
      await eachSlice(tx, work.id, async () => {
        await commitRecords(tx, work, peer, us, instant);
        await recomputeChains(tx, work, context.windowStart, instant);
      });
      await r.also?.(tx);
      const losing = await membersLosing(tx, work, movedOf(r) !== undefined);
      await recomputeChainsOf(tx, work, losing, context.windowStart, instant);
      await writeRevisions(tx, r.pull.id, units, {
        cause: r.cause,
        rules: RULES_VERSION,
        by: r.by.name,
        at: new Date(at),
      });
      const [nowLinks, nowChains] = [await linksOfWork(tx, work.id), await chainsOf(tx, members)];
      report = {
        rules: RULES_VERSION,
        units,
        links: linkChanges(links, nowLinks),
        chains: chainChanges(chains, nowChains),
      };
      if (r.dryRun === true) throw new TakenBack();
      await writeAudit(tx, [
        auditRow({
          at: new Date(at),
          actorKind: r.by.kind,
          actor: r.by.name,
          action: r.cause === 'replay' ? 'reconcile-replay' : 'reconcile-release',
          object: `pull/${r.pull.id}`,
          peerId: r.peer.id,
          reason: r.cause,
          requestId: r.requestId ?? '',
          detail: {
            rules: RULES_VERSION,
            units: units.length,
            linksAdded: report.links.added.length,
            linksRemoved: report.links.removed.length,
            chains: report.chains.length,
          },
        }),
      ]);
    });
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
  }
  if (!report) throw new Error('the replay came to no end');
  return report;
}

function linkChanges(before: readonly LinkRow[], after: readonly LinkRow[]): ReplayReport['links'] {
  const [were, are] = [new Set(before.map(linkKey)), new Set(after.map(linkKey))];
  return { added: after.filter((l) => !were.has(linkKey(l))), removed: before.filter((l) => !are.has(linkKey(l))) };
}

function chainChanges(
  before: readonly (Chain & { memberId: string })[],
  after: readonly (Chain & { memberId: string })[],
): ReplayReport['chains'] {
  const keyOf = (c: Chain & { memberId: string }) => `${c.memberId}|${c.chain}`;
  const [old, now] = [new Map(before.map((c) => [keyOf(c), c])), new Map(after.map((c) => [keyOf(c), c]))];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((key) => {
    const [a, b] = [brief(old.get(key)), brief(now.get(key))];
    const [memberId = '', chain = ''] = key.split('|');
    return a === b ? [] : [{ memberId, chain, before: a, after: b }];
  });
}
