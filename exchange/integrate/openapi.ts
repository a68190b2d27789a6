// OpenAPI 3.1 of the routes that are not FHIR: the authorization server, discovery and the pages for integrators. FHIR routes
// are described by the CapabilityStatement. https://spec.openapis.org/oas/v3.1.1
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';
import { addresses } from '../plan.ts';

type Answer = { description: string; type?: string; schema?: object };
type Described = {
  path: string;
  method: 'get' | 'post';
  summary: string;
  answers: Record<string, Answer>;
  form?: object;
};

const JSON_TYPE = 'application/json';
const string = { type: 'string' } as const;
const strings = { type: 'array', items: string } as const;
const object = (properties: Record<string, object>, required: string[] = Object.keys(properties)) => ({
  type: 'object',
  required,
  properties,
});
const jwks = object({
  keys: {
    type: 'array',
    items: object(
      { kty: string, kid: string, alg: string, use: string, crv: string, x: string, y: string, n: string, e: string },
      ['kty', 'kid', 'alg', 'use'],
    ),
  },
});
const smart = object({
  issuer: string,
  jwks_uri: string,
  token_endpoint: string,
  grant_types_supported: strings,
  token_endpoint_auth_methods_supported: strings,
  token_endpoint_auth_signing_alg_values_supported: strings,
  scopes_supported: strings,
  code_challenge_methods_supported: strings,
  capabilities: strings,
});
const oauthError = object({
  error: { type: 'string', enum: ['invalid_request', 'invalid_client', 'invalid_scope', 'unsupported_grant_type'] },
  error_description: string,
});
const later = (name: string): Described => ({
  path: `/exchange/auth/${name}`,
  method: 'post',
  summary: 'Reserved; not supported.',
  answers: {
    '501': {
      description: 'Not supported',
      type: JSON_TYPE,
      schema: object({ error: string, error_description: string }),
    },
  },
});

