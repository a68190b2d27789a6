// Recall of reconciliation on people made by others, told by two payers under ids of their own: of what the rules allow to be linked all but two in a
// hundred is, and no two events are taken for one. Each folder `data/members-*` of TEST_DATA_DIR is a set: NDJSON by type, `TYPE.ndjson.gz`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { localId } from '../../exchange/reconcile/local-id.ts';
import { replaceReferences } from '../../src/fhir/json-text.ts';
import { isObject, type Resource, text } from '../../src/fhir/resource.ts';
import { inventedNpi } from '../../src/seed/npi.ts';
import { output, PEER, type RawFile, reconciler } from '../exchange/reconcile/reconcile-pull.ts';

const folder = join(process.env['TEST_DATA_DIR'] ?? '', 'data');
const SETS =
  process.env['TEST_DATA_DIR'] !== undefined && existsSync(folder)
    ? readdirSync(folder).filter((name) => name.startsWith('members-'))
    : [];
const PEOPLE = 12;
const SHARED = ['Organization', 'Practitioner', 'PractitionerRole', 'Location', 'Medication'];
/** Not records of a member's history that payers exchange. */
const LEFT_OUT = new Set(['Claim', 'Group', 'ImagingStudy', 'Patient', 'Provenance', ...SHARED]);
const SECOND = 'second';
/** Of so many records the second payer has all but one. */
const LEFT = 4;

type Sent = ReadonlySet<string>;
const refOf = (r: Resource, member: string): string =>
  isObject(r[member]) ? (text(r[member]['reference']) ?? '') : '';

/** Types of which the rules link nothing without these: what one side does not tell is proposed to a person, or has no key. */
const NEEDS: Readonly<Record<string, (r: Resource, common: Sent) => boolean>> = {
  // no event key: the same services are another claim
  ExplanationOfBenefit: (r) => r['identifier'] !== undefined,
  // drug, minute and visit; where one payer did not send the visit it is proposed
  MedicationAdministration: (r, common) => common.has(refOf(r, 'context')),
  // no event key
  SupplyDelivery: (r) => r['identifier'] !== undefined,
};

/** Made-up clinicians and organizations have numbers that nobody would be given; without one that passes its check digit nobody is known. */
function numbered(r: Resource, index: number): Resource {
  if (r.resourceType !== 'Practitioner' && r.resourceType !== 'Organization') return r;
  const range = r.resourceType === 'Practitioner' ? 'practitioner' : 'organization';
  return { ...r, identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: inventedNpi(range, 1, index) }] };
}

function readSet(name: string) {
  const read = (type: string): Resource[] => {
    const file = join(folder, name, `${type}.ndjson.gz`);
    if (!existsSync(file)) return [];
    const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
    return lines.map((l) => JSON.parse(l) as Resource);
  };
  const types = readdirSync(join(folder, name)).flatMap((f) => /^(\w+)\.ndjson\.gz$/.exec(f)?.[1] ?? []);
  const patients = read('Patient').slice(0, PEOPLE);
  const ids = new Set(patients.map((p) => `Patient/${String(p['id'])}`));
  const records = types
    .filter((t) => !LEFT_OUT.has(t))
    .flatMap(read)
    .filter((r) => ids.has(refOf(r, 'subject')) || ids.has(refOf(r, 'patient')));
  return { patients, shared: SHARED.flatMap(read).map(numbered), records };
}

/** A record as a payer tells it, under ids of its own. */
function toldBy(payer: string, r: Resource): Resource {
  const renamed = replaceReferences(JSON.stringify(r), (x) =>
    /^[A-Z]\w+\/[^/]+$/.test(x) ? `"reference":"${x.replace('/', `/${payer}-`)}"` : undefined,
  );
  return { ...(JSON.parse(renamed) as Resource), id: `${payer}-${String(r['id'])}` };
}

function filesOf(resources: readonly Resource[]): RawFile[] {
  return [...Map.groupBy(resources, (r) => r.resourceType)].map(([type, of]) => output(type, ...of));
}

