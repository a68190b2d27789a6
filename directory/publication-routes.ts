// Routes of everything that is published as files, and of the operations that lead to them.
import type { Hono } from 'hono';
import type { FhirEnv } from '../src/http/fhir-app.ts';
import { notAllowed } from './app-answers.ts';
import { BULK_PATH, bulkChainPage, bulkPublish } from './bulk-publish.ts';
import { type ExportDeps, exportDelete, exportKickOff, exportStatus } from './export.ts';
import { FILES_PATH, type FileDeps, publicationFile } from './publication-files.ts';

/**
 * @param app at the origin
 * @param at at the FHIR base
 */
export function publicationRoutes(app: Hono<FhirEnv>, at: Hono<FhirEnv>, deps: ExportDeps & FileDeps): void {
  at.get('/$bulk-publish', (c) => bulkPublish(c, deps));
  at.all('/$bulk-publish', (c) => notAllowed(c, 'GET, HEAD'));
  at.on(['GET', 'POST'], '/$export', (c) => exportKickOff(c, deps));
  at.all('/$export', (c) => notAllowed(c, 'GET, POST'));
  at.get('/$export-status/:id', (c) => exportStatus(c, deps));
  at.delete('/$export-status/:id', (c) => exportDelete(c, deps));
  at.all('/$export-status/:id', (c) => notAllowed(c, 'GET, HEAD, DELETE'));
  app.get(`${BULK_PATH}/:page`, (c) => bulkChainPage(c, deps));
  app.get(`${FILES_PATH}/*`, (c) => publicationFile(c, deps));
  for (const path of [`${BULK_PATH}/*`, `${FILES_PATH}/*`]) app.all(path, (c) => notAllowed(c, 'GET, HEAD'));
}
