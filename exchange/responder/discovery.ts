// What a peer finds before it signs in: CapabilityStatement, SMART configuration, Da Vinci configuration and our keys.

import type { Context } from 'hono';
import { ALGORITHMS } from '../../src/auth/client-assertion.ts';
import { OPERATION_SCOPES } from '../../src/auth/scopes.ts';
import type { Deps } from '../../src/deps.ts';
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { type FhirEnv, fhirBody, route } from '../../src/http/fhir-app.ts';
import { checkAccepts } from '../../src/http/negotiate.ts';
import { addresses } from '../plan.ts';
import { capabilityStatement, type Route } from './capabilities.ts';
import { GRANTABLE_TYPES } from './token.ts';

const PUBLIC = { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' };

/** SMART configuration; with the same values the RFC 8414 document of the issuer. */
export function smartConfiguration(deps: Deps, path = '/exchange/fhir/.well-known/smart-configuration') {
  return (c: Context<FhirEnv>): Response => {
    route(c, path);
    const here = addresses(deps.config);
    return c.json(
      {
        issuer: here.issuer,
        jwks_uri: here.jwks,
        token_endpoint: here.token,
        grant_types_supported: ['client_credentials'],
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
        token_endpoint_auth_signing_alg_values_supported: [...ALGORITHMS],
        scopes_supported: [
          'system/*.rs',
          'system/*.read',
          ...GRANTABLE_TYPES.map((t) => `system/${t}.rs`),
          ...OPERATION_SCOPES,
        ],
        code_challenge_methods_supported: ['S256'],
        capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
      },
      200,
      PUBLIC,
    );
  };
}

export function davinciConfiguration(deps: Deps) {
  return (c: Context<FhirEnv>): Response => {
    route(c, '/exchange/fhir/.well-known/davinci-configuration');
    const here = addresses(deps.config);
    return c.json(
      {
        identifier: { system: NPI_SYSTEM, value: deps.config.planNpi },
        endpoints: { davinci_pdex_payer_endpoint: here.fhir, 'davinci_pdex_payer_endpoint#2.1': here.fhir },
      },
      200,
      PUBLIC,
    );
  };
}

export function keySet(deps: Deps, use: 'token' | 'client') {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, `/exchange/auth/${use === 'token' ? 'jwks' : 'client-jwks'}.json`);
    const uses = use === 'client' ? (['client', 'rsa-client'] as const) : [use];
    const keys = await Promise.all(uses.map((u) => deps.keys.published(u)));
    return c.json({ keys: keys.flat() }, 200, PUBLIC);
  };
}

export function metadata(deps: Deps, version: string, routes: () => readonly Route[]) {
  const started = deps.clock().toISOString();
  return (c: Context<FhirEnv>): Response => {
    route(c, '/exchange/fhir/metadata');
    checkAccepts(c.req.header('accept'), c.req.query('_format'));
    return fhirBody(c, JSON.stringify(capabilityStatement(deps, version, started, routes())), 200, PUBLIC);
  };
}
