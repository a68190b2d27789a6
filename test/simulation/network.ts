// A network of payers who cover the same people and ask each other (network.long.test.ts): what happens to the records that each has by itself, while copies of them
// go round; and what each has to show, and to pass on, in the end. Of what programs note nothing stands here: only what payers have, and what people chose.
import { expect } from 'vitest';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { PeerTokens } from '../../exchange/requester/client/token.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { findPull, type Pull } from '../../exchange/requester/pull.ts';
import { PullWorker, takeStep } from '../../exchange/requester/run.ts';
import type { Sql } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { idOf, planDay } from '../exchange/plan-fixture.ts';
import { brokenLaws, outcomes } from '../journey/laws.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { numbers } from '../support/numbers.ts';
import { asksOf, loadPlan, meet } from './load-plan.ts';
import {
  idHere,
  KINDS,
  type Kind,
  minuteOf,
  NAMES,
  npiOf,
  PEOPLE,
  PLANS,
  peerId,
  personAt,
  recordOf,
  statementOf,
  type Thing,
  toldBy,
  typeOf,
} from './network-records.ts';
import { everybodyAsks, type Policy } from './network-watch.ts';
import { WorldTime } from './world-time.ts';

/** `spans`: days of coverage, the last one open while the person is there. */
type Choice = { isIn: boolean; policy: Policy; spans: { starts: string; ends?: string }[] };
/** How often a request fails, and a program dies amid a step, for each. */
const WEATHER = Number(process.env['NETWORK_WEATHER'] ?? 0);
const DEATHS = Number(process.env['NETWORK_DEATHS'] ?? 0);
/** Do people leave payers, and come back? */
const MOVES = process.env['NETWORK_MOVES'] === '1';
const VISITED = new Set<Kind>(['Observation', 'Condition', 'MedicationRequest', 'Procedure']);
const MINUTE = 1 / 1440;
const SECOND = MINUTE / 60;

export class Network {
  readonly #roll: () => number;
  /** Who asks whom when: the story of records goes its way without it. */
  readonly #order: () => number;
  readonly time = new WorldTime();
  readonly nodes: TestNode[] = [];
  readonly things: Thing[] = [];
  readonly #tokens = PLANS.map(() => new PeerTokens());
  readonly #choices = new Map<string, Choice>();
  /** What payers do later. */
  readonly #later: (() => Promise<void>)[] = [];
  readonly story: string[] = [];
  #isClear = false;

  private constructor(seed: number, order: number) {
    this.#roll = numbers(seed);
    this.#order = numbers(seed * 1000 + order);
  }

  static async begin(seed: number, order = 0): Promise<Network> {
    const made = new Network(seed, order);
    for (const plan of PLANS) {
      const env = { PLAN_NAME: `Plan ${NAMES[plan]}`, PLAN_NPI: npiOf(plan) };
      const node = await startNode(env, { clock: made.time.clock }, { complianceDate: '2026-01-01' });
      Object.assign(node.deps, { fetch: made.#over(node.deps.fetch) });
      made.nodes.push(node);
      await made.time.goesFor(node.deps.database.sql);
    }
    await meet(made.nodes, peerId);
    const regular = made.#roll() < 0.7 ? made.#oneOf(PLANS) : undefined;
    // few things change often, each
    const many = made.#oneOf([3, 3, 5, 8]);
    for (const plan of PLANS) {
      for (const who of PEOPLE)
        made.#choices.set(`${plan} ${who}`, {
          isIn: true,
          policy: plan === regular ? 'regular' : 'sensitive',
          spans: [{ starts: '2020-01-01' }],
        });
      await loadPlan(made.node(plan), made.#rows(plan), []);
      for (let n = 0; n < many; n++) made.#happen(plan);
      await made.#import(
        plan,
        made.things.filter((t) => t.plan === plan),
      );
    }
    made.#say(`regular is asked for by ${regular === undefined ? 'nobody' : NAMES[regular]}`);
    return made;
  }
  async close(): Promise<void> {
    for (const node of this.nodes) await node.close();
  }
  node = (plan: number): TestNode => this.nodes[plan] as TestNode;
  sql = (plan: number): Sql => this.node(plan).deps.database.sql;
  #say = (what: string): void => void this.story.push(what);
  #oneOf = <T>(of: readonly T[], roll = this.#roll): T => of[Math.floor(roll() * of.length)] as T;
  #choice = (plan: number, who: number): Choice => this.#choices.get(`${plan} ${who}`) as Choice;
  #words = (t: Thing): string => `${t.kind} ${t.n} of ${t.who} at ${NAMES[t.plan]}`;

