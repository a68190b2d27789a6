// Random histories of records, directory entries and their labels, of members who say no and yes again, of files that are past their time and of
// answers of an older program, of answers that are lost and questions asked twice at once, and two peers that ask for changes alone: whoever applies every answer holds what a whole answer would give, and
// nothing that may not leave any more. MODEL_SEED and MODEL_STEPS try other and longer ones.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foldDelivered } from '../../exchange/responder/export/fold-delivered.ts';
import { removeExpired } from '../../exchange/responder/export/remove-expired.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { ExportClient, type Manifest, REGULAR, SENSITIVE } from '../exchange/export-client.ts';
import { client } from '../exchange/peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, planDay, US } from '../exchange/plan-fixture.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { numbers } from '../support/numbers.ts';

const SEED = Number(process.env['MODEL_SEED'] ?? 1);
const STEPS = Number(process.env['MODEL_STEPS'] ?? 12);
const { rivera, robert } = PEOPLE;
const MEMBERS = [idOf(rivera), idOf(robert)];
const DAY = planDay(new Date(Date.now() - 30 * 86_400_000));
const IDS: Record<string, string[]> = {
  Organization: ['o0', 'o1', 'o2', 'o3'],
  Practitioner: ['p0', 'p1'],
  PractitionerRole: ['r0', 'r1'],
  Medication: ['m0', 'm1'],
  Observation: ['l0', 'l1', 'l2', 'l3'],
  MedicationRequest: ['q0', 'q1'],
  Coverage: ['c0', 'c1'],
  Provenance: ['pv0', 'pv1'],
};
const KEYS = Object.entries(IDS).flatMap(([type, ids]) => ids.map((id) => `${type}/${id}`));

/** What a peer holds, by `Type/id`. */
type Held = Map<string, string>;
type Peer = { by: ExportClient; policy: string; group: string; since: string; held: Held; everything: Held };

let node: TestNode;
const peers: Peer[] = [];
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  await enrol(node.deps, [rivera, robert]);
  for (const [id, policy] of [
    ['a', REGULAR],
    ['b', SENSITIVE],
  ] as const) {
    const by = new ExportClient(node, await client(node, id, { npi: ASKER.npi }));
    await by.signIn();
    const group = await by.group([card(rivera), card(robert)], policy);
    peers.push({ by, policy, group, since: '2000-01-01T00:00:00Z', held: new Map(), everything: new Map() });
  }
});
afterAll(() => node.close());

const next = numbers(SEED);
const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
const maybe = (chance: number, what: () => object): object => (next() < chance ? what() : {});
const refer = (type: string) => ({ reference: `${type}/${pick(IDS[type] ?? [])}` });
const label = () =>
  maybe(0.3, () => ({
    meta: {
      security: [
        { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: pick(['PSY', 'PSY', '42CFRPart2']) },
      ],
    },
  }));

/** What a record of a type says besides its id, its label and its number. */
const SAYS: Record<string, () => object> = {
  Organization: () => ({ active: true, name: 'N', ...maybe(0.6, () => ({ partOf: refer('Organization') })) }),
  Practitioner: () => ({ name: [{ family: 'F' }] }),
  PractitionerRole: () => ({
    ...maybe(0.6, () => ({ practitioner: refer('Practitioner') })),
    ...maybe(0.6, () => ({ organization: refer('Organization') })),
  }),
  Medication: () => ({ code: { text: 'x' }, ...maybe(0.6, () => ({ manufacturer: refer('Organization') })) }),
  Observation: () => ({
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    subject: { reference: `Patient/${pick(MEMBERS)}` },
    effectiveDateTime: DAY,
    ...maybe(0.6, () => ({ performer: [refer(pick(['Organization', 'PractitionerRole']))] })),
    ...maybe(0.3, () => ({ derivedFrom: [refer('Observation')] })),
  }),
  MedicationRequest: () => ({
    status: 'active',
    intent: 'order',
    medicationReference: refer('Medication'),
    subject: { reference: `Patient/${pick(MEMBERS)}` },
    authoredOn: DAY,
    requester: refer('Practitioner'),
  }),
  Coverage: () => ({
    status: 'active',
    beneficiary: { reference: `Patient/${pick(MEMBERS)}` },
    payor: [refer('Organization')],
  }),
  Provenance: () => ({
    recorded: new Date().toISOString(),
    target: [refer(pick(['Observation', 'Observation', 'MedicationRequest']))],
    agent: [{ who: refer('Organization') }],
  }),
};
let written = 0;
function change(key: string): object {
  const [type = '', id = ''] = key.split('/');
  if (next() < 0.25)
    return { resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url: key } }] };
  const number = type === 'Provenance' ? {} : { identifier: [{ system: 'urn:x', value: String(written++) }] };
  return { resourceType: type, id, ...(type === 'Provenance' ? {} : label()), ...number, ...SAYS[type]?.() };
}

