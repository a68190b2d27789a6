// $bulk-publish: the root manifest and the pages of its chain, made from rows; the files are static.
// Bulk Data Access 4.0.0-ballot, Bulk Publish; docs/publication.md
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { formatInstant } from '../src/fhir/instant.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { contentTag, isNotModified } from '../src/http/conditional.ts';
import { type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { fileUrl } from './publication-files.ts';
import { bulkPage, type ChainPage } from './publish/bulk-page.ts';
import type { SetFile } from './publish/file-set.ts';
import { bulkPath, OWN, type Place } from './publish/place.ts';

export type BulkDeps = Pick<Deps, 'config' | 'database'> & { place?: Place };

const MANIFEST = 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkPublishManifest';
/** The root, and pages whose next is still to come, are asked for again and again. */
const FRESH = 'public, max-age=10';
const SETTLED = 'public, max-age=31536000, immutable';

const url = (deps: BulkDeps, page: string) => `${deps.config.baseUrl}${bulkPath(deps.place ?? OWN)}/${page}.json`;

/** A manifest page. `link` of the root is its own start page, of others what follows in the chain. */
function manifestPage(
  page: ChainPage,
  next: string,
  options: { every: string; merged?: boolean; fileUrl: (name: string) => string },
): Record<string, unknown> {
  const list = (kind: SetFile['kind']) =>
    page.files
      .filter((f) => f.kind === kind)
      .map((f) => ({
        ...(kind === 'output' ? { type: f.type } : {}),
        url: options.fileUrl(f.name),
        count: f.lines,
        fileSize: f.bytes,
      }));
  const output = list('output');
  const deleted = list('deleted');
  return {
    manifestType: MANIFEST,
    transactionTime: formatInstant(page.covers),
    requiresAccessToken: false,
    ...(options.every === 'off' ? {} : { updateCadence: options.every }),
    outputFormat: 'application/fhir+ndjson',
    ...(options.merged === true ? { extension: { merged: true } } : {}),
    ...(output.length === 0 ? {} : { output }),
    ...(deleted.length === 0 ? {} : { deleted }),
    link: [{ relation: 'next', url: next }],
  };
}

function send(c: Context<FhirEnv>, deps: BulkDeps, page: ChainPage, next: string, cache: string): Response {
  const body = JSON.stringify(
    manifestPage(page, next, {
      every: deps.config.publishEvery,
      merged: deps.place?.among !== undefined,
      fileUrl: (name) => fileUrl(deps.config, name, deps.place),
    }),
  );
  const etag = contentTag(body);
  const headers = { etag, 'last-modified': page.changedAt.toUTCString(), 'cache-control': cache };
  if (isNotModified(c.req.header('if-none-match'), c.req.header('if-modified-since'), etag, page.changedAt))
    return reply(c, null, 304, headers);
  const bytes = Buffer.from(body);
  return reply(c, bytes, 200, {
    ...headers,
    'content-type': 'application/json',
    'content-length': String(bytes.length),
  });
}

/** GET [base]/$bulk-publish: the newest root snapshot. */
export async function bulkPublish(c: Context<FhirEnv>, deps: BulkDeps): Promise<Response> {
  route(c, '/$bulk-publish');
  const page = await bulkPage(deps.database.sql, 'root');
  if (!page) throw new Outcome('unavailable', 'Nothing was published yet.', { retryAfter: 60 });
  return send(c, deps, page, url(deps, `start-${page.number}`), FRESH);
}

/** GET of a page: `start-41` follows the root of publication 41, `page-42` holds what changed in publication 42. */
export async function bulkChainPage(c: Context<FhirEnv>, deps: BulkDeps): Promise<Response> {
  route(c, `${bulkPath(deps.place ?? OWN)}/:page`);
  const m = /^(start|page)-([1-9]\d{0,8})\.json$/.exec(c.req.param('page') ?? '');
  const page = m && (await bulkPage(deps.database.sql, m[1] === 'start' ? 'start' : 'changes', Number(m[2])));
  if (!page) throw new Outcome('not-found');
  const next = page.next !== undefined ? url(deps, `page-${page.next}`) : page.closed ? '#closed' : '#pending';
  return send(c, deps, page, next, next === '#pending' ? FRESH : SETTLED);
}
