// Rung 1: $bulk-publish. The root is a snapshot; its chain brings what changed since. Bulk Data 4.0.0-ballot, publication.md 2.2.

import { isObject, type JsonObject, objects, text } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType, isDirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import type { Cursor } from '../peer.ts';
import { HarvestFault } from '../reasons.ts';
import { beginRung, type Ending, endRung, type Harvest, typeName } from './context.ts';
import { readDeletion } from './deletion.ts';
import { fileBytes, filePieces, OtherFile, recordsIn } from './files.ts';
import type { FilePart } from './run-rows.ts';
import { typesOf } from './stage-rows.ts';

type File = { type: DirectoryType | undefined; url: string; count: number | undefined };
export type Manifest = {
  transactionTime: string;
  output: File[];
  deleted: File[];
  next: string | undefined;
  unknown: string[];
};

/** Reads a manifest page. @throws HarvestFault `not-a-manifest` */
function readManifest(value: unknown): Manifest {
  if (!isObject(value) || value['resourceType'] !== undefined) throw new HarvestFault('not-a-manifest');
  const transactionTime = text(value['transactionTime']);
  if (transactionTime === undefined || value['outputOrganizedBy'] !== undefined)
    throw new HarvestFault('not-a-manifest');
  const unknown: string[] = [];
  const files = (list: readonly JsonObject[], typed: boolean): File[] =>
    list.flatMap((f) => {
      const url = text(f['url']);
      if (url === undefined) throw new HarvestFault('not-a-manifest', 'a file without url');
      const type = text(f['type']);
      if (typed && (type === undefined || !isDirectoryType(type))) {
        // other FHIR types are none of ours; a name that is no type is a failure and not a zero (Q23)
        if (type === undefined || !/^[A-Z][A-Za-z]+$/.test(type)) unknown.push(type ?? '?');
        return [];
      }
      return [
        {
          type: typed ? (type as DirectoryType) : undefined,
          url,
          count: typeof f['count'] === 'number' ? f['count'] : undefined,
        },
      ];
    });
  const link = objects(value['link']).find((l) => l['relation'] === 'next');
  return {
    transactionTime,
    output: files(objects(value['output']), true),
    deleted: files(objects(value['deleted']), false),
    next: text(link?.['url']),
    unknown,
  };
}

const TENTH = 10;

/** Where the chain of a peer begins. */
export function bulkRoot(h: Pick<Harvest, 'peer' | 'facts'>): string | undefined {
  const named = h.peer.urls.find((u) => u.kind === 'bulk-manifest')?.url;
  return (
    named ?? (h.facts('bulk-publish') === 'works' && h.peer.base !== null ? `${h.peer.base}/$bulk-publish` : undefined)
  );
}

/**
 * Reads what is new in the chain, or all of it from its root.
 * @returns the cursor to go on from when this is applied; undefined when nothing is new
 */
