// Files of the bulk channel: all resources of a snapshot, or what changed since an earlier publication. Bodies go from the
// database into gzip as bytes; nothing is parsed and nothing is held.
import { setTimeout as pause } from 'node:timers/promises';
import { NdjsonFiles, type WrittenFile } from '../../src/blobs/ndjson-files.ts';
import { copyOut } from '../../src/db/copy-out.ts';
import { isFull } from '../../src/db/failure.ts';
import type { Deps } from '../../src/deps.ts';
import { DIRECTORY_TYPES, TYPE_IDS } from '../../src/fhir/search/types.ts';
import { changedRows, fullRows, holdLayout, layoutOfResources, type Pages } from './changed-rows.ts';
import type { SetFile } from './file-set.ts';
import { OWN } from './place.ts';
import { inSnapshot } from './publication.ts';

/** What others refer to comes first. */
export const BULK_ORDER = [
  'Organization',
  'Location',
  'Endpoint',
  'HealthcareService',
  'InsurancePlan',
  'Practitioner',
  'PractitionerRole',
  'OrganizationAffiliation',
  'VerificationResult',
] as const;

const LIMITS = { lines: 100_000, bytes: 200_000_000 };
const DELETIONS_PER_BUNDLE = 500;
const NDJSON = 'application/fhir+ndjson';

/** Where the files of a set lie. */
export const setFolder = (publication: number, set: string, place = OWN) => `${place.folder}/${publication}/${set}`;

export type WriteDeps = Pick<Deps, 'blobs' | 'database'>;

/** Names of types by the text that COPY gives for their number. */
const TYPE_OF = new Map<number, string>(DIRECTORY_TYPES.map((t) => [48 + TYPE_IDS[t], t]));

function typeOf(column: Uint8Array | undefined): string {
  const type = TYPE_OF.get(column?.[0] ?? 0);
  if (type === undefined || column?.length !== 1) throw new Error('a resource has an unknown type');
  return type;
}

/** @param alive called between batches; false stops the work */
export type Alive = () => boolean;

export class LeaseLost extends Error {}

/** Streams of a snapshot at once: one is bounded by its gzip, and more than two only wait for each other on two cores. */
const STREAMS = 2;
/** What waits for a connection of a server that has none to give tries so often, a second apart. */
const TRIES = 60;
/** Pages of the table that a stream takes at a time, 32 MB: what remains for one alone at the end is short. */
const RANGE = 4096;

/** Every live resource, but for those of `kept` peers. A large directory is read and compressed in streams side by side. */
export async function writeFull(
  deps: WriteDeps,
  snapshot: string,
  folder: string,
  alive: Alive,
  kept: readonly string[] = [],
  range = RANGE,
  pauseMs = 1000,
): Promise<WrittenFile[]> {
  const layout = await layoutOfResources(deps.database.sql);
  const { pages } = layout;
  let first = 0;
  const left: Pages[] = [];
  // the last range has no end: the table may have grown since the snapshot, or since it was looked at
  const next = (): Pages | undefined => {
    const again = left.pop();
    if (again !== undefined) return again;
    const from = first;
    first += range;
    return from > pages ? undefined : { first: from, last: first > pages ? undefined : first };
  };
  const writeRange = (part: Pages, files: NdjsonFiles, goesOn: () => void) =>
    inSnapshot(deps.database, snapshot, async (sql) => {
      // no lock is kept between ranges: who waits for the table to be free would hold up the next one, and it this one
      await holdLayout(sql, layout);
      for await (const rows of copyOut(sql, fullRows(part, kept))) {
        if (!alive()) throw new LeaseLost();
        goesOn();
        for (const [type, body] of rows) {
          const full = files.write('output', typeOf(type), body ?? new Uint8Array(0));
          if (full) await full;
        }
      }
    });
  const streams = Math.min(STREAMS, Math.ceil((pages + 1) / range));
  let working = streams;
  const stream = async (files: NdjsonFiles, goesOn: () => void) => {
    let tries = 0;
    // a connection for each: the driver leaves its socket paused after a COPY, and a second one would wait for ever
    for (let part = next(); part !== undefined; part = next())
      try {
        await writeRange(part, files, goesOn);
        tries = 0;
      } catch (error) {
        // a server that has no connection for two streams: the other one does it alone, and the last one waits
        if (!isFull(error) || ++tries > TRIES) throw error;
        left.push(part);
        if (working > 1) break;
        if (!alive()) throw new LeaseLost();
        await pause(pauseMs);
        goesOn();
      }
    working--;
  };
  return writing(
    deps,
    folder,
    Array.from({ length: streams }, () => stream),
  );
}

