// Records that checks hold back, which change, go and come again, of two members, and what people decide about them: a model, in whose state stands what the payer told and
// people said, and nothing of what the program notes. What is shown and what leaves is looked at through the front door.
import { randomUUID } from 'node:crypto';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import { replay } from '../../exchange/reconcile/replay.ts';
import { findPull } from '../../exchange/requester/pull.ts';
import { decideItem } from '../../exchange/review/decide.ts';
import type { PersonDecision } from '../../exchange/review/kinds.ts';
import { findItem } from '../../exchange/review/review-rows.ts';
import { planDay } from '../exchange/plan-fixture.ts';
import { deletions, output, PEER, type RawFile } from '../exchange/reconcile/reconcile-pull.ts';
import { numbers } from '../support/numbers.ts';
import { ANA, ANA_AGAIN, BORN, falselySeen, Leaving, ROBERT, type Told } from './leaving.ts';
import { KINDS, keyOf, RECORDS, RESULTS, record } from './released-records.ts';
import { type Doubt, isDoubted, type Left, movedDoubt, Truth, type Version } from './released-truth.ts';

const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const MEMBER: Readonly<Record<string, string>> = { p1: ANA, p2: ROBERT };
const OF_PERSON = ['keep-both', 'dismiss', 'report-to-peer', 'discard'] as const satisfies readonly PersonDecision[];

type Item = { id: string; n: number | undefined; member: string; kind: string; state: string; decision: string | null };

