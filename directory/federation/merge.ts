// Brings the merged base up to date: our own records as they changed, peers' records as they were applied. It may stop anywhere:
// what was not confirmed is done again, and the same record twice changes nothing.
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../src/db/database.ts';
import { onSchema } from '../../src/db/schema-view.ts';
import { replaceReferences } from '../../src/fhir/json-text.ts';
import { withWrittenNumbers, writtenNumbers } from '../../src/fhir/number-literals.ts';
import { parseReference } from '../../src/fhir/reference.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { logicalReferences } from '../../src/fhir/search/logical.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { DIRECTORY_PATH } from '../app.ts';
import { addressLogical } from '../resource/logical-targets.ts';
import { type ImportEntry, type ImportSummary, importResources } from '../resource/resource-import.ts';
import { baseKey } from './classify-url.ts';
import type { FederationDeps } from './client.ts';
import { featuresOf } from './features.ts';
import { MERGED_PATH, MERGED_SCHEMA } from './harvest/context.ts';
import { hasPeerPrefix } from './ids.ts';
import { mend } from './mend.ts';
import {
  addLifted,
  type FeatureRow,
  forgetLifted,
  insertFindings,
  type Lifted,
  leaveMergeLease,
  liftedOf,
  outboxRows,
  ownChanges,
  ownState,
  setOwnThrough,
  takeMergeLease,
  writeFeatures,
} from './merge-rows.ts';
import { type NormalizeContext, normalize } from './normalize.ts';
import { clearOutbox, outboxEntries } from './outbox.ts';
import { listPeers, type Peer } from './peer.ts';
import { gatherNames, resolveReferences } from './resolve.ts';

type Finding = { key: string; peer: string; code: string; detail: string };
/** What the validator said of records on their way, so that it is not asked twice. */
type Judged = WeakMap<object, ReturnType<typeof validate>>;

export type MergeSummary = Pick<ImportSummary, 'created' | 'updated' | 'unchanged' | 'deleted' | 'rejected'> & {
  external: number;
};

/** Merges what is due. `busy`: another process does. undefined: nothing was due. */
export async function mergeDue(deps: FederationDeps): Promise<MergeSummary | 'busy' | undefined> {
  const { sql } = deps.database;
  const owner = randomUUID();
  const { leaseSeconds } = deps.config;
  if (!(await takeMergeLease(sql, owner, new Date(), leaseSeconds))) return 'busy';
  const renewal = setInterval(
    () => void takeMergeLease(sql, owner, new Date(), leaseSeconds).catch(() => {}),
    (leaseSeconds * 1000) / 3,
  );
  try {
    const { through, changedAt } = await ownState(sql);
    const own = changedAt !== null && (through === null || changedAt > through);
    const entries = await outboxEntries(sql);
    if (!own && entries.length === 0) return undefined;
    return await merge(deps, own ? { since: through, through: changedAt } : undefined, entries);
  } finally {
    clearInterval(renewal);
    await leaveMergeLease(sql, owner);
  }
}

