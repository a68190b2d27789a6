// Answers that come at once, page after page: Patient/ID/$everything and searches. Every entry becomes a line of NDJSON, in
// the text in which it came; the pages themselves are not kept.
// https://hl7.org/fhir/R4/patient-operation-everything.html · https://hl7.org/fhir/R4/http.html#paging
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { members } from '../../../src/fhir/json-text.ts';
import { isObject, type Json, type JsonObject, objects } from '../../../src/fhir/resource.ts';
import { bundleEntries } from '../../../src/import/bundle.ts';
import type { Downloaded } from './file-parts.ts';
import { nextPage } from './next-page.ts';
import { askPeer, discard, isAway, PeerFault, readText } from './peer-fetch.ts';
import type { Talk } from './talk.ts';
import { withToken } from './token.ts';

/** Entries that are asked for at once of a server that has more than it gave and leads no further. */
const MOST_AT_ONCE = 10_000;

/** Entries of a page that its `total` may count; what a search includes beside its matches is not, where it was asked for. */
function counted(bundle: JsonObject, address: string): number {
  const modes = objects(bundle['entry']).map((e) => (isObject(e['search']) ? e['search']['mode'] : undefined));
  const given = modes.filter((m) => m !== 'outcome').length;
  if (!address.includes('include=')) return given;
  const matches = modes.filter((m) => m !== 'outcome' && m !== 'include').length;
  // some count what is included as well: one that gave fewer than it may has no more
  const isAll = given === bundle['total'] && matches < Number(new URL(address).searchParams.get('_count') ?? 0);
  return isAll ? given : matches;
}

/** The same question for all that there is, of a server without pages; undefined when that was asked, or is too much. */
function forAll(address: string, total: number): string | undefined {
  const url = new URL(address);
  const count = Number(url.searchParams.get('_count') ?? total);
  if (count >= total || total > MOST_AT_ONCE) return undefined;
  url.searchParams.set('_count', String(total));
  return url.href;
}

type Page = { json: string; bundle: JsonObject };

async function readPage(talk: Talk, address: string): Promise<Page> {
  const response = await withToken(talk, (token) =>
    askPeer(talk, address, { token, headers: { accept: 'application/fhir+json' } }),
  );
  if (response.status !== 200) {
    await discard(response);
    throw new PeerFault(`bundle-${response.status}`);
  }
  const json = await readText(response, talk.limits.bundleBytes);
  let bundle: Json;
  try {
    bundle = JSON.parse(json) as Json;
  } catch {
    talk.note('peer-not-json');
    throw new PeerFault('not-json', { isTransient: true });
  }
  if (!isObject(bundle) || bundle['resourceType'] !== 'Bundle') throw new PeerFault('bundle-malformed');
  // a list that is no list, or that is named twice, may have held everything
  const named = members(json).map((m) => m.key);
  const isList = bundle['entry'] === undefined || Array.isArray(bundle['entry']);
  if (!isList || new Set(named).size < named.length) throw new PeerFault('bundle-malformed');
  return { json, bundle };
}

/**
 * Pages of a Bundle, each parsed and as text. Pages that come round again, by address or content, are a fault. A server
 * that has more than it gave, and says no more of where, is asked for all at once; where it cannot give that, what it
 * gave stands. What is missing is noted.
 */
async function* pagesOf(talk: Talk, address: string): AsyncGenerator<Page> {
  const seen = new Set<string>();
  let earlier = '';
  let came = 0;
  /** the first answer of a server that is asked for all */
  let first: (Page & { came: number }) | undefined;
  for (let url: string | undefined = address; url !== undefined; ) {
    if (seen.has(url) || seen.size >= talk.limits.pages) throw new PeerFault('bundle-loop');
    seen.add(url);
    const asked: string = url;
    const page = await readPage(talk, asked).catch((error: unknown) => {
      if (first === undefined || !(error instanceof PeerFault) || isAway(error.reason)) throw error;
      return undefined;
    });
    if (first !== undefined && (page === undefined || counted(page.bundle, asked) < first.came)) {
      talk.note('peer-incomplete');
      yield first;
      return;
    }
    if (page === undefined) return;
    first = undefined;
    const { bundle } = page;
    const entries = createHash('sha256')
      .update(JSON.stringify(bundle['entry'] ?? []))
      .digest('hex');
    if (entries === earlier) throw new PeerFault('bundle-loop');
    const next = nextPage(bundle, 'bundle-malformed');
    if (next !== undefined && !URL.canParse(next, asked)) throw new PeerFault('bundle-malformed');
    came += counted(bundle, asked);
    const total = typeof bundle['total'] === 'number' ? bundle['total'] : 0;
    if (next === undefined && came < total) {
      // no page may be longer than that: what it gave tells how long all would be
      const isLong = (page.json.length * total) / Math.max(came, 1) > talk.limits.bundleBytes;
      const all = asked === address && !isLong ? forAll(asked, total) : undefined;
      if (all !== undefined) {
        first = { ...page, came };
        came = 0;
        url = all;
        continue;
      }
      talk.note('peer-incomplete');
    }
    earlier = entries;
    yield page;
    url = next === undefined ? undefined : new URL(next, asked).href;
  }
}

/** All resources of a paged answer, as one file of NDJSON. `hold` throws when it is another process’s work by now: nothing is kept then. */
export async function downloadBundles(
  talk: Talk,
  address: string,
  key: string,
  hold?: () => Promise<void>,
): Promise<Downloaded> {
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  const out = async function* () {
    for await (const { json, bundle } of pagesOf(talk, address)) {
      const page: string[] = [];
      for (const entry of bundleEntries(json, bundle)) {
        // what the peer says of its search is no record; anything else that is none is a line all the same, and its reason is on the report
        if ('fault' in entry && entry.fault === 'not-data') talk.note('peer-bundle-outcome');
        else if ('fault' in entry) page.push(`${entry.written}\n`);
        else page.push(`${entry.resource === undefined ? JSON.stringify({ request: entry.request }) : entry.text}\n`);
      }
      lines += page.length;
      const chunk = Buffer.from(page.join(''));
      bytes += chunk.length;
      if (bytes > talk.limits.fileBytes) throw new PeerFault('file-too-large');
      hash.update(chunk);
      yield chunk;
    }
    await hold?.();
  };
  const source = Readable.from(out(), { objectMode: false });
  const gzip = createGzip({ level: 1 });
  source.on('error', (e) => gzip.destroy(e));
  const blobKey = `${key}.ndjson.gz`;
  await talk.deps.blobs.put(blobKey, source.pipe(gzip));
  return { blobKey, bytes, sha256: hash.digest('hex'), lines, endsWithin: false };
}

/** The resources of one small answer, such as a search for a person. */
export async function searchAll(talk: Talk, address: string): Promise<Json[]> {
  const found: Json[] = [];
  for await (const { json, bundle } of pagesOf(talk, address)) {
    for (const entry of bundleEntries(json, bundle))
      if (!('fault' in entry) && entry.resource !== undefined) found.push(entry.resource);
    if (found.length > 100) throw new PeerFault('bundle-malformed');
  }
  return found;
}
