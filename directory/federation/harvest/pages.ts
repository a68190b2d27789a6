// Following the pages of a search or of a history: to the end, or until it shows that there is none.
import { isObject, type JsonObject, objects, text } from '../../../src/fhir/resource.ts';
import type { DirectoryType } from '../../../src/fhir/search/types.ts';
import { bundleEntries, resourceTexts } from '../../../src/import/bundle.ts';
import { readBundle } from '../client.ts';
import { HarvestFault } from '../reasons.ts';
import { readTime } from '../record.ts';
import { textHash } from '../text-hash.ts';
import { anchorOf, type Harvest } from './context.ts';
import { readDeletion } from './deletion.ts';

export type Paged = {
  /** entries of the type, repeats included */
  read: number;
  /** distinct ids of this window, when asked for */
  ids: Set<string>;
  /** of the first page that had one */
  total: number | undefined;
  /** `end`: a last page with entries, or one page. `empty-tail`: a linked page was empty. `loop`: a page came again */
  ended: 'end' | 'empty-tail' | 'loop';
  /** of a history: oldest first, as asked */
  oldestFirst: boolean;
};

const RESTARTS = 3;
/** So many pages without a record, each with a link to the next, are no directory. */
const EMPTY_PAGES = 100;

/**
 * Reads all pages from `start`, or from where the position says. Each page is written before the next is asked for.
 * @param options.ids keep the ids (of one window; their number is bounded by the peer's cap)
 * @throws HarvestFault of the first page as it is; `page-link-lost` when links expired three times
 */
export async function readPages(
  h: Harvest,
  type: DirectoryType,
  start: string,
  options: { pass: number; ids?: boolean } = { pass: 1 },
): Promise<Paged> {
  const { position, stage } = h;
  const result: Paged = { read: 0, ids: new Set(), total: undefined, ended: 'end', oldestFirst: true };
  let latest = 0;
  let empty = 0;
  let url = position.url ?? start;
  let linked = position.url !== undefined;
  for (;;) {
    let answer: Awaited<ReturnType<Harvest['client']['json']>>;
    let bundle: JsonObject;
    try {
      answer = await h.client.json(url);
      bundle = readBundle(answer);
    } catch (error) {
      if (!(error instanceof HarvestFault) || !linked || error.kind !== 'unsupported') throw error;
      // a link that expired: the window begins again, what was read of it is known by now
      position.restarts = (position.restarts ?? 0) + 1;
      if (position.restarts > RESTARTS) throw new HarvestFault('page-link-lost', error.detail);
      url = start;
      linked = false;
      delete position.url;
      // its pages come again, and that is no loop
      options = { ...options, pass: options.pass + 100 };
      continue;
    }
    position.anchor ??= anchorOf(answer.headers) ?? '';
    const ids = addEntries(h, type, bundle, answer.text);
    result.read += ids.length;
    for (const at of timesOf(bundle)) {
      if (at < latest) result.oldestFirst = false;
      latest = Math.max(latest, at);
    }
    empty = ids.length === 0 ? empty + 1 : 0;
    if (empty > EMPTY_PAGES) throw new HarvestFault('endless', `${EMPTY_PAGES} pages without a record`);
    if (options.ids) for (const id of ids) result.ids.add(id);
    if (typeof bundle['total'] === 'number') result.total ??= bundle['total'];
    const next = nextOf(bundle, h.peer.base ?? '', hostsOf(h), url);
    if (next === undefined) delete position.url;
    else position.url = next;
    position.pages = (position.pages ?? 0) + 1;
    const hashes = [textHash(url), ...(ids.length === 0 ? [] : [textHash(ids.join('\n'))])];
    const fresh = await stage.flush({ type, pass: options.pass, hashes });
    if (!fresh) {
      delete position.url;
      return { ...result, ended: 'loop' };
    }
    if (next === undefined) return { ...result, ended: ids.length === 0 && linked ? 'empty-tail' : 'end' };
    url = next;
    linked = true;
  }
}

const hostsOf = (h: Harvest): ReadonlySet<string> =>
  new Set(
    [h.peer.base, ...h.peer.urls.map((u) => u.url)].flatMap((u) => (u && URL.canParse(u) ? [new URL(u).hostname] : [])),
  );

/** When the versions of a page of history were made. */
const timesOf = (bundle: JsonObject): number[] =>
  bundle['type'] !== 'history'
    ? []
    : objects(bundle['entry']).flatMap((e) => {
        const response = isObject(e['response']) ? text(e['response']['lastModified']) : undefined;
        const meta = isObject(e['resource']) ? objects(e['resource']['meta'])[0] : undefined;
        return readTime(response ?? text(meta?.['lastUpdated']))?.getTime() ?? [];
      });

/** Stages the entries of a page. @returns ids of its type, in order */
function addEntries(h: Harvest, type: DirectoryType, bundle: JsonObject, json: string): string[] {
  const ids: string[] = [];
  if (bundle['type'] === 'history') {
    const texts = resourceTexts(json);
    for (const [i, entry] of (Array.isArray(bundle['entry']) ? bundle['entry'] : []).entries()) {
      if (!isObject(entry)) continue;
      const gone = readDeletion(entry, h.stage.options.context);
      const request = isObject(entry['request']) ? entry['request'] : {};
      if (gone === 'other') continue;
      if (gone !== undefined) {
        if (gone.type !== type) continue;
        h.stage.delete(type, gone.id);
        ids.push(`-${gone.id}`);
      } else if (request['method'] === 'DELETE')
        h.stage.damaged(type); // of whom we cannot tell
      else if (isObject(entry['resource']) && entry['resource']['resourceType'] === type) {
        const id = text(entry['resource']['id']) ?? '';
        ids.push(`${id} ${text(objects(entry['resource']['meta'])[0]?.['versionId']) ?? ''}`);
        h.stage.add(type, texts[i] ?? '', entry['resource'] as never);
      }
    }
    return ids;
  }
  for (const entry of bundleEntries(json, bundle)) {
    if ('fault' in entry) {
      if (entry.fault !== 'not-data') h.stage.damaged(type);
    } else if (entry.resource?.resourceType === type) {
      ids.push(text(entry.resource['id']) ?? '');
      h.stage.add(type, entry.text, entry.resource);
    }
  }
  return ids;
}

/**
 * The link to the next page. One that names an internal host, or http, is read as ours of the peer when its path agrees (Q05).
 * @param page address of the page that has the link
 * @throws HarvestFault `foreign-host`
 */
function nextOf(bundle: JsonObject, base: string, hosts: ReadonlySet<string>, page = `${base}/`): string | undefined {
  const link = objects(bundle['link']).find((l) => l['relation'] === 'next');
  const given = text(link?.['url']);
  if (given === undefined) return undefined;
  // a query alone, or a path, is relative to the page; a type to the base
  const from = /^[?/]/.test(given) ? page : `${base}/`;
  if (!URL.canParse(given, from)) throw new HarvestFault('foreign-host', 'the link is no URL');
  const url = new URL(given, from);
  const own = new URL(base);
  if (url.origin === own.origin || (hosts.has(url.hostname) && url.protocol === own.protocol && url.port === own.port))
    return url.href;
  const path = own.pathname.replace(/\/+$/, '');
  if (!url.pathname.startsWith(`${path}/`) && url.pathname.replace(/\/+$/, '') !== path)
    throw new HarvestFault('foreign-host', url.hostname);
  return `${own.origin}${url.pathname}${url.search}`;
}
