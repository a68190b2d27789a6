// $export of the whole directory: kick-off, status and delete. Nothing is tied to a reader: a status URL names a
// publication or a shared set, and a random ticket that can be given back. https://hl7.org/fhir/uv/bulkdata/
import { createHash, randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { formatInstant } from '../src/fhir/instant.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { isObject, isResource, type Json, objects, text } from '../src/fhir/resource.ts';
import { type ExportRequest, isPlain, readExport } from '../src/fhir/search/export-request.ts';
import { DIRECTORY_TYPES, TYPE_IDS } from '../src/fhir/search/types.ts';
import { bodyText } from '../src/http/body.ts';
import { type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { fileUrl } from './publication-files.ts';
import { findExport, isReleased, releaseExport, requestExport } from './publish/export-set.ts';
import { filesOf, type SetFile } from './publish/file-set.ts';
import { newestFull } from './publish/publication.ts';

export type ExportDeps = Pick<Deps, 'config' | 'clock' | 'database' | 'wake'> & {
  /** public FHIR base */
  base: string;
  /** takes the requests of readers when `database` is a replica */
  requests?: Deps['database'];
};

const HOUR = 3_600_000;
const MAX_BODY = 65_536;
const STATUS = '$export-status';

/** `Accept` and `Prefer: respond-async` are treated as given. */
async function pairsOf(c: Context<FhirEnv>): Promise<[string, string][]> {
  const query = [...new URL(c.req.raw.url).searchParams];
  if (c.req.method !== 'POST') return query;
  const body = await bodyText(c, MAX_BODY);
  if (body.trim() === '') return query;
  const media = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (media !== 'application/fhir+json' && media !== 'application/json') throw new Outcome('unsupported-media-type');
  let json: Json;
  try {
    json = JSON.parse(body) as Json;
  } catch {
    throw new Outcome('invalid-json');
  }
  if (!isResource(json) || json.resourceType !== 'Parameters')
    throw new Outcome('unprocessable', 'The body must be a Parameters resource.');
  const given = objects(json['parameter']).map((p): [string, string] => {
    const [, value] = Object.entries(p).find(([key]) => key.startsWith('value')) ?? [];
    const name = text(p['name']);
    if (name === undefined || value === undefined || isObject(value) || Array.isArray(value))
      throw new Outcome('unprocessable', 'Each parameter needs a name and a primitive value.');
    return [name, String(value)];
  });
  return [...query, ...given];
}

/** Types as the bits of a number, for a status URL. */
const maskOf = (r: ExportRequest) =>
  (r.types.length === 0 ? DIRECTORY_TYPES : r.types).reduce((bits, t) => bits | (1 << TYPE_IDS[t]), 0).toString(16);

/** GET or POST [base]/$export */
export async function exportKickOff(c: Context<FhirEnv>, deps: ExportDeps): Promise<Response> {
  route(c, '/$export');
  const now = deps.clock();
  const lenient = /handling\s*=\s*"?lenient/i.test(c.req.header('prefer') ?? '');
  const request = readExport(await pairsOf(c), {
    base: deps.base,
    now,
    staleDays: deps.config.directoryStaleDays,
    lenient,
  });
  const newest = await newestFull(deps.database.sql);
  const ticket = randomBytes(12).toString('hex');
  let id: string;
  if (newest && isPlain(request)) id = `p${newest.number}-${maskOf(request)}-${ticket}`;
  else {
    const publication = newest?.number ?? 0;
    const key = createHash('sha256')
      .update(JSON.stringify([publication, request]))
      .digest('hex')
      .slice(0, 32);
    const asked = await requestExport((deps.requests ?? deps.database).sql, {
      key,
      publication,
      parameters: request,
      now,
      aliveSince: aliveSince(deps, now),
      open: deps.config.directoryExportOpen,
      sets: deps.config.directoryExportSets,
    });
    if (asked === 'full')
      throw new Outcome('throttled', 'Too many exports are waiting. Exports without filters are ready at any time.', {
        retryAfter: 120,
      });
    if (asked === 'asked') deps.wake?.();
    id = `e${key}-${ticket}`;
  }
  return reply(c, null, 202, {
    'content-location': `${deps.base}/${STATUS}/${id}`,
    'preference-applied': 'respond-async',
    'cache-control': 'no-store',
  });
}

const aliveSince = (deps: ExportDeps, now: Date) =>
  new Date(now.getTime() - deps.config.directoryExportKeepHours * HOUR);

type Place = { kind: 'publication'; number: number; mask: number } | { kind: 'set'; key: string };

/** @throws Outcome not-found */
async function placeOf(c: Context<FhirEnv>, deps: ExportDeps): Promise<Place & { ticket: string }> {
  const id = c.req.param('id') ?? '';
  const m = /^(?:p([1-9]\d{0,8})-([0-9a-f]{1,3})|e([0-9a-f]{32}))-([0-9a-f]{24})$/.exec(id);
  const ticket = m?.[4];
  if (!m || ticket === undefined || (await isReleased((deps.requests ?? deps.database).sql, ticket)))
    throw new Outcome('not-found');
  return m[3] === undefined
    ? { kind: 'publication', number: Number(m[1]), mask: Number.parseInt(m[2] ?? '0', 16), ticket }
    : { kind: 'set', key: m[3], ticket };
}

/** A manifest as of Bulk Data 2.0.0 and 3.0.0. */
function manifest(deps: ExportDeps, covers: Date, files: readonly SetFile[], request: Partial<ExportRequest>): string {
  const list = (kind: SetFile['kind']) =>
    files
      .filter((f) => f.kind === kind)
      .map((f) => ({ type: f.type, url: fileUrl(deps.config, f.name), count: f.lines, fileSize: f.bytes }));
  const query = new URLSearchParams();
  if (request.types && request.types.length > 0) query.set('_type', request.types.join(','));
  if (request.since !== undefined) query.set('_since', request.since);
  if (request.until !== undefined) query.set('_until', request.until);
  if (request.elements && request.elements.length > 0) query.set('_elements', request.elements.join(','));
  return JSON.stringify({
    transactionTime: formatInstant(covers),
    request: `${deps.base}/$export${query.size === 0 ? '' : `?${query}`}`,
    requiresAccessToken: false,
    outputFormat: 'application/fhir+ndjson',
    output: list('output'),
    deleted: list('deleted'),
    error: list('error'),
  });
}

/** GET [base]/$export-status/[id] */
export async function exportStatus(c: Context<FhirEnv>, deps: ExportDeps): Promise<Response> {
  route(c, `/${STATUS}/:id`);
  const place = await placeOf(c, deps);
  const { sql } = deps.database;
  const now = deps.clock();
  const keep = deps.config.directoryExportKeepHours * HOUR;
  const whole = (body: string, expires: Date) =>
    reply(c, body, 200, {
      'content-type': 'application/json',
      expires: expires.toUTCString(),
      'cache-control': 'no-store',
    });
  if (place.kind === 'publication') {
    const found = await newestFull(sql, place.number);
    const files = found?.fullSet == null ? [] : await filesOf(sql, found.fullSet);
    if (!found || (files.length === 0 && found.counts.some((n) => n > 0))) throw new Outcome('not-found');
    const types = DIRECTORY_TYPES.filter((t) => (place.mask >> TYPE_IDS[t]) & 1);
    const some = files.filter((f) => types.some((t) => t === f.type));
    const request = types.length === DIRECTORY_TYPES.length ? {} : { types };
    return whole(manifest(deps, found.covers, some, request), new Date(now.getTime() + keep));
  }
  const set = await findExport((deps.requests ?? deps.database).sql, place.key, aliveSince(deps, now));
  if (!set) throw new Outcome('not-found');
  if (set.state === 'failed') throw new Outcome('internal', 'The export failed. Ask again later.');
  if (set.state !== 'ready' || !set.covers || !set.madeAt)
    return reply(c, null, 202, {
      'x-progress': set.state === 'making' ? 'being written' : 'queued',
      'retry-after': '2',
      'cache-control': 'no-store',
    });
  const files = await filesOf(sql, set.id);
  return whole(manifest(deps, set.covers, files, set.parameters ?? {}), new Date(set.madeAt.getTime() + keep));
}

/** DELETE [base]/$export-status/[id]: this status URL is forgotten; the files are everybody's and go when their time is over. */
export async function exportDelete(c: Context<FhirEnv>, deps: ExportDeps): Promise<Response> {
  route(c, `/${STATUS}/:id`);
  const place = await placeOf(c, deps);
  const { sql } = deps.database;
  const known =
    place.kind === 'publication'
      ? await newestFull(sql, place.number)
      : await findExport((deps.requests ?? deps.database).sql, place.key, aliveSince(deps, deps.clock()));
  if (!known) throw new Outcome('not-found');
  await releaseExport((deps.requests ?? deps.database).sql, place.ticket, deps.clock());
  return reply(c, null, 202, { 'cache-control': 'no-store' });
}
