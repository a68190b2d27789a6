// The exchange service: every route of the responder in one place.
import type { Handler, Hono } from 'hono';
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { prefersPage } from '../src/http/browser.ts';
import { type AddressOf, type FhirEnv, fhirApp } from '../src/http/fhir-app.ts';
import { VERSION } from '../src/version.ts';
import { docsPage, docsStyle } from './integrate/docs-page.ts';
import { openapiJson } from './integrate/openapi.ts';
import { selfTest } from './integrate/self-test-page.ts';
import { STYLE_PATH } from './integrate/style.ts';
import { davinciConfiguration, keySet, metadata, smartConfiguration } from './responder/discovery.ts';
import { groupExport, patientExport, systemExport } from './responder/export/bulk-export.ts';
import { davinciDataExport } from './responder/export/davinci-data-export.ts';
import { exportFile } from './responder/export/export-file.ts';
import { exportDelete, exportStatus } from './responder/export/export-status.ts';
import { bulkMemberMatch } from './responder/match/bulk-member-match.ts';
import { memberMatch } from './responder/match/member-match.ts';
import { knownOperations } from './responder/operations.ts';
import { noteRefused } from './responder/refused-request.ts';
import { reserved } from './responder/reserved.ts';
import { binaryRead } from './responder/search/binary.ts';
import { groupHistory, groupRead, groupSearch, groupVersion } from './responder/search/group.ts';
import { memberRoutes } from './responder/search/member-routes.ts';
import { token } from './responder/token.ts';

const FHIR = '/exchange/fhir';

/** RFC 8414 3.1: the path of the issuer comes after the well-known name. */
const AUTHORIZATION_SERVER = '/.well-known/oauth-authorization-server/exchange/auth';

/** Operations whose GET begins an export. */
const KICK_OFF = /\/\$(?:davinci-data-)?export$/;

type Method = 'GET' | 'POST' | 'DELETE';

/** @param addressOf where a request came from, for the limits of the token endpoint */
export function createExchange(deps: Deps, addressOf: AddressOf = () => 'unknown'): Hono<FhirEnv> {
  const app = fhirApp('exchange', deps);
  const bulkMatch = bulkMemberMatch(deps);
  const routes: Record<string, Partial<Record<Method, Handler<FhirEnv>>>> = {
    [`${FHIR}/metadata`]: { GET: metadata(deps, VERSION, () => listed) },
    [`${FHIR}/.well-known/smart-configuration`]: { GET: smartConfiguration(deps) },
    '/.well-known/smart-configuration': { GET: smartConfiguration(deps) },
    [AUTHORIZATION_SERVER]: { GET: smartConfiguration(deps, AUTHORIZATION_SERVER) },
    [`${FHIR}/.well-known/davinci-configuration`]: { GET: davinciConfiguration(deps) },
    '/exchange/auth/jwks.json': { GET: keySet(deps, 'token') },
    '/exchange/auth/client-jwks.json': { GET: keySet(deps, 'client') },
    [`${FHIR}/Group/$bulk-member-match`]: { POST: bulkMatch },
    // the text of PDex calls it so, and clients there are that do
    [`${FHIR}/Group/$multi-member-match`]: { POST: bulkMatch },
    [`${FHIR}/Patient/$member-match`]: { POST: memberMatch(deps) },
    [`${FHIR}/Group/:id/$davinci-data-export`]: { GET: davinciDataExport(deps), POST: davinciDataExport(deps) },
    [`${FHIR}/Group/:id/$export`]: { GET: groupExport(deps, 'export'), POST: groupExport(deps, 'export') },
    [`${FHIR}/Group/:id/$export-v4`]: { POST: groupExport(deps, 'export-v4') },
    [`${FHIR}/Patient/$export`]: { GET: patientExport(deps, 'export'), POST: patientExport(deps, 'export') },
    [`${FHIR}/Patient/$export-v4`]: { POST: patientExport(deps, 'export-v4') },
    [`${FHIR}/$export`]: { GET: systemExport(deps, 'export'), POST: systemExport(deps, 'export') },
    [`${FHIR}/$export-v4`]: { POST: systemExport(deps, 'export-v4') },
    [`${FHIR}/Binary/:id`]: { GET: binaryRead(deps) },
    [`${FHIR}/Group/_search`]: { POST: groupSearch(deps) },
    [`${FHIR}/Group/:id`]: { GET: groupRead(deps) },
    [`${FHIR}/Group/:id/_history`]: { GET: groupHistory(deps) },
    [`${FHIR}/Group/:id/_history/:version`]: { GET: groupVersion(deps) },
    [`${FHIR}/Group`]: { GET: groupSearch(deps) },
    [`${FHIR}/$export-status/:job`]: { GET: exportStatus(deps), DELETE: exportDelete(deps) },
    [`${FHIR}/$export-file/:job/:file`]: { GET: exportFile(deps) },
    [`${FHIR}/$self-test`]: { GET: selfTest(deps) },
    '/openapi.json': { GET: openapiJson(deps, VERSION) },
    '/exchange/openapi.json': { GET: openapiJson(deps, VERSION) },
    '/exchange/docs': { GET: docsPage(deps) },
    [STYLE_PATH]: { GET: docsStyle() },
    ...memberRoutes(deps, FHIR),
  };
  const listed = Object.entries(routes).flatMap(([path, handlers]) =>
    path.startsWith(`${FHIR}/`)
      ? Object.keys(handlers).map((method) => ({ method, path: path.slice(FHIR.length + 1) }))
      : [],
  );
  // people who open the address get the page that states what it is; it links the CapabilityStatement
  app.use(FHIR, async (c, next) =>
    c.req.method === 'GET' && prefersPage(c) ? c.redirect('/exchange/docs', 303) : next(),
  );
  app.use(`${FHIR}/*`, noteRefused(deps));
  app.use(`${FHIR}/*`, knownOperations(FHIR, Object.keys(routes)));
  for (const [path, handlers] of Object.entries(routes)) {
    // a known path, another method: RFC 9110 asks for the methods there are
    const withHead = !KICK_OFF.test(path);
    const allow = Object.keys(handlers).flatMap((m) => (m === 'GET' && withHead ? ['GET', 'HEAD'] : [m]));
    const refuse = () => {
      throw new Outcome('method-not-allowed', undefined, { headers: { allow: allow.join(', ') } });
    };
    // HEAD comes as GET does, and only looks: it must not begin anything
    if (!withHead) app.use(path, async (c, next) => (c.req.method === 'HEAD' ? refuse() : next()));
    for (const [method, handler] of Object.entries(handlers)) app.on(method, path, handler);
    app.all(path, refuse);
  }
  reserved(app);
  app.post('/exchange/auth/token', token(deps, addressOf));
  app.all('/exchange/auth/token', (c) =>
    c.json({ error: 'invalid_request', error_description: 'Use POST.' }, 405, {
      allow: 'POST',
      'cache-control': 'no-store',
    }),
  );
  return app;
}