const told: string[] = [];
async function write(): Promise<void> {
  const changes = [...new Set(Array.from({ length: 1 + Math.floor(next() * 3) }, () => pick(KEYS)))].map(change);
  told.push(JSON.stringify(changes));
  await enrol(node.deps, [], changes).catch((error: Error) => {
    // a Provenance of what is nobody's (any more)
    const codes = (JSON.parse(error.message) as { code: string }[]).map((r) => r.code);
    if (codes.some((code) => code !== 'unknown-member')) throw error;
  });
}

/** Those who say that we transmit are made for each answer. */
const isOfOurs = (r: Resource) =>
  r.resourceType !== 'Parameters' && (r.resourceType !== 'Provenance' || IDS['Provenance']?.includes(String(r['id'])));
const heldOf = (resources: readonly Resource[]): Held =>
  new Map(resources.filter(isOfOurs).map((r) => [`${r.resourceType}/${String(r['id'])}`, JSON.stringify(r)]));

const kick = ({ by, group }: Peer, since?: string, place = `Group/${group}/$davinci-data-export`) =>
  by.kick(place, [
    ...(since === undefined ? [] : [{ name: '_since', valueInstant: since }]),
    ...(next() < 0.3 ? [{ name: 'organizeOutputBy', valueString: 'Patient' }] : []),
  ]);

async function run(peer: Peer, since?: string): Promise<Manifest & { job: string }> {
  const { manifest, status } = await peer.by.finished(await kick(peer, since));
  return { ...manifest, job: status.split('/').at(-1) ?? '' };
}

/** Two are asked for from the same time, of the Group and of all its members, and run at once; one of their answers arrives. */
async function runTwo(peer: Peer): Promise<Manifest & { job: string }> {
  const kicked = [await kick(peer, peer.since)];
  const working = node.work();
  if (next() < 0.6) await write();
  kicked.push(await kick(peer, peer.since, 'Patient/$export'));
  await Promise.all([working, node.work()]);
  await node.work();
  const { manifest, status } = await peer.by.finished(pick(kicked));
  return { ...manifest, job: status.split('/').at(-1) ?? '' };
}

/** Files of some exports are past their time, and what these held is kept once. */
async function fold(): Promise<void> {
  const { sql } = node.deps.database;
  const jobs = await sql<
    { id: string }[]
  >`select id from exchange.bulk_job where kind = 'export' and state = 'complete' order by received_at`;
  const over = jobs.map((j) => j.id).filter(() => next() < 0.6);
  await sql`update exchange.bulk_job set expires_at = now() - interval '1 minute' where id = any(${over}::text[])`;
  await removeExpired(node.deps);
  await foldDelivered(sql, node.deps.clock());
}

/** As if a program that knows nothing of `entry_held` had finished it: it told of no directory entry that is gone. */
async function asOlder(manifest: Manifest & { job: string }): Promise<void> {
  const { sql } = node.deps.database;
  await sql`update exchange.delivered_entry set reported_at = null where reported_at = ${manifest.transactionTime}::text::timestamptz`;
  await sql`update exchange.bulk_job set reports_entries = false where id = ${manifest.job}`;
}
const isEntry = (key: string) => /^(?:Organization|Practitioner|PractitionerRole|Medication)\//.test(key);

