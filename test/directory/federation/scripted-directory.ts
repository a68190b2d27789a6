// A directory of another payer that does what a test tells it: a FHIR server over lists of records, with every habit a switch.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { withCheckDigit } from '../../../src/fhir/npi.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';

export type Answer = { status?: number; headers?: Record<string, string>; body: string | Buffer };
type Handler = (request: IncomingMessage, url: URL) => Answer | 'cut' | undefined;

const NPI = 'http://hl7.org/fhir/sid/us-npi';
export const npi = (n: number) => withCheckDigit(String(900_100_000 + n));

/** Invented people, places and a network. */
export function records(people = 12): Resource[] {
  const meta = (n: number) => ({ versionId: '1', lastUpdated: new Date(Date.UTC(2027, 0, 1, 0, n)).toISOString() });
  const list: Resource[] = [
    {
      resourceType: 'Organization',
      id: 'net',
      meta: meta(1),
      active: true,
      name: 'Oak Network',
      type: [
        { coding: [{ system: 'http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/OrgTypeCS', code: 'ntwk' }] },
      ],
    },
    {
      resourceType: 'Organization',
      id: 'clinic',
      meta: meta(2),
      active: true,
      name: 'Elm Clinic',
      identifier: [{ system: NPI, value: npi(999) }],
    },
    {
      resourceType: 'Location',
      id: 'loc',
      meta: meta(3),
      status: 'active',
      name: 'Elm Way',
      address: { line: ['7 Elm Way'], city: 'Hartford', state: 'CT', postalCode: '06103' },
      position: { longitude: -72.68, latitude: 41.76 },
    },
  ];
  for (let n = 1; n <= people; n++) {
    list.push({
      resourceType: 'Practitioner',
      id: `p${n}`,
      meta: meta(10 + n),
      active: true,
      identifier: [
        { system: NPI, value: npi(n) },
        { system: 'urn:oak', value: `x${n}` },
      ],
      name: [{ family: `Rivera${n}`, given: ['Ana', `N${n}`] }],
      gender: 'female',
      address: [{ line: [`${n} Elm Way`], city: 'Hartford', state: 'CT', postalCode: '06103' }],
      telecom: [
        { system: 'phone', value: '860-555-0101' },
        { system: 'email', value: `p${n}@oak.example` },
      ],
    });
    list.push({
      resourceType: 'PractitionerRole',
      id: `r${n}`,
      meta: meta(200 + n),
      active: true,
      practitioner: { reference: `Practitioner/p${n}` },
      organization: { reference: 'Organization/clinic' },
      location: [{ reference: 'Location/loc' }],
      specialty: [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '207R00000X' }] }],
      extension: [
        {
          url: 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference',
          valueReference: { reference: 'Organization/net' },
        },
      ],
    });
  }
  return list;
}

export type Script = {
  records: Resource[];
  /** entries of a page whatever was asked; 0: as asked */
  stride: number;
  /** total by what there is */
  total: (n: number, page: number) => number | undefined;
  /** results end after so many */
  cap: number;
  lastUpdated: 'works' | 'ignored' | number;
  enumerates: boolean;
  bareSearch: boolean;
  sortable: boolean;
  history: boolean;
  bulk: boolean;
  /** form of the link to the next page */
  link: (url: string) => string;
  /** the records in the order of a request */
  order: (list: Resource[], requests: number) => Resource[];
  /** each record as it leaves */
  each: (resource: Resource, requests: number) => Resource;
  /** answers before everything else */
  first: Handler | undefined;
  /** after the body of a page was made */
  page: (bundle: JsonObject, url: URL, requests: number) => JsonObject;
  deleted: { type: string; id: string; at: string }[];
  /** what a history calls something that is gone */
  gone: (key: string) => object;
  date: () => Date;
};

