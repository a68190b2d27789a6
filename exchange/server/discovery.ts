// What a peer finds before it signs in: CapabilityStatement, SMART configuration, Da Vinci configuration and our keys.

import type { CapabilityStatement } from 'fhir/r4.js';
import type { Context } from 'hono';
import { ALGORITHMS } from '../../src/auth/client-assertion.ts';
import { OPERATION_SCOPES } from '../../src/auth/scopes.ts';
import type { Deps } from '../../src/deps.ts';
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { type FhirEnv, fhirBody, route } from '../../src/http/fhir-app.ts';
import { addresses } from '../plan.ts';
import { GRANTABLE_TYPES } from './token.ts';

const PUBLIC = { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' };
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex';
const BULK = 'http://hl7.org/fhir/uv/bulkdata';

/** Kits look for the plain name or for the one with the level; both mean the same operation. */
const exports = (level: 'group' | 'patient') => [
  { name: 'export', definition: `${BULK}/OperationDefinition/${level}-export` },
  { name: `${level}-export`, definition: `${BULK}/OperationDefinition/${level}-export` },
  { name: 'export-v4', definition: `${BULK}/OperationDefinition/${level}-export|4.0.0` },
];

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
    return c.json({ keys: await deps.keys.published(use) }, 200, PUBLIC);
  };
}

/** The statement of what the router serves; `operations` and interactions name routes of app.ts. */
export function capabilityStatement(deps: Pick<Deps, 'config'>, version: string, date: string): CapabilityStatement {
  const here = addresses(deps.config);
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date,
    kind: 'instance',
    software: { name: 'Payer Node', version },
    implementation: { description: `${deps.config.planName}: payer-to-payer exchange`, url: here.fhir },
    fhirVersion: '4.0.1',
    format: ['json', 'application/fhir+json'],
    instantiates: [`${BULK}/CapabilityStatement/bulk-data`],
    implementationGuide: [
      `${PDEX}/ImplementationGuide/hl7.fhir.us.davinci-pdex|2.2.0`,
      'http://hl7.org/fhir/us/davinci-hrex/ImplementationGuide/hl7.fhir.us.davinci-hrex|1.2.0',
      'http://hl7.org/fhir/uv/bulkdata/ImplementationGuide/hl7.fhir.uv.bulkdata|2.0.0',
    ],
    rest: [
      {
        mode: 'server',
        security: {
          extension: [
            {
              url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
              extension: [{ url: 'token', valueUri: here.token }],
            },
          ],
          service: [
            {
              coding: [
                { system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' },
              ],
            },
          ],
          description:
            'SMART Backend Services. Every request but discovery needs an access token; others are answered with 401.',
        },
        resource: [
          {
            type: 'Patient',
            operation: [
              {
                name: 'member-match',
                definition: 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match',
              },
              ...exports('patient'),
            ],
          },
          {
            type: 'Group',
            supportedProfile: [
              `${PDEX}/StructureDefinition/pdex-member-match-group`,
              `${PDEX}/StructureDefinition/pdex-member-no-match-group`,
            ],
            interaction: [{ code: 'read' }, { code: 'search-type' }],
            searchParam: [
              { name: 'code', type: 'token', definition: `${PDEX}/SearchParameter/group-code` },
              { name: 'identifier', type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Group-identifier' },
            ],
            operation: [
              { name: 'bulk-member-match', definition: `${PDEX}/OperationDefinition/BulkMemberMatch` },
              {
                name: 'davinci-data-export',
                definition: 'http://hl7.org/fhir/us/davinci-atr/OperationDefinition/davinci-data-export',
              },
              ...exports('group'),
            ],
          },
        ],
      },
    ],
  };
}

export function metadata(deps: Deps, version: string) {
  const started = deps.clock().toISOString();
  return (c: Context<FhirEnv>): Response => {
    route(c, '/exchange/fhir/metadata');
    return fhirBody(c, JSON.stringify(capabilityStatement(deps, version, started)), 200, PUBLIC);
  };
}
