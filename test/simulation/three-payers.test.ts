// Three payers of the same people, each asking both others again and again, and each passing on what it was told: whatever way a record comes, it is shown
// once, nobody is asked about it, and in the end nothing is written any more. Real HTTP, three databases.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PeerTokens } from '../../exchange/requester/client/token.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { findPull, type Pull } from '../../exchange/requester/pull.ts';
import { PullWorker, takeStep } from '../../exchange/requester/run.ts';
import type { Sql } from '../../src/db/database.ts';
import { withCheckDigit } from '../../src/fhir/npi.ts';
import { idOf, type Person } from '../exchange/plan-fixture.ts';
import { lab } from '../exchange/reconcile/reconcile-pull.ts';
import { brokenLaws, outcomes } from '../journey/laws.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { asksOf, loadPlan, meet } from './load-plan.ts';

const DAY = 86_400_000;
/** Some fifty pulls. */
const SLOWLY = 600_000;
let skew = 0;
const clock = () => new Date(Date.now() + skew);
const PLANS = ['A', 'B', 'C'];
const nodes: TestNode[] = [];
const tokens = PLANS.map(() => new PeerTokens());
const peerId = (plan: number): string => `plan-${PLANS[plan]?.toLowerCase()}`;
const nodeOf = (plan: number): TestNode => nodes[plan] as TestNode;
const sqlOf = (plan: number): Sql => nodeOf(plan).deps.database.sql;

const peopleOf = (plan: number): Person[] => [
  { number: `${PLANS[plan]}100`, family: 'Rivera', given: 'Ana', born: '1974-12-25' },
];

const coded = (system: string, code: string) => ({ coding: [{ system, code }] });
const category = (system: string, code: string) => [coded(`http://terminology.hl7.org/CodeSystem/${system}`, code)];

/** One of each kind that only this payer has, of a day of its own, and a result that all three have under one number. `value` is what the first result says. */
function recordsOf(plan: number, value: number): object[] {
  const nth = plan + 5;
  const clinician = `pr-${plan}`;
  const drug = `med-${plan}`;
  const shared = [
    {
      resourceType: 'Practitioner',
      id: clinician,
      identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: withCheckDigit(`90000000${nth}`) }],
      name: [{ family: `Doctor${plan}` }],
    },
    {
      resourceType: 'Medication',
      id: drug,
      code: coded('http://www.nlm.nih.gov/research/umls/rxnorm', `19754${nth}`),
    },
  ];
  const of = (p: Person): object[] => {
    const subject = { reference: `Patient/${idOf(p)}` };
    const day = (month: number) => `2026-0${month}-0${nth}`;
    const one = (resourceType: string, more: object) => ({ resourceType, id: `${p.number}-${resourceType}`, ...more });
    const performer = { reference: `Practitioner/${clinician}` };
    return [
      lab(`${p.number}-1`, {
        subject,
        effectiveDateTime: `${day(1)}T07:00:00Z`,
        valueQuantity: { value, code: 'g/dL' },
      }),
      lab(`${p.number}-2`, {
        subject,
        identifier: [{ system: 'https://lab.example', value: p.family }],
        effectiveDateTime: '2026-05-05T09:30:00Z',
      }),
      one('Condition', {
        subject,
        clinicalStatus: coded('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
        code: coded('http://hl7.org/fhir/sid/icd-10-cm', `E11.${nth}`),
        onsetDateTime: day(2),
        category: category('condition-category', 'encounter-diagnosis'),
      }),
      one('MedicationRequest', {
        status: 'active',
        intent: 'order',
        subject,
        authoredOn: day(3),
        medicationReference: { reference: `Medication/${drug}` },
        requester: performer,
      }),
      one('Encounter', {
        status: 'finished',
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
        subject,
        period: { start: day(4), end: day(4) },
        participant: [{ individual: performer }],
      }),
      one('Procedure', {
        status: 'completed',
        subject,
        encounter: { reference: `Encounter/${p.number}-Encounter` },
        performedDateTime: day(4),
        code: coded('http://snomed.info/sct', `7394600${nth}`),
      }),
      one('DocumentReference', {
        status: 'current',
        subject,
        date: `${day(5)}T10:00:00Z`,
        type: coded('http://loinc.org', '34133-9'),
        content: [{ attachment: { contentType: 'text/plain', data: btoa(`Summary of ${p.number}`) } }],
      }),
      one('Immunization', {
        status: 'completed',
        patient: subject,
        occurrenceDateTime: day(6),
        vaccineCode: coded('http://hl7.org/fhir/sid/cvx', '140'),
        primarySource: true,
      }),
    ];
  };
  return [...shared, ...peopleOf(plan).flatMap(of)];
}