async function merge(
  deps: FederationDeps,
  own: { since: Date | null; through: Date } | undefined,
  entries: readonly string[],
): Promise<MergeSummary> {
  const { sql } = deps.database;
  const reader = deps.database.dedicated('work');
  const writer = deps.database.dedicated('work');
  const peers = new Map((await listPeers(sql)).map((p) => [p.slug, p]));
  const rejected: Finding[] = [];
  const counts = { external: 0 };
  const left: Lifted[] = [];
  const judged: Judged = new WeakMap();
  const odd: Finding[] = [];
  try {
    await gatherNames(sql);
    const features = featureWriter(writer, deps.clock);
    const summary = await importResources(
      onSchema(deps.database, MERGED_SCHEMA),
      (async function* () {
        if (own) yield* ownEntries(ownChanges(reader, own.since), deps, new Set(peers.keys()), features);
        if (entries.length > 0)
          yield* peerEntries(outboxRows(reader, entries), deps, peers, features, { counts, left, judged, odd });
        await features.flush();
      })(),
      {
        base: `${deps.config.baseUrl}${MERGED_PATH}`,
        clock: deps.clock,
        validate: (resource) => judged.get(resource as object) ?? validate(resource),
        onReject: (entry, code, message) => {
          rejected.push({
            key: entry.source,
            peer: slugOf(entry.source, peers),
            code: `not-merged ${code}`,
            detail: message,
          });
        },
      },
    );
    await forgetLifted(sql, left);
    await insertFindings(sql, [...odd, ...rejected], deps.clock());
    if (own) await setOwnThrough(sql, own.through);
    await clearOutbox(sql, entries);
    const { created, updated, unchanged, deleted } = summary;
    deps.log('info', 'merged', { created, updated, unchanged, deleted, rejected: summary.rejected });
    return { created, updated, unchanged, deleted, rejected: summary.rejected, external: counts.external };
  } finally {
    await reader.end({ timeout: 5 });
    await writer.end({ timeout: 5 });
  }
}

const slugOf = (key: string, peers: ReadonlyMap<string, Peer>): string => {
  const slug = key.split('/')[1]?.split('.', 1)[0] ?? '';
  return peers.has(slug) ? slug : '';
};

const BATCH = 2000;

function featureWriter(sql: ReturnType<FederationDeps['database']['dedicated']>, clock: FederationDeps['clock']) {
  let rows: FeatureRow[] = [];
  let gone: string[] = [];
  const flush = async () => {
    if (rows.length + gone.length === 0) return;
    const [r, g] = [rows, gone];
    rows = [];
    gone = [];
    await writeFeatures(sql, r, g, clock());
  };
  return {
    flush,
    async add(key: string, peer: string, resource: Resource) {
      const f = featuresOf(resource);
      if (!f) return;
      rows.push({ ...f, key, peer });
      if (rows.length >= BATCH) await flush();
    },
    async remove(key: string) {
      gone.push(key);
      if (gone.length >= BATCH) await flush();
    },
  };
}
type FeatureWriter = ReturnType<typeof featureWriter>;

const removal = (key: string): ImportEntry => ({
  source: key,
  line: 0,
  text: '',
  request: { method: 'DELETE', url: key },
});

/**
 * Our own records keep their ids; absolute references to our own base lead into the merged one, and those by an identifier alone to the one
 * record of ours that has it, since in the merged base another's may have it too.
 */
async function* ownEntries(
  batches: AsyncGenerator<{ key: string; deleted: boolean; body: string }[]>,
  deps: FederationDeps,
  slugs: ReadonlySet<string>,
  features: FeatureWriter,
): AsyncGenerator<ImportEntry> {
  const ours = baseKey(`${deps.config.baseUrl}${DIRECTORY_PATH}`);
  for await (const rows of batches) {
    const texts = await addressed(
      deps.database.sql,
      rows.map(({ deleted, body }) => (deleted ? '' : rebased(body, ours))),
    );
    for (const [i, { key, deleted }] of rows.entries()) {
      if (hasPeerPrefix(key.split('/')[1] ?? '', slugs)) {
        deps.log('warn', 'own record not merged: its id begins like those of a peer', { type: key.split('/')[0] });
        continue;
      }
      if (deleted) {
        await features.remove(key);
        yield removal(key);
        continue;
      }
      const text = texts[i] ?? '';
      const resource = JSON.parse(text) as Resource;
      await features.add(key, '', resource);
      yield { source: key, line: 0, text, resource };
    }
  }
}

const rebased = (body: string, ours: string): string =>
  replaceReferences(body, (reference) => {
    const r = parseReference(reference);
    return r.kind === 'absolute' && baseKey(r.base) === ours ? `"reference":"${r.type}/${r.id}"` : undefined;
  });