export async function readChain(h: Harvest, root: string): Promise<Cursor | undefined> {
  const { position, peer } = h;
  const held = peer.cursor.bulk;
  const polls = (peer.cursor.index?.polls ?? 0) + 1;
  position.whole ??= held === undefined;
  position.page ??= held?.page ?? root;
  let etag: string | undefined;
  let damaged = false;
  let rootTime = '';
  let isKnownRoot = false;
  const seen = new Set<string>();
  /** A chain that leads nowhere: what was read counts, and the next run begins at the root, or where this one did. */
  const upToRoot = async (fault: '' | 'page-loop' = ''): Promise<Cursor> => {
    await endChain(h, damaged, fault);
    return {
      ...peer.cursor,
      ...(rootTime === '' ? {} : { bulk: { page: root, start: rootTime } }),
      index: { ...peer.cursor.index, polls },
    };
  };
  for (;;) {
    const page: string = position.page;
    if (seen.has(page)) return await upToRoot('page-loop');
    seen.add(page);
    const first = page === held?.page && position.file === undefined && position.whole === false;
    // an entity tag that never changes is not believed for ever (Q26)
    const conditional = first && held?.etag !== undefined && polls % TENTH !== 0;
    let answer: Awaited<ReturnType<Harvest['client']['json']>>;
    try {
      answer = await h.client.json(page, {
        accept: 'application/json',
        ...(conditional ? { headers: { 'if-none-match': held?.etag ?? '' } } : {}),
        anyHost: page !== root,
      });
      if (answer.status !== 304 && answer.status !== 200)
        throw new HarvestFault(
          answer.status === 404 || answer.status === 410 ? 'not-found' : 'bad-request',
          String(answer.status),
        );
    } catch (error) {
      if (!(error instanceof HarvestFault) || error.kind !== 'unsupported' || page === root) throw error;
      if (isKnownRoot) return undefined;
      if (position.whole === true && rootTime !== '') return await upToRoot();
      fromRoot(h, root);
      seen.clear();
      continue;
    }
    if (answer.status === 304) return undefined;
    const manifest = readManifest(answer.value);
    etag = answer.headers.get('etag') ?? undefined;
    const isKnownPage = first && (page !== root || manifest.transactionTime === held?.start);
    isKnownRoot ||= isKnownPage && page === root;
    if (!isKnownPage) {
      if (page === root) {
        position.whole = true;
        rootTime = manifest.transactionTime;
      }
      for (const name of manifest.unknown) {
        damaged = true;
        h.deps.log('warn', 'manifest names an unknown type', { peer: peer.slug, type: name });
      }
      damaged = (await readFiles(h, manifest, page)) || damaged;
      position.anchor = manifest.transactionTime;
    }
    if (manifest.next === '#closed') {
      if (page === root) throw new HarvestFault('not-a-manifest', 'a root that is closed');
      if (isKnownRoot) return undefined;
      if (position.whole === true && rootTime !== '') return await upToRoot();
      fromRoot(h, root);
      seen.clear();
      continue;
    }
    if (manifest.next === undefined || manifest.next === '#pending') {
      if (isKnownPage) return undefined;
      await endChain(h, damaged, '');
      return {
        ...peer.cursor,
        bulk: { page, etag, start: manifest.transactionTime },
        index: { ...peer.cursor.index, polls },
      };
    }
    position.page = new URL(manifest.next, page).href;
    for (const key of ['file', 'counted', 'part'] as const) delete position[key];
    await h.stage.flush();
  }
}

/** The chain has ended or its page is gone: all is read again, beside what is there. */
function fromRoot(h: Harvest, root: string): void {
  h.position.page = root;
  h.position.whole = true;
  for (const key of ['file', 'counted', 'part'] as const) delete h.position[key];
}

/**
 * Reads the files of a manifest from where the run is. The lines of one are written while the next one is read.
 * @returns true when a file was not what it should be
 */
export async function readFiles(h: Harvest, given: Manifest, page: string): Promise<boolean> {
  let manifest = given;
  const found: Found = { damaged: false };
  const all = () => [
    ...manifest.output.map((f) => ({ ...f, deletes: false })),
    ...manifest.deleted.map((f) => ({ ...f, deletes: true })),
  ];
  let follows = false;
  for (let at = h.position.file ?? 0; at < all().length; at++) {
    if (!follows) h.position.file = at;
    for (let attempt = 1; ; attempt++) {
      const file = all()[at];
      if (!file) break;
      const part = follows ? undefined : await h.stage.beginFile();
      try {
        follows = await readFile(h, file, part, found);
        break;
      } catch (error) {
        follows = false;
        if (error instanceof OtherFile) {
          h.stage.dropPart();
          continue;
        }
        if (!(error instanceof HarvestFault) || attempt >= 3) {
          if (error instanceof HarvestFault && error.reason === 'body-cut' && file.type !== undefined) {
            await h.stage.flush();
            h.stage.damaged(file.type);
            found.damaged = true;
            break;
          }
          throw error;
        }
        if (error.kind === 'unsupported' || error.reason === 'forbidden') {
          // an address that was signed for an hour: the manifest has a new one (Q20)
          const again = await h.client.json(page, { accept: 'application/json', anyHost: true });
          manifest = readManifest(again.value);
        } else if (error.reason !== 'body-cut') throw error;
      }
    }
    if (follows) continue;
    h.position.file = at + 1;
    h.stage.endFile(); // one that could not be read whole
    await h.stage.flush();
  }
  await h.stage.flush();
  delete h.position.counted;
  return found.damaged;
}