export const DESCRIBED: readonly Described[] = [
  {
    path: '/exchange/auth/token',
    method: 'post',
    summary: 'An access token for a client assertion (SMART Backend Services).',
    form: object(
      {
        grant_type: { const: 'client_credentials' },
        scope: { type: 'string', description: 'space-delimited; what is both asked and allowed is granted' },
        client_assertion_type: { const: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
        client_assertion: { type: 'string', description: 'compact JWS, ES384 or RS384, good once' },
        client_id: string,
      },
      ['grant_type', 'scope', 'client_assertion_type', 'client_assertion'],
    ),
    answers: {
      '200': {
        description: 'A token, 300 seconds long',
        type: JSON_TYPE,
        schema: object({
          access_token: string,
          token_type: { const: 'bearer' },
          expires_in: { type: 'integer' },
          scope: string,
        }),
      },
      '400': { description: 'The request, the grant or the scope', type: JSON_TYPE, schema: oauthError },
      '401': { description: 'The client was not authenticated', type: JSON_TYPE, schema: oauthError },
      '405': { description: 'Not POST', type: JSON_TYPE, schema: oauthError },
      '429': { description: 'Too many refusals; see Retry-After', type: JSON_TYPE, schema: oauthError },
      '503': { description: 'Not available; see Retry-After' },
    },
  },
  later('register'),
  later('introspect'),
  later('revoke'),
  {
    path: '/exchange/auth/jwks.json',
    method: 'get',
    summary: 'Public keys of our access tokens.',
    answers: { '200': { description: 'A JWK Set', type: JSON_TYPE, schema: jwks } },
  },
  {
    path: '/exchange/auth/client-jwks.json',
    method: 'get',
    summary: 'Public keys with which we sign in at other payers.',
    answers: { '200': { description: 'A JWK Set', type: JSON_TYPE, schema: jwks } },
  },
  ...[
    '/exchange/fhir/.well-known/smart-configuration',
    '/.well-known/smart-configuration',
    '/.well-known/oauth-authorization-server/exchange/auth',
  ].map(
    (path): Described => ({
      path,
      method: 'get',
      summary: 'SMART configuration; the same values under RFC 8414.',
      answers: { '200': { description: 'The configuration', type: JSON_TYPE, schema: smart } },
    }),
  ),
  {
    path: '/exchange/fhir/.well-known/davinci-configuration',
    method: 'get',
    summary: 'Da Vinci endpoint discovery.',
    answers: {
      '200': {
        description: 'Who we are and where',
        type: JSON_TYPE,
        schema: object({
          identifier: object({ system: string, value: string }),
          endpoints: { type: 'object', additionalProperties: string },
        }),
      },
    },
  },
  {
    path: '/openapi.json',
    method: 'get',
    summary: 'This description.',
    answers: { '200': { description: 'OpenAPI 3.1', type: JSON_TYPE, schema: { type: 'object' } } },
  },
  {
    path: '/exchange/openapi.json',
    method: 'get',
    summary: 'This description.',
    answers: { '200': { description: 'OpenAPI 3.1', type: JSON_TYPE, schema: { type: 'object' } } },
  },
  {
    path: '/exchange/docs',
    method: 'get',
    summary: 'The documentation for integrators, with examples.',
    answers: { '200': { description: 'A page', type: 'text/html', schema: string } },
  },
  {
    path: '/exchange/docs.css',
    method: 'get',
    summary: 'The stylesheet of the pages.',
    answers: { '200': { description: 'CSS', type: 'text/css', schema: string } },
  },
  {
    path: '/exchange/fhir/$self-test',
    method: 'get',
    summary:
      'In the sandbox: what the client named by `client` has done so far, step by step. JSON, or a page for text/html.',
    answers: {
      '200': {
        description: 'The report',
        type: JSON_TYPE,
        schema: object({
          client: string,
          state: string,
          passed: { type: 'integer' },
          steps: { type: 'array', items: object({ id: string, what: string, state: string, hint: string }) },
          trouble: { type: 'array', items: { type: 'object' } },
          try: { type: ['object', 'null'] },
        }),
      },
      '400': { description: 'No such client' },
      '404': { description: 'Not a sandbox' },
    },
  },
];

function openapi(deps: Pick<Deps, 'config'>, version: string) {
  const here = addresses(deps.config);
  const paths: Record<string, Record<string, object>> = {};
  for (const d of DESCRIBED) {
    const responses = Object.fromEntries(
      Object.entries(d.answers).map(([status, a]) => [
        status,
        {
          description: a.description,
          ...(a.type === undefined ? {} : { content: { [a.type]: { schema: a.schema ?? {} } } }),
        },
      ]),
    );
    const parameters = d.path.endsWith('$self-test')
      ? [{ name: 'client', in: 'query', required: true, schema: string }]
      : [];
    paths[d.path] = {
      ...paths[d.path],
      [d.method]: {
        summary: d.summary,
        operationId: `${d.method}${d.path.replaceAll(/[^A-Za-z0-9]+/g, '_')}`,
        ...(parameters.length > 0 ? { parameters } : {}),
        ...(d.form
          ? { requestBody: { required: true, content: { 'application/x-www-form-urlencoded': { schema: d.form } } } }
          : {}),
        responses,
      },
    };
  }
  return {
    openapi: '3.1.1',
    // none of these routes asks for a token
    security: [],
    info: {
      title: `${deps.config.planName}: payer-to-payer exchange, routes beside FHIR`,
      version,
      description: `FHIR routes are described at ${here.fhir}/metadata.`,
    },
    servers: [{ url: deps.config.baseUrl }],
    paths,
  };
}

export function openapiJson(deps: Deps, version: string) {
  return (c: Context<FhirEnv>): Response => {
    route(c, '/exchange/openapi.json');
    return c.json(openapi(deps, version), 200, {
      'cache-control': 'public, max-age=300',
      'access-control-allow-origin': '*',
    });
  };
}