/** Members who have said no. */
const no = new Set<string>();
/** One says no, or yes again. */
async function choose(): Promise<void> {
  const member = pick(MEMBERS);
  const choice = no.delete(member) ? 'opt-in' : 'withdraw';
  if (choice === 'withdraw') no.add(member);
  await node.deps.database.sql`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, sequence)
    values (${`choice-${written}`}, ${member}, ${choice}, 'regular', ${planDay()}::text::date, 'test', ${written})`;
  told.push(`${choice} ${member}`);
  written++;
}

async function everything({ by }: Peer, since?: string): Promise<Held> {
  const found: Resource[] = [];
  let url: string | undefined =
    `/Patient/${MEMBERS[0]}/$everything?_count=50${since === undefined ? '' : `&_since=${since}`}`;
  while (url !== undefined) {
    const page = (await by.call(url)).json() as {
      entry?: { resource: Resource }[];
      link: { relation: string; url: string }[];
    };
    found.push(...(page.entry ?? []).map((e) => e.resource));
    url = page.link.find((l) => l.relation === 'next')?.url;
  }
  return heldOf(found);
}

/** What is missing or old of what a whole answer gives. */
const lacking = (held: Held, whole: Held) =>
  [...whole].filter(([key, text]) => held.get(key) !== text).map(([key]) => key);

/** Entries that are here and reveal nothing that the consent does not cover may be kept by who has them, named or not. */
async function mayStay(key: string, policy: string): Promise<boolean> {
  const [type = '', id = ''] = key.split('/');
  const [row] = await node.deps.database.sql<{ label: number | null }[]>`
    select label from exchange.shared_resource where type = ${type} and id = ${id} and not deleted`;
  return row !== undefined && (row.label ?? 0) <= (policy === SENSITIVE ? 1 : 0);
}

test(
  `seed ${SEED}, ${STEPS} steps`,
  async () => {
    for (let step = 0; step < STEPS; step++) {
      for (let n = Math.floor(next() * 3); n >= 0; n--) await write();
      if (next() < 0.3) await fold();
      if (next() < 0.2) await choose();
      const peer = pick(peers);
      const isTwo = next() < 0.15;
      const manifest = isTwo ? await runTwo(peer) : await run(peer, peer.since);
      const isOlder = !isTwo && next() < 0.2;
      if (isOlder) await asOlder(manifest);
      told.push(isOlder ? 'asked for, of an older program' : isTwo ? 'asked for twice' : 'asked for');
      // an answer that is lost is asked for again, from the same time
      if (next() < 0.3) continue;
      const gone = (await peer.by.deleted(manifest)).filter((key) => !isOlder || !isEntry(key));
      const came = heldOf(await peer.by.output(manifest));
      expect(gone.filter((key) => came.has(key))).toEqual([]);
      for (const key of gone) peer.held.delete(key);
      for (const [key, text] of came) peer.held.set(key, text);
      if (!no.has(MEMBERS[0] ?? ''))
        for (const [key, text] of await everything(peer, peer.since)) peer.everything.set(key, text);
      const { since } = peer;
      peer.since = manifest.transactionTime;
      // it may be of before what was written meanwhile: the next one shows what it left
      if (isTwo) continue;
      const whole = heldOf(await peer.by.output(await run(peer)));
      const kept: string[] = [];
      for (const key of peer.held.keys())
        if (!whole.has(key) && !(isOlder && isEntry(key)) && !(await mayStay(key, peer.policy))) kept.push(key);
      const found = {
        lacking: lacking(peer.held, whole),
        lackingOfEverything: no.has(MEMBERS[0] ?? '') ? [] : lacking(peer.everything, await everything(peer)),
        kept,
      };
      const about = `seed ${SEED}, step ${step}, since ${since}\n${told.slice(-12).join('\n')}`;
      expect(found, about).toEqual({ lacking: [], lackingOfEverything: [], kept: [] });
    }
  },
  Math.max(60_000, STEPS * 5000),
);
