// $in-network: is this provider in this plan on this day? GET with a query, POST with Parameters or a form.
// docs/in-network.md. Values sent by POST stay out of URLs.
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { isResource } from '../src/fhir/resource.ts';
import { bodyText } from '../src/http/body.ts';
import { entityTag, isNotModified } from '../src/http/conditional.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../src/http/negotiate.ts';
import { queryPairs } from '../src/http/query.ts';
import { formOf } from './answer-forms.ts';
import { answerQuestion } from './in-network/answer.ts';
import { toParameters } from './in-network/parameters.ts';
import { pairsOf, readQuestion } from './in-network/question.ts';
import { signStatement } from './in-network/statement.ts';
import { readState } from './resource/resource.ts';

export type InNetworkDeps = Pick<Deps, 'database' | 'config' | 'clock' | 'keys'> & {
  /** public FHIR base */
  base: string;
};

const MAX_URL = 8192;
const MAX_BODY = 65_536;

/** GET [base]/$in-network?… */
export async function inNetworkByGet(c: Context<FhirEnv>, deps: InNetworkDeps): Promise<Response> {
  route(c, '/$in-network');
  if (c.req.raw.url.length > MAX_URL) throw new Outcome('url-too-long');
  return inNetwork(c, deps, queryPairs(c));
}

/** POST [base]/$in-network with a Parameters resource or a form */
export async function inNetworkByPost(c: Context<FhirEnv>, deps: InNetworkDeps): Promise<Response> {
  route(c, '/$in-network');
  const type = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const isForm = type === 'application/x-www-form-urlencoded';
  if (!isForm && !/^application\/(fhir\+)?json$/.test(type)) throw new Outcome('unsupported-media-type');
  const body = await bodyText(c, MAX_BODY);
  return inNetwork(c, deps, [...queryPairs(c), ...(isForm ? new URLSearchParams(body) : pairsOf(parametersOf(body)))]);
}

function parametersOf(body: string) {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new Outcome('invalid-json');
  }
  if (!isResource(parsed)) throw new Outcome('unprocessable', 'Send a Parameters resource.');
  return parsed;
}

async function inNetwork(c: Context<FhirEnv>, deps: InNetworkDeps, pairs: [string, string][]): Promise<Response> {
  const format = pairs.find(([name]) => name === '_format')?.[1];
  const signed = wantsSigned(c.req.header('accept'), format);
  if (!signed) checkJsonOrXml(c.req.header('accept'), format);
  c.set('form', formOf(c.req.header('accept'), pairs));
  const now = deps.clock();
  const question = readQuestion(pairs, deps.base, now);
  // the answer may change with the directory and with the day: today is the default date, and verifications grow old
  const today = now.toISOString().slice(0, 10);
  const tagOf = (change: string) => entityTag(`${change}-${today}${signed ? '-jws' : ''}`);
  const headers = { 'cache-control': 'no-cache', vary: 'accept' };
  const known = c.req.header('if-none-match');
  if (known !== undefined) {
    const { change, changedAt } = await readState(deps.database.sql);
    const etag = tagOf(String(change));
    if (isNotModified(known, undefined, etag, changedAt ?? now)) return reply(c, null, 304, { etag, ...headers });
  }
  const answer = await answerQuestion(question, deps);
  const parameters = toParameters(answer);
  const etag = tagOf(answer.change);
  if (!signed) return reply(c, parameters, 200, { 'content-type': FHIR_JSON, etag, ...headers });
  const statement = await signStatement(parameters, deps.keys, deps.config.baseUrl, now);
  return reply(c, statement, 200, {
    'content-type': 'application/jose',
    'content-disposition': `attachment; filename="in-network-${question.date}.jws"`,
    etag,
    ...headers,
  });
}

function wantsSigned(accept: string | undefined, format: string | undefined): boolean {
  if (format !== undefined && format !== '') return format === 'jws' || format === 'application/jose';
  return accept?.split(',', 1)[0]?.trim().toLowerCase() === 'application/jose';
}

/** GET [base]/OperationDefinition/in-network */
export function inNetworkDefinitionPage(c: Context<FhirEnv>, text: string): Response {
  route(c, '/OperationDefinition/in-network');
  checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
  return reply(c, text, 200, { 'content-type': FHIR_JSON, 'cache-control': 'public, max-age=300' });
}

/** GET /.well-known/directory-jwks.json: every key that ever signed, as long as it is kept. */
export async function directoryKeys(c: Context<FhirEnv>, deps: Pick<Deps, 'keys'>): Promise<Response> {
  route(c, '/.well-known/directory-jwks.json');
  return reply(c, JSON.stringify({ keys: await deps.keys.published('directory') }), 200, {
    'content-type': 'application/jwk-set+json',
    'cache-control': 'public, max-age=300',
  });
}
