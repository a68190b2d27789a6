// What the merged view publishes: `$bulk-publish` of our records and of those peers whose records may be handed on, marked as
// merged. No other channel: what is filed with CMS, listed in our payer index or exported on request is our own directory only.
import type { Hono } from 'hono';
import { onSchema } from '../../src/db/schema-view.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../../src/http/negotiate.ts';
import { notAllowed } from '../app-answers.ts';
import { bulkChainPage, bulkPublish } from '../bulk-publish.ts';
import { type FileDeps, publicationFile } from '../publication-files.ts';
import { bulkDefinition } from '../publish/definitions.ts';
import type { PublishDeps } from '../publish/make-publication.ts';
import { bulkPath, filesPath, type Place } from '../publish/place.ts';
import { MERGED_SCHEMA } from './harvest/context.ts';
import { among } from './peer.ts';

const MERGED_PLACE: Place = { path: '/directory/all/publications', folder: 'merged-publication', among };

/** Publishing, over the merged view. */
export const mergedPublishing = (deps: PublishDeps): PublishDeps => ({
  ...deps,
  database: onSchema(deps.database, MERGED_SCHEMA),
  place: MERGED_PLACE,
});

/**
 * @param app at the origin
 * @param at at the merged base
 * @param deps over the merged schema
 */
export function mergedPublications(
  app: Hono<FhirEnv>,
  at: Hono<FhirEnv>,
  deps: Omit<FileDeps, 'place'>,
  given: { base: string; released: string },
): void {
  const here = { ...deps, place: MERGED_PLACE };
  const definition = JSON.stringify(bulkDefinition(given.base, given.released));
  at.get('/OperationDefinition/bulk-publish', (c) => {
    route(c, '/OperationDefinition/bulk-publish');
    checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
    return reply(c, definition, 200, { 'content-type': FHIR_JSON, 'cache-control': 'public, max-age=300' });
  });
  at.get('/$bulk-publish', (c) => bulkPublish(c, here));
  at.all('/$bulk-publish', (c) => notAllowed(c, 'GET, HEAD'));
  app.get(`${bulkPath(MERGED_PLACE)}/:page`, (c) => bulkChainPage(c, here));
  app.get(`${filesPath(MERGED_PLACE)}/*`, (c) => publicationFile(c, here));
  app.all(`${MERGED_PLACE.path}/*`, (c) => notAllowed(c, 'GET, HEAD'));
}
