// Records that checks hold back, which change, go and come again, and what people decide about them: a model, in whose state stands what the payer told and people
// said, and nothing of what the program notes.
import { makeOne, makeTwo } from '../../exchange/members/one-person.ts';
import { replay } from '../../exchange/reconcile/replay.ts';
import { decideItem } from '../../exchange/review/decide.ts';
import type { PersonDecision } from '../../exchange/review/kinds.ts';
import { findPeer } from '../../exchange/store/peers/peer.ts';
import { findPull } from '../../exchange/store/pull/pull.ts';
import { findItem } from '../../exchange/store/review/review.ts';
import { deletions, lab, output, PEER, reconciler } from '../exchange/reconcile/reconcile-pull.ts';
import { numbers } from '../support/numbers.ts';

const RECORDS = 5;
/** What holds a record back, by the kind of item; `named-in-error` is of a pull. */
const FAULTS: Record<string, object> = {
  'modifier-extension': { modifierExtension: [{ url: 'http://x.example', valueBoolean: true }] },
  'implicit-rules': { implicitRules: 'http://x.example/rules' },
  'consent-scope': {
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
  },
  'contained-person': {
    contained: [
      { resourceType: 'Patient', id: 'x', name: [{ family: 'Rivera', given: ['Quentin'] }] },
      { resourceType: 'Observation', id: 'w', status: 'final', code: { text: 'x' }, subject: { reference: '#x' } },
    ],
  },
};
const KINDS = Object.keys(FAULTS);
const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };

/** `heldFor`: why the version that was told last waits, or waited until it was released. */
type Told = {
  value: number;
  kind: string | undefined;
  at: string;
  heldFor: string | undefined;
  said: 'release' | 'discard' | undefined;
};

export class ReleasedModel {
  readonly #roll: () => number;
  readonly #node: Awaited<ReturnType<typeof reconciler>>;
  readonly #told = new Map<number, Told>();
  readonly #pulls: string[] = [];
  #times = 0;
  #member = 'm1';
  readonly story: string[] = [];

