// The commands about directories of other payers.

import { readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { importFiles } from '../../src/import/files.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { TRIPS } from '../federation/breaker.ts';
import { changePeer, type PeerChange } from '../federation/change-peer.ts';
import type { FederationDeps } from '../federation/client.ts';
import { currentFacts } from '../federation/fact.ts';
import { typeName } from '../federation/harvest/context.ts';
import { harvestPeer } from '../federation/harvest/run.ts';
import { findRun, listRuns, runTypes } from '../federation/harvest/run-rows.ts';
import { decideRun } from '../federation/harvest/settle.ts';
import { decidePair, linkDue } from '../federation/link.ts';
import { mergeDue } from '../federation/merge.ts';
import { readIndexFile, readStateList, type Seeded } from '../federation/payer-index-file.ts';
import {
  findPeer,
  listEvents,
  listPeers,
  type Peer,
  type PeerState,
  type Publish,
  type Trust,
} from '../federation/peer.ts';
import { probePeer } from '../federation/probe.ts';
import { isReason, REASONS } from '../federation/reasons.ts';
import { addPeer, importSeeded, switchPeer } from '../federation/registry.ts';

async function known(deps: FederationDeps, slug: string): Promise<Peer> {
  const peer = await findPeer(deps.database.sql, slug);
  if (!peer) throw new CommandFault(`There is no directory "${slug}": payer-node harvest list shows all.`);
  return peer;
}

export type HarvestAddOptions = {
  name: string;
  url: string;
  trust?: Trust;
  publish?: Publish;
  rate?: string;
  contact?: string;
  unmarkedNpi?: boolean;
};

export async function harvestAdd(slug: string, o: HarvestAddOptions): Promise<void> {
  const perSecond = o.rate === undefined ? 1 : Number(o.rate);
  if (!(perSecond > 0 && perSecond <= 10_000)) throw new CommandFault('--rate is requests a second, more than 0.');
  await withNode(async ({ deps }) => {
    const added = await addPeer(
      deps,
      {
        slug,
        name: o.name,
        url: o.url,
        perSecond,
        ...(o.trust ? { trust: o.trust } : {}),
        ...(o.publish ? { publish: o.publish } : {}),
        ...(o.contact ? { contact: o.contact } : {}),
        ...(o.unmarkedNpi ? { unmarkedNpi: true } : {}),
      },
      person(),
    );
    if (!added.ok) throw new CommandFault(added.fault);
    say(`${slug} is registered as ${added.url.kind} ${added.url.url}${added.url.note ? ` (${added.url.note})` : ''}.`);
    say(`See what it can do: payer-node harvest probe ${slug}`);
  });
}

export async function harvestSet(slug: string, change: PeerChange): Promise<void> {
  if (Object.keys(change).length === 0) throw new CommandFault('Say what to change: payer-node harvest set --help');
  await withNode(async ({ deps }) => {
    await known(deps, slug);
    const done = await changePeer(deps, slug, change, person());
    if (!done.ok) throw new CommandFault(done.fault);
    for (const line of done.changes) say(line);
    if (done.changes.length === 0) say('It is so already.');
    else if (change.moveTo !== undefined) say(`See what it can do: payer-node harvest probe ${slug}`);
  });
}

export async function harvestList(): Promise<void> {
  await withNode(async ({ deps }) => {
    const peers = await listPeers(deps.database.sql);
    if (peers.length === 0)
      say('No directories are registered. Add one: payer-node harvest add SLUG --name NAME --url URL');
    for (const p of peers) {
      say(
        `${p.slug.padEnd(12)} ${p.state.padEnd(8)} ${p.name}${p.owners.length > 1 ? ` and ${p.owners.length - 1} more owners` : ''}`,
      );
      say(`${''.padEnd(21)} ${p.base ?? p.urls[0]?.url ?? '—'}${p.stateReason === '' ? '' : ` (${p.stateReason})`}`);
    }
  });
}

export async function harvestShow(slug: string): Promise<void> {
  await withNode(async ({ deps }) => {
    const p = await known(deps, slug);
    say(`${p.slug}: ${p.name}`);
    say(
      `  state    ${p.state}${p.stateReason === '' ? '' : ` — ${p.stateReason}`} (${p.stateBy}, ${p.stateAt.toISOString()})`,
    );
    say(`  trust    ${p.trust}; ${p.publish}; ${p.perSecond} requests a second; from ${p.seed}`);
    for (const o of p.owners)
      say(`  owner    ${o.name}${o.identifiers.map((i) => ` ${i.system}|${i.value}`).join('')}`);
    for (const u of p.urls) say(`  address  ${u.kind.padEnd(15)} ${u.url} (${u.found}${u.note ? `; ${u.note}` : ''})`);
    for (const f of await currentFacts(deps.database.sql, slug))
      say(
        `  ${f.at.toISOString().slice(0, 10)} ${`${f.type} ${f.name}`.trim().padEnd(44)} ${f.value.slice(0, 60)}  [${f.evidence.slice(0, 80)}]`,
      );
    for (const e of await listEvents(deps.database.sql, slug, 20))
      say(`  ${e.at.toISOString()} ${e.what} by ${e.by}${e.detail === '' ? '' : `: ${e.detail}`}`);
  });
}

export async function harvestProbe(slug: string): Promise<void> {
  await withNode(async ({ deps }) => {
    const peer = await known(deps, slug);
    if (peer.state === 'blocked')
      throw new CommandFault(`${slug} is blocked: ${peer.stateReason}. Nothing is asked of it.`);
    const facts = await probePeer(deps, peer, person());
    for (const f of facts)
      say(`${`${f.type} ${f.name}`.trim().padEnd(44)} ${f.value.slice(0, 60)}  [${f.evidence.slice(0, 80)}]`);
  });
}

export async function harvestSwitch(slug: string, state: PeerState, reason: string): Promise<void> {
  await withNode(async ({ deps }) => {
    if (!(await switchPeer(deps, slug, state, reason, person())))
      throw new CommandFault(`There is no directory "${slug}".`);
    say(`${slug} is ${state}.`);
  });
}

/** Payer-index files of both shapes (stubs are followed once, as files), folders of them, or the list of state Medicaid agencies (CSV). */
export async function harvestImportIndex(paths: string[]): Promise<void> {
  const files = await importFiles(paths, { tables: true });
  const index: Seeded[] = [];
  const states: Seeded[] = [];
  const faults: string[] = [];
  let moved = 0;
  for (const { path, format } of files) {
    try {
      if (format === 'csv') states.push(...readStateList(readFileSync(path, 'utf8')));
      else {
        const read = readIndexFile(readJson(path));
        if (read.kind === 'index') index.push(read.seeded);
        else if (read.kind === 'moved') {
          moved++;
          const to = resolveMoved(path, read.to);
          const again = to === undefined ? undefined : readIndexFile(readJson(to));
          if (again?.kind === 'index') index.push(again.seeded);
          else faults.push(`${path}: it names ${read.to}, which is no payer index here`);
        } else faults.push(`${path}: ${read.fault}`);
      }
    } catch (error) {
      faults.push(`${path}: ${error instanceof Error ? error.message : 'unreadable'}`);
    }
  }
  await withNode(async ({ deps }) => {
    const a = await importSeeded(deps, index, 'payer-index', person());
    const b = await importSeeded(deps, states, 'medicaid-list', person());
    say(
      `${files.length} files: ${index.length} payers${moved > 0 ? ` (${moved} moved)` : ''}, ${states.length} states.`,
    );
    say(
      `${a.added.length + b.added.length} directories added, paused until you release them: payer-node harvest resume SLUG`,
    );
    say(`${a.joined.length + b.joined.length} addresses belong to directories that were known already.`);
    const kinds = new Map<string, number>();
    for (const k of [...a.kept, ...b.kept]) kinds.set(k.kind, (kinds.get(k.kind) ?? 0) + 1);
    for (const [kind, n] of kinds) say(`${n} addresses not harvested: ${kind}`);
    for (const f of faults.slice(0, 20)) say(`not read: ${f}`);
    if (index.length + states.length === 0) throw new CommandFault('No payer was found in these files.');
  });
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\ufeff/, ''));
  } catch {
    throw new Error('not JSON');
  }
}

