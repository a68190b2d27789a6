// history of a resource, of a type and of all. https://hl7.org/fhir/R4/http.html#history
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { historyBundle } from '../src/fhir/history-bundle.ts';
import { parseInstant, timeRange } from '../src/fhir/instant.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { ID_PATTERN } from '../src/fhir/resource.ts';
import { COUNT_DEFAULT } from '../src/fhir/search/request.ts';
import { isDirectoryType } from '../src/fhir/search/types.ts';
import { contentTag, isNotModified } from '../src/http/conditional.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../src/http/negotiate.ts';
import { type HistoryPosition, type HistoryRequest, isKnown, readHistory } from './resource/resource-history.ts';

export type HistoryDeps = Pick<Deps, 'database' | 'config'> & {
  /** public FHIR base */
  base: string;
};

/** Twenty bytes, base64url: time, key, version. */
function encodePosition({ time, rk, version }: HistoryPosition): string {
  const bytes = Buffer.alloc(20);
  bytes.writeBigInt64BE(BigInt(time));
  bytes.writeBigInt64BE(rk, 8);
  bytes.writeInt32BE(version, 16);
  return bytes.toString('base64url');
}

/** @throws Outcome bad-cursor */
function decodePosition(text: string): HistoryPosition {
  const bytes = /^[A-Za-z0-9_-]{27}$/.test(text) ? Buffer.from(text, 'base64url') : undefined;
  const time = bytes?.length === 20 ? Number(bytes.readBigInt64BE()) : Number.NaN;
  if (bytes === undefined || Number.isNaN(new Date(time).getTime())) throw new Outcome('bad-cursor');
  return { time, rk: bytes.readBigInt64BE(8), version: bytes.readInt32BE(16) };
}

type Given = Omit<HistoryRequest, 'type' | 'key'> & { applied: [string, string][] };

/** A blank before an offset is a plus that the client did not encode. */
const instantOf = (name: string, value: string): Date => {
  const text = value.replace(/ (?=\d\d:\d\d$)/, '+');
  const time = parseInstant(text) ?? (/^\d{4}(-\d\d(-\d\d)?)?$/.test(text) ? timeRange(text)?.from : undefined);
  if (!time) throw new Outcome('invalid-parameter', `"${name}" is an instant.`);
  return time;
};

/**
 * Parameters of a history request.
 * @throws Outcome unknown-parameter, invalid-parameter or bad-cursor
 */
function readHistoryParameters(
  pairs: Iterable<readonly [string, string]>,
  options: { countMax: number; lenient: boolean },
): Given {
  const given: Given = {
    since: undefined,
    until: undefined,
    count: Math.min(COUNT_DEFAULT, options.countMax),
    order: 'newest',
    after: undefined,
    applied: [],
  };
  for (const [name, value] of pairs) {
    if (value === '') continue;
    if (name === '_since') given.since = instantOf(name, value);
    else if (name === '_until') given.until = instantOf(name, value);
    else if (name === '_count') {
      if (!/^[1-9]\d{0,8}$/.test(value)) throw new Outcome('invalid-parameter', '"_count" is a whole number.');
      given.count = Math.min(Number(value), options.countMax);
    } else if (name === '_sort') {
      if (value !== '_lastUpdated' && value !== '-_lastUpdated')
        throw new Outcome('invalid-parameter', '"_sort" is _lastUpdated or -_lastUpdated.');
      given.order = value === '_lastUpdated' ? 'oldest' : 'newest';
    } else if (name === '_cursor') {
      given.after = decodePosition(value);
      continue;
    } else if (name !== '_format' && name !== '_pretty') {
      if (options.lenient && name !== '_at') continue;
      throw new Outcome('unknown-parameter', 'A history takes _since, _until, _count and _sort; _at is not supported.');
    }
    given.applied.push([name, value]);
  }
  return given;
}

/** GET [type]/[id]/_history, [type]/_history and /_history */
export async function history(c: Context<FhirEnv>, deps: HistoryDeps): Promise<Response> {
  const type = c.req.param('type');
  const id = c.req.param('id');
  route(c, `${type === undefined ? '' : '/:type'}${id === undefined ? '' : '/:id'}/_history`);
  if (type !== undefined && !isDirectoryType(type)) throw new Outcome('unknown-type');
  if (id !== undefined && !ID_PATTERN.test(id)) throw new Outcome('not-found');
  checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
  const url = new URL(c.req.raw.url);
  const { applied, ...given } = readHistoryParameters(url.searchParams, {
    countMax: deps.config.directoryCountMax,
    lenient: (c.req.header('prefer') ?? '').includes('handling=lenient'),
  });
  const key = id === undefined ? undefined : `${type}/${id}`;
  const page = await readHistory(deps.database.sql, { ...given, type, key });
  if (page.entries.length === 0 && key !== undefined && !(await isKnown(deps.database.sql, key)))
    throw new Outcome('not-found');
  const path = [...(type === undefined ? [] : [type]), ...(id === undefined ? [] : [id]), '_history'].join('/');
  const link = (after: HistoryPosition | undefined) => {
    const query = new URLSearchParams(applied);
    if (after) query.append('_cursor', encodePosition(after));
    return `${deps.base}/${path}${query.size === 0 ? '' : `?${query}`}`;
  };
  const body = historyBundle({
    base: deps.base,
    entries: page.entries,
    self: link(given.after),
    next: page.next && link(page.next),
  });
  // weak: in JSON and in XML it is the same
  const headers = { etag: `W/${contentTag(body)}`, 'cache-control': 'no-cache' };
  // who asks again and again for what is new gets it when there is any
  if (isNotModified(c.req.header('if-none-match'), undefined, headers.etag, new Date(0)))
    return reply(c, null, 304, headers);
  return reply(c, body, 200, { 'content-type': FHIR_JSON, ...headers });
}
