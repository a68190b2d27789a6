// Rung 2: an index of files. Medicare Plan Finder names them in `provider_urls`; a federal release in `files` with its keys.
// Every file is whole, so what is in none of them is absent.
import { isObject, type Resource } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType, isDirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import { HarvestFault } from '../reasons.ts';
import type { Cursor } from '../store/peer.ts';
import { typesOf } from '../store/stage.ts';
import { textHash } from '../text-hash.ts';
import { beginRung, endRung, type Harvest, typeName } from './context.ts';
import { fileBytes, fileRecords, typeOfFileName } from './files.ts';

const TENTH = 10;

/** @returns the cursor of the next time; undefined when the index has not changed */
export async function readIndexFiles(h: Harvest, index: string): Promise<Cursor | undefined> {
  const { position, peer } = h;
  const held = peer.cursor.index;
  const polls = (held?.polls ?? 0) + 1;
  const conditional = held?.etag !== undefined && polls % TENTH !== 0 && position.file === undefined;
  const { answer, url } = await getIndex(h, index, conditional ? { 'if-none-match': held?.etag ?? '' } : {});
  if (answer.status === 304) return undefined;
  const files = filesOf(answer.value, url);
  position.anchor ??= answer.headers.get('date') ?? '';
  for (let at = position.file ?? 0; at < files.length; at++) {
    position.file = at;
    const file = files[at];
    if (file) await readOne(h, file);
    position.file = at + 1;
    await h.stage.flush();
  }
  const had = (await typesOf(h.deps.database.sql, peer.slug)).map(typeName);
  for (const type of DIRECTORY_TYPES) {
    const met = h.stage.counters.has(TYPE_IDS[type]);
    if (!met && !had.includes(type)) continue;
    await beginRung(h, type, 2);
    await endRung(h, type, { complete: true, reason: '' });
  }
  return {
    ...peer.cursor,
    index: { etag: answer.headers.get('etag') ?? undefined, hash: String(textHash(answer.text)), polls },
  };
}

/** An address that ends in contract and year is tried as it is, then with the file name. */
async function getIndex(h: Harvest, index: string, headers: Record<string, string>) {
  const tried = index.endsWith('.json') ? [index] : [index, `${index}/index.json`];
  let fault: HarvestFault | undefined;
  for (const url of tried)
    try {
      const answer = await h.client.json(url, { accept: 'application/json', headers });
      if (answer.status === 304 || (answer.status === 200 && isObject(answer.value))) return { answer, url };
      fault = new HarvestFault('not-found', String(answer.status));
    } catch (error) {
      if (!(error instanceof HarvestFault)) throw error;
      fault = error;
    }
  throw fault ?? new HarvestFault('not-found');
}

/** Files of an index. @throws HarvestFault `unknown-file` for a key that names no type, `not-a-manifest` */
export function filesOf(value: unknown, index: string): { url: string; type: DirectoryType | undefined }[] {
  if (!isObject(value)) throw new HarvestFault('not-a-manifest');
  if (Array.isArray(value['provider_urls']))
    return value['provider_urls'].map((u) => {
      if (typeof u !== 'string' || !URL.canParse(u)) throw new HarvestFault('not-a-manifest', 'provider_urls');
      return { url: u, type: undefined };
    });
  if (!isObject(value['files'])) throw new HarvestFault('not-a-manifest', 'neither provider_urls nor files');
  return Object.keys(value['files']).map((name) => {
    const type = typeOfFileName(name);
    if (type === undefined) throw new HarvestFault('unknown-file', name.slice(0, 80));
    return { url: new URL(name, index).href, type };
  });
}

async function readOne(h: Harvest, file: { url: string; type: DirectoryType | undefined }): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      for await (const record of fileRecords(fileBytes(h.client, file.url))) {
        const type = 'fault' in record ? file.type : typeOf(record, file.type);
        if ('fault' in record || type === undefined) {
          const blamed = file.type ?? 'Practitioner';
          await beginRung(h, blamed, 2);
          if ('fault' in record) h.stage.damaged(blamed);
        } else {
          await beginOnce(h, type);
          h.stage.add(type, record.text, record.resource);
        }
        if (h.stage.isFull) await h.stage.flushSoon();
      }
      return;
    } catch (error) {
      if (!(error instanceof HarvestFault) || error.reason !== 'body-cut' || attempt >= 3) throw error;
    }
}

async function beginOnce(h: Harvest, type: DirectoryType): Promise<void> {
  if (!h.stage.counters.has(TYPE_IDS[type])) await beginRung(h, type, 2);
}

function typeOf(
  record: { text: string; resource?: Resource },
  named: DirectoryType | undefined,
): DirectoryType | undefined {
  if (named !== undefined) return named;
  const type =
    record.resource?.resourceType ?? /^\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]+)"/.exec(record.text)?.[1] ?? '';
  return isDirectoryType(type) ? type : undefined;
}