async function load(plan: number, value: number): Promise<void> {
  const others = [0, 1, 2].filter((o) => o !== plan);
  const rows = peopleOf(plan).flatMap((p, i) => others.map((o) => asksOf(p, peerId(o), peopleOf(o)[i]?.number ?? '')));
  await loadPlan(nodeOf(plan), rows, recordsOf(plan, value));
}

beforeAll(async () => {
  for (const [i, name] of PLANS.entries())
    nodes.push(await startNode({ PLAN_NAME: `Plan ${name}`, PLAN_NPI: withCheckDigit(`90000010${i}`) }, { clock }));
  await meet(nodes, peerId);
  for (const plan of [0, 1, 2]) await load(plan, 13);
});
afterAll(async () => {
  for (const node of nodes) await node.close();
});

/** One pull, step by step; nobody waits for anybody. */
async function finish(plan: number, other: number, id: string): Promise<Pull | undefined> {
  const { deps } = nodeOf(plan);
  for (;;) {
    const pull = await findPull(deps.database.sql, id);
    if (!pull || PullWorker.rests(pull)) return pull;
    await nodeOf(other).work();
    if (!(await takeStep(deps, tokens[plan] as PeerTokens, 'test', id))) skew += 1000;
  }
}

/** Each asks one of the others, and then the other one. Returns the kinds of outcomes of all these pulls. */
async function round(full: boolean): Promise<string[]> {
  const found = new Set<string>();
  const ask = async (plan: number, other: number): Promise<void> => {
    const { deps } = nodeOf(plan);
    const [id = ''] = await planPulls(deps, { cause: 'command', peerId: peerId(other), again: true, full });
    const done = await finish(plan, other, id);
    expect([plan, other, done?.state, done?.reason]).toEqual([plan, other, 'done', null]);
    for (const kind of Object.keys(await outcomes(sqlOf(plan), id))) found.add(kind);
  };
  for (const step of [1, 2]) await Promise.all([0, 1, 2].map((plan) => ask(plan, (plan + step) % 3)));
  skew += 20 * DAY;
  return [...found].sort();
}

/** Of each type, how many different things a payer shows of its members: records over links that hold. */
async function shown(sql: Sql): Promise<Record<string, number>> {
  const records = await sql<{ key: string; type: string }[]>`
    select concat_ws(' ', member_id, type, id) as key, type from exchange.resource where not deleted and type not in ('Patient', 'Coverage', 'Provenance')`;
  const links = await sql<{ a: string; b: string }[]>`
    select concat_ws(' ', member_id, type, a_id) as a, concat_ws(' ', member_id, type, b_id) as b from exchange.link where state = 'confirmed'`;
  const above = new Map<string, string>();
  const top = (key: string): string => {
    const up = above.get(key);
    return up === undefined || up === key ? key : top(up);
  };
  for (const { a, b } of links) above.set(top(a), top(b));
  const groups = Map.groupBy(records, (r) => r.type);
  return Object.fromEntries([...groups].sort().map(([type, of]) => [type, new Set(of.map((r) => top(r.key))).size]));
}

test(
  'whatever way a record comes, it is shown once, and what goes round becomes no more',
  async () => {
    const all = [0, 1, 2];
    await round(true);
    // what each payer says by itself has changed
    for (const plan of all) await load(plan, 14);
    // a statement is told onward once more where it is about more records: how often that takes tells how long the ways are
    let last = await round(false);
    for (let n = 0; n < 6 && last.join() !== 'echo,unchanged'; n++) last = await round(true);
    expect(last).toEqual(['echo', 'unchanged']);

    // what one takes back is gone everywhere, whoever passed it on
    const url = `Condition/${peopleOf(0)[0]?.number}-Condition`;
    await loadPlan(
      nodeOf(0),
      [],
      [{ resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url } }] }],
    );
    for (const full of [false, false]) await round(full);

    const once = {
      Condition: 2,
      DocumentReference: 3,
      Encounter: 3,
      Immunization: 3,
      MedicationRequest: 3,
      Observation: 4,
      Procedure: 3,
    };
    expect(await Promise.all(all.map((plan) => shown(sqlOf(plan))))).toEqual([once, once, once]);
    for (const plan of all) {
      const sql = sqlOf(plan);
      expect(await sql`select kind, type, rule from exchange.review_item where state = 'open'`).toEqual([]);
      const values = await sql`
      select distinct body::jsonb #>> '{valueQuantity,value}' as value from exchange.resource where type = 'Observation' and not deleted and body::jsonb #>> '{effectiveDateTime}' like '2026-01-%'`;
      expect(values).toEqual([{ value: '14' }]);
      expect(await brokenLaws(sql)).toEqual({});
    }
  },
  SLOWLY,
);
