// One publication: a snapshot, the files of every channel made from it, and at the end one transaction that shows them.
// A process that dies leaves a number that no one sees; the next one clears it away and begins again.
import { isDeepStrictEqual } from 'node:util';
import type { Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { type Alive, LeaseLost, named, setFolder, writeChanges, writeFull } from './bulk-files.ts';
import { addSet, type Channel, deleteSet, finishSet, type SetFile, summaryOf, unfinishedSets } from './file-set.ts';
import { type Among, OWN, type Place } from './place.ts';
import {
  bulkHead,
  forgetPublication,
  holdsLease,
  openPublication,
  type Publication,
  showPublication,
  unfinished,
} from './publication.ts';

export type PublishDeps = Pick<Deps, 'config' | 'clock' | 'database' | 'blobs' | 'log'> & { place?: Place };

/** What may be made: the channels of the command. */
export const PARTS = ['bulk', 'mpf', 'qhp', 'index'] as const;
export type Part = (typeof PARTS)[number];

/** A set that was made, to be recorded and shown. */
export type MadeSet = {
  id: string;
  channel: Channel;
  key: string;
  state: 'ready' | 'blocked';
  summary?: unknown;
  files: Omit<SetFile, 'setId'>[];
  /** shows it, in the transaction that shows the publication */
  show?: (tx: Queryable) => Promise<void>;
};

/** Sets of one part, and what else shows with them. */
export type Made = { sets: MadeSet[]; show?: (tx: Queryable) => Promise<void> };
export type Maker = (context: MakerContext) => Promise<Made>;
export type MadePublication = Publication & {
  /** parts that could not be made; the log tells why */
  failed: Part[];
  /** contracts and years (`H1234/2027`) whose files their audit has refused: what was shown of them before stays */
  refused: string[];
};
export type MakerContext = {
  deps: PublishDeps;
  publication: MadePublication;
  /** id of the snapshot, for {@link inSnapshot} */
  snapshot: string;
  alive: Alive;
};

export type PublishOptions = {
  owner: string;
  parts: readonly Part[];
  makers: Partial<Record<Exclude<Part, 'bulk'>, Maker>>;
  alive: Alive;
};

const DAY = 86_400_000;

/**
 * Makes and shows a publication.
 * @throws LeaseLost when another process took the work over
 */
export async function makePublication(deps: PublishDeps, options: PublishOptions): Promise<MadePublication> {
  const { database, clock } = deps;
  await clearUnfinished(deps);
  const started = clock();
  const { publication: begun, id: snapshot, end } = await openPublication(database, started);
  const publication: MadePublication = { ...begun, failed: [], refused: [] };
  const sets: MadeSet[] = [];
  const shows: ((tx: Queryable) => Promise<void>)[] = [];
  try {
    const context: MakerContext = { deps, publication, snapshot, alive: options.alive };
    for (const part of options.parts) {
      const before = performance.now();
      const made =
        part === 'bulk' ? { sets: await makeBulk(context) } : await attempt(context, part, options.makers[part]);
      sets.push(...(made?.sets ?? []));
      if (made?.show) shows.push(made.show);
      deps.log('debug', 'publication part', {
        publication: publication.number,
        part,
        ms: Math.round(performance.now() - before),
      });
    }
    const at = clock();
    publication.publishedAt = at;
    await database.sql.begin(async (tx) => {
      if (!(await holdsLease(tx, options.owner))) throw new LeaseLost();
      for (const set of sets) {
        await finishSet(tx, set.id, { ...set, covers: publication.covers, at });
        await set.show?.(tx);
      }
      for (const show of shows) await show(tx);
      await showPublication(tx, publication);
    });
    publication.refused = sets.filter((set) => set.state === 'blocked').map((set) => set.key);
    for (const key of publication.refused)
      deps.log('warn', 'files refused by their audit', { publication: publication.number, channel: 'mpf', key });
    deps.log('info', 'published', {
      publication: publication.number,
      sets: sets.length,
      ms: at.getTime() - started.getTime(),
    });
    return publication;
  } catch (error) {
    for (const set of sets) for (const file of set.files) await deps.blobs.delete(file.blobKey);
    throw error;
  } finally {
    await end();
  }
}

/** A part that fails takes nothing else with it: what was shown of it before stays. */
async function attempt(
  context: MakerContext,
  part: Exclude<Part, 'bulk'>,
  maker: Maker | undefined,
): Promise<Made | undefined> {
  const { deps, publication } = context;
  try {
    return await maker?.(context);
  } catch (error) {
    if (error instanceof LeaseLost || !context.alive()) throw error;
    deps.log('error', 'publication part failed', { publication: publication.number, part, error: describe(error) });
    for (const id of await unfinishedSets(deps.database.sql, publication.number, part)) {
      for (const key of await deps.blobs.list(`${setFolder(publication.number, id, deps.place)}/`))
        await deps.blobs.delete(key);
      await deleteSet(deps.database.sql, id);
    }
    publication.failed.push(part);
    return undefined;
  }
}

/** Removes what a process that died has left. */
async function clearUnfinished(deps: PublishDeps): Promise<void> {
  for (const number of await unfinished(deps.database.sql)) {
    for (const key of await deps.blobs.list(`${(deps.place ?? OWN).folder}/${number}/`)) await deps.blobs.delete(key);
    await forgetPublication(deps.database.sql, number);
  }
}

/** Whether other peers may be handed on than in the newest publication. Only the merged view hands any on. */
export async function isAmongOthers(deps: PublishDeps, last?: Publication, among?: Among): Promise<boolean> {
  const { sql } = deps.database;
  const now = among ?? (await deps.place?.among?.(sql));
  if (now === undefined) return false;
  const newest = last ?? (await bulkHead(sql)).last;
  return newest?.fullSet != null && !isDeepStrictEqual(await summaryOf(sql, newest.fullSet), now);
}

/**
 * The full set, and the difference to the publication before. Decides chain and root. A chain ends when other peers may be handed
 * on than before: what comes or goes with that no difference tells.
 */
async function makeBulk(context: MakerContext): Promise<MadeSet[]> {
  const { deps, publication, snapshot, alive } = context;
  const { sql } = deps.database;
  const { last, root, chainSince } = await bulkHead(sql);
  const now = publication.startedAt.getTime();
  const among = await deps.place?.among?.(sql);
  const isAmong = !(await isAmongOthers(deps, last, among));
  const goesOn =
    isAmong &&
    last?.chain != null &&
    chainSince !== undefined &&
    now - chainSince.getTime() < deps.config.publishChainDays * DAY;
  const isSame = isAmong && last?.change === publication.change;
  const made: MadeSet[] = [];
  publication.chain = goesOn && last ? last.chain : publication.number;
  if (last?.fullSet != null && isSame) publication.fullSet = last.fullSet;
  else {
    const id = await addSet(sql, 'full', publication.number);
    const files = await writeFull(deps, snapshot, setFolder(publication.number, id, deps.place), alive, among?.kept);
    publication.fullSet = id;
    made.push({
      id,
      channel: 'full',
      key: '',
      state: 'ready',
      summary: among,
      files: named(files, `${publication.number}/full`),
    });
  }
  if (goesOn && last && !isSame) {
    const id = await addSet(sql, 'changes', publication.number);
    const folder = setFolder(publication.number, id, deps.place);
    const files = await writeChanges(deps, snapshot, folder, last.covers, alive, among?.kept);
    publication.changesSet = id;
    made.push({
      id,
      channel: 'changes',
      key: '',
      state: 'ready',
      files: named(files, `${publication.number}/changes`),
    });
  }
  const rootAge = root?.publishedAt == null ? Number.POSITIVE_INFINITY : now - root.publishedAt.getTime();
  if (!goesOn || rootAge >= deps.config.publishRootDays * DAY) publication.rootSet = publication.fullSet;
  return made;
}
