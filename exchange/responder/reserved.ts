// Addresses that other ways of trust will use: kept free, and answered so that a client knows they are not there yet.
// UDAP: https://hl7.org/fhir/us/udap-security/discovery.html says 404 means not supported.
import type { Hono } from 'hono';
import { Outcome } from '../../src/fhir/outcome.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';

/** OAuth endpoints without a use here: registration is by staff, tokens live five minutes and end with their peer. */
const LATER = ['register', 'introspect', 'revoke'] as const;

export function reserved(app: Hono<FhirEnv>): void {
  for (const path of ['/exchange/fhir/.well-known/udap', '/.well-known/udap'])
    app.all(path, (c) => {
      route(c, path);
      throw new Outcome('unknown-route', 'UDAP is not supported.');
    });
  for (const name of LATER)
    app.all(`/exchange/auth/${name}`, (c) => {
      route(c, `/exchange/auth/${name}`);
      const text = 'Not supported. Clients are registered by staff; see the documentation of this server.';
      return c.json({ error: 'unsupported_operation', error_description: text }, 501, { 'cache-control': 'no-store' });
    });
}