export class ReleasedModel {
  readonly #roll: () => number;
  readonly #node: Leaving;
  readonly #truths = new Map<number, Truth>();
  readonly #doubts = new Map<string, Doubt>();
  readonly #pulls: string[] = [];
  #times = 0;
  /** Who goes on as whom. */
  #asOne = false;
  #consents = new Map([
    [ANA, `c-${ANA}`],
    [ROBERT, `c-${ROBERT}`],
  ]);
  readonly story: string[] = [];

  private constructor(seed: number, node: Leaving) {
    this.#roll = numbers(seed);
    this.#node = node;
  }
  static async begin(seed: number): Promise<ReleasedModel> {
    const node = await Leaving.begin('regular');
    await node.sql`insert into exchange.other_coverage (id, member_id, payer, peer_id) values ('oc1', ${ANA}, 'Prior', ${PEER}), ('oc2', ${ROBERT}, 'Prior', ${PEER})`;
    for (let n = 0; n < RECORDS; n++) node.know(keyOf(n));
    return new ReleasedModel(seed, node);
  }
  get sql() {
    return this.#node.sql;
  }
  close = () => this.#node.close();

  #oneOf<T>(of: readonly T[]): T {
    return of[Math.floor(this.#roll() * of.length)] as T;
  }
  #at = (): string => new Date(Date.UTC(2026, 1, 1) + ++this.#times * 60_000).toISOString();
  #memberOf = (patient: string): string => (patient === 'p1' && this.#asOne ? ANA_AGAIN : (MEMBER[patient] as string));

  /** Somebody says no or yes. */
  async #choose(member: string, choice: 'withdraw' | 'opt-in'): Promise<void> {
    const id = randomUUID();
    await this
      .sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, given_at, source) values (${id}, ${member}, ${choice}, 'regular', ${planDay()}::text::date, now(), 'test')`;
    this.#consents.set(member, id);
  }

  /** The payer tells what is new, or everything; it may be said meanwhile that it was named by mistake, or that nobody is to be asked. */
  async tell(changes = 0.5): Promise<void> {
    const all = Array.from({ length: RECORDS }, (_, n) => n);
    const changed = all.filter(() => this.#roll() < changes);
    const isFull = changes === 0 || this.#roll() < 0.3;
    const left =
      changes === 0 || this.#roll() > 0.3 ? undefined : this.#oneOf<Left>(['named-in-error', 'consent-withdrawn']);
    const gone: number[] = [];
    const fresh = new Map<number, Version>();
    for (const n of changed) {
      const was = this.#truths.get(n);
      if (was !== undefined && this.#roll() < 0.2) {
        this.#truths.delete(n);
        gone.push(n);
        continue;
      }
      const kinds = KINDS.filter((k) => n >= RESULTS || !k.endsWith('-pa'));
      const kind = this.#roll() < 0.6 ? this.#oneOf(kinds) : undefined;
      const patient = was === undefined || this.#roll() < 0.25 ? this.#oneOf(['p1', 'p1', 'p2']) : was.version.patient;
      fresh.set(n, { value: ++this.#times, kind, at: this.#at(), patient });
    }
    const told = (isFull ? all : changed).filter((n) => fresh.has(n) || this.#truths.has(n));
    const words: string[] = [];
    for (const n of told) {
      const version = fresh.get(n);
      const truth = this.#truths.get(n) ?? new Truth(version as Version, this.#memberOf);
      this.#truths.set(n, truth);
      if (version) truth.tell(version, left);
      else truth.again(left);
      const { value, kind, patient } = truth.version;
      words.push(`${version ? '' : 'again '}${n}=${value} of ${patient} ${kind ?? ''}`);
    }
    this.story.push(`told${isFull ? ' all' : ''} ${left ?? ''}: ${words.join(', ')}; gone: ${gone.join()}`);
    const of = (first: number, last: number) =>
      told.filter((n) => n >= first && n < last).map((n) => record(n, (this.#truths.get(n) as Truth).version));
    await this.#pull(
      [
        output('Observation', ...of(0, RESULTS)),
        output('ExplanationOfBenefit', ...of(RESULTS, RECORDS)),
        ...(gone.length > 0 ? [deletions(...gone.map(keyOf))] : []),
      ].filter((f) => f.lines.length > 0),
      isFull,
      left,
    );
  }

  async #pull(files: RawFile[], isFull: boolean, left?: Left): Promise<void> {
    if (files.length === 0) return;
    const { sql } = this;
    const both = [ANA, ROBERT];
    const pulled = await this.#node.prior.pull(files, {
      members: [
        ['p1', ANA],
        ['p2', ROBERT],
      ],
      choices: new Map(this.#consents),
      ...(isFull ? {} : { since: new Date() }),
      meanwhile: async () => {
        await sql`update exchange.pull_member set other_coverage_id = case member_id when ${ANA} then 'oc1' else 'oc2' end where other_coverage_id is null`;
        if (left === 'named-in-error')
          await sql`update exchange.other_coverage set in_error_at = now() where id like 'oc%'`;
        else if (left !== undefined) for (const m of both) await this.#choose(m, 'withdraw');
      },
    });
    if (pulled.state !== 'done') throw new Error(`${pulled.state} ${pulled.reason}`);
    await sql`update exchange.other_coverage set in_error_at = null where id like 'oc%'`;
    if (left === 'consent-withdrawn') for (const m of both) await this.#choose(m, 'opt-in');
    this.#pulls.push(pulled.id);
  }

  /** The payer tells a person anew, as ours or born on another day. */
  async person(): Promise<void> {
    const patient = this.#oneOf(['p1', 'p2']);
    const differs = this.#roll() < 0.5;
    const was = this.#doubts.get(patient);
    this.story.push(`told ${patient} ${differs ? 'born on another day' : 'as ours'}`);
    // somebody who said that it is somebody else is asked again when it still differs
    const said = was?.said === 'discard' && !differs ? 'discard' : undefined;
    this.#doubts.set(patient, { differs, said });
    const [family, given] = patient === 'p1' ? ['Rivera', 'Ana'] : ['Johnson', 'Robert'];
    const birthDate = differs ? `1981-01-0${1 + (this.#times % 9)}` : BORN[patient];
    const told = { resourceType: 'Patient', id: patient, name: [{ family, given: [given] }], birthDate };
    await this.#pull([output('Patient', { ...told, meta: { lastUpdated: this.#at() } })], false);
  }

  /** Today's rules are run on the files of a pull of some time. */
  async again(): Promise<void> {
    const id = this.#oneOf(this.#pulls);
    if (id === undefined) return;
    this.story.push(`pull ${this.#pulls.indexOf(id)} is replayed`);
    const { deps } = this.#node;
    const [pull, peer] = [await findPull(this.sql, id), await findPeer(this.sql, PEER)];
    if (pull && peer) await replay(deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
    // of two checks of one version it waits by that of the pull that was read last
    for (const { n, kind, state } of await this.#items()) this.#truths.get(n ?? -1)?.readLast(kind, state);
  }

  async #items(): Promise<Item[]> {
    const rows = await this.sql<Item[]>`
      select i.id, n, i.member_id as member, i.kind, i.state, i.decision from exchange.review_item i
      left join generate_series(0, ${RECORDS - 1}) n on i.id = md5(concat_ws('|', 'held', ${PEER}::text, i.type, 'r' || n))
      where i.state <> 'gone' and (n is not null or i.kind = 'identity-doubt') order by n, i.member_id`;
    return [...rows];
  }
  async #decide(id: string, decision: PersonDecision | 'undo'): Promise<void> {
    const { deps } = this.#node;
    const mark = (await findItem(this.sql, id))?.mark ?? '';
    const refused = await decideItem(deps, PERSON, { itemId: id, decision, reason: 'looked at it', mark }, 'r1');
    if (refused !== undefined) throw new Error(refused);
  }
  #doubtOf(item: Item): Doubt {
    const patient = item.member === ROBERT ? 'p2' : 'p1';
    return this.#doubts.get(patient) as Doubt;
  }
  async decide(): Promise<void> {
    const item = this.#oneOf((await this.#items()).filter((i) => i.state === 'open'));
    if (item === undefined) return;
    if (item.kind === 'identity-doubt') {
      const said = this.#oneOf(OF_PERSON);
      this.story.push(`${said} of the person ${item.member === ROBERT ? 'p2' : 'p1'}`);
      await this.#decide(item.id, said);
      this.#doubtOf(item).said = said;
      return;
    }
    const decision = this.#roll() < 0.7 ? 'release' : 'discard';
    this.story.push(`${decision} of ${item.n} (${item.kind})`);
    await this.#decide(item.id, decision);
    const t = this.#truths.get(item.n as number) as Truth;
    if (decision === 'release') t.release();
    else t.said = decision;
  }
  async undo(): Promise<void> {
    const item = this.#oneOf((await this.#items()).filter((i) => i.state === 'decided'));
    if (item === undefined) return;
    this.story.push(`${item.decision} of ${item.n ?? item.member} (${item.kind}) is taken back`);
    await this.#decide(item.id, 'undo');
    if (item.kind === 'identity-doubt') this.#doubtOf(item).said = undefined;
    else (this.#truths.get(item.n as number) as Truth).undo();
  }

  /** What is wrong with what is asked, shown and told now. `chose`: that of the payer may be shown, and leave. */
  async faults(chose = true): Promise<string[]> {
    const found: string[] = [];
    const items = await this.#items();
    for (let n = 0; n < RECORDS; n++) {
      const t = this.#truths.get(n);
      const item = items.find((i) => i.n === n);
      const told = item && `${item.kind} ${item.state} ${item.decision ?? ''}`;
      const is = t?.heldFor && `${t.heldFor} ${t.said === undefined ? 'open ' : `decided ${t.said}`}`;
      if (told !== is && !(is === undefined && item?.state === 'decided'))
        found.push(`${n} is ${is}, asked is ${told}`);
    }
    const shown = new Map<string, Told>();
    const leaving = new Map<string, Told>();
    for (const [n, t] of this.#truths) {
      if (t.shown === undefined || !chose) continue;
      const { member, version } = t.shown;
      if (isDoubted(this.#doubts.get(member === ROBERT ? 'p2' : 'p1'))) continue;
      // an authorization that was denied, or is for a drug, goes to nobody, whatever people say
      for (const which of version.kind?.endsWith('-pa') === true ? [shown] : [shown, leaving])
        (which.get(member) ?? which.set(member, new Map()).get(member))?.set(keyOf(n), String(version.value));
    }
    const waits = [...this.#truths].flatMap(([n, t]) => (t.heldFor && t.said !== 'release' ? keyOf(n) : [])).sort();
    const told = await this.#node.waiting();
    if (told.join() !== waits.join()) found.push(`in quarantine are ${waits.join()}, evidence says ${told.join()}`);
    const seen = await this.#node.seen();
    found.push(...falselySeen(seen, (by) => (by === 'page' || by === 'timeline' ? shown : leaving)));
    return found;
  }

  /** The members take their choices back, and choose again: what is shown meanwhile is looked at. */
  async withdrawn(): Promise<string[]> {
    this.story.push('both withdraw, and choose again');
    for (const m of [ANA, ROBERT]) await this.#choose(m, 'withdraw');
    const wrong = await this.faults(false);
    for (const m of [ANA, ROBERT]) await this.#choose(m, 'opt-in');
    return wrong.map((w) => `while nothing may be shown of others: ${w}`);
  }

  /** A member is found to be another one, and that is taken back: what waits and what was decided goes with the records, and people may decide meanwhile. */
  async asOne(): Promise<string[]> {
    const { deps } = this.#node;
    this.story.push('made one, and two again');
    const who = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
    const one = { memberId: ANA_AGAIN, formerId: ANA, reason: 'one person', seen: Object.keys(DOUBTS) };
    const done = await makeOne(deps, one, who);
    if ('refused' in done) throw new Error(JSON.stringify(done));
    this.#asOne = true;
    this.#move(ANA, ANA_AGAIN);
    const wrong = await this.faults();
    const roll = this.#roll();
    if (wrong.length === 0 && roll < 0.3) await this.decide();
    else if (wrong.length === 0 && roll < 0.6) await this.undo();
    wrong.push(...(await this.faults()));
    const back = await makeTwo(deps, { formerId: ANA, reason: 'they are two' }, who);
    if ('refused' in back) throw new Error(JSON.stringify(back));
    this.#asOne = false;
    this.#move(ANA_AGAIN, ANA);
    return wrong.map((w) => `as one: ${w}`);
  }

  #move(from: string, to: string): void {
    for (const t of this.#truths.values()) t.move(from, to);
    const doubt = this.#doubts.get('p1');
    if (doubt) this.#doubts.set('p1', movedDoubt(doubt));
  }

  async step(): Promise<string[]> {
    const roll = this.#roll();
    if (roll < 0.3) await this.tell();
    else if (roll < 0.4) await this.tell(0);
    else if (roll < 0.48) await this.person();
    else if (roll < 0.74) await this.decide();
    else if (roll < 0.86) await this.undo();
    else if (roll < 0.91) await this.again();
    else {
      const wrong = roll < 0.95 ? await this.withdrawn() : await this.asOne();
      if (wrong.length > 0) return wrong;
    }
    return this.faults();
  }
}
