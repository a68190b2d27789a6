// Two members are made one and two again while they choose, are asked for at another payer, and their records are fetched: by what they said (docs/decisions/022) it is told
// what holds of whom, who is asked about, what leaves, and what of it stands in whose account. WORLD_SEED and WORLD_STEPS try others.
import { expect, test } from 'vitest';
import { disclosuresOf } from '../../exchange/compliance/disclosures/disclosures.ts';
import { memberChoices } from '../../exchange/members/consent/choice-rows.ts';
import { recordChoice } from '../../exchange/members/consent/record-choice.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { ExportClient, SENSITIVE } from '../exchange/export-client.ts';
import { client } from '../exchange/peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, type Person, US } from '../exchange/plan-fixture.ts';
import { lab } from '../exchange/reconcile/reconcile-pull.ts';
import { startNode } from '../support/node.ts';
import { numbers } from '../support/numbers.ts';

const SEEDS = (process.env['WORLD_SEED'] ?? '2,4').split(',').map(Number);
const STEPS = Number(process.env['WORLD_STEPS'] ?? 14);
const AGAIN: Person = { ...PEOPLE.rivera, number: 'OH150', subscriber: 'S150' };
const [FORMER, STAYS] = [idOf(PEOPLE.rivera), idOf(AGAIN)];
const BOTH = [FORMER, STAYS];
const WHO = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;

/** A yes with its policy, or a no; undefined: nothing was said. */
type Said = 'regular' | 'sensitive' | 'no' | undefined;
/** What both allow. */
const stricter = (a: Said, b: Said): Said =>
  a === undefined || b === undefined
    ? (a ?? b)
    : a === 'no' || b === 'no'
      ? 'no'
      : a === 'regular' || b === 'regular'
        ? 'regular'
        : 'sensitive';

class Model {
  readonly #own = new Map<string, Said>();
  isOne = false;
  /** what was said while they are one */
  #since: Said;