const keyOf = (r: Resource) => `${r.resourceType}/${String(r['id'])}`;
/** Records that say the same in all are one as well as another. */
const lookOf = ({ id: _, identifier: _numbers, meta: _meta, text: _text, ...rest }: Resource) => JSON.stringify(rest);

async function score(name: string, hasNumbers: boolean) {
  const { patients, shared, records: all } = readSet(name);
  const stripped = ({ identifier: _, ...rest }: Resource) => rest as Resource;
  const records = hasNumbers ? all : all.map(stripped);
  const theirs = records.filter((_, i) => i % LEFT !== 0);
  const common: Sent = new Set(theirs.map(keyOf));
  const node = await reconciler('sensitive');
  try {
    await node.sql`
      insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
      values (${SECOND}, 'Second', '9000000020', 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
    await node.own(...patients.map((p) => ({ ...p, id: `o-${String(p['id'])}` })));
    for (const p of patients)
      await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
        values (${`c-o-${String(p['id'])}`}, ${`o-${String(p['id'])}`}, 'opt-in', 'sensitive', '2026-01-01', 'test')`;
    for (const [peer, sent] of [
      [PEER, records],
      [SECOND, theirs],
    ] as const) {
      const told = [...shared, ...patients, ...sent].map((r) => toldBy(peer, r));
      const members = patients.map((p): [string, string] => [`${peer}-${String(p['id'])}`, `o-${String(p['id'])}`]);
      expect((await node.pull(filesOf(told), { peer, members })).state).toBe('done');
    }
    const local = new Map(
      records.flatMap((r) =>
        [PEER, SECOND].map((p) => [localId(p, r.resourceType, `${p}-${String(r['id'])}`), r] as const),
      ),
    );
    const linked = (
      await node.sql<{ type: string; a: string; b: string }[]>`
        select type, a_id as a, b_id as b from exchange.link
        where type <> 'Patient' and state = 'confirmed' and kind in ('same-record', 'same-event')`
    ).map((l) => ({ type: l.type, a: local.get(l.a), b: local.get(l.b), ids: [l.a, l.b] }));
    const isSame = (a?: Resource, b?: Resource) =>
      a !== undefined && b !== undefined && (a === b || lookOf(a) === lookOf(b));
    const found = new Set(linked.filter((l) => isSame(l.a, l.b)).flatMap((l) => l.ids));
    const kept = new Set(
      (await node.sql<{ id: string }[]>`select id from exchange.resource where origin = ${SECOND} and not deleted`).map(
        (r) => r.id,
      ),
    );
    return [...Map.groupBy(theirs, (r) => r.resourceType)].map(([type, of]) => {
      const mine = (r: Resource) => localId(SECOND, type, `${SECOND}-${String(r['id'])}`);
      const allowed = of.filter((r) => kept.has(mine(r)) && (NEEDS[type]?.(r, common) ?? true));
      return {
        type,
        sent: of.length,
        allowed: allowed.length,
        found: allowed.filter((r) => found.has(mine(r))).length,
        wrong: linked.filter((l) => l.type === type && !isSame(l.a, l.b)).length,
      };
    });
  } finally {
    await node.close();
  }
}

describe.skipIf(SETS.length === 0)('people made by others, at two payers', () => {
  test.for(SETS.flatMap((set) => [[set, true] as const, [set, false] as const]))(
    'of %s, with numbers: %s',
    { timeout: 600_000 },
    async ([set, hasNumbers]) => {
      const scores = await score(set, hasNumbers);
      const rows = scores.map(
        (s) =>
          `${s.type.padEnd(26)} ${[s.sent, s.allowed, s.found, s.wrong].map((n) => String(n).padStart(7)).join('')}`,
      );
      process.stdout.write(
        `\n${set}, ${hasNumbers ? 'with' : 'without'} numbers\n${'type'.padEnd(26)}    sentallowed  found  wrong\n${rows.join('\n')}\n`,
      );
      for (const s of scores) {
        expect(s.wrong, `wrong links of ${s.type}`).toBe(0);
        if (s.allowed > 0) expect(s.found / s.allowed, `recall of ${s.type}`).toBeGreaterThanOrEqual(0.98);
      }
    },
  );
});
