// A wider world of records (reconcile-wide.test.ts): members choose more and less, payers label what they tell, say that it was entered in error, and tell what was before; two
// members are made one, and two again; stored pulls are replayed; people take in what waits, and take that back; pulls die midway; and one more payer asks. What holds is told by spec/reconciliation.md 5, 11, 16 and docs/decisions/022.
import { expect } from 'vitest';
import { recordChoice } from '../../exchange/members/consent/record-choice.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import { replay } from '../../exchange/reconcile/replay.ts';
import { findPull } from '../../exchange/requester/pull.ts';
import { decideItem } from '../../exchange/review/decide.ts';
import { findItem } from '../../exchange/review/review-rows.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { ExportClient, REGULAR, SENSITIVE } from '../exchange/export-client.ts';
import { client } from '../exchange/peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, type Person, US } from '../exchange/plan-fixture.ts';
import { owner, type PullOptions, puller, type RawFile } from '../exchange/reconcile/reconcile-pull.ts';
import { startNode, type TestNode } from '../support/node.ts';
import {
  baseOf,
  CONFLICT_OF,
  DECISIONS,
  KINDS,
  MEMBERS,
  MORE_KINDS,
  PAYERS,
  type Payer,
  patientAt,
  type TruthEvent,
  TYPE_OF,
} from './reconcile-truth.ts';
import { CHOSEN, type Node, OTHERS, type Row, World } from './reconcile-world.ts';

export type Policy = 'regular' | 'sensitive';
const WHO = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
const LABELS = ['PSY', 'ETH', 'HIV', '42CFRPart2', 'R'] as const;
const WITHOUT = new Set((process.env['RECONCILE_WITHOUT'] ?? '').split(','));
/** the first member under a second card, of another cover of the same payer */
const SECOND = 'p1x';
const AGAIN: Person = { ...PEOPLE.rivera, number: 'OH150', subscriber: 'S150' };
/** of these it is said at which visit they were made */
const AT_VISITS: ReadonlySet<string> = new Set(['lab', 'vital', 'pressure', 'shot', 'order', 'procedure', 'document']);
const PERSON: Readonly<Record<string, Person>> = { m1: PEOPLE.rivera, m2: AGAIN };
const stricter = (a: Policy, b: Policy): Policy => (a === 'regular' || b === 'regular' ? 'regular' : 'sensitive');
const security = (label: string): JsonObject => ({
  system: `http://terminology.hl7.org/CodeSystem/v3-${label === 'R' ? 'Confidentiality' : 'ActCode'}`,
  code: label,
});

export type WideNode = Node & { whole: TestNode; ask(policy: Policy): Promise<Map<string, Set<string>>> };

/** All that is held, by table. */
async function contentOf(sql: Node['sql']): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const table of [
    'resource',
    'resource_version',
    'link',
    'identity',
    'review_item',
    'unit_revision',
    'ledger_unit',
    'audit',
    'chain',
  ])
    found[table] = String(
      (
        await sql.unsafe(
          `select md5(coalesce(string_agg(t::text, '' order by t::text), '')) as m from exchange.${table} t`,
        )
      )[0]?.['m'],
    );
  return found;
}

const isDenial = (r: Row): boolean => r.event.kind === 'authorization' && DECISIONS[r.value] === 'A3';