/** The file that a stub names, seen from its folder or one above it. */
function resolveMoved(from: string, to: string): string | undefined {
  if (isAbsolute(to) || to.includes('..')) return undefined;
  for (let folder = dirname(from), up = 0; up < 6; folder = dirname(folder), up++) {
    const path = join(folder, to);
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  }
  return undefined;
}

/** Harvests now, whatever the hour, and says what came. */
export async function harvestRun(slug: string | undefined): Promise<void> {
  await withNode(async ({ deps }) => {
    const peers =
      slug === undefined
        ? (await listPeers(deps.database.sql)).filter((p) => p.state === 'on')
        : [await known(deps, slug)];
    if (peers.length === 0) say('No directory is switched on.');
    let failed = 0;
    for (const peer of peers) {
      if (peer.state !== 'on')
        throw new CommandFault(
          `${peer.slug} is ${peer.state}${peer.stateReason === '' ? '' : `: ${peer.stateReason}`}. payer-node harvest resume ${peer.slug}`,
        );
      const done = await harvestPeer(deps, peer);
      if (done.state === 'failed') failed++;
      if (done.run === '') say(`${peer.slug}: another process is harvesting it.`);
      else await sayRun(deps, done.run);
    }
    await sayMerged(deps);
    if (failed > 0) throw new CommandFault(`${failed} of ${peers.length} harvests failed.`);
  });
}