  #rows(plan: number): Record<string, string>[] {
    return PEOPLE.flatMap((who) => {
      const p = personAt(plan, who);
      const { isIn, policy, spans } = this.#choice(plan, who);
      const others = PLANS.filter((o) => o !== plan);
      const day = planDay(this.time.clock());
      return spans.flatMap(({ starts, ends }) =>
        others.map((o) => ({
          ...asksOf(p, peerId(o), personAt(o, who).number, policy, day),
          ...(isIn ? {} : { opt_in: 'no' }),
          coverage_start: starts,
          coverage_end: ends ?? '',
        })),
      );
    });
  }

  /** The way from one payer to others, on which some requests fail. */
  #over(inner: typeof fetch): typeof fetch {
    return async (input, init) => {
      const path = new URL(input instanceof Request ? input.url : input).pathname;
      if (WEATHER > 0 && !this.#isClear && !path.endsWith('jwks.json') && this.#order() < WEATHER) {
        if (this.#order() < 0.5) throw new TypeError('fetch failed');
        return new Response('{"resourceType":"OperationOutcome"}', { status: this.#order() < 0.5 ? 503 : 500 });
      }
      return inner(input, init);
    };
  }

  #isGone = (plan: number, who: number): boolean => this.#choice(plan, who).spans.at(-1)?.ends !== undefined;

  /** Leaves the payer, or comes back. */
  async #moves(plan: number, who: number): Promise<void> {
    const { spans } = this.#choice(plan, who);
    const today = planDay(this.time.clock());
    const last = spans.at(-1);
    if (last?.ends !== undefined) spans.push({ starts: today });
    else if (last && last.starts < today) last.ends = today;
    else return;
    this.#say(`${who} ${this.#isGone(plan, who) ? 'leaves' : 'comes back to'} ${NAMES[plan]} on ${today}`);
    await loadPlan(this.node(plan), this.#rows(plan), []);
    if (this.#isGone(plan, who)) await this.time.pass(1);
  }

  async #import(plan: number, changed: readonly Thing[], gone: readonly string[] = []): Promise<void> {
    const entry = gone.map((url) => ({ request: { method: 'DELETE', url } }));
    await loadPlan(
      this.node(plan),
      [],
      [
        ...(gone.length > 0 ? [{ resourceType: 'Bundle', type: 'transaction', entry }] : []),
        ...changed.flatMap((t) => (t.isSaid ? [recordOf(t), statementOf(t)] : [recordOf(t)])),
      ],
    );
  }

  #happen(plan: number): Thing {
    const kind = this.#oneOf(KINDS);
    const who = this.#oneOf(PEOPLE);
    const visits = this.things.filter((t) => t.kind === 'Encounter' && t.plan === plan && t.who === who && !t.gone);
    const t: Thing = {
      n: this.things.length,
      kind,
      who,
      plan,
      lives: 0,
      value: 1 + Math.floor(this.#roll() * 90),
      isNumbered: this.#roll() < 0.5,
      isLabelled: this.#roll() < 0.15,
      isDenied: kind === 'authorization' && this.#roll() < 0.2,
      isDrug: kind === 'authorization' && this.#roll() < 0.15,
      gone: false,
      visit: VISITED.has(kind) && visits.length > 0 && this.#roll() < 0.6 ? this.#oneOf(visits) : undefined,
      prior: undefined,
      isReplaced: false,
      like: this.things.length,
      isSaid: this.#roll() < 0.25,
      decidedAt: this.time.clock().toISOString(),
    };
    this.things.push(t);
    this.#say(
      `${this.#words(t)} = ${t.value}${t.isLabelled ? ' labelled' : ''}${t.isNumbered ? '' : ' no number'}${t.visit ? ` visit ${t.visit.n}` : ''}`,
    );
    return t;
  }

  /** Those that name a thing are told with it. */
  #with = (t: Thing): Thing[] => [t, ...this.things.filter((o) => o.visit === t && !o.gone)];

  async #change(): Promise<void> {
    const roll = this.#roll();
    if (roll < 0.04) return this.#renumberAll(this.#oneOf(PLANS));
    if (roll < 0.1) {
      const t = this.#happen(this.#oneOf(PLANS));
      return this.#import(t.plan, [t]);
    }
    if (roll < 0.14) {
      // once more in the same minute
      const one = this.#oneOf(this.things.filter((o) => o.kind === 'Procedure' && !o.gone));
      if (one === undefined) return;
      const t = { ...one, n: this.things.length, lives: 0, value: one.value + 7 };
      this.things.push(t);
      this.#say(`${this.#words(t)} = ${t.value} beside ${one.n}`);
      return this.#import(t.plan, [t]);
    }
    if (roll < 0.2) {
      const t = this.#oneOf(this.things.filter((o) => o.gone && o.prior === undefined && !o.isReplaced));
      if (t === undefined) return;
      t.gone = false;
      this.#say(`${this.#words(t)} is there again`);
      return this.#import(t.plan, [t]);
    }
    const t = this.#oneOf(this.things.filter((o) => !o.gone && !o.isReplaced));
    if (roll < 0.38) {
      t.value++;
      this.#say(`${this.#words(t)} is corrected to ${t.value}`);
      if (t.kind === 'claim' && this.#roll() < 0.6) {
        const n = this.things.length;
        const next: Thing = { ...t, n, like: n, lives: 0, prior: t };
        t.isReplaced = true;
        this.things.push(next);
        this.#say(`as ${next.n}`);
        return this.#import(t.plan, this.#roll() < 0.5 ? [t, next] : [next, t]);
      }
      return this.#import(t.plan, [t]);
    }
    if (roll < 0.52 && t.prior === undefined) {
      t.gone = true;
      this.#say(`${this.#words(t)} is deleted`);
      const url = `${typeOf(t)}/${idHere(t)}`;
      const named = this.#with(t).filter((o) => o !== t);
      for (const o of named) o.visit = undefined;
      return this.#import(t.plan, named, [url, ...(t.isSaid ? [`Provenance/said-${t.n}`] : [])]);
    }
    if (roll < 0.72) return this.#renumber(t);
    if (t.kind === 'authorization') {
      t.isDenied = !t.isDenied;
      t.decidedAt = this.time.clock().toISOString();
      this.#say(`${this.#words(t)} is ${t.isDenied ? 'denied' : 'granted'}`);
      return this.#import(t.plan, [t]);
    }
    t.isLabelled = !t.isLabelled;
    this.#say(`${this.#words(t)} is ${t.isLabelled ? 'labelled' : 'labelled no more'}`);
    return this.#import(t.plan, [t]);
  }

  /** Its payer's system numbers a record anew: at once, or first the one and some time later the other. */
  async #renumber(t: Thing): Promise<void> {
    const url = `${typeOf(t)}/${idHere(t)}`;
    const roll = this.#roll();
    t.lives++;
    if (this.#roll() < 0.2) t.value++;
    const way = roll < 0.5 ? 'at once' : roll < 0.75 ? 'the new one first' : 'the old one first';
    this.#say(`${this.#words(t)} is numbered anew, ${way}, ${t.value}`);
    if (way === 'at once') return this.#import(t.plan, this.#with(t), [url]);
    if (way === 'the new one first') {
      await this.#import(t.plan, this.#with(t));
      this.#later.push(() => this.#import(t.plan, [], [url]));
      return;
    }
    await this.#import(t.plan, [], [url]);
    this.#later.push(async () => {
      if (!t.gone) await this.#import(t.plan, this.#with(t));
    });
  }

  /** All that a payer has by itself, with what it keeps of before. */
  async #renumberAll(plan: number): Promise<void> {
    const all = this.things.filter((t) => t.plan === plan && !t.gone);
    const urls = all.map((t) => `${typeOf(t)}/${idHere(t)}`);
    for (const t of all) t.lives++;
    this.#say(`all at ${NAMES[plan]} is numbered anew`);
    await this.#import(plan, all, urls);
  }

  async #choose(plan: number, who: number, to: Partial<Choice>): Promise<void> {
    const choice = this.#choice(plan, who);
    Object.assign(choice, to);
    this.#say(`${who} chooses at ${NAMES[plan]}: ${choice.isIn ? choice.policy : 'no'}`);
    await loadPlan(this.node(plan), this.#rows(plan), []);
  }

  async step(): Promise<void> {
    this.#isClear = false;
    for (const later of this.#later.splice(0, Math.floor(this.#roll() * (this.#later.length + 1)))) await later();
    for (let n = 0; n < 5; n++) await this.#change();
    if (this.#roll() < 0.3) {
      const [plan, who] = [this.#oneOf(PLANS), this.#oneOf(PEOPLE)];
      const { isIn, policy } = this.#choice(plan, who);
      if (!isIn || this.#roll() < 0.5) await this.#choose(plan, who, { isIn: !isIn });
      else await this.#choose(plan, who, { policy: policy === 'regular' ? 'sensitive' : 'regular' });
    }
    if (MOVES && this.#roll() < 0.4) await this.#moves(this.#oneOf(PLANS), this.#oneOf(PEOPLE));
    const asks = 1 + Math.floor(this.#order() * 5);
    for (let n = 0; n < asks; n++) {
      const plan = this.#oneOf(PLANS, this.#order);
      const other = this.#oneOf(
        PLANS.filter((o) => o !== plan),
        this.#order,
      );
      await this.ask(plan, other, this.#order() < 0.4);
    }
    await this.time.pass(1);
  }

  /** Returns the outcomes. */
  async ask(plan: number, other: number, full: boolean): Promise<string[]> {
    const { deps } = this.node(plan);
    this.#say(`${NAMES[plan]} asks ${NAMES[other]} for ${full ? 'everything' : 'changes'}`);
    const found: string[] = [];
    for (const id of await planPulls(deps, { cause: 'command', peerId: peerId(other), again: true, full })) {
      const done = await this.#finish(plan, other, id);
      // nobody is found where all who are asked for have said no there; who was never found is asked for apart
      const rows = await this.sql(plan)<
        { id: string }[]
      >`select member_id as id from exchange.pull_member where pull_id = ${id}`;
      const isAsked = new Set(rows.map((m) => m.id));
      const isAnyFound = PEOPLE.some(
        (who) =>
          isAsked.has(idOf(personAt(plan, who))) && this.#choice(plan, who).isIn && this.#choice(other, who).isIn,
      );
      const reasons = isAnyFound ? [null] : [null, 'no-match'];
      if (done?.state !== 'done') this.#say(`  ${NAMES[plan]} of ${NAMES[other]}: ${done?.state} ${done?.reason}`);
      if (this.#isClear || WEATHER === 0) {
        expect([plan, other, done?.state], this.story.join('\n')).toEqual([plan, other, 'done']);
        expect(reasons, this.story.join('\n')).toContain(done?.reason);
      }
      const counts = await outcomes(this.sql(plan), id);
      this.#say(`  ${NAMES[plan]} of ${NAMES[other]}: ${JSON.stringify(counts)}`);
      found.push(...Object.keys(counts));
      if (process.env['NETWORK_LINES'] === '1') await this.#tellLines(plan, id);
    }
    if (this.#order() < 0.7) await this.time.pass(2 * MINUTE);
    return found;
  }

  async #tellLines(plan: number, pull: string): Promise<void> {
    const lines = await this.sql(plan)`
      select outcome, reason, type, source_id, local_id from exchange.ledger where pull_id = ${pull} and outcome not in ('echo', 'unchanged')`;
    for (const line of lines) this.#say(`      ${JSON.stringify(line)}`);
  }

  /** One pull, step by step; nobody waits for anybody. */
  async #finish(plan: number, other: number, id: string): Promise<Pull | undefined> {
    const { deps } = this.node(plan);
    for (let waits = SECOND; ; ) {
      const pull = await findPull(deps.database.sql, id);
      if (!pull || PullWorker.rests(pull)) return pull;
      await this.node(other).work();
      if (await this.#stepOrDie(plan, id)) waits = SECOND;
      else {
        await this.time.pass(waits);
        waits = Math.min(waits * 2, 0.5);
      }
    }
  }

  /** A step of a program that may die in the middle: all that it asks of the database ends there. */
  async #stepOrDie(plan: number, id: string): Promise<boolean> {
    const { deps } = this.node(plan);
    const step = () => takeStep(deps, this.#tokens[plan] as PeerTokens, 'test', id);
    if (DEATHS === 0 || this.#isClear || this.#order() >= DEATHS) return step();
    const sql = this.sql(plan);
    const dies = setTimeout(
      () =>
        void sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`.catch(
          () => {},
        ),
      this.#order() * 150,
    );
    try {
      return await step();
    } catch (error) {
      this.#say(`  ${NAMES[plan]} dies: ${String(error).slice(0, 80)}`);
      await this.time.pass(deps.config.leaseSeconds * SECOND * 2);
      return true;
    } finally {
      clearTimeout(dies);
    }
  }

  /** Each asks each other one once, in any order. */
  async round(full: boolean): Promise<string[]> {
    const found = new Set<string>();
    if (this.#order() < 0.4) {
      const first = this.#oneOf(PLANS.slice(1), this.#order);
      for (const way of PLANS.slice(1).map((n) => 1 + ((n + first - 2) % (PLANS.length - 1))))
        for (const kinds of await Promise.all(PLANS.map((plan) => this.ask(plan, (plan + way) % PLANS.length, full))))
          for (const kind of kinds) found.add(kind);
      await this.time.pass(1);
      return [...found].sort();
    }
    const pairs = PLANS.flatMap((plan) => PLANS.filter((o) => o !== plan).map((other) => ({ plan, other })));
    const ordered = pairs.map((pair) => ({ ...pair, at: this.#order() })).sort((a, b) => a.at - b.at);
    for (const { plan, other } of ordered) for (const kind of await this.ask(plan, other, full)) found.add(kind);
    await this.time.pass(1);
    return [...found].sort();
  }

  /** What was begun is ended, and everybody chooses to be asked for. */
  async settle(): Promise<void> {
    this.#isClear = true;
    for (const later of this.#later.splice(0)) await later();
    for (const plan of PLANS) for (const who of PEOPLE) if (this.#isGone(plan, who)) await this.#moves(plan, who);
    for (const plan of PLANS)
      for (const who of PEOPLE) if (!this.#choice(plan, who).isIn) await this.#choose(plan, who, { isIn: true });
    await this.time.pass(1);
  }

  /** Does the law, or the choice, let it go? */
  #mayGo(t: Thing, policy: Policy): boolean {
    if (t.kind === 'authorization' && (t.isDenied || t.isDrug)) return false;
    const isSensitive = t.isLabelled || t.visit?.isLabelled === true || t.prior?.isLabelled === true;
    return policy === 'sensitive' || !isSensitive;
  }
  #stands = (t: Thing): boolean => !t.gone && !t.isReplaced;

  /** What `plan` has to show of a person. */
  #must(plan: number, who: number): string[] {
    const { policy } = this.#choice(plan, who);
    return this.things
      .filter((t) => t.who === who && this.#stands(t) && (t.plan === plan || this.#mayGo(t, policy)))
      .map((t) => `${t.kind} ${t.like}=${t.value}`)
      .sort();
  }

  #read(resources: readonly Resource[]): string[] {
    return resources.flatMap((r) => {
      const text = JSON.stringify(r);
      if (r.resourceType === 'Provenance') return [];
      const t = this.things.find((o) => typeOf(o) === r.resourceType && text.includes(minuteOf(o)));
      return t === undefined ? [] : [`${t.kind} ${t.like}=${toldBy(r)}`];
    });
  }

  /** What is wrong in what is shown, and leaves. */
  async faults(): Promise<string[]> {
    const found: string[] = [];
    const compare = (by: string, is: readonly string[], be: readonly string[]) => {
      const times = (list: readonly string[], s: string) => list.filter((o) => o === s).length;
      const more = is.filter((s) => times(is, s) > times(be, s));
      const less = be.filter((s) => !is.includes(s));
      for (const s of more) found.push(`${by}: ${s} is too much`);
      for (const s of less) found.push(`${by}: ${s} is missing`);
    };
    for (const plan of PLANS) {
      for (const who of PEOPLE) {
        let text = '';
        const id = idOf(personAt(plan, who));
        for await (const piece of (await mergedBundle(this.node(plan).deps, id, true)) ?? []) text += piece;
        const resources = (JSON.parse(text) as { entry: { resource: Resource }[] }).entry.map((e) => e.resource);
        compare(`${NAMES[plan]} shows of ${who}`, this.#read(resources), this.#must(plan, who));
      }
      for (const policy of ['regular', 'sensitive'] as const) {
        const told = await everybodyAsks(this.node(plan), plan, policy, this.time.clock());
        const must = PEOPLE.flatMap((who) =>
          this.things
            .filter((t) => t.who === who && !t.gone && this.#mayGo(t, policy))
            .filter((t) => t.plan === plan || this.#mayGo(t, this.#choice(plan, who).policy))
            .map((t) => `${t.kind} ${t.like}=${t.value}`),
        );
        compare(`${NAMES[plan]} gives (${policy})`, [...new Set(this.#read(told))], must);
      }
      const open = await this.sql(
        plan,
      )`select kind, type, rule, a_id, b_id from exchange.review_item where state = 'open'`;
      found.push(...open.map((i) => `${NAMES[plan]} asks: ${JSON.stringify(i)}`));
      for (const [law, rows] of Object.entries(await brokenLaws(this.sql(plan))))
        found.push(`${NAMES[plan]} breaks ${law}: ${JSON.stringify(rows)}`);
    }
    return found;
  }
}