  holds(member: string): Said {
    if (!this.isOne) return this.#own.get(member);
    return member === STAYS ? (this.#since ?? stricter(this.#own.get(FORMER), this.#own.get(STAYS))) : undefined;
  }
  say(member: string, said: Said): void {
    if (this.isOne) this.#since = said;
    else this.#own.set(member, said);
  }
  one(): void {
    this.isOne = true;
    this.#since = undefined;
  }
  two(): void {
    const former = this.#own.get(FORMER);
    // who of the two said it nobody knows: what it forbids, is forbidden of both
    if (former !== undefined) this.#own.set(FORMER, stricter(former, this.#since));
    // of who had not chosen, nothing may be asked that the other one had allowed
    const stays = this.#since ?? this.#own.get(STAYS) ?? (former === undefined ? undefined : 'no');
    this.#own.set(STAYS, stays);
    this.isOne = false;
  }
}

async function begin() {
  const node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  const them = new ExportClient(node, await client(node, 'asker', { npi: ASKER.npi }));
  await them.signIn();
  const result = (id: string, member: string) => lab(id, { subject: { reference: `Patient/${member}` } });
  await enrol(node.deps, [PEOPLE.rivera, AGAIN], [result('a', FORMER), result('b', FORMER), result('c', STAYS)]);
  const { sql } = node.deps.database;
  await sql`insert into exchange.peer (id, name, npi, state, fhir_base, client_id_there, origins, added_by)
    values ('prior', 'Prior', '9000000020', 'active', 'https://prior.example/fhir', 'us', array['https://prior.example'], 'test')`;
  for (const member of BOTH)
    await sql`insert into exchange.other_coverage (id, member_id, payer, member_number, peer_id) values (${`oc-${member}`}, ${member}, 'Prior', ${member}, 'prior')`;
  const group = await them.group([card(PEOPLE.rivera), card(AGAIN)], SENSITIVE);

  /** Who is asked about now, with the policy. */
  const asked = async (): Promise<string[]> => {
    const made = await planPulls(node.deps, { cause: 'command', again: true, full: true });
    const rows = await sql<{ k: string }[]>`
      select concat_ws(' ', other_coverage_id, member_id, policy) as k from exchange.pull_member where pull_id = any(${made}) order by 1`;
    await sql`update exchange.pull set state = 'failed', finished_at = now() where id = any(${made})`;
    return rows.map((r) => r.k);
  };
  /** Results that are fetched now, of whom. */
  const fetched = async (way: 'export' | 'everything', member: string): Promise<Map<string, number>> => {
    const found = new Map<string, number>();
    const add = (r: Resource) => {
      const of = (r['subject'] as { reference: string } | undefined)?.reference.slice('Patient/'.length);
      if (of !== undefined && r.resourceType === 'Observation') found.set(of, (found.get(of) ?? 0) + 1);
    };
    if (way === 'export') {
      const { manifest } = await them.finished(await them.get(`Group/${group}/$export`, '_type=Observation'));
      for (const r of await them.output(manifest)) add(r);
      return found;
    }
    const answer = await them.call(`/Patient/${member}/$everything?_type=Observation`);
    if (answer.status === 200)
      for (const e of (answer.json() as { entry?: { resource: Resource }[] }).entry ?? []) add(e.resource);
    return found;
  };
  return { node, sql, asked, fetched };
}

test.each(SEEDS)('world %s', { timeout: 600_000 }, async (seed) => {
  const { node, sql, asked, fetched } = await begin();
  const roll = numbers(seed);
  const oneOf = <T>(of: readonly T[]): T => of[Math.floor(roll() * of.length)] as T;
  const model = new Model();
  const story: string[] = [];
  const account = new Map<string, number[]>(BOTH.map((m) => [m, []]));
  /** what left of both as the one's that stays */
  const asOne: number[] = [];
  const seen = Object.keys(DOUBTS);
  try {
    for (let n = 0; n < STEPS; n++) {
      const what = roll();
      if (what < 0.4) {
        const member = model.isOne ? STAYS : oneOf(BOTH);
        const said = oneOf<Said>(['regular', 'sensitive', 'no']);
        story.push(`${member === STAYS ? 'the one that stays' : 'the former'} says ${said}`);
        const choice = said === 'no' ? 'withdraw' : 'opt-in';
        const policy = said === 'sensitive' ? 'sensitive' : 'regular';
        const how = { payers: 'both', channel: 'phone', language: 'en', verification: 'x' } as const;
        await recordChoice(node.deps, member, { choice, policy, ...how }, WHO);
        model.say(member, said);
      } else if (what < 0.7) {
        story.push(model.isOne ? 'two again' : 'made one');
        const done = model.isOne
          ? await makeTwo(node.deps, { formerId: FORMER, reason: 'they are two' }, WHO)
          : await makeOne(node.deps, { memberId: STAYS, formerId: FORMER, reason: 'one person', seen }, WHO);
        expect(done, story.join('\n')).not.toHaveProperty('refused');
        if (model.isOne) model.two();
        else model.one();
      } else {
        const [way, member] = [oneOf(['export', 'everything'] as const), oneOf(BOTH)];
        story.push(`${way} of ${member === STAYS ? 'the one that stays' : 'the former'}`);
        const got = await fetched(way, member);
        const has = (m: string) => (model.isOne ? (m === STAYS ? 3 : 0) : m === STAYS ? 1 : 2);
        const may = BOTH.filter((m) => (way === 'export' || m === member) && model.holds(m) !== 'no' && has(m) > 0);
        expect([...got].sort(), story.join('\n')).toEqual(may.map((m) => [m, has(m)]).sort());
        for (const [m, count] of got) account.get(m)?.push(count);
        if (model.isOne) asOne.push(...got.values());
      }
      const [held, told, must] = [new Map<string, Said>(), new Map<string, number[]>(), new Map<string, number[]>()];
      for (const member of BOTH) {
        const [last] = await memberChoices(sql, member);
        held.set(member, last && (last.choice === 'opt-in' ? last.policy : 'no'));
        const rows = (await disclosuresOf(node.deps, member)) ?? [];
        told.set(member, rows.flatMap((d) => (d.at === null ? [] : (d.types['Observation'] ?? []))).sort());
        const ids = model.isOne ? BOTH : [member];
        // of who was taken for the other, what left meanwhile as that one's is accounted for too
        const others = member === FORMER && !model.isOne ? asOne : [];
        must.set(member, [...ids.flatMap((id) => account.get(id) ?? []), ...others].sort());
      }
      // of who goes on as another, what that one said counts
      const members = model.isOne ? [STAYS] : BOTH;
      expect(
        members.map((m) => held.get(m)),
        story.join('\n'),
      ).toEqual(members.map((m) => model.holds(m)));
      expect(Object.fromEntries(told), story.join('\n')).toEqual(Object.fromEntries(must));
      const may = BOTH.flatMap((m) => {
        const member = model.isOne ? STAYS : m;
        const said = model.holds(member);
        return said === undefined || said === 'no' ? [] : [`oc-${m} ${member} ${said}`];
      });
      expect(await asked(), story.join('\n')).toEqual(may.sort());
    }
  } finally {
    await node.close();
  }
});
