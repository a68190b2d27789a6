// Rung 2: an index of files. Medicare Plan Finder names them in `provider_urls`; a federal release in `files` with its keys.
// Every file is whole, so what is in none of them is absent. An index names the same files every day: each is asked whether it has
// changed, and when one has, all are read.
import { isObject, isResource, type Json, type Resource } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType, isDirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import { discard } from '../client.ts';
import type { Cursor } from '../peer.ts';
import { HarvestFault } from '../reasons.ts';
import { textHash } from '../text-hash.ts';
import { beginRung, endRung, type Harvest, typeName } from './context.ts';
import { arrayItems, FILES, fileBytes, fileRecords, isArrayFile, peek, typeOfFileName } from './files.ts';
import { type QhpRead, QhpReader } from './qhp-file.ts';
import { typesOf } from './stage-rows.ts';

const TENTH = 10;

/** @returns the cursor of the next time; undefined when neither the index nor any file has changed */
export async function readIndexFiles(h: Harvest, index: string): Promise<Cursor | undefined> {
  const { position, peer } = h;
  const held = peer.cursor.index;
  const polls = (held?.polls ?? 0) + 1;
  const { answer, url } = await getIndex(h, index);
  const files = filesOf(answer.value, url);
  const hash = String(textHash(answer.text));
  // what a validator says is not believed for ever (Q26)
  const begun = position.file !== undefined;
  if (!begun && polls % TENTH !== 0 && hash === held?.hash && (await areUnchanged(h, files))) return undefined;
  position.anchor ??= answer.headers.get('date') ?? '';
  if (position.qhp === true) {
    position.file = 0;
    position.counted = {};
  }
  const validators: Validators = {};
  const qhp = new QhpReader(peer.name);
  for (let at = position.file ?? 0; at < files.length; at++) {
    position.file = at;
    const file = files[at];
    if (file) await readOne(h, file, qhp, validators);
    position.file = at + 1;
    h.stage.endFile();
    await h.stage.flush();
  }
  if (position.qhp === true) for (const read of qhp.rest()) await addQhp(h, read);
  await h.stage.flush();
  const had = (await typesOf(h.deps.database.sql, peer.slug)).map(typeName);
  for (const type of DIRECTORY_TYPES) {
    const met = h.stage.counters.has(TYPE_IDS[type]);
    if (!met && !had.includes(type)) continue;
    await beginRung(h, type, 2);
    await endRung(
      h,
      type,
      position.damaged === true ? { complete: false, reason: 'damaged-file' } : { complete: true, reason: '' },
    );
  }
  return { ...peer.cursor, index: { hash, polls }, files: begun ? undefined : validators };
}

type Validators = NonNullable<Cursor['files']>;

/** Asks for each file on condition, up to the first that has changed, or cannot be asked so. */
async function areUnchanged(h: Harvest, files: readonly IndexFile[]): Promise<boolean> {
  const held = h.peer.cursor.files;
  if (held === undefined) return false;
  for (const { url } of files) {
    const { etag, modified } = held[url] ?? {};
    if (etag === undefined && modified === undefined) return false;
    const answer = await h.client.get(url, {
      accept: FILES,
      anyHost: true,
      headers: {
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
        ...(modified === undefined ? {} : { 'if-modified-since': modified }),
      },
    });
    await discard(answer);
    if (answer.status !== 304) return false;
  }
  return true;
}

/** An address that ends in contract and year is tried as it is, then with the file name. */
async function getIndex(h: Harvest, index: string) {
  const tried = index.endsWith('.json') ? [index] : [index, `${index}/index.json`];
  let fault: HarvestFault | undefined;
  for (const url of tried)
    try {
      const answer = await h.client.json(url, { accept: 'application/json' });
      if (answer.status === 200 && isObject(answer.value)) return { answer, url };
      fault = new HarvestFault('not-found', String(answer.status));
    } catch (error) {
      if (!(error instanceof HarvestFault)) throw error;
      fault = error;
    }
  throw fault ?? new HarvestFault('not-found');
}

type IndexFile = { url: string; type: DirectoryType | undefined };

