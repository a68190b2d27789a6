// Random histories of a payer's records and ours, of directory entries and their labels: after each step every record is as sensitive as it would be
// if all of its member's were decided anew, neither less nor longer. MODEL_SEED and MODEL_STEPS try other and longer ones.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inheritLabelsOf } from '../../exchange/records/inherit-labels.ts';
import { deletions, OUR_BASE, output, reconciler } from '../exchange/reconcile/reconcile-pull.ts';
import { numbers } from '../support/numbers.ts';

const SEED = Number(process.env['MODEL_SEED'] ?? 1);
const STEPS = Number(process.env['MODEL_STEPS'] ?? 25);
const uuid = (n: number) => `6a1c1d7e-8a3b-4a44-9c55-00000000000${n}`;
const VISITS = [0, 1, 2].map(uuid);
const RESULTS = ['r0', 'r1', 'r2', 'r3'];
const PLACES = ['g0', 'g1', 'g2'];
const NPIS = ['9000000020', '9000000038', '9000000046'];

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('regular');
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterAll(() => node.close());

const next = numbers(SEED);
const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
const maybe = (chance: number, what: () => object): object => (next() < chance ? what() : {});
let minute = 0;
const plain = () => ({ lastUpdated: new Date(Date.UTC(2026, 0, 1, 0, minute++)).toISOString() });
const meta = () => ({
  meta: {
    ...plain(),
    ...maybe(0.3, () => ({
      security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: pick(['PSY', '42CFRPart2']) }],
    })),
  },
});
const person = (isOurs: boolean) => ({ subject: { reference: `Patient/${isOurs ? 'm1' : 'p1'}` } });
const number = (id: string) => ({ identifier: [{ system: 'https://shared.example/id', value: id }] });
const place = (id: string, isOurs: boolean): object => ({
  resourceType: 'Organization',
  id: isOurs ? `our-${id}` : id,
  active: true,
  name: `Place ${id}`,
  ...meta(),
  ...maybe(0.6, () => ({
    identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: NPIS[PLACES.indexOf(id)] }],
  })),
  ...maybe(0.4, () => ({ partOf: { reference: `Organization/${isOurs ? 'our-' : ''}${pick(PLACES)}` } })),
});
/** Visits of ours as they are. */
const ours = new Map<string, object>();
const visit = (id: string, isOurs: boolean): object => {
  const mine = ours.get(id);
  // the payer sends ours back
  if (!isOurs && mine !== undefined && next() < 0.3)
    return { ...mine, id, ...person(false), meta: { ...plain(), source: `${OUR_BASE}/Encounter/our-${id}` } };
  const made = {
    resourceType: 'Encounter',
    id: isOurs ? `our-${id}` : id,
    status: 'finished',
    class: { code: 'AMB' },
    ...meta(),
    ...person(isOurs),
    ...maybe(0.5, () => number(id)),
    ...maybe(isOurs ? 0 : 0.4, () => ({ serviceProvider: { reference: `Organization/${pick(PLACES)}` } })),
  };
  if (isOurs) ours.set(id, made);
  return made;
};
const result = (id: string, isOurs: boolean): object => {
  const of = pick(VISITS);
  return {
    resourceType: 'Observation',
    id: isOurs ? `our-${id}` : id,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    ...meta(),
    ...person(isOurs),
    ...maybe(0.5, () => number(id)),
    ...maybe(0.7, () => ({
      encounter: { reference: isOurs ? `Encounter/our-${of}` : next() < 0.5 ? `urn:uuid:${of}` : `Encounter/${of}` },
    })),
    ...maybe(0.3, () => ({ derivedFrom: [{ reference: `Observation/${isOurs ? 'our-' : ''}${pick(RESULTS)}` }] })),
    ...maybe(0.3, () => ({ performer: [{ reference: `Organization/${isOurs ? 'our-' : ''}${pick(PLACES)}` }] })),
  };
};
const any = (isOurs: boolean): object => {
  const kind = next();
  if (kind < 0.25) return place(pick(PLACES), isOurs);
  return kind < 0.55 ? visit(pick(VISITS), isOurs) : result(pick(RESULTS), isOurs);
};
const keyOf = (r: object) => `${String(Reflect.get(r, 'resourceType'))}/${String(Reflect.get(r, 'id'))}`;
const typeOf = (r: object) => String(Reflect.get(r, 'resourceType'));

async function step(): Promise<string> {
  const isOurs = next() < 0.35;
  const made = [
    ...new Map(
      Array.from({ length: 1 + Math.floor(next() * 3) }, () => any(isOurs)).map((r) => [keyOf(r), r]),
    ).values(),
  ];
  const areGone = next() < 0.15;
  if (areGone && isOurs) for (const r of made) ours.delete(String(Reflect.get(r, 'id')).slice('our-'.length));
  if (isOurs) await (areGone ? node.ownGone(...made.map(keyOf)) : node.own(...made));
  else {
    const files = areGone
      ? [deletions(...made.map(keyOf))]
      : [...Map.groupBy(made, typeOf)].map(([type, of]) => output(type, ...of));
    const { state } = await node.pull(files, { since: new Date() });
    expect(state).toBe('done');
  }
  return `${isOurs ? 'ours' : 'theirs'}${areGone ? ' gone' : ''} ${JSON.stringify(made)}`;
}

const labels = (sql: typeof node.sql) => sql<{ key: string; label: number }[]>`
  select origin || ' ' || type || '/' || source_id as key, label from exchange.resource where label is not null order by 1`;

test('labels are what they would be anew', async () => {
  const told: string[] = [];
  for (let i = 0; i < STEPS; i++) {
    told.push(await step());
    const is = await labels(node.sql);
    const anew = await node.sql
      .begin(async (tx) => {
        await inheritLabelsOf(tx, ['m1', 'm2'], new Date().toISOString());
        throw Object.assign(new Error('undone'), { labels: await labels(tx as unknown as typeof node.sql) });
      })
      .catch((error: Error & { labels?: unknown }) => {
        if (error.message !== 'undone') throw error;
        return error.labels;
      });
    expect([told.length, is], told.slice(-6).join('\n')).toEqual([told.length, anew]);
  }
});
