// The probe: asks a peer a few questions and writes down what it really does, with evidence. What it claims of itself is one
// fact among others (federation.md 4). Nothing is stored of the records that come.
import { isValidNpi } from '../../src/fhir/npi.ts';
import { isObject, type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { DIRECTORY_TYPES } from '../../src/fhir/search/types.ts';
import { type Client, type FederationDeps, peerClient, readBundle } from './client.ts';
import { type Fact, insertFacts } from './fact.ts';
import { npiOf } from './npi.ts';
import { type Peer, recordEvent, setProbed } from './peer.ts';
import { type Note, probeFiles, tried } from './probe-files.ts';
import { HarvestFault } from './reasons.ts';

const SINCE = '2015-01-01';
const COUNT = 7;

/** Probes a peer and keeps its fact sheet. @returns the new facts */
export async function probePeer(deps: FederationDeps, peer: Peer, by: string): Promise<Fact[]> {
  const client = peerClient(deps, peer);
  const facts: Fact[] = [];
  const note = (type: string, name: string, value: string, evidence: string) =>
    facts.push({ type, name, value, evidence });
  if (peer.base !== null) {
    await probeServer(client, peer.base, note, deps.clock);
    for (const type of DIRECTORY_TYPES) await probeType(client, peer.base, type, note);
  }
  await probeFiles(client, peer, note);
  const at = deps.clock();
  await insertFacts(deps.database.sql, peer.slug, facts, at);
  await setProbed(deps.database.sql, peer.slug, at);
  await recordEvent(deps.database.sql, {
    peer: peer.slug,
    what: 'probed',
    detail: `${facts.length} facts, ${client.sent()} requests`,
    by,
    at,
  });
  return facts;
}

async function probeServer(client: Client, base: string, note: Note, clock: () => Date): Promise<void> {
  const { answer, fault } = await tried(client, `${base}/metadata`);
  const value = answer?.value;
  if (!isObject(value) || value['resourceType'] !== 'CapabilityStatement') {
    note('', 'metadata', 'none', fault ?? `status ${answer?.status ?? 0}`);
    return;
  }
  const software = objects(value['software'])[0];
  note(
    '',
    'metadata',
    'served',
    `${text(software?.['name']) ?? 'unnamed'} ${text(software?.['version']) ?? ''}`.trim(),
  );
  note('', 'fhir-version', text(value['fhirVersion']) ?? 'none', 'CapabilityStatement.fhirVersion');
  const date = Date.parse(answer?.headers.get('date') ?? '');
  if (!Number.isNaN(date))
    note('', 'clock-offset', String(Math.round((date - clock().getTime()) / 1000)), 'seconds, Date header');
  const rest = objects(value['rest'])[0];
  const operations = objects(rest?.['operation']).map((o) => text(o['name']) ?? '');
  note('', 'claims-operations', operations.join(' ') || 'none', 'CapabilityStatement.rest.operation');
  for (const r of objects(rest?.['resource'])) {
    const type = text(r['type']);
    if (type === undefined || !DIRECTORY_TYPES.some((t) => t === type)) continue;
    note(
      type,
      'claims-parameters',
      objects(r['searchParam'])
        .map((p) => text(p['name']) ?? '')
        .join(' ') || 'none',
      'CapabilityStatement.rest.resource',
    );
  }
}

const entriesOf = (bundle: JsonObject): Resource[] =>
  objects(bundle['entry']).flatMap((e) =>
    isObject(e['resource']) && typeof e['resource']['resourceType'] === 'string' ? [e['resource'] as Resource] : [],
  );
const totalOf = (bundle: JsonObject): number | undefined =>
  typeof bundle['total'] === 'number' ? bundle['total'] : undefined;

/** Asks one question; its Bundle or a word for what came instead. */
async function ask(client: Client, url: string): Promise<{ bundle?: JsonObject; fault?: string }> {
  try {
    return { bundle: readBundle(await client.json(url)) };
  } catch (error) {
    if (!(error instanceof HarvestFault)) throw error;
    return { fault: error.detail === '' ? error.reason : `${error.reason} ${error.detail}` };
  }
}

async function probeType(client: Client, base: string, type: string, note: Note): Promise<void> {
  let start = `${base}/${type}?_count=${COUNT}`;
  let first = await ask(client, start);
  if (first.bundle === undefined && first.fault?.startsWith('bad-request')) {
    start = `${base}/${type}?_lastUpdated=gt${SINCE}&_count=${COUNT}`;
    const again = await ask(client, start);
    if (again.bundle) note(type, 'bare-search', 'refused', first.fault);
    first = again;
  }
  const { bundle } = first;
  if (bundle === undefined) {
    note(type, 'enumerates', first.fault?.startsWith('not-found') ? 'no-type' : 'no', first.fault ?? '');
    return;
  }
  const found = entriesOf(bundle).filter((r) => r.resourceType === type);
  const total = totalOf(bundle);
  note(type, 'enumerates', found.length === 0 ? 'empty' : 'yes', `${found.length} entries, total ${total ?? 'absent'}`);
  if (found.length === 0) return;
  const next = objects(bundle['link']).some((l) => l['relation'] === 'next');
  note(
    type,
    'count',
    found.length > COUNT || (found.length < COUNT && next) ? `fixed ${found.length}` : 'honoured',
    `_count=${COUNT} gave ${found.length}`,
  );
  await probeTotal(client, base, type, found, total, next, note);
  await probeUpdated(client, base, type, total, found, note);
  await probeFilter(client, base, type, found, total, note);
  await probeHistory(client, base, type, note);
  await probeStability(client, start, found, note);
  noteSamples(type, found, note);
}

async function probeTotal(
  client: Client,
  base: string,
  type: string,
  found: Resource[],
  total: number | undefined,
  next: boolean,
  note: Note,
): Promise<void> {
  if (total === undefined) return note(type, 'total', 'absent', 'no Bundle.total');
  if (next && total === found.length)
    return note(type, 'total', 'page', `total ${total} is that of the page, and there is a next one`);
  const id = text(found[0]?.['id']);
  const { bundle } = id === undefined ? {} : await ask(client, `${base}/${type}?_id=${encodeURIComponent(id)}`);
  const one = bundle && totalOf(bundle);
  const distinct = bundle && new Set(entriesOf(bundle).map((r) => text(r['id']))).size;
  if (distinct === 1 && one !== undefined && one > 1 && one <= 10 && total % one === 0)
    return note(type, 'total', `factor ${one}`, `_id gave total ${one} for one record`);
  note(type, 'total', 'honest', `_id gave total ${one ?? 'absent'}`);
}

async function probeUpdated(
  client: Client,
  base: string,
  type: string,
  total: number | undefined,
  found: Resource[],
  note: Note,
): Promise<void> {
  const old = await ask(client, `${base}/${type}?_lastUpdated=gt${SINCE}&_count=${COUNT}`);
  if (!old.bundle) return note(type, 'last-updated', `error`, old.fault ?? '');
  const future = await ask(client, `${base}/${type}?_lastUpdated=gt2999-01-01&_count=${COUNT}`);
  const filtered = future.bundle !== undefined && entriesOf(future.bundle).length === 0;
  if (!filtered && future.bundle)
    return note(
      type,
      'last-updated',
      'ignored',
      `a time to come gave ${entriesOf(future.bundle).length} entries, total ${totalOf(future.bundle) ?? 'absent'}`,
    );
  const some = entriesOf(old.bundle).length > 0;
  note(
    type,
    'last-updated',
    some && filtered ? 'works' : 'error',
    `gt${SINCE} gave ${totalOf(old.bundle) ?? entriesOf(old.bundle).length} of ${total ?? found.length}; a time to come ${future.fault ?? 'nothing'}`,
  );
  const sorted = await ask(client, `${base}/${type}?_lastUpdated=gt${SINCE}&_sort=_lastUpdated&_count=${COUNT}`);
  const times = sorted.bundle
    ? entriesOf(sorted.bundle).map((r) => Date.parse(text(objects(r['meta'])[0]?.['lastUpdated']) ?? ''))
    : [];
  const inOrder = times.every((t, i) => i === 0 || t >= (times[i - 1] ?? 0));
  note(
    type,
    'sort-last-updated',
    sorted.bundle ? (inOrder ? 'honoured' : 'ignored') : 'error',
    sorted.fault ?? `${times.length} times`,
  );
}

async function probeFilter(
  client: Client,
  base: string,
  type: string,
  found: Resource[],
  total: number | undefined,
  note: Note,
): Promise<void> {
  const id = text(found[0]?.['id']) ?? '';
  const byId = await ask(client, `${base}/${type}?_id=${encodeURIComponent(id)}`);
  const ids = byId.bundle ? entriesOf(byId.bundle).map((r) => text(r['id'])) : [];
  note(
    type,
    'search-id',
    byId.bundle ? (ids.length > 0 && ids.every((i) => i === id) ? 'works' : 'ignored') : 'error',
    byId.fault ?? `${ids.length} entries`,
  );
  const npi = found.map((r) => npiOf(r, true)).find((n) => n !== undefined && isValidNpi(n.value));
  if (npi) {
    const by = await ask(client, `${base}/${type}?identifier=${npi.value}`);
    const n = by.bundle ? (totalOf(by.bundle) ?? entriesOf(by.bundle).length) : 0;
    note(
      type,
      'search-identifier',
      by.bundle
        ? total !== undefined && total > 1 && n === total
          ? 'ignored'
          : n > 0
            ? 'works'
            : 'finds nothing'
        : 'error',
      by.fault ?? `${n} found`,
    );
  }
  const wrong = await ask(client, `${base}/${type}?no-such-parameter=1&_count=1`);
  note(type, 'unknown-parameter', wrong.bundle ? 'ignored' : 'refused', wrong.fault ?? 'answered as without it');
}

async function probeHistory(client: Client, base: string, type: string, note: Note): Promise<void> {
  const h = await ask(client, `${base}/${type}/_history?_since=2999-01-01T00:00:00Z&_count=1`);
  if (!h.bundle) return note(type, 'history', 'none', h.fault ?? '');
  const n = objects(h.bundle['entry']).length;
  note(
    type,
    'history',
    n === 0 && h.bundle['type'] === 'history' ? 'works' : 'ignores _since',
    `${n} entries since a time to come`,
  );
}

async function probeStability(client: Client, start: string, found: Resource[], note: Note): Promise<void> {
  const again = await ask(client, start);
  const type = found[0]?.resourceType ?? '';
  if (!again.bundle) return note(type, 'same-page-twice', 'error', again.fault ?? '');
  const second = entriesOf(again.bundle).filter((r) => r.resourceType === type);
  const ids = (list: Resource[]) => list.map((r) => text(r['id'])).join(' ');
  const value =
    JSON.stringify(second) === JSON.stringify(found) ? 'equal' : ids(second) === ids(found) ? 'restamped' : 'reordered';
  note(type, 'same-page-twice', value, `${second.length} entries`);
}

function noteSamples(type: string, found: Resource[], note: Note): void {
  const styles = new Map<string, number>();
  for (const r of found) {
    const npi = npiOf(r, true);
    if (npi) styles.set(String(npi.style), (styles.get(String(npi.style)) ?? 0) + 1);
  }
  if (styles.size > 0)
    note(
      type,
      'npi-style',
      [...styles.keys()].sort().join(' '),
      [...styles].map(([s, n]) => `style ${s}: ${n}`).join(', '),
    );
  const placeholders = found.filter((r) => JSON.stringify(r).includes('resource-placeholder')).length;
  if (placeholders > 0) note(type, 'placeholders', String(placeholders), `of ${found.length} samples`);
}