/** What differs from the state at `since`: new and changed resources, and deletions. */
export function writeChanges(
  deps: WriteDeps,
  snapshot: string,
  folder: string,
  since: Date,
  alive: Alive,
  kept: readonly string[] = [],
): Promise<WrittenFile[]> {
  return writing(deps, folder, [
    (files) =>
      inSnapshot(deps.database, snapshot, async (sql) => {
        const deletions = deletionLines(files);
        for await (const rows of copyOut(sql, changedRows(since, kept))) {
          if (!alive()) throw new LeaseLost();
          for (const [type, body, key] of rows) {
            if (body === undefined || body.length === 0) await deletions.add(Buffer.from(key ?? []).toString());
            else await files.write('output', typeOf(type), body);
          }
        }
        await deletions.end();
      }),
  ]);
}

/** Deletions as transaction Bundles, some hundreds a line. */
export function deletionLines(files: NdjsonFiles): { add(key: string): Promise<void>; end(): Promise<void> } {
  let entry: { request: { method: string; url: string } }[] = [];
  const end = async () => {
    if (entry.length === 0) return;
    await files.write('deleted', 'Bundle', JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }));
    entry = [];
  };
  return {
    end,
    async add(key) {
      entry.push({ request: { method: 'DELETE', url: key } });
      if (entry.length === DELETIONS_PER_BUNDLE) await end();
    },
  };
}

/** @param goesOn throws when the work beside this one has failed */
type Work = (files: NdjsonFiles, goesOn: () => void) => Promise<void>;

/** Files are whole, or nothing of them is left. Works run side by side, each with files of its own. */
export async function writing(
  deps: Pick<Deps, 'blobs'>,
  folder: string,
  works: readonly Work[],
): Promise<WrittenFile[]> {
  let failure: { error: unknown } | undefined;
  const goesOn = () => {
    if (failure) throw failure.error;
  };
  const slots = works.map((work) => ({ work, files: new NdjsonFiles(deps.blobs, folder, LIMITS) }));
  const fail = (error: unknown) => {
    failure ??= { error };
  };
  await Promise.all(slots.map(({ work, files }) => work(files, goesOn).catch(fail)));
  const finished = async (files: NdjsonFiles): Promise<WrittenFile[]> => {
    try {
      return await files.finish(BULK_ORDER);
    } catch (error) {
      fail(error);
      return [];
    }
  };
  const written = failure ? [] : await Promise.all(slots.map(({ files }) => finished(files)));
  if (failure === undefined) return inOrder(written.flat());
  for (const { files } of slots) await files.abandon();
  throw failure.error;
}

const RANK: readonly string[] = BULK_ORDER;

/** As {@link NdjsonFiles} orders those of one: by type, what is no output last. */
const inOrder = (files: WrittenFile[]): WrittenFile[] => {
  const rank = (f: WrittenFile) => (f.kind === 'output' ? RANK.indexOf(f.type) : RANK.length);
  return files.sort((a, b) => rank(a) - rank(b) || a.position - b.position).map((f, position) => ({ ...f, position }));
};

/** Names by type, place and content: another content is another name. */
export function named(files: readonly WrittenFile[], prefix: string): Omit<SetFile, 'setId'>[] {
  const seen = new Map<string, number>();
  return files.map(({ id: _, ...f }) => {
    const what = f.kind === 'deleted' ? 'deleted' : f.kind === 'error' ? 'outcome' : f.type;
    const n = (seen.get(what) ?? 0) + 1;
    seen.set(what, n);
    return {
      ...f,
      name: `${prefix}/${what}-${String(n).padStart(4, '0')}.${f.sha256.slice(0, 16)}.ndjson`,
      media: NDJSON,
      gzip: true,
    };
  });
}
