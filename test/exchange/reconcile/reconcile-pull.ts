// A pull whose files are at hand: the reconcile step alone, against a real database, without a peer.
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { importMembers } from '../../../exchange/members/enrolment/import-members.ts';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { reconcileStep } from '../../../exchange/reconcile/reconcile-step.ts';
import { PeerTokens } from '../../../exchange/requester/client/token.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { type Step, stepOf } from '../../../exchange/requester/states.ts';
import { readConfig } from '../../../src/config.ts';
import type { Sql } from '../../../src/db/database.ts';
import type { Blobs, Deps } from '../../../src/deps.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import type { ImportEntry } from '../../../src/import/entry.ts';
import { noMetrics } from '../../../src/runtime/no-metrics.ts';
import type { Tuning } from '../../../src/tuning.ts';
import { freshDb } from '../../support/db.ts';

export const PEER = 'prior';
export const PEER_BASE = 'https://prior.example/fhir';
export const OUR_BASE = 'https://ours.example/exchange/fhir';
/** our members by the peer's Patient ids */
const MEMBERS: Record<string, string> = { p1: 'm1', p2: 'm2' };

/** `members`: pairs of the peer's Patient id and ours. `since`: not everything was asked for. */
/**
 * `dies`: the process is killed once, when members are half decided, when what it has decided is to be gone on with, or when it would
 * commit the slice of that number; `meanwhile` runs then.
 */
export type PullOptions = {
  peer?: string;
  members?: [string, string][];
  /** their choices, by member, where they are not those of the fixture */
  choices?: ReadonlyMap<string, string>;
  /** what these let be asked for, by member, where it is not what the fixture's do */
  policies?: ReadonlyMap<string, 'regular' | 'sensitive'>;
  /** by which coverage they are asked for, by the peer's Patient id */
  covers?: ReadonlyMap<string, string>;
  since?: Date;
  /** when the answer was made; `null`: it does not say */
  madeAt?: Date | null;
  /** when it was asked for */
  createdAt?: Date;
  dies?: 'deciding' | keyof typeof LENT | number;
  meanwhile?: () => Promise<void>;
};
export type RawFile = { kind: 'output' | 'deleted'; type: string; lines: string[]; declared?: number };

function memoryBlobs(): Blobs & { kept: Map<string, Uint8Array> } {
  const kept = new Map<string, Uint8Array>();
  return {
    kept,
    async put() {
      throw new Error('not used');
    },
    async get(key: string) {
      const found = kept.get(key);
      return found === undefined
        ? undefined
        : (async function* () {
            yield found;
          })();
    },
    async delete(key: string) {
      kept.delete(key);
    },
  } as unknown as Blobs & { kept: Map<string, Uint8Array> };
}

/** A node with two members, both known to the peer `prior`. */
export async function reconciler(
  policy: 'regular' | 'sensitive' = 'regular',
  settings: Record<string, string> = {},
  tuning: Partial<Tuning> = {},
) {
  const database = await freshDb();
  const { sql } = database;
  const blobs = memoryBlobs();
  const errors: string[] = [];
  const deps: Deps = {
    config: readConfig(
      { BASE_URL: 'https://ours.example', LOG_LEVEL: 'silent', PLAN_NPI: '9000000004', ...settings },
      tuning,
    ),
    clock: () => new Date(),
    database,
    fetch: () => Promise.reject(new Error('no network in this test')),
    blobs,
    keys: undefined as unknown as Deps['keys'],
    log: (level, text) => void (level === 'error' && errors.push(text)),
    metrics: noMetrics,
  };
  for (const member of Object.values(MEMBERS))
    await sql`insert into exchange.member (id, umb) values (${member}, ${`U-${member}`})`;
  const { pull, goOn, ledger } = await puller(deps, blobs, policy);
  return { sql, deps, ...owner(deps), pull, goOn, ledger, close: () => database.close() };
}

/** What a node holds itself. */
export function owner(deps: Deps) {
  /** Our own records, through the import. Patients of the members come first. */
  const own = (...resources: object[]): Promise<void> =>
    take((line) => resources.map((r, i) => ({ ...line(i), text: JSON.stringify(r), resource: r as Resource })));

  /** The same of records of ours (`Type/id`) that are no more. */
  const ownGone = (...keys: string[]): Promise<void> =>
    take((line) =>
      keys.map((url, i) => ({ ...line(i), text: '', resource: undefined, request: { method: 'DELETE', url } })),
    );

  async function take(made: (line: (i: number) => { source: string; line: number }) => ImportEntry[]): Promise<void> {
    const rejects: unknown[] = [];
    const entries = async function* () {
      yield* made((i) => ({ source: 'own', line: i + 1 }));
    };
    await importMembers(deps, { records: entries(), validate: () => [], reject: (r) => void rejects.push(r) });
    if (rejects.length > 0) throw new Error(JSON.stringify(rejects));
  }

  return { own, ownGone };
}

