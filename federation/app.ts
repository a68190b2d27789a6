// The merged base: the directory's own API over the schema in which our records stand beside those of peers, with Provenance.
import type { Hono } from 'hono';
import { createDirectory, type DirectoryDeps, type DirectoryOptions } from '../directory/app.ts';
import { CORS } from '../directory/app-answers.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { FHIR_JSON, type FhirEnv, fhirApp, reply, route } from '../src/http/fhir-app.ts';
import { onSchema } from '../src/store/schema-view.ts';
import { MERGED_PATH } from './harvest/context.ts';
import { MERGED_SCHEMA } from './merge.ts';
import { provenance, provenanceOf } from './provenance.ts';

const DESCRIPTION =
  'Merged view: the own directory beside the directories of other payers. Every record of another payer names its source in meta.source; none of it is republished as ours.';

/** The app, with its routes under {@link MERGED_PATH}. */
export function createFederation(deps: DirectoryDeps, options: DirectoryOptions = {}): Hono<FhirEnv> {
  const app = fhirApp('directory', deps, CORS);
  const at = app.basePath(MERGED_PATH);
  const { onQuick: _, ...shared } = options;
  const merged = createDirectory(
    { ...deps, database: onSchema(deps.database, MERGED_SCHEMA) },
    { ...shared, merged: { path: MERGED_PATH, description: DESCRIPTION } },
  );
  const base = `${deps.config.baseUrl}${MERGED_PATH}`;
  at.get('/Provenance', async (c) => {
    route(c, '/Provenance');
    const target = c.req.query('target');
    if (target === undefined) throw new Outcome('missing-parameter', 'Ask with target=Type/id.');
    return reply(c, JSON.stringify(await provenanceOf(deps.database.sql, target, base)), 200, {
      'content-type': FHIR_JSON,
      'cache-control': 'public, max-age=60',
    });
  });
  at.get('/Provenance/:id', async (c) => {
    route(c, '/Provenance/:id');
    const found = await provenance(deps.database.sql, c.req.param('id'), base);
    if (!found) throw new Outcome('not-found');
    return reply(c, JSON.stringify(found), 200, { 'content-type': FHIR_JSON, 'cache-control': 'public, max-age=60' });
  });
  app.all(`${MERGED_PATH}/*`, (c) => merged.fetch(c.req.raw, c.env));
  return app;
}