/** A node with two members, whom three payers know, and whom one more asks about. */
export async function wideBeginning(): Promise<WideNode> {
  const whole = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, {}, { commitBatchSize: 4 });
  const { sql } = whole.deps.database;
  await enrol(whole.deps, Object.values(PERSON));
  const kept = new Map<string, Uint8Array>();
  const get = async (key: string) => {
    const found = kept.get(key);
    if (found === undefined) return whole.deps.blobs.get(key);
    return (async function* () {
      yield found;
    })();
  };
  const blobs = { ...whole.deps.blobs, kept, get };
  const deps = { ...whole.deps, blobs };
  const members = Object.fromEntries(MEMBERS.map((m) => [patientAt('prior', m), idOf(PERSON[m] as Person)]));
  const { pull, goOn, ledger } = await puller(
    deps,
    blobs as unknown as Parameters<typeof puller>[1],
    'regular',
    members,
  );
  for (const id of OTHERS.slice(1))
    await sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
      values (${id}, ${id}, null, 'active', ${baseOf(id)}, array[${`https://${id}.example`}], 'test')`;
  for (const payer of OTHERS)
    for (const [patient, member] of [...Object.entries(members), [SECOND, members['p1'] as string] as const])
      await sql`insert into exchange.other_coverage (id, member_id, payer, member_number, peer_id)
        values (${`${payer}-${patient}`}, ${member}, ${payer}, ${`${payer}-${patient}`}, ${payer})`;
  const clients = new Map<Policy, ExportClient>();
  for (const policy of ['regular', 'sensitive'] as const) {
    const them = new ExportClient(whole, await client(whole, `asks-${policy}`, { npi: ASKER.npi }));
    await them.signIn();
    clients.set(policy, them);
  }
  /** Keys here of what leaves to a payer that has asked for nothing before, by whose it is. */
  const ask = async (policy: Policy) => {
    const them = clients.get(policy) as ExportClient;
    const group = await them.group(
      Object.values(PERSON).map((p) => card(p)),
      policy === 'regular' ? REGULAR : SENSITIVE,
    );
    const { manifest } = await them.finished(await them.get(`Group/${group}/$davinci-data-export`, ''));
    const found = new Map<string, Set<string>>();
    for (const r of await them.output(manifest)) {
      const whose = (r['subject'] ?? r['patient'] ?? r['beneficiary']) as { reference?: string } | undefined;
      const member = /^Patient\/(.*)$/.exec(whose?.reference ?? '')?.[1];
      if (member === undefined) continue;
      const keys = found.get(member) ?? found.set(member, new Set()).get(member);
      keys?.add(`${r.resourceType}/${String(r['id'])}`);
    }
    return found;
  };
  return { sql, deps, ...owner(deps), pull, goOn, ledger, close: () => whole.close(), whole, ask };
}

export class WideWorld extends World {
  override readonly kinds = CHOSEN === (KINDS as readonly string[]) && !WITHOUT.has('covers') ? MORE_KINDS : CHOSEN;
  override readonly mostlyFirst = 0.6;
  override readonly mostLasting = 6;
  /** of what has left, a number in common is one more question */
  override readonly unasked = ['chain-anomaly', 'echo-modified'];
  /** of what is drawn here alone: what happens in the narrower world stays as it was */
  readonly #more: Draw;
  /** of what came to it later */
  readonly #further: Draw;
  readonly #base: string;
  /** what the members chose, and what they said while they were one */
  readonly #policies = new Map<string, Policy>(MEMBERS.map((m) => [m, 'regular']));
  #since: Policy | undefined;
  #isOne = false;
  /** the newest consent of a member */
  readonly #consents = new Map<string, string>();
  /** all versions of a record, as its payer had them */
  readonly #versions = new Map<string, Row[]>();
  /** what was told last, and waits as it is more than the member chose */
  readonly #held = new Map<string, Row>();
  /** what was told last, of each */
  readonly #last = new Map<string, Row>();
  /** whose the records are that are there, and which of them went from one to the other */
  readonly #at = new Map<string, string>();
  readonly #moved = new Set<string>();
  /** what rows are called, by their keys */
  readonly #ids = new Map<string, string>();
  /** told as they were before, so that what they are is still to be told */
  #late: string[] = [];

  constructor(seed: number, node: WideNode) {
    super(seed);
    this.#more = new Draw(seed, kindKey('reconcile-wide'), 0);
    this.#further = new Draw(seed, kindKey('reconcile-wider'), 0);
    this.#base = `${node.whole.base}/exchange/fhir`;
  }

  override members(): readonly string[] {
    return this.#isOne ? ['m1'] : MEMBERS;
  }
  override here(member: string): string {
    return idOf(PERSON[member] as Person);
  }
  override codeFrom(member: string): number {
    return member === 'm1' ? 0 : 6;
  }
  override whose(row: Row): string {
    return this.#at.get(row.key) ?? this.#now(row);
  }
  override last(key: string): Row | undefined {
    return this.#last.get(key);
  }
  /** Whose a record is that is told now. */
  #now(row: Row): string {
    return this.#isOne ? 'm1' : row.event.member;
  }
  #policyOf(member: string): Policy {
    return this.#policies.get(this.#isOne ? 'm1' : member) as Policy;
  }

  override text(row: Row): JsonObject {
    let text = JSON.stringify(super.text(row)).replaceAll(baseOf('own'), this.#base);
    for (const m of MEMBERS) text = text.replaceAll(`"Patient/${m}"`, `"Patient/${this.here(m)}"`);
    if (row.isSecond === true) text = text.replaceAll('"Patient/p1"', `"Patient/${SECOND}"`);
    const resource = JSON.parse(text) as JsonObject;
    if (row.label !== undefined)
      resource['meta'] = { ...(resource['meta'] as JsonObject), security: [security(row.label)] };
    if (row.visit !== undefined) {
      const visit = {
        reference: `Encounter/${this.rows.get(row.visit)?.id ?? this.#ids.get(row.visit) ?? `none-${row.event.n}`}`,
      };
      if (row.event.kind === 'document') resource['context'] = { encounter: [visit] };
      else resource['encounter'] = visit;
    }
    if (row.event.kind === 'authorization') resource['preAuthRefPeriod'] = [{ start: '2025-01-01', end: '2099-12-31' }];
    if (row.isError === true) {
      const status = 'verificationStatus' in resource ? 'verificationStatus' : 'status';
      const system = 'http://terminology.hl7.org/CodeSystem/';
      const of = { Condition: 'condition-ver-status', AllergyIntolerance: 'allergyintolerance-verification' };
      resource[status] =
        status === 'status'
          ? 'entered-in-error'
          : {
              coding: [{ system: `${system}${of[resource['resourceType'] as 'Condition']}`, code: 'entered-in-error' }],
            };
      // con-5, ait-2
      if (status === 'verificationStatus') delete resource['clinicalStatus'];
    }
    return resource;
  }

  override set(row: Row): void {
    super.set(row);
    if (row.label !== undefined || row.isError)
      this.story.push(`${this.now}: ${row.key} is ${[row.label, row.isError && 'in error'].filter(Boolean).join()}`);
    this.#versions.set(row.key, [...(this.#versions.get(row.key) ?? []), row]);
    this.#ids.set(row.key, row.id);
  }

  override happen(): void {
    const before = new Set(this.rows.keys());
    super.happen();
    const fresh = [...this.rows.values()].filter((r) => !before.has(r.key));
    const event = fresh[0]?.event;
    // a chain of claims is one member's: the other one's may go to and fro
    if (event?.member === 'm2' && event.prior !== undefined) delete event.prior;
    if (event !== undefined) this.#visited(event, fresh);
    if (!WITHOUT.has('cards') && event?.member === 'm1')
      for (const row of fresh)
        if (row.payer !== 'own' && this.#further.chance(0.2)) this.#replace(row, { isSecond: true });
    if (WITHOUT.has('labels') || !this.#more.chance(0.25)) return;
    const label = this.#more.pick(LABELS);
    for (const row of fresh) if (this.#more.chance(0.7) && this.#mayBeLabelled(row)) this.#replace(row, { label });
  }
  /** Some of what happens is made at a visit of before, which those who tell it may not have. */
  #visited(event: TruthEvent, fresh: readonly Row[]): void {
    const visits = this.events.filter((e) => e.kind === 'visit' && e.member === event.member);
    if (WITHOUT.has('visits') || event.member !== 'm1' || !AT_VISITS.has(event.kind) || visits.length === 0) return;
    if (this.#more.chance(0.4)) return;
    const visit = this.#more.pick(visits);
    for (const row of fresh) {
      const there = [...this.#versions.values()]
        .flat()
        .find((r) => r.payer === row.payer && r.event === visit && r.of === undefined);
      this.#replace(row, { visit: there?.key ?? 'none' });
    }
  }
  /** A version that nobody has told yet is told otherwise. */
  #replace(row: Row, more: Partial<Row>): void {
    const now = this.rows.get(row.key) ?? row;
    this.#versions.get(row.key)?.pop();
    this.set({ ...now, ...more });
  }
  #mayBeLabelled(row: Row): boolean {
    const isCopied = [...this.rows.values(), ...this.told.values()].some((r) => r.of === row.key);
    return row.of === undefined && !isCopied;
  }

  override add(...[event, payer, value, of]: Parameters<World['add']>): void {
    // a copy of what goes to and fro, or is labelled, is another story
    if (of !== undefined && (event.member !== 'm1' || this.told.get(of)?.label !== undefined)) return;
    if (of !== undefined && this.told.get(of)?.visit !== undefined) return;
    super.add(event, payer, value, of);
  }

  /** What is shown and labelled was entered in error, whatever its member chooses by now. */
  #errs(): void {
    const isShown = (r: Row) => this.told.get(r.key)?.label !== undefined && !this.gone.has(r.key);
    const rows = [...this.rows.values()].filter((r) => r.payer !== 'own' && r.label !== undefined && isShown(r));
    if (!WITHOUT.has('errors') && rows.length > 0 && this.#further.chance(0.3))
      this.set({ ...this.#further.pick(rows), isError: true, updated: this.now });
  }
  override change(): void {
    super.change();
    this.#errs();
    const draw = this.#more;
    const rows = [...this.rows.values()];
    if (rows.length === 0) return;
    const row = draw.pick(rows);
    const choice = draw.int(5);
    if (choice < 2) {
      if (WITHOUT.has('labels') || !this.#mayBeLabelled(row) || row.isError) return;
      const { label, ...rest } = row;
      this.set({ ...rest, ...(label === undefined ? { label: draw.pick(LABELS) } : {}), updated: this.now });
    } else if (choice === 2) {
      if (WITHOUT.has('errors') || row.payer === 'own' || row.of !== undefined) return;
      this.set({ ...row, isError: row.isError !== true, updated: this.now });
    }
  }

  override telling(payer: Payer, isFull: boolean): Row[] {
    this.#late = [];
    const rows = super.telling(payer, isFull).filter((row) => {
      // of a visit it is told later than of what was done there
      const waits = !isFull && row.event.kind === 'visit' && !this.#last.has(row.key) && !WITHOUT.has('visits');
      if (!waits || !this.#more.chance(0.4)) return true;
      this.#late.push(row.key);
      return false;
    });
    return rows.map((row) => {
      const older = this.#versions.get(row.key)?.filter((v) => v.updated < row.updated) ?? [];
      if (WITHOUT.has('late') || older.length === 0 || row.of !== undefined) return row;
      if (isFull || !this.#more.chance(0.2)) return row;
      this.#late.push(row.key);
      return { ...this.#more.pick(older), id: row.id };
    });
  }
  override async pull(node: Node, payer: Payer, isFull: boolean): Promise<void> {
    for (const m of this.members()) await this.#latest(node, m);
    this.#dying = this.#isMeanwhile || WITHOUT.has('deaths') ? undefined : this.#death(node, payer);
    await super.pull(node, payer, isFull);
    for (const key of this.#late) this.pending.get(payer)?.add(key);
    if (this.#late.length > 0)
      this.story.push(`${this.now}: pull of ${payer}, as they were before: ${this.#late.join(' ')}`);
  }
  /** Its process dies at some place, and something else comes before another one goes on with it. */
  #death(node: Node, payer: Payer): Pick<PullOptions, 'dies' | 'meanwhile'> | undefined {
    const draw = this.#further;
    if (!draw.chance(0.3)) return undefined;
    const dies = draw.pick(['decided', 0, 1] as const);
    const what = draw.pick(['nothing', 'import', 'pull', 'replay'] as const);
    const other = draw.pick(OTHERS.filter((p) => p !== payer));
    const meanwhile = async () => {
      const late = this.#late;
      this.#isMeanwhile = true;
      this.story.push(`${this.now}: the pull of ${payer} dies (${dies}), then ${what} ${what === 'pull' ? other : ''}`);
      if (what === 'import') await this.import(node);
      if (what === 'pull') await this.pull(node, other, false);
      if (what === 'replay') await this.replays(node);
      this.#isMeanwhile = false;
      this.#late = late;
    };
    return { dies, meanwhile };
  }
  override files(payer: Payer, rows: readonly Row[]): RawFile[] {
    this.#tells = rows.length;
    return super.files(payer, rows);
  }
  /** Where nothing is told of anybody there is the slice of the directory alone. */
  #deathOf(death: Pick<PullOptions, 'dies' | 'meanwhile'> | undefined): Pick<PullOptions, 'dies' | 'meanwhile'> {
    return death?.dies === 1 && this.#tells === 0 ? { ...death, dies: 0 } : (death ?? {});
  }
  #tells = 0;
  #dying: Pick<PullOptions, 'dies' | 'meanwhile'> | undefined;
  #isMeanwhile = false;
  async #latest(node: Node, member: string): Promise<void> {
    const [row] = await node.sql<{ id: string; policy: Policy }[]>`
      select id, policy from exchange.consent where member_id = ${this.here(member)} order by recorded_on desc, created_at desc limit 1`;
    if (row?.policy !== this.#policyOf(member))
      throw new Error(`${member} chose ${this.#policyOf(member)}, not ${row?.policy}`);
    this.#consents.set(member, row.id);
  }
  override how(payer: Payer): PullOptions {
    const of = [...MEMBERS.map((m) => [patientAt(payer, m), this.#isOne ? 'm1' : m] as const), [SECOND, 'm1'] as const];
    return {
      members: of.map(([patient, m]) => [patient, this.here(m)]),
      choices: new Map(of.map(([, m]) => [this.here(m), this.#consents.get(m) as string])),
      policies: new Map(of.map(([, m]) => [this.here(m), this.#policyOf(m)])),
      covers: new Map(of.map(([patient]) => [patient, `${payer}-${patient}`])),
      ...(this.#isMeanwhile ? {} : this.#deathOf(this.#dying)),
    };
  }

  override came(payer: Payer, rows: readonly Row[], gone: readonly string[]): void {
    for (const row of rows) this.#comes(payer, row);
    for (const key of gone) {
      this.gone.add(key);
      this.#hides(key);
      this.#held.delete(key);
      this.#released.delete(key);
    }
  }
  /** spec/reconciliation.md 5, 11, 16: what one line makes of a record. */
  #comes(payer: Payer, row: Row): void {
    const { key } = row;
    const member = this.#now(row);
    const [last, held] = [this.#last.get(key), this.#held.get(key)];
    const isGone = this.gone.has(key);
    const shown = isGone ? undefined : this.told.get(key);
    const isAsIt = (v: Row | undefined) =>
      v !== undefined && v.value === row.value && v.label === row.label && v.isError === row.isError;
    if (payer === 'own') {
      this.#show(row, member);
      return;
    }
    // one member's so far, and said to be the other's: it waits, and what is there stays
    if (shown !== undefined && !isDenial(shown) && this.#at.get(key) !== member) return;
    const isOlder = last !== undefined && row.updated < last.updated;
    // a denial is held whatever its label, and counts
    if (row.label !== undefined && !isDenial(row) && this.#policyOf(row.event.member) === 'regular') {
      if (isOlder && (shown !== undefined || held !== undefined)) return;
      // what a person took in stays so when it comes again
      if (isAsIt(shown) && this.#released.has(key)) return;
      if (!isAsIt(held)) this.#released.delete(key);
      if (!isAsIt(held)) this.#asked.add(key);
      this.#held.set(key, row);
      this.#last.set(key, row);
      // a denial of the same payer counts on, as nobody sees that it granted it since
      if (shown !== undefined && isDenial(shown)) return;
      if (shown === undefined || isAsIt(shown) || (shown.label !== undefined && row.isError !== true)) return;
      this.#hides(key);
      this.told.delete(key);
      return;
    }
    // what is older than what is there, than what waits as it is labelled since, or than what was taken back
    if (isOlder && (shown !== undefined || held !== undefined || (isGone && !isAsIt(last)))) return;
    this.#released.delete(key);
    if (row.isError === true) {
      this.gone.add(key);
      this.#hides(key);
      this.#held.delete(key);
      this.#last.set(key, row);
      return;
    }
    this.#show(row, member);
  }
  #show(row: Row, member: string): void {
    const before = this.told.get(row.key);
    const isThere = before !== undefined && !isDenial(before) && !this.gone.has(row.key);
    if (!isThere || row.payer === 'own') {
      if (this.#at.get(row.key) !== member) this.#moved.delete(row.key);
      this.#at.set(row.key, member);
    }
    this.told.set(row.key, row);
    this.#last.set(row.key, row);
    this.gone.delete(row.key);
    this.#held.delete(row.key);
    this.#hidden.delete(row.key);
  }
  /** What is here of a record, or was held, and is shown no more is as sensitive as it was. */
  #hides(key: string): void {
    this.#hidden.set(key, this.#labelOf(key));
  }
  readonly #hidden = new Map<string, number>();

  /** A member chooses more or less. */
  async choose(node: Node): Promise<void> {
    const member = this.#isOne ? 'm1' : this.#more.pick(MEMBERS);
    const policy = this.#policyOf(member) === 'regular' ? 'sensitive' : 'regular';
    const how = { payers: 'both', channel: 'phone', language: 'en', verification: 'x' } as const;
    await recordChoice(node.deps, this.here(member), { choice: 'opt-in', policy, ...how }, WHO);
    this.#policies.set(member, policy);
    if (this.#isOne) this.#since = policy;
    this.story.push(`${this.now}: pull or import: ${member} chooses ${policy}`);
  }

  /** A person takes in what waits as it is labelled, or takes that back. */
  async decide(node: Node): Promise<void> {
    const said = [...this.#released.keys()].filter((key) => !this.gone.has(key) && !this.#held.has(key));
    const waits = [...this.#asked].filter((key) => {
      const [held, told] = [this.#held.get(key), this.told.get(key)];
      if (held === undefined || (told !== undefined && isDenial(told))) return false;
      const isThere = told !== undefined && !this.gone.has(key);
      return !isThere || (told !== held && this.#at.get(key) === this.#now(held));
    });
    if (said.length > 0 && this.#further.chance(0.5)) await this.#takeBack(node, this.#further.pick(said));
    else if (waits.length > 0) await this.#takeIn(node, this.#further.pick(waits));
  }
  async #takeIn(node: Node, key: string): Promise<void> {
    const row = this.#held.get(key) as Row;
    const [before, wasGone] = [this.told.get(key), this.gone.has(key)];
    this.story.push(`${this.now}: pull or import: ${key} is taken in by a person`);
    await this.#say(node, row, 'release');
    // that it is wrong was believed already
    if (row.isError === true) {
      this.#asked.delete(key);
      return;
    }
    this.#show(row, this.#now(row));
    this.#released.set(key, { row, before, wasGone });
  }
  async #takeBack(node: Node, key: string): Promise<void> {
    const { row, before, wasGone } = this.#released.get(key) as { row: Row; before?: Row; wasGone: boolean };
    this.story.push(`${this.now}: pull or import: that ${key} was taken in is taken back`);
    await this.#say(node, row, 'undo');
    this.#released.delete(key);
    this.#held.set(key, row);
    this.#asked.add(key);
    if (before === undefined) this.told.delete(key);
    else this.told.set(key, before);
    if (wasGone) this.gone.add(key);
  }
  async #say(node: Node, row: Row, decision: 'release' | 'undo'): Promise<void> {
    const [found] = await node.sql<{ id: string }[]>`
      select id from exchange.review_item where id = md5(concat_ws('|', 'held', ${row.payer}::text, ${TYPE_OF[row.event.kind]}::text, ${row.id}::text))`;
    const item = found && (await findItem(node.sql, found.id));
    const state = decision === 'undo' ? 'decided' : 'open';
    expect({
      row,
      kind: item?.kind,
      state: item?.state,
      story: this.story.filter((l) => l.includes(row.id)),
    }).toMatchObject({ kind: 'consent-scope', state });
    const person = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
    const refused = await decideItem(
      node.deps,
      person,
      { itemId: item?.id ?? '', decision, reason: 'as is said', mark: item?.mark ?? '' },
      'r1',
    );
    expect({ refused, row }).toEqual({ refused: undefined, row });
  }
  /** what people took in, with what was there before; and what they are asked of */
  readonly #released = new Map<string, { row: Row; before: Row | undefined; wasGone: boolean }>();
  readonly #asked = new Set<string>();

  /** The two are made one, or two again. */
  async join(node: Node): Promise<void> {
    const [stays, former] = [this.here('m1'), this.here('m2')];
    const [one, two] = [this.#policies.get('m1') as Policy, this.#policies.get('m2') as Policy];
    const done = this.#isOne
      ? await makeTwo(node.deps, { formerId: former, reason: 'two' }, WHO)
      : await makeOne(node.deps, { memberId: stays, formerId: former, reason: 'one', seen: Object.keys(DOUBTS) }, WHO);
    if ('refused' in done) throw new Error(JSON.stringify(done));
    if (this.#isOne) {
      for (const key of this.#moved) this.#at.set(key, 'm2');
      this.#moved.clear();
      this.#policies.set('m1', this.#since ?? this.#own);
      if (this.#since !== undefined) this.#policies.set('m2', stricter(two, this.#since));
    } else {
      for (const [key, member] of this.#at)
        if (member === 'm2') {
          this.#moved.add(key);
          this.#at.set(key, 'm1');
        }
      this.#own = one;
      this.#since = undefined;
      this.#policies.set('m1', stricter(one, two));
    }
    this.#isOne = !this.#isOne;
    this.#released.clear();
    this.#asked.clear();
    this.story.push(`${this.now}: pull or import: they are ${this.#isOne ? 'one' : 'two'}`);
  }
  /** what the one that stays chose before they were one */
  #own: Policy = 'regular';

  /** Today's rules are run once more on the files of a pull of some time. */
  async replays(node: Node): Promise<void> {
    if (this.pulls.length === 0) return;
    const one = this.#more.pick(this.pulls);
    this.story.push(`${this.now}: pull ${this.pulls.indexOf(one)} of ${one.payer} is replayed`);
    const [pull, peer] = [await findPull(node.sql, one.id), await findPeer(node.sql, one.payer)];
    if (!pull || !peer) throw new Error('there is no such pull');
    const run = (dryRun: boolean) =>
      replay(node.deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay', dryRun });
    if (WITHOUT.has('dry') || !this.#further.chance(0.5)) {
      await run(false);
      return;
    }
    // what would change is told, and nothing does; then that does, and once more nothing would
    const before = await contentOf(node.sql);
    const would = await run(true);
    expect(await contentOf(node.sql)).toEqual(before);
    expect(await run(false)).toEqual(would);
    expect(await run(true)).toMatchObject({ units: [], links: { added: [], removed: [] }, chains: [] });
  }

  /** What may leave of a member: what is there, but for what is as sensitive as it may not be, or tells of such, or is denied. */
  leaving(member: string, policy: Policy): string[] {
    const shown = this.shown(member);
    const most = policy === 'regular' ? 0 : 1;
    const isOne = (a: Row, b: Row) =>
      a.event === b.event && a.payer !== b.payer && (!(a.event.kind in CONFLICT_OF) || a.value === b.value);
    // as sensitive as its payer says, whatever of that is here; as what is one with it; and as the visit it was made at, which may be here no more
    const labels = new Map([...this.#last.values()].map((r) => [r.key, this.#labelOf(r.key)]));
    for (let before = -1, sum = 0; before !== sum; ) {
      before = sum;
      for (const r of shown) {
        // a cover is told for itself
        if (r.event.kind === 'coverage') continue;
        const of = [r.key, r.visit ?? '', ...shown.filter((o) => isOne(r, o)).map((o) => o.key)];
        labels.set(r.key, Math.max(...of.map((key) => labels.get(key) ?? 0)));
      }
      sum = [...labels.values()].reduce((a, b) => a + b, 0);
    }
    // what came back of ours is ours: it is told by that one
    const isOurs = (r: Row) => r.of?.startsWith('own/') === true;
    return shown
      .filter((r) => !isOurs(r) && (labels.get(r.key) ?? 0) <= most)
      .map((r) => r.key)
      .sort();
  }
  #labelOf(key: string): number {
    const of = [this.told.get(key), this.#held.get(key)].map((r) => r?.label);
    return Math.max(this.#hidden.get(key) ?? 0, ...of.map((l) => (l === undefined ? 0 : l === '42CFRPart2' ? 2 : 1)));
  }
  /** Is nothing said of whether it leaves? */
  isAside(key: string): boolean {
    const row = this.#versions.get(key)?.[0];
    return row?.of?.startsWith('own/') === true;
  }
  override async renumber(node: Node, payer: Payer, member: string): Promise<void> {
    // what waits, or was had under a wider choice, has no id that could be known again
    const isLabelled = [...this.rows.values(), ...this.told.values()].some(
      (r) => r.payer === payer && r.label !== undefined,
    );
    if (!isLabelled) await super.renumber(node, payer, member);
    for (const row of this.rows.values()) this.#ids.set(row.key, row.id);
  }
  draws(chance: number): boolean {
    return this.#more.chance(chance);
  }
  get payer(): Payer {
    return this.#more.pick(PAYERS);
  }
}