/** Was anything not what it should be? */
type Found = { damaged: boolean };

/** @returns whether it is only handed over: it is written while the next one is read */
async function readFile(
  h: Harvest,
  file: File & { deletes: boolean },
  part: FilePart | undefined,
  found: Found,
): Promise<boolean> {
  const { stage } = h;
  let n = 0;
  let onlyBlocks = true;
  if (file.type) await beginRung(h, file.type, 1);
  const { type } = file;
  for await (const piece of filePieces(fileBytes(h.client, file.url), part)) {
    if ('block' in piece && type && !file.deletes) {
      await stage.addBlock(type, piece.block);
      continue;
    }
    onlyBlocks = false;
    for (const record of 'block' in piece ? recordsIn(piece.block) : [piece.record]) {
      n++;
      if ('fault' in record) {
        found.damaged = true;
        if (type) stage.damaged(type);
      } else if (file.deletes) {
        if (!(await readDeletions(h, record.text))) found.damaged = true;
      } else if (type) stage.add(type, record.text, record.resource);
      if (stage.isFull) await stage.flushSoon();
    }
  }
  const judge = (blocks: FilePart) => {
    if (blocks.faults > 0) found.damaged = true;
    const lines = n + blocks.records;
    if (file.count === undefined || file.count === lines || !file.type) return;
    found.damaged = true;
    stage.count(file.type, 'count-differs');
    h.deps.log('warn', 'file differs from its manifest', {
      peer: h.peer.slug,
      type: file.type,
      lines,
      said: file.count,
    });
  };
  if (onlyBlocks) await stage.nextFile(judge);
  else {
    await stage.flush();
    judge(stage.endFile());
  }
  return onlyBlocks;
}

/** A line of a `deleted` file: a transaction Bundle of DELETE requests. */
async function readDeletions(h: Harvest, line: string): Promise<boolean> {
  let bundle: unknown;
  try {
    bundle = JSON.parse(line);
  } catch {
    return false;
  }
  if (!isObject(bundle)) return false;
  for (const entry of objects(bundle['entry'])) {
    const gone = readDeletion(entry, h.stage.options.context);
    if (gone === undefined) return false;
    if (gone === 'other' || !isDirectoryType(gone.type)) continue;
    await beginRung(h, gone.type, 1);
    h.stage.delete(gone.type, gone.id);
  }
  return true;
}

/** All types are read: those that came, and in a snapshot those of which nothing came any more. */
async function endChain(h: Harvest, damaged: boolean, fault: '' | 'page-loop'): Promise<void> {
  const had = (await typesOf(h.deps.database.sql, h.peer.slug)).map(typeName);
  const reason = damaged ? 'damaged-file' : fault;
  const ending: Ending = { complete: h.position.whole === true && reason === '', reason };
  for (const type of DIRECTORY_TYPES) {
    const read = h.stage.counters.size > 0 && hasCounters(h, type);
    if (!read && !(h.position.whole === true && had.includes(type))) continue;
    await beginRung(h, type, 1);
    const differs = (h.stage.counters.get(typeIdOf(type))?.['count-differs'] ?? 0) > 0;
    await endRung(h, type, differs ? { complete: false, reason: 'count-differs' } : ending);
  }
}

const typeIdOf = (type: DirectoryType): number => TYPE_IDS[type];
const hasCounters = (h: Harvest, type: DirectoryType): boolean => h.stage.counters.has(typeIdOf(type));
