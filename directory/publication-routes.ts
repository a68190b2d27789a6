// Routes of everything that is published as files, and of the operations that lead to them.
import type { Context, Hono } from 'hono';
import { Outcome } from '../src/fhir/outcome.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../src/http/negotiate.ts';
import { STYLE } from '../src/ui/style.ts';
import { notAllowed } from './app-answers.ts';
import { bulkChainPage, bulkPublish } from './bulk-publish.ts';
import { type ExportDeps, exportDelete, exportKickOff, exportStatus } from './export.ts';
import { MPF_PATH, mpfAuditFile, mpfAuditPage, mpfIndex } from './mpf-routes.ts';
import { type FileDeps, publicationFile, sendFile } from './publication-files.ts';
import { publicationsJson, publicationsPage } from './publications.ts';
import { publishDefinitions } from './publish/definitions.ts';
import { currentSet, filesOf } from './publish/file-set.ts';
import { STYLE_PATH } from './publish/frame.ts';
import { bulkPath, filesPath, OWN } from './publish/place.ts';

/** Date of these operations. */
const RELEASED = '2026-11-24';
const OTHERS = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Files with addresses that others prescribe. */
const WELL_KNOWN = [
  ['/.well-known/payer-index', 'index'],
  ['/cms-data-index.json', 'qhp'],
] as const;

async function wellKnown(
  c: Context<FhirEnv>,
  deps: FileDeps,
  path: string,
  channel: (typeof WELL_KNOWN)[number][1],
): Promise<Response> {
  route(c, path);
  const set = await currentSet(deps.database.sql, channel, '');
  const file = set && (await filesOf(deps.database.sql, set.id)).find((f) => f.kind === 'index');
  if (!file) throw new Outcome('not-found');
  return sendFile(c, deps, file.name, 'public, max-age=300');
}

/**
 * @param app at the origin
 * @param at at the FHIR base
 */
export function publicationRoutes(app: Hono<FhirEnv>, at: Hono<FhirEnv>, deps: ExportDeps & FileDeps): void {
  for (const definition of publishDefinitions(deps.base, RELEASED)) {
    const text = JSON.stringify(definition);
    const path = `/OperationDefinition/${definition.code}`;
    at.get(path, (c) => {
      route(c, path);
      checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
      return reply(c, text, 200, { 'content-type': FHIR_JSON, 'cache-control': 'public, max-age=300' });
    });
  }
  at.get('/$bulk-publish', (c) => bulkPublish(c, deps));
  at.all('/$bulk-publish', (c) => notAllowed(c, 'GET, HEAD'));
  // HEAD comes as GET does, and only looks: it must not begin anything
  at.on(['GET', 'POST'], '/$export', (c) =>
    c.req.method === 'HEAD' ? notAllowed(c, 'GET, POST') : exportKickOff(c, deps),
  );
  at.all('/$export', (c) => notAllowed(c, 'GET, POST'));
  at.get('/$export-status/:id', (c) => exportStatus(c, deps));
  at.delete('/$export-status/:id', (c) => exportDelete(c, deps));
  at.all('/$export-status/:id', (c) => notAllowed(c, 'GET, HEAD, DELETE'));
  app.get(`${bulkPath(OWN)}/:page`, (c) => bulkChainPage(c, deps));
  app.get(`${filesPath(OWN)}/*`, (c) => publicationFile(c, deps));
  const mpf = `${MPF_PATH}/:contract/:year`;
  app.get(`${mpf}/index.json`, (c) => mpfIndex(c, deps));
  app.get(`${mpf}/audit`, (c) => mpfAuditPage(c, deps));
  app.get(`${mpf}/audit.csv`, (c) => mpfAuditFile(c, deps, 'csv'));
  app.get(`${mpf}/audit.json`, (c) => mpfAuditFile(c, deps, 'json'));
  app.get('/publications', (c) => publicationsPage(c, deps));
  app.get('/publications.json', (c) => publicationsJson(c, deps));
  for (const path of ['/publications', '/publications.json']) app.on(OTHERS, path, (c) => notAllowed(c, 'GET, HEAD'));
  for (const [path, channel] of WELL_KNOWN) {
    app.get(path, (c) => wellKnown(c, deps, path, channel));
    app.on(OTHERS, path, (c) => notAllowed(c, 'GET, HEAD'));
  }
  app.get(STYLE_PATH, (c) => {
    route(c, STYLE_PATH);
    return reply(c, STYLE, 200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'public, max-age=3600' });
  });
  app.on(OTHERS, '/publications/*', (c) => notAllowed(c, 'GET, HEAD'));
}