async function sayRun(deps: FederationDeps, id: string): Promise<void> {
  const run = await findRun(deps.database.sql, id);
  if (!run) throw new CommandFault(`There is no run ${id}.`);
  say(`run ${run.id} of ${run.peer}: ${run.state}${run.reason === '' ? '' : ` — ${reasonText(run.reason)}`}`);
  for (const t of await runTypes(deps.database.sql, id)) {
    const counts = Object.entries(t.counters)
      .filter(([name, n]) => n > 0 && name !== 'staged')
      .map(([name, n]) => `${name} ${n}`)
      .join(', ');
    say(
      `  ${typeName(t.type).padEnd(24)} rung ${t.rung}  ${t.state}${t.complete ? ', whole' : ''}  ${counts}${t.reason === '' ? '' : ` — ${reasonText(t.reason)}`}`,
    );
    for (const trip of t.trips) say(`    held back: ${TRIPS[trip.name]} (${trip.detail})`);
  }
  if (run.state === 'quarantined')
    say(`  Release it (payer-node harvest release ${id}) or discard it (payer-node harvest discard ${id}).`);
}

/** Merges and links what is due. */
export async function sayMerged(deps: FederationDeps): Promise<void> {
  const merged = await mergeDue(deps);
  if (merged === 'busy') say('Another process is merging.');
  else if (merged)
    say(
      `merged: ${merged.created} new, ${merged.updated} changed, ${merged.deleted} gone, ${merged.unchanged} as they were, ${merged.rejected} not taken`,
    );
  const linked = await linkDue(deps);
  if (linked) say(`links: ${linked.same} the same, ${linked.review} to be looked at`);
}

const reasonText = (reason: string): string => (isReason(reason) ? REASONS[reason].text : reason);

export async function harvestRuns(slug: string | undefined): Promise<void> {
  await withNode(async ({ deps }) => {
    const runs = await listRuns(deps.database.sql, slug, 50);
    if (runs.length === 0) say('Nothing was harvested yet.');
    for (const r of runs)
      say(`${r.id.padStart(6)} ${r.peer.padEnd(12)} ${r.startedAt.toISOString()} ${r.state.padEnd(11)} ${r.reason}`);
  });
}

export async function harvestShowRun(id: string): Promise<void> {
  if (!/^\d{1,18}$/.test(id)) throw new CommandFault(`"${id}" is no number of a run.`);
  await withNode(({ deps }) => sayRun(deps, id));
}

export async function harvestDecide(id: string, verdict: 'release' | 'discard'): Promise<void> {
  await withNode(async ({ deps }) => {
    const done = await decideRun(deps, id, verdict, person());
    if (done === 'not-found') throw new CommandFault(`There is no run "${id}".`);
    if (done === 'not-quarantined') throw new CommandFault(`Run ${id} waits for no decision.`);
    if (done === 'staging-lost')
      throw new CommandFault(`What run ${id} had read is lost after a crash of the database. It will be read again.`);
    say(`Run ${id} is ${verdict === 'release' ? 'released' : 'discarded'}.`);
    await sayMerged(deps);
  });
}

/** A person decides about a pair of records. */
export async function harvestLink(a: string, b: string, outcome: string, options: { note?: string }): Promise<void> {
  if (outcome !== 'same' && outcome !== 'not' && outcome !== 'rule')
    throw new CommandFault('Say same, not, or rule (leave it to the rules).');
  await withNode(async ({ deps }) => {
    const done = await decidePair(deps, a, b, outcome, person(), options.note ?? '');
    if (done !== 'ok')
      throw new CommandFault('These are not two records of one type that may be linked. Networks are never linked.');
    say('Done.');
  });
}
