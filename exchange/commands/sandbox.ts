// The sandbox: a demo directory, demo members, and a second payer with its own database in the same process, reached over
// loopback HTTP like any peer. Everything in it is invented.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import type { ImportEntry } from '../../src/import/entry.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import type { OpenNode } from '../../src/runtime/open-node.ts';
import { SEED } from '../../src/runtime/sandbox-plan.ts';
import {
  directoryResources,
  enrolmentHeader,
  enrolmentLine,
  enrolmentRow,
  memberRecords,
  PRIOR_PEER,
  type Side,
  sharedRecords,
} from '../../src/seed/index.ts';
import { importMembers } from '../members/enrolment/import-members.ts';
import { linkOtherCoverage } from '../members/enrolment/same-payer.ts';
import { addPeer, findPeer, setPeerState } from '../peers/peer.ts';
import { peerChanges } from '../peers/peer-change.ts';
import { type By, changePeer, fieldsOf } from '../peers/registry.ts';
import { nextAttachment } from '../requester/attachment-job.ts';
import { listPulls, type Pull } from '../requester/pull.ts';
import { PullWorker } from '../requester/run.ts';
import { terminalReport } from './report-text.ts';

const DIRECTORY_SIZE = 2000;
/** Our client id at the demo payer and how it names us. */
const OUR_CLIENT = 'demo-health-plan';
const OUR_ID_THERE = 'our-plan';

export async function* entriesOf(source: string, resources: Iterable<Resource>): AsyncGenerator<ImportEntry> {
  let line = 0;
  for (const resource of resources) yield { source, line: ++line, text: JSON.stringify(resource), resource };
}

function* membersOf(side: Side, size: number): Generator<Resource> {
  yield* sharedRecords(SEED, side);
  for (let i = 0; i < size; i++) yield* memberRecords(SEED, i, side);
}

async function seedMembers(node: OpenNode, side: Side, size: number): Promise<void> {
  makeFolder(node.config.dataDir);
  const csv = join(node.config.dataDir, 'demo-enrolment.csv');
  const rows = Array.from({ length: size }, (_, i) => enrolmentRow(SEED, i, side)).filter((r) => r !== undefined);
  writeFileSync(csv, [enrolmentHeader(), ...rows.map(enrolmentLine), ''].join('\n'), { mode: 0o600 });
  const result = await importMembers(node.deps, {
    records: entriesOf(`demo-${side}`, membersOf(side, size)),
    enrolment: csv,
    validate,
    reject: (r) => {
      throw new CommandFault(`The demo data is not accepted: ${r.source}:${r.line} ${r.reason}`);
    },
  });
  if (result.refused > 0) throw new CommandFault('The demo data is not accepted.');
}

/** Has this node been seeded whole? The peer is added last. */
export async function isSeeded(node: OpenNode): Promise<boolean> {
  return (await findPeer(node.deps.database.sql, PRIOR_PEER))?.state === 'active';
}

/**
 * Fills both nodes. May be repeated: what is there stays.
 * @param loadDirectory writes the demo directory, which is the other service's
 */
export async function seedSandbox(
  ours: OpenNode,
  prior: OpenNode,
  say: (line: string) => void,
  loadDirectory: (node: OpenNode, entries: AsyncIterable<ImportEntry>) => Promise<void>,
): Promise<void> {
  say('Filling the sandbox with invented data …');
  await loadDirectory(ours, entriesOf('demo-directory', directoryResources({ seed: SEED, resources: DIRECTORY_SIZE })));
  const size = ours.config.sandboxSize;
  await seedMembers(prior, 'prior', size);
  await seedMembers(ours, 'current', size);
  await introduce(ours, prior);
}

const SANDBOX: By = { kind: 'command', name: 'sandbox' };

type Ours = Pick<OpenNode, 'config' | 'deps'>;
const jwksOf = (node: Ours): string => `${node.config.baseUrl}/exchange/auth/client-jwks.json`;
const fhirOf = (node: Ours): string => `${node.config.baseUrl}/exchange/fhir`;

/**
 * Tells both payers where the other one is now: a data folder may be started with another PORT. What someone registered in their place, wrote
 * into their record, or closed, stays.
 */
export async function readdress(ours: Ours, prior: Ours): Promise<void> {
  const there = await findPeer(prior.deps.database.sql, OUR_ID_THERE);
  if (there?.jwksUrl && isHere(there.jwksUrl) && (await isOfSandbox(prior, OUR_ID_THERE, 'jwksUrl')))
    await changePeer(prior.deps, OUR_ID_THERE, { ...fieldsOf(there), jwksUrl: jwksOf(ours) }, SANDBOX);
  const here = await findPeer(ours.deps.database.sql, PRIOR_PEER);
  if (here?.fhirBase && isHere(here.fhirBase) && (await isOfSandbox(ours, PRIOR_PEER, 'fhirBase')))
    await changePeer(ours.deps, PRIOR_PEER, { ...fieldsOf(here), fhirBase: fhirOf(prior) }, SANDBOX);
}

/** Did no one but the sandbox write this into the record? What it wrote at the beginning stands in no history. */
async function isOfSandbox({ deps }: Ours, peerId: string, field: string): Promise<boolean> {
  const changes = await peerChanges(deps.database.sql, peerId, MOST_CHANGES);
  const last = changes.find((c) => c.state === 'applied' && field in c.after);
  return last === undefined || (last.byKind === SANDBOX.kind && last.by === SANDBOX.name);
}
const MOST_CHANGES = 1000;

const isHere = (address: string): boolean => new URL(address).hostname === 'localhost';

async function introduce(ours: OpenNode, prior: OpenNode): Promise<void> {
  const now = new Date();
  const there = prior.deps.database.sql;
  const here = ours.deps.database.sql;
  await addPeer(
    there,
    {
      id: OUR_ID_THERE,
      name: ours.config.planName,
      npi: ours.config.planNpi,
      clientIdHere: OUR_CLIENT,
      jwksUrl: jwksOf(ours),
      scopes: [BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE, 'system/*.rs'],
    },
    'sandbox',
    now,
  );
  await setPeerState(there, OUR_ID_THERE, 'active', 'sandbox', now);
  await addPeer(
    here,
    {
      id: PRIOR_PEER,
      name: prior.config.planName,
      npi: prior.config.planNpi,
      fhirBase: fhirOf(prior),
      clientIdThere: OUR_CLIENT,
    },
    'sandbox',
    now,
  );
  await linkOtherCoverage(here, { id: PRIOR_PEER, npi: prior.config.planNpi, name: prior.config.planName }, now);
  await setPeerState(here, PRIOR_PEER, 'active', 'sandbox', now);
}

/** The report of the first pull, once it has ended; undefined when there is none after two minutes or the node stops. */
export async function firstPullReport(node: OpenNode, signal: AbortSignal): Promise<string | undefined> {
  const deadline = Date.now() + 120_000;
  let pull: Pull | undefined;
  while (!signal.aborted && Date.now() < deadline) {
    pull = (await listPulls(node.deps.database.sql, 1000)).at(-1);
    if (pull && PullWorker.rests(pull)) break;
    await new Promise((r) => setTimeout(r, 200));
  }
  if (!pull) return undefined;
  // documents that are given by address come right after the pull
  const until = Date.now() + 10_000;
  const waits = async (id: string) => (await nextAttachment(node.deps.database.sql, id)) !== undefined;
  while (!signal.aborted && Date.now() < until && (await waits(pull.id))) await new Promise((r) => setTimeout(r, 200));
  if (signal.aborted) return undefined;
  return terminalReport(node, pull.id);
}
