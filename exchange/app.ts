// The exchange service: every route of the responder in one place.
import type { Hono } from 'hono';
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { type FhirEnv, fhirApp } from '../src/http/fhir-app.ts';
import { VERSION } from '../src/version.ts';
import { bulkMemberMatch } from './server/bulk-member-match.ts';
import { davinciDataExport } from './server/davinci-data-export.ts';
import { davinciConfiguration, keySet, metadata, smartConfiguration } from './server/discovery.ts';
import { exportFile } from './server/export-file.ts';
import { exportDelete, exportStatus } from './server/export-status.ts';
import { groupRead, groupSearch } from './server/group.ts';
import { token } from './server/token.ts';

const FHIR = '/exchange/fhir';

export function createExchange(deps: Deps): Hono<FhirEnv> {
  const app = fhirApp('exchange', deps);
  app.get(`${FHIR}/metadata`, metadata(deps, VERSION));
  app.get(`${FHIR}/.well-known/smart-configuration`, smartConfiguration(deps));
  app.get('/.well-known/smart-configuration', smartConfiguration(deps));
  app.get(`${FHIR}/.well-known/davinci-configuration`, davinciConfiguration(deps));
  app.get('/exchange/auth/jwks.json', keySet(deps, 'token'));
  app.get('/exchange/auth/client-jwks.json', keySet(deps, 'client'));
  app.post('/exchange/auth/token', token(deps));
  app.post(`${FHIR}/Group/$bulk-member-match`, bulkMemberMatch(deps));
  app.post(`${FHIR}/Group/:id/$davinci-data-export`, davinciDataExport(deps));
  app.get(`${FHIR}/Group/:id/$davinci-data-export`, davinciDataExport(deps));
  app.get(`${FHIR}/Group/:id`, groupRead(deps));
  app.get(`${FHIR}/Group`, groupSearch(deps));
  app.get(`${FHIR}/$export-status/:job`, exportStatus(deps));
  app.delete(`${FHIR}/$export-status/:job`, exportDelete(deps));
  app.get(`${FHIR}/$export-file/:job/:file`, exportFile(deps));
  // known paths, other methods
  for (const path of [
    'metadata',
    'Group',
    'Group/:id',
    'Group/$bulk-member-match',
    '$export-status/:job',
    '$export-file/:job/:file',
  ])
    app.all(`${FHIR}/${path}`, () => {
      throw new Outcome('method-not-allowed');
    });
  app.all('/exchange/auth/token', (c) =>
    c.json({ error: 'invalid_request', error_description: 'Use POST.' }, 405, {
      allow: 'POST',
      'cache-control': 'no-store',
    }),
  );
  return app;
}