  private constructor(seed: number, node: Awaited<ReturnType<typeof reconciler>>) {
    this.#roll = numbers(seed);
    this.#node = node;
  }
  static async begin(seed: number): Promise<ReleasedModel> {
    const node = await reconciler('regular');
    const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: 'Rivera', given: ['Ana'] }] });
    await node.own(patient('m1'), patient('m2'));
    await node.sql`insert into exchange.other_coverage (id, member_id, payer, peer_id) values ('oc', 'm1', 'Prior', ${PEER})`;
    return new ReleasedModel(seed, node);
  }
  get sql() {
    return this.#node.sql;
  }
  close = () => this.#node.close();

  #oneOf<T>(of: readonly T[]): T {
    return of[Math.floor(this.#roll() * of.length)] as T;
  }
  #record(n: number, t: Told): object {
    const { meta, ...more } = (t.kind === undefined ? {} : FAULTS[t.kind]) as { meta?: object };
    return lab(`r${n}`, {
      effectiveDateTime: `2026-01-0${n + 1}T08:00:00Z`,
      valueQuantity: { value: t.value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
      ...more,
      meta: { lastUpdated: t.at, ...meta },
    });
  }

  /** The payer tells what is new, or everything; in error: it is said meanwhile that it was named by mistake. */
  async tell(changes = 0.5): Promise<void> {
    const all = Array.from({ length: RECORDS }, (_, n) => n);
    const changed = all.filter(() => this.#roll() < changes);
    const isFull = changes === 0 || this.#roll() < 0.3;
    const inError = changes > 0 && this.#roll() < 0.2;
    const gone: number[] = [];
    for (const n of changed) {
      if (this.#told.has(n) && this.#roll() < 0.2) {
        this.#told.delete(n);
        gone.push(n);
        continue;
      }
      const kind = this.#roll() < 0.6 ? this.#oneOf(KINDS) : undefined;
      const at = new Date(Date.UTC(2026, 1, 1) + ++this.#times * 60_000).toISOString();
      this.#told.set(n, { value: this.#times, kind, at, heldFor: kind, said: undefined });
    }
    const told = (isFull ? all : changed).filter((n) => this.#told.has(n));
    const words = told.map((n) => `${n}=${this.#told.get(n)?.value} ${this.#told.get(n)?.kind ?? ''}`);
    this.story.push(
      `told${isFull ? ' all' : ''}${inError ? ' in error' : ''}: ${words.join(', ')}; gone: ${gone.join()}`,
    );
    for (const n of told) this.#comes(this.#told.get(n) as Told, inError, changed.includes(n));
    const files = [
      ...(told.length > 0
        ? [output('Observation', ...told.map((n) => this.#record(n, this.#told.get(n) as Told)))]
        : []),
      ...(gone.length > 0 ? [deletions(...gone.map((n) => `Observation/r${n}`))] : []),
    ];
    if (files.length === 0) return;
    const { sql } = this.#node;
    await sql`update exchange.other_coverage set in_error_at = ${inError ? new Date() : null} where id = 'oc'`;
    const pulled = await this.#node.pull(files, {
      members: [['p1', 'm1']],
      ...(isFull ? {} : { since: new Date() }),
      meanwhile: async () =>
        void (await sql`update exchange.pull_member set other_coverage_id = 'oc' where other_coverage_id is null`),
    });
    if (pulled.state !== 'done') throw new Error(`${pulled.state} ${pulled.reason}`);
    await sql`update exchange.other_coverage set in_error_at = null where id = 'oc'`;
    if (!inError) this.#pulls.push(pulled.id);
  }

  /** What becomes of a version that comes, again or `isNew`. */
  #comes(t: Told, inError: boolean, isNew: boolean): void {
    const isShown = !isNew && (t.heldFor === undefined || t.said === 'release');
    if (isShown) return;
    const heldFor = inError && t.kind !== 'contained-person' ? 'named-in-error' : t.kind;
    const staysOut = t.said === 'discard' && heldFor === 'named-in-error';
    if (heldFor !== t.heldFor && !staysOut) Object.assign(t, { heldFor, said: undefined });
  }

  /** Today's rules are run on the files of a pull of some time. */
  async again(): Promise<void> {
    const id = this.#oneOf(this.#pulls);
    if (id === undefined) return;
    this.story.push('a pull is replayed');
    const { deps, sql } = this.#node;
    const [pull, peer] = [await findPull(sql, id), await findPeer(sql, PEER)];
    if (pull && peer) await replay(deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
  }

  async #items() {
    const rows = await this.#node.sql<
      { id: string; n: number; kind: string; state: string; decision: string | null }[]
    >`
      select i.id, n, i.kind, i.state, i.decision from exchange.review_item i
      join generate_series(0, ${RECORDS - 1}) n on i.id = md5(concat_ws('|', 'held', ${PEER}::text, 'Observation', 'r' || n))
      where i.state <> 'gone' order by n`;
    return [...rows];
  }
  async #decide(id: string, decision: PersonDecision | 'undo'): Promise<void> {
    const { deps, sql } = this.#node;
    const mark = (await findItem(sql, id))?.mark ?? '';
    const refused = await decideItem(deps, PERSON, { itemId: id, decision, reason: 'looked at it', mark }, 'r1');
    if (refused !== undefined) throw new Error(refused);
  }
  async decide(): Promise<void> {
    const item = this.#oneOf((await this.#items()).filter((i) => i.state === 'open'));
    if (item === undefined) return;
    const decision = this.#roll() < 0.7 ? 'release' : 'discard';
    this.story.push(`${decision} of ${item.n} (${item.kind})`);
    await this.#decide(item.id, decision);
    const t = this.#told.get(item.n) as Told;
    // released from one check, another one may hold it: that is asked then
    if (decision === 'release' && item.kind === 'named-in-error' && t.kind !== undefined) t.heldFor = t.kind;
    else t.said = decision;
  }
  async undo(): Promise<void> {
    const item = this.#oneOf((await this.#items()).filter((i) => i.state === 'decided'));
    if (item === undefined) return;
    this.story.push(`${item.decision} of ${item.n} (${item.kind}) is taken back`);
    await this.#decide(item.id, 'undo');
    Object.assign(this.#told.get(item.n) as Told, { said: undefined });
  }

  async #shown(): Promise<Map<number, number>> {
    const rows = await this.#node.sql<{ n: number; value: number }[]>`
      select substr(source_id, 2)::int as n, (body::jsonb #>> '{valueQuantity,value}')::int as value
      from exchange.resource where member_id = ${this.#member} and type = 'Observation' and origin = ${PEER} and not deleted`;
    return new Map(rows.map((r) => [r.n, r.value]));
  }

  async faults(): Promise<string[]> {
    const found: string[] = [];
    const [items, shown] = [await this.#items(), await this.#shown()];
    for (let n = 0; n < RECORDS; n++) {
      const [t, value] = [this.#told.get(n), shown.get(n)];
      const item = items.find((i) => i.n === n);
      const told = item && `${item.kind} ${item.state} ${item.decision ?? ''}`;
      if (t === undefined) {
        if (value !== undefined) found.push(`${n} is gone, shown is ${value}`);
        if (item?.state === 'open') found.push(`${n} is gone, asked is ${told}`);
        continue;
      }
      const may = t.heldFor === undefined || t.said === 'release';
      if (may && value !== t.value) found.push(`${n} is ${t.value}, shown is ${value}`);
      if (!may && value === t.value) found.push(`${n} is held (${t.heldFor}) and shown`);
      // by which of two checks it waits, the pull says that was read last
      if (t.said === undefined && t.heldFor === 'named-in-error' && t.kind !== undefined && item?.kind === t.kind)
        t.heldFor = t.kind;
      const is = t.heldFor && `${t.heldFor} ${t.said === undefined ? 'open ' : `decided ${t.said}`}`;
      if (told !== is && !(t.said === undefined && t.heldFor === undefined && item?.state === 'decided'))
        found.push(`${n} is ${is}, asked is ${told}`);
    }
    return found;
  }

  /** The member is found to be another one, and that is taken back: what waits and what was decided goes with the records, and people may decide meanwhile. */
  async asOne(): Promise<string[]> {
    const { deps } = this.#node;
    this.story.push('made one, and two again');
    const who = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
    const one = { memberId: 'm2', formerId: 'm1', reason: 'one person', seen: ['two-there', 'names', 'overlap'] };
    const done = await makeOne(deps, one, who);
    if ('refused' in done) throw new Error(JSON.stringify(done));
    this.#member = 'm2';
    const wrong = await this.faults();
    const roll = this.#roll();
    if (wrong.length === 0 && roll < 0.3) await this.decide();
    else if (wrong.length === 0 && roll < 0.6) await this.undo();
    wrong.push(...(await this.faults()));
    const back = await makeTwo(deps, { formerId: 'm1', reason: 'they are two' }, who);
    if ('refused' in back) throw new Error(JSON.stringify(back));
    this.#member = 'm1';
    return wrong.map((w) => `as one: ${w}`);
  }

  async step(): Promise<string[]> {
    const roll = this.#roll();
    if (roll < 0.35) await this.tell();
    else if (roll < 0.45) await this.tell(0);
    else if (roll < 0.75) await this.decide();
    else if (roll < 0.88) await this.undo();
    else if (roll < 0.94) await this.again();
    else {
      const wrong = await this.asOne();
      if (wrong.length > 0) return wrong;
    }
    return this.faults();
  }
}