/** Texts of records, of which those that name others by an identifier alone are rewritten. */
async function addressed(sql: Queryable, texts: readonly string[]): Promise<string[]> {
  const resources = texts.map((text) => (text.includes('"identifier"') ? (JSON.parse(text) as Resource) : undefined));
  const asking = resources.map((r) => r !== undefined && logicalReferences(r).length > 0);
  await addressLogical(
    sql,
    resources.flatMap((r, i) => (r !== undefined && asking[i] === true ? [r] : [])),
  );
  return texts.map((text, i) => {
    const resource = asking[i] === true ? resources[i] : undefined;
    return resource === undefined ? text : withWrittenNumbers(resource, writtenNumbers(text));
  });
}

async function* peerEntries(
  batches: ReturnType<typeof outboxRows>,
  deps: FederationDeps,
  peers: ReadonlyMap<string, Peer>,
  features: FeatureWriter,
  { counts, left, judged, odd }: { counts: { external: number }; left: Lifted[]; judged: Judged; odd: Finding[] },
): AsyncGenerator<ImportEntry> {
  const contexts = new Map([...peers.values()].map((p) => [p.slug, normalizeContext(p, peers, deps)]));
  for await (const rows of batches) {
    const before = await liftedOf(
      deps.database.sql,
      rows.map((r) => r.rk),
    );
    const shown = new Map<string, Resource>();
    for (const row of rows)
      if (row.state === 'l' && contexts.has(row.peer) && peers.get(row.peer)?.publish !== 'link')
        shown.set(row.rk, JSON.parse(row.raw) as Resource);
    const resolvers = await resolveReferences(
      deps.database.sql,
      rows.map((r) => ({ rk: r.rk, peer: r.peer, resource: shown.get(r.rk) })),
    );
    for (const row of rows) {
      const context = contexts.get(row.peer);
      const resource = shown.get(row.rk);
      const { records, external } =
        resource && context
          ? normalize(resource, row.key.split('/')[1] ?? '', row.sourceId, context, resolvers.get(row.rk))
          : { records: [], external: 0 };
      counts.external += external;
      const numbers = records.length === 0 ? undefined : writtenNumbers(row.raw);
      const keys = new Set(records.map((r) => `${r.resourceType}/${String(r['id'])}`));
      // what it contained goes with it
      const gone = [...(before.get(row.rk) ?? [])].filter((key) => !keys.has(key));
      left.push(...gone.map((key) => ({ parent: row.rk, key })));
      for (const key of resource ? gone : [row.key, ...gone]) {
        await features.remove(key);
        yield removal(key);
      }
      if (keys.size > 1)
        await addLifted(
          deps.database.sql,
          [...keys].slice(1).map((key) => ({ parent: row.rk, key })),
        );
      for (const given of records) {
        const { record, left: leftOut, issues } = mend(given);
        const key = `${record.resourceType}/${String(record['id'])}`;
        judged.set(record, issues);
        for (const { code, path, message } of leftOut)
          odd.push({ key, peer: row.peer, code: `left-out ${code}`, detail: `${path}: ${message}` });
        await features.add(key, row.peer, record);
        yield { source: key, line: 0, text: withWrittenNumbers(record, numbers), resource: record };
      }
    }
  }
}

/** What references of a peer's records may lead to. */
function normalizeContext(
  peer: Peer,
  peers: ReadonlyMap<string, Peer>,
  deps: Pick<FederationDeps, 'config'>,
): NormalizeContext {
  const bases = new Map<string, string>(
    [DIRECTORY_PATH, MERGED_PATH].map((path) => [baseKey(`${deps.config.baseUrl}${path}`), '']),
  );
  for (const p of peers.values())
    for (const url of [p.base, ...p.urls.filter((u) => u.kind === 'fhir-base').map((u) => u.url)])
      if (url) bases.set(baseKey(url), p.slug);
  return { slug: peer.slug, base: peer.base ?? undefined, bases, unmarkedNpi: peer.unmarkedNpi };
}