/** Pulls of a node whose members are known to the peer `prior`, who is added. `blobs`: where the files are kept. */
export async function puller(
  deps: Deps,
  blobs = memoryBlobs(),
  policy: 'regular' | 'sensitive' = 'regular',
  members: Readonly<Record<string, string>> = MEMBERS,
) {
  const { sql } = deps.database;
  const own = { ...deps, blobs };
  await sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values (${PEER}, 'Prior', '9000000012', 'active', ${PEER_BASE}, array['https://prior.example'], 'test')`;
  for (const member of Object.values(members))
    await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
      values (${`c-${member}`}, ${member}, 'opt-in', ${policy}, '2026-01-01', 'test')`;

  /** Reconciles files as one pull; returns its id and the state in which it rests. */
  async function pull(
    files: RawFile[],
    how: PullOptions = {},
  ): Promise<{ id: string; state: string; reason: string | null }> {
    const id = randomUUID();
    const peerId = how.peer ?? PEER;
    await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, lease_owner, transaction_time, since)
      values (${id}, ${peerId}, 'reconciling', 'test', ${how.createdAt ?? new Date()}, now(), now(), 'test', ${how.madeAt === undefined ? new Date() : how.madeAt}, ${how.since ?? null})`;
    for (const [patient, member] of how.members ?? Object.entries(members))
      await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome, peer_patient_id, other_coverage_id)
        values (${id}, ${`s-${patient}-${member}`}, ${member}, ${how.choices?.get(member) ?? `c-${member}`}, ${how.policies?.get(member) ?? policy}, 'matched', ${patient}, ${how.covers?.get(patient) ?? null})`;
    for (const [position, f] of files.entries()) {
      const key = `${id}/${position}`;
      const text = f.lines.map((l) => `${l}\n`).join('');
      blobs.kept.set(key, gzipSync(text));
      const lines = f.lines.filter((l) => l.trim() !== '').length;
      await sql`insert into exchange.pull_file (pull_id, position, kind, type, url, declared, state, blob_key, lines, bytes)
        values (${id}, ${position}, ${f.kind}, ${f.type}, 'https://prior.example/f', ${f.declared ?? null}, 'downloaded', ${key}, ${lines}, ${Buffer.byteLength(text)})`;
    }
    const [found, peer] = [await findPull(sql, id), await findPeer(sql, peerId)];
    if (!found || !peer) throw new Error('the pull was not made');
    const slice = `before update on exchange.pull_slice for each row when (new.slice = ${String(how.dies)} and new.state = 'committed')`;
    if (typeof how.dies === 'number') await dyingAt(sql, stepOf(own, new PeerTokens(), 'test', found, peer), slice);
    else if (how.dies === 'deciding')
      await dyingAt(sql, stepOf(own, new PeerTokens(), 'test', found, peer), SECOND_STRETCH);
    else if (how.dies) await dyingOnce(stepOf(own, new PeerTokens(), 'test', found, peer), LENT[how.dies]);
    await how.meanwhile?.();
    await reconcileStep(stepOf(own, new PeerTokens(), 'test', found, peer));
    const after = await findPull(sql, id);
    return { id, state: after?.state ?? '', reason: after?.reason ?? null };
  }

  /** Goes on with a pull whose process died. */
  async function goOn(id: string): Promise<void> {
    const found = await findPull(sql, id);
    const peer = found && (await findPeer(sql, found.peerId));
    if (!found || !peer) throw new Error('there is no such pull');
    await reconcileStep(stepOf(own, new PeerTokens(), 'test', found, peer));
  }

  /** Ledger rows of a pull in order, as `outcome reason Type/id`. */
  async function ledger(id: string): Promise<string[]> {
    const rows = await sql<{ outcome: string; reason: string | null; type: string | null; source: string | null }[]>`
      select outcome, reason, type, source_id as source from exchange.ledger where pull_id = ${id} order by file, line, entry`;
    return rows.map((r) => [r.outcome, r.reason, r.type && `${r.type}/${r.source ?? ''}`].filter(Boolean).join(' '));
  }
  return { pull, goOn, ledger };
}

/** Clients that a pull of several files has been lent then: four stage units. */
const LENT = { decided: 4 };

async function dyingOnce(step: Step, most: number): Promise<void> {
  let lent = 0;
  const { database } = step.deps;
  const lend: typeof database.lend = (count, work) => {
    lent += count;
    if (lent > most) throw new Error('killed');
    return database.lend(count, work);
  };
  const deps = { ...step.deps, database: { ...database, lend } };
  await killedIn(reconcileStep({ ...step, deps }));
}

/** A second range of members is decided, and would be noted. */
const SECOND_STRETCH =
  'before update on exchange.pull for each row when (old.decided_bucket >= -1 and new.decided_bucket > old.decided_bucket)';

/** A transaction ends in what it would write last: the note of a range, or the books of a slice whose records are written. */
async function dyingAt(sql: Sql, step: Step, when: string): Promise<void> {
  await sql.unsafe(`
    create function exchange.die() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$;
    create trigger die ${when} execute function exchange.die()`);
  await killedIn(reconcileStep(step));
  await sql.unsafe('drop function exchange.die() cascade');
}

const killedIn = (work: Promise<void>): Promise<void> =>
  work.then(
    () => {
      throw new Error('the pull went through');
    },
    (error: Error) => {
      if (error.message !== 'killed') throw error;
    },
  );

/** One file of output lines. */
export const output = (type: string, ...resources: (object | string)[]): RawFile => ({
  kind: 'output',
  type,
  lines: resources.map((r) => (typeof r === 'string' ? r : JSON.stringify(r))),
});

export const deletions = (...keys: string[]): RawFile => ({
  kind: 'deleted',
  type: 'Bundle',
  lines: [
    JSON.stringify({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: keys.map((url) => ({ request: { method: 'DELETE', url } })),
    }),
  ],
});

/** A small valid laboratory result of patient `p1`. */
export const lab = (id: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  resourceType: 'Observation',
  id,
  meta: { lastUpdated: '2026-01-02T03:04:05Z' },
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: 'Patient/p1' },
  effectiveDateTime: '2026-01-01T08:00:00Z',
  valueQuantity: { value: 13.5, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
  ...more,
});