export async function scriptedDirectory(people = 12) {
  const seen: { path: string; headers: IncomingMessage['headers'] }[] = [];
  const fresh = (): Script => ({
    records: records(people),
    stride: 0,
    total: (n) => n,
    cap: Number.POSITIVE_INFINITY,
    lastUpdated: 'works',
    enumerates: true,
    bareSearch: true,
    sortable: true,
    history: false,
    bulk: false,
    link: (url) => url,
    order: (list) => list,
    each: (r) => r,
    first: undefined,
    page: (b) => b,
    deleted: [],
    gone: (key) => ({ request: { method: 'DELETE', url: key } }),
    date: () => new Date('2027-03-01T12:00:00Z'),
  });
  let script = fresh();
  let requests = 0;
  const server = createServer((request, answer) => {
    requests++;
    const url = new URL(request.url ?? '/', base);
    seen.push({ path: request.url ?? '', headers: request.headers });
    answer.setHeader('date', script.date().toUTCString());
    const given = script.first?.(request, url);
    if (given === 'cut')
      return void answer.writeHead(200, { 'content-length': '100000' }).write('{"cut":', () => answer.destroy());
    send(answer, given ?? respond(url));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fhir = `${base}/fhir`;

  function respond(url: URL): Answer {
    const path = url.pathname.replace(/^(?:\/\w+)?\/fhir\/?/, '');
    if (path === 'metadata')
      return json({
        resourceType: 'CapabilityStatement',
        fhirVersion: '4.0.1',
        software: { name: 'Scripted' },
        rest: [{ operation: [] }],
      });
    const [type = '', sub] = path.split('/');
    if (type === '$bulk-publish' || !/^[A-Z]/.test(type)) return outcome(404);
    const q = url.searchParams;
    if (sub === '_history') return script.history ? history(type, q) : outcome(404);
    return search(type, q, url);
  }

  function history(type: string, q: URLSearchParams): Answer {
    const since = Date.parse(q.get('_since') ?? '1970-01-01');
    const at = (r: Resource) => (r['meta'] as { lastUpdated: string }).lastUpdated;
    const versions = [
      ...script.records
        .filter((r) => r.resourceType === type)
        .map((r) => ({
          at: at(r),
          entry: {
            resource: r,
            request: { method: 'PUT', url: `${type}/${String(r['id'])}` },
            response: { status: '200', lastModified: at(r) },
          },
        })),
      ...script.deleted
        .filter((d) => d.type === type)
        .map((d) => ({
          at: d.at,
          entry: {
            ...script.gone(`${type}/${d.id}`),
            response: { status: '204', lastModified: d.at },
          },
        })),
    ].filter((v) => Date.parse(v.at) >= since);
    versions.sort((a, b) => a.at.localeCompare(b.at));
    return json({
      resourceType: 'Bundle',
      type: 'history',
      total: versions.length,
      entry: versions.map((v) => v.entry),
    });
  }

  function search(type: string, q: URLSearchParams, url: URL): Answer {
    const by = ['identifier', 'practitioner', '_id'].find((p) => q.has(p));
    if (!script.bareSearch && !by && !q.has('_lastUpdated')) return outcome(400);
    if (q.has('_sort') && !script.sortable) return outcome(400);
    if (q.has('_lastUpdated') && typeof script.lastUpdated === 'number') return outcome(script.lastUpdated);
    let list = script.records.filter((r) => r.resourceType === type);
    if (by === '_id') list = list.filter((r) => (q.get('_id') ?? '').split(',').includes(String(r['id'])));
    else if (by === 'identifier')
      list = list.filter((r) =>
        JSON.stringify(r['identifier'] ?? '').includes((q.get('identifier') ?? '').split('|').at(-1) ?? '?'),
      );
    else if (by === 'practitioner')
      list = list.filter((r) => JSON.stringify(r['practitioner'] ?? '').includes(`/${q.get('practitioner')}"`));
    else if (!script.enumerates) list = [];
    if (script.lastUpdated === 'works')
      for (const test of q.getAll('_lastUpdated')) {
        const limit = Date.parse(test.slice(2));
        list = list.filter((r) => {
          const at = Date.parse((r['meta'] as { lastUpdated: string }).lastUpdated);
          return test.startsWith('ge') ? at >= limit : test.startsWith('gt') ? at > limit : at < limit;
        });
      }
    const all = list.length;
    list = script.order(list, requests).slice(0, script.cap);
    const from = Number(q.get('_from') ?? 0);
    const size = script.stride || Number(q.get('_count') ?? 20);
    const page = list.slice(from, from + size);
    const total = script.total(all, page.length);
    const bundle: JsonObject = {
      resourceType: 'Bundle',
      type: 'searchset',
      ...(total === undefined ? {} : { total }),
      entry: page.map((r) => ({
        fullUrl: `${fhir}/${type}/${String(r['id'])}`,
        resource: script.each(structuredClone(r), requests),
        search: { mode: 'match' },
      })),
    };
    if (from + size < list.length) {
      const next = new URL(url.href);
      next.searchParams.set('_from', String(from + size));
      bundle['link'] = [{ relation: 'next', url: script.link(next.href) }];
    }
    return json(script.page(bundle, url, requests));
  }

  return {
    base,
    fhir,
    seen,
    get script() {
      return script;
    },
    reset() {
      script = fresh();
      seen.length = 0;
    },
    close: () =>
      new Promise<void>((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/fhir+json', ...headers },
  body: JSON.stringify(body),
});
export const outcome = (status: number): Answer =>
  json({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'processing' }] }, status);

function send(answer: ServerResponse, a: Answer): void {
  answer.writeHead(a.status ?? 200, { 'content-type': 'application/fhir+json', ...a.headers });
  if ('broken' in a) answer.write(a.body, () => setTimeout(() => answer.destroy(), 20));
  else answer.end(a.body);
}
