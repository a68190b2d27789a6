// Where a payer says that its payer-to-payer exchange is: davinci-configuration (HRex) and payer-index (the Federated Payer
// Identifier prototype). What they say is shown to a person or compared with the record; it is never followed by itself.
// https://hl7.org/fhir/us/davinci-hrex/endpoint-discovery.html
import type { Deps } from '../../../src/deps.ts';
import { isObject, type Json, type JsonObject, objects, text } from '../../../src/fhir/resource.ts';
import { readBounded } from '../../../src/net/read-bounded.ts';

export type Endpoint = { source: 'davinci-configuration' | 'payer-index'; code: string; url: string };
/** `identifiers`: of the payer that publishes them, as it says. */
export type EndpointAnswer = {
  endpoints: Endpoint[];
  identifiers: { system: string; value: string }[];
  name: string | undefined;
  faults: string[];
};

const MAX = 4 * 1024 * 1024;
const TIMEOUT_MS = 15_000;
/** The codes that mean payer to payer; in davinci-configuration with and without a version. */
const HREX = 'davinci_pdex_payer_endpoint';
const FPI = 'davinci_payer_to_payer_endpoint';

const versionOf = (code: string): number[] => (code.split('#')[1] ?? '').split('.').map(Number);

/** The highest version first, then those without one. */
function newestFirst(a: Endpoint, b: Endpoint): number {
  const [left, right] = [versionOf(a.code), versionOf(b.code)];
  for (let i = 0; i < 3; i++) {
    const by = (right[i] ?? -1) - (left[i] ?? -1);
    if (by !== 0 && !Number.isNaN(by)) return by;
  }
  return 0;
}

const usable = (url: Json | undefined): url is string =>
  typeof url === 'string' && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
const bare = (url: string): string => url.replace(/\/+$/, '');

/** Payer-to-payer addresses of a davinci-configuration, newest version first. */
export function readDavinci(body: unknown): Endpoint[] {
  const b = body as Json;
  if (!isObject(b) || !isObject(b['endpoints'])) return [];
  return Object.entries(b['endpoints'])
    .filter(([code]) => code === HREX || code.startsWith(`${HREX}#`))
    .flatMap(([code, url]) => (usable(url) ? [{ source: 'davinci-configuration' as const, code, url: bare(url) }] : []))
    .sort(newestFirst);
}

/** Those of a payer-index: each once, though many plans name it. */
export function readPayerIndex(body: unknown): Endpoint[] {
  const b = body as Json;
  const found = new Map<string, Endpoint>();
  if (!isObject(b)) return [];
  for (const group of objects(b['plan_groups'])) {
    const endpoints = isObject(group['plan_endpoints']) ? group['plan_endpoints'] : {};
    for (const [code, url] of Object.entries(endpoints))
      if ((code === FPI || code.startsWith(`${FPI}#`)) && usable(url))
        found.set(`${code} ${url}`, { source: 'payer-index', code, url: bare(url) });
  }
  return [...found.values()].sort(newestFirst);
}

/** As it can be shown and kept. */
const isPlain = (said: string | undefined): said is string => said !== undefined && /^[!-~]{1,200}$/.test(said);

/** Whom either document says to be that payer: `identifier`, one or several. Each once. */
export function readIdentifiers(bodies: readonly unknown[]): EndpointAnswer['identifiers'] {
  const found = new Map<string, { system: string; value: string }>();
  for (const body of bodies) {
    const given = isObject(body as Json) ? (body as JsonObject)['identifier'] : undefined;
    for (const i of isObject(given) ? [given] : objects(given)) {
      const [system, value] = [text(i['system']), text(i['value'])?.trim()];
      if (isPlain(system) && isPlain(value)) found.set(`${system} ${value}`, { system, value });
    }
  }
  return [...found.values()];
}

/** Reads both documents below a base, without any token and without following redirects. */
export async function findEndpoints(deps: Pick<Deps, 'fetch'>, base: string): Promise<EndpointAnswer> {
  const answer: EndpointAnswer = { endpoints: [], identifiers: [], name: undefined, faults: [] };
  const bodies: Json[] = [];
  for (const [name, read] of [
    ['davinci-configuration', readDavinci],
    ['payer-index', readPayerIndex],
  ] as const)
    try {
      const response = await deps.fetch(`${bare(base)}/.well-known/${name}`, {
        headers: { accept: 'application/json' },
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.status !== 200) {
        await response.body?.cancel().catch(() => {});
        answer.faults.push(`${name}: ${response.status}`);
        continue;
      }
      const body = JSON.parse(await readBounded(response, MAX)) as Json;
      bodies.push(body);
      answer.endpoints.push(...read(body));
      if (name === 'payer-index' && isObject(body)) answer.name = text(body['payerLegalName']);
    } catch {
      answer.faults.push(`${name}: no answer that can be read`);
    }
  answer.identifiers = readIdentifiers(bodies);
  return answer;
}