/** Files of an index: those of plans too, where it is one of the Marketplace. @throws HarvestFault `unknown-file` for a key that names no type, `not-a-manifest` */
export function filesOf(value: unknown, index: string): IndexFile[] {
  if (!isObject(value)) throw new HarvestFault('not-a-manifest');
  if (Array.isArray(value['provider_urls']))
    return [...new Set(['provider_urls', 'plan_urls'].flatMap((key) => urlsOf(value[key] ?? [], key, index)))].map(
      (url) => ({ url, type: undefined }),
    );
  if (!isObject(value['files'])) throw new HarvestFault('not-a-manifest', 'neither provider_urls nor files');
  return Object.keys(value['files']).map((name) => {
    const type = typeOfFileName(name);
    if (type === undefined) throw new HarvestFault('unknown-file', name.slice(0, 80));
    return { url: new URL(name, index).href, type };
  });
}

function urlsOf(list: Json, key: string, index: string): string[] {
  if (!Array.isArray(list)) throw new HarvestFault('not-a-manifest', key);
  return list.map((u) => {
    if (typeof u !== 'string' || !URL.canParse(u, index)) throw new HarvestFault('not-a-manifest', key);
    return new URL(u, index).href;
  });
}

async function readOne(h: Harvest, file: IndexFile, qhp: QhpReader, validators: Validators): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await h.stage.beginFile();
    try {
      const { head, bytes } = await peek(
        fileBytes(h.client, file.url, (headers) => {
          validators[file.url] = {
            etag: headers.get('etag') ?? undefined,
            modified: headers.get('last-modified') ?? undefined,
          };
        }),
      );
      if (isArrayFile(head)) await readArray(h, bytes, qhp);
      else await readRecords(h, bytes, file.type);
      return;
    } catch (error) {
      if (!(error instanceof HarvestFault) || error.reason !== 'body-cut' || attempt >= 3) throw error;
    }
  }
}

async function readRecords(h: Harvest, bytes: AsyncGenerator<Uint8Array>, named: DirectoryType | undefined) {
  for await (const record of fileRecords(bytes)) {
    const type = named ?? ('fault' in record ? undefined : typeOf(record));
    if (type === undefined)
      // what cannot be read may be of any type
      h.position.damaged = true;
    else if (isDirectoryType(type)) {
      await beginOnce(h, type);
      if ('fault' in record) h.stage.damaged(type);
      else h.stage.add(type, record.text, record.resource);
    }
    if (h.stage.isFull) await h.stage.flushSoon();
  }
}

/** An array: records of the Marketplace, or of FHIR. */
async function readArray(h: Harvest, bytes: AsyncGenerator<Uint8Array>, qhp: QhpReader): Promise<void> {
  for await (const item of arrayItems(bytes)) {
    if ('fault' in item) h.position.damaged = true;
    else if (isObject(item.value) && isResource(item.value)) {
      const type = item.value.resourceType;
      if (!isDirectoryType(type)) continue;
      await beginOnce(h, type);
      h.stage.add(type, item.written ?? JSON.stringify(item.value), item.value);
    } else {
      h.position.qhp = true;
      for (const read of qhp.read(item.value)) await addQhp(h, read);
    }
    if (h.stage.isFull) await h.stage.flushSoon();
  }
}

async function addQhp(h: Harvest, read: QhpRead): Promise<void> {
  if ('damaged' in read) {
    if (read.damaged === DIRECTORY_TYPES) h.position.damaged = true;
    else
      for (const type of read.damaged) {
        await beginOnce(h, type);
        h.stage.damaged(type);
      }
    return;
  }
  await beginOnce(h, read.type);
  if ('none' in read) {
    h.stage.count(read.type, 'read');
    h.stage.count(read.type, read.none);
  } else h.stage.add(read.type, JSON.stringify(read.resource), read.resource);
}

async function beginOnce(h: Harvest, type: DirectoryType): Promise<void> {
  if (!h.stage.counters.has(TYPE_IDS[type])) await beginRung(h, type, 2);
}

/** What a record says that it is; undefined when it says nothing. */
function typeOf(record: { text: string; resource?: Resource }): string | undefined {
  const first = /^\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]+)"/.exec(record.text)?.[1];
  if (record.resource || first !== undefined) return record.resource?.resourceType ?? first;
  try {
    const value: unknown = JSON.parse(record.text);
    return isObject(value) && isResource(value) ? value.resourceType : undefined;
  } catch {
    return undefined; // it is counted as damaged
  }
}
