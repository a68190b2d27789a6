// Reading a manifest: of Bulk Data 1 to 3 and of the 4.0 ballot, with pages, and as peers really write them.
// https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-manifest
import { parseInstant } from '../../../src/fhir/instant.ts';
import { lookAtMembers } from '../../../src/fhir/json-members.ts';
import { minify } from '../../../src/fhir/json-text.ts';
import { isObject, type Json, type JsonObject, text } from '../../../src/fhir/resource.ts';
import { nextPage } from './next-page.ts';
import { askPeer, discard, PeerFault, readText } from './peer-fetch.ts';
import type { Talk } from './talk.ts';
import { withToken } from './token.ts';

/** Lines of one file that we can count. */
const MAX_COUNT = 2_147_483_647;

export type ManifestFile = {
  kind: 'output' | 'deleted' | 'error';
  type: string;
  url: string;
  count: number | undefined;
};
export type Manifest = {
  transactionTime: Date | undefined;
  requiresAccessToken: boolean | undefined;
  /** does it list records at all, be it none? */
  hasOutput: boolean;
  files: ManifestFile[];
};

/** A number, or a number as text; anything else says nothing. */
const countOf = (given: Json | undefined): number | undefined =>
  typeof given === 'number' || (typeof given === 'string' && /^\d+$/.test(given)) ? Number(given) : undefined;

const LISTS = ['output', 'deleted', 'error', 'outcome'] as const;
const none = (): void => {};

/**
 * What a list of a manifest names; null is a list of nothing.
 * @throws PeerFault for a list that is none, or an entry: either may have been files
 */
function listOf(given: Json | undefined): JsonObject[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given) || !given.every(isObject)) throw new PeerFault('manifest-malformed');
  return given;
}

/** Judges a manifest. Relative URLs are resolved against the status URL. */
export function readManifest(body: unknown, statusUrl: string, note: Talk['note'] = none): Manifest {
  const b = body as Json;
  // every member but these may be missing; an answer that has none of them is no manifest
  if (!isObject(b) || 'resourceType' in b || !['transactionTime', 'output', 'error'].some((m) => m in b))
    throw new PeerFault('manifest-malformed');
  const seen = new Set<string>();
  const list = (name: string, kind: ManifestFile['kind']): ManifestFile[] =>
    listOf(b[name]).flatMap((f) => {
      const given = text(f['url']);
      if (given === undefined || !URL.canParse(given, statusUrl)) throw new PeerFault('manifest-malformed');
      if (!URL.canParse(given)) note('peer-relative-url');
      const address = new URL(given, statusUrl);
      // it is never sent: two addresses that differ in it are one file
      address.hash = '';
      const url = address.href;
      if (seen.has(url)) {
        note('peer-duplicate-url');
        return [];
      }
      seen.add(url);
      if (typeof f['count'] === 'string' || (f['type'] !== undefined && typeof f['type'] !== 'string'))
        note('peer-manifest-types');
      const count = countOf(f['count']);
      const isCount = count !== undefined && Number.isSafeInteger(count) && count >= 0;
      // more than any file can have: what came could not be determined from it
      if (isCount && count > MAX_COUNT) throw new PeerFault('manifest-malformed');
      if (f['count'] !== undefined && !isCount) note('peer-manifest-types');
      const type = text(f['type']) ?? '';
      return [
        {
          kind,
          type: /^[A-Za-z]{1,64}$/.test(type) ? type : '',
          url,
          count: isCount ? count : undefined,
        },
      ];
    });
  const requires = b['requiresAccessToken'];
  if (typeof requires === 'string') note('peer-manifest-types');
  const hasOutput = Array.isArray(b['output']);
  if (!hasOutput) note('peer-manifest-types');
  const time = text(b['transactionTime']);
  return {
    transactionTime: time === undefined ? undefined : parseInstant(time),
    requiresAccessToken:
      requires === true || requires === 'true' ? true : requires === false || requires === 'false' ? false : undefined,
    hasOutput,
    files: [
      ...list('output', 'output'),
      ...list('deleted', 'deleted'),
      ...list('error', 'error'),
      ...list('outcome', 'error'),
    ],
  };
}

/** The JSON of a page and how much text it was. */
async function readPage(talk: Talk, response: Response, left: number): Promise<{ body: Json; size: number }> {
  const page = await readText(response, left);
  try {
    const body = JSON.parse(page) as Json;
    // a list that is named twice: the one that is read is not all that was listed
    if (lookAtMembers(minify(page), body).saysTwice) throw new PeerFault('manifest-malformed');
    return { body, size: page.length };
  } catch (error) {
    if (error instanceof PeerFault) throw error;
    if (error instanceof RangeError) throw new PeerFault('manifest-malformed');
    talk.note('peer-not-json');
    throw new PeerFault('not-json', { isTransient: true });
  }
}

/**
 * A manifest with the files of all its pages (Bulk Data 3.0: `link`), or whatever else the status said. Pages that come round
 * again, by address or by what they list, are a fault.
 */
export async function readPages(talk: Talk, statusUrl: string, answer: Response): Promise<Json> {
  const { limits } = talk;
  const first = await readPage(talk, answer, limits.manifestBytes);
  const whole = first.body;
  if (!isObject(whole)) throw new PeerFault('manifest-malformed');
  const seen = new Set([statusUrl]);
  const lists = new Map<string, Json[]>(
    LISTS.flatMap((l) => {
      const listed = listOf(whole[l]);
      return Array.isArray(whole[l]) ? [[l, [...listed]]] : [];
    }),
  );
  const count = () => [...lists.values()].reduce((n, l) => n + l.length, 0);
  let size = first.size;
  let earlier = JSON.stringify(LISTS.map((l) => whole[l] ?? null));
  for (let link = nextPage(whole, 'manifest-malformed'); link !== undefined; ) {
    if (!URL.canParse(link, statusUrl)) throw new PeerFault('manifest-malformed');
    const url = new URL(link, statusUrl).href;
    if (seen.has(url) || seen.size >= limits.pages) throw new PeerFault('manifest-loop');
    seen.add(url);
    const response = await withToken(talk, (token) =>
      askPeer(talk, url, { token, headers: { accept: 'application/json' } }),
    );
    if (response.status !== 200) {
      await discard(response);
      throw new PeerFault(`manifest-${response.status}`);
    }
    const { body: page, size: more } = await readPage(talk, response, limits.manifestBytes - size);
    size += more;
    if (!isObject(page)) throw new PeerFault('manifest-malformed');
    const lists_ = JSON.stringify(LISTS.map((l) => page[l] ?? null));
    if (lists_ === earlier && count() > 0) throw new PeerFault('manifest-loop');
    earlier = lists_;
    if (page['transactionTime'] !== undefined && page['transactionTime'] !== whole['transactionTime'])
      talk.note('peer-manifest-changed');
    for (const l of LISTS)
      if (page[l] !== undefined) {
        const into = lists.get(l) ?? [];
        // one by one: a page may list more than a call takes arguments
        for (const entry of listOf(page[l])) into.push(entry);
        lists.set(l, into);
      }
    if (count() > limits.manifestFiles) throw new PeerFault('manifest-too-large');
    link = nextPage(page, 'manifest-malformed');
  }
  if (count() > limits.manifestFiles) throw new PeerFault('manifest-too-large');
  return { ...whole, ...Object.fromEntries(lists) };
}
