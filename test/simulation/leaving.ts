// A node whose members another payer knows, and one more payer that asks it: what is shown of the records that the first one sends, and what of them leaves,
// through the front door.

import { evidenceRows, inSnapshot } from '../../exchange/compliance/evidence/evidence-rows.ts';
import { localId } from '../../exchange/reconcile/local-id.ts';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { timeline } from '../../exchange/records/view/timeline.ts';
import type { Blobs, Deps } from '../../src/deps.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { ExportClient, type Manifest, SENSITIVE } from '../exchange/export-client.ts';
import { client } from '../exchange/peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, type Person, US } from '../exchange/plan-fixture.ts';
import { owner, PEER, puller } from '../exchange/reconcile/reconcile-pull.ts';
import { startNode, type TestNode } from '../support/node.ts';

/** The same person as Ana, under a card of her own: the two may be made one. */
const AGAIN: Person = { ...PEOPLE.rivera, number: 'OH150', subscriber: 'S150' };
export const [ANA, ROBERT, ANA_AGAIN] = [PEOPLE.rivera, PEOPLE.robert, AGAIN].map(idOf) as [string, string, string];
export const BORN: Readonly<Record<string, string>> = { p1: PEOPLE.rivera.born, p2: PEOPLE.robert.born };

/** `Type/id` there → what is told there of it, of one member each. */
export type Told = Map<string, string>;
/** What a member has of the records that are looked at, by whom it is told: the staff's record as a Bundle and as a page, and what the one who asks reads of one member, gets whole, holds of all answers, and reads of one record. */
export type Seen = Record<'page' | 'timeline' | 'everything' | 'whole' | 'held' | 'read', Map<string, Told>>;

/** Files of pulls are kept in memory, those of answers where the node keeps them. */
function besides(blobs: Blobs) {
  const kept = new Map<string, Uint8Array>();
  return {
    ...blobs,
    kept,
    get: async (key: string) => {
      const found = kept.get(key);
      return found === undefined
        ? blobs.get(key)
        : (async function* () {
            yield found;
          })();
    },
  };
}

export class Leaving {
  readonly node: TestNode;
  /** with the files of its pulls */
  readonly deps: Deps;
  readonly prior: Awaited<ReturnType<typeof puller>>;
  readonly #them: ExportClient;
  readonly #group: string;
  /** what the one who asks has kept of all answers, and since when it asks next */
  readonly #kept = new Map<string, Resource>();
  #since: string | undefined;
  /** what was read once of a record, by `Type/id` here */
  readonly #known = new Map<string, string>();

  private constructor(node: TestNode, deps: Deps, prior: Leaving['prior'], them: ExportClient, group: string) {
    this.node = node;
    this.deps = deps;
    this.prior = prior;
    this.#them = them;
    this.#group = group;
  }

  static async begin(policy: 'regular' | 'sensitive'): Promise<Leaving> {
    const node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
    const people = [PEOPLE.rivera, PEOPLE.robert, AGAIN];
    const them = new ExportClient(node, await client(node, 'asker', { npi: ASKER.npi }));
    await them.signIn();
    await enrol(node.deps, people);
    const group = await them.group(
      people.map((p) => card(p)),
      SENSITIVE,
    );
    const blobs = besides(node.deps.blobs);
    const prior = await puller(node.deps, blobs as unknown as Parameters<typeof puller>[1], policy, {
      p1: ANA,
      p2: ROBERT,
    });
    await node.deps.database.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
      values (${`c-${ANA_AGAIN}`}, ${ANA_AGAIN}, 'opt-in', ${policy}, '2026-01-01', 'test')`;
    return new Leaving(node, { ...node.deps, blobs }, prior, them, group);
  }
  get sql() {
    return this.node.deps.database.sql;
  }
  close = () => this.node.close();
  /** Ours are imported as they are and are no more, and a payer tells its own. */
  get records() {
    return { ...owner(this.deps), pull: this.prior.pull };
  }

  /** Lets what is told of a record be known again by its id here. */
  know(key: string, origin = PEER): void {
    const [type = '', id = ''] = key.split('/');
    this.#known.set(origin === 'own' ? key : `${type}/${localId(origin, type, id)}`, key);
  }
  #add(to: Map<string, Told>, member: string | undefined, resource: Resource): void {
    const key = this.#known.get(`${resource.resourceType}/${String(resource['id'])}`);
    if (key === undefined || resource.resourceType === 'Patient') return;
    const of = (resource['subject'] ?? resource['patient']) as { reference: string };
    const whose = member ?? of.reference.slice('Patient/'.length);
    const told = to.get(whose) ?? to.set(whose, new Map()).get(whose);
    if (told?.has(key)) throw new Error(`${key} twice`);
    told?.set(key, of.reference.endsWith(whose) ? String(toldOf(resource)) : `of ${of.reference}`);
  }

  async #ask(more: string): Promise<Manifest> {
    const query = `_type=Patient,Observation,ExplanationOfBenefit${more}`;
    return (await this.#them.finished(await this.#them.get(`Group/${this.#group}/$export`, query))).manifest;
  }
  async #entries(path: string): Promise<Resource[]> {
    const answer = await this.#them.call(path);
    if (answer.status !== 200) return [];
    return ((answer.json() as { entry?: { resource: Resource }[] }).entry ?? []).map((e) => e.resource);
  }

  /** What the page of a member lists, with what the Bundle tells of it. */
  async #listed(member: string, told: Told | undefined): Promise<Told> {
    const asked = { withSensitive: true, kind: undefined, after: undefined, count: 100 };
    const page = await timeline(this.node.deps, member, asked);
    const keys = (page?.entries ?? []).flatMap((e) => e.sources.map((s) => this.#known.get(`${e.type}/${s.id}`) ?? []));
    return new Map(keys.flat().map((key) => [key, told?.get(key) ?? 'of which the Bundle tells nothing']));
  }
  /** Ids there of what an evidence pack says is in quarantine. */
  async waiting(): Promise<string[]> {
    const found = new Set<string>();
    const span = { from: new Date('2020-01-01'), to: new Date(Date.now() + 1000), timeZone: 'UTC' };
    await inSnapshot(this.sql, async (tx) => {
      for await (const rows of evidenceRows(tx, 'quarantine.jsonl', span))
        for (const row of rows) {
          const { type, source_id: id } = JSON.parse(row) as { type: string; source_id: string };
          found.add(`${type}/${id}`);
        }
    });
    return [...found].sort();
  }

  /** All that is shown, and leaves, now. */
  async seen(): Promise<Seen> {
    const found: Seen = {
      page: new Map(),
      timeline: new Map(),
      everything: new Map(),
      whole: new Map(),
      held: new Map(),
      read: new Map(),
    };
    for (const member of [ANA, ROBERT, ANA_AGAIN]) {
      let text = '';
      for await (const piece of (await mergedBundle(this.node.deps, member, true)) ?? []) text += piece;
      if (text !== '')
        for (const { resource } of (JSON.parse(text) as { entry?: { resource: Resource }[] }).entry ?? [])
          this.#add(found.page, member, resource);
      found.timeline.set(member, await this.#listed(member, found.page.get(member)));
      const types = 'Observation,ExplanationOfBenefit';
      for (const r of await this.#entries(`/Patient/${member}/$everything?_type=${types}&_count=200`))
        this.#add(found.everything, member, r);
    }
    const whole = await this.#ask('');
    for (const r of await this.#them.output(whole)) this.#add(found.whole, undefined, r);
    const next = this.#since === undefined ? whole : await this.#ask(`&_since=${this.#since}`);
    for (const key of await this.#them.deleted(next)) this.#kept.delete(key);
    for (const r of await this.#them.output(next)) this.#kept.set(`${r.resourceType}/${String(r['id'])}`, r);
    this.#since = whole.transactionTime;
    for (const r of this.#kept.values()) this.#add(found.held, undefined, r);
    for (const here of this.#known.keys()) {
      const answer = await this.#them.call(`/${here}`);
      if (answer.status === 200) this.#add(found.read, undefined, answer.json() as Resource);
    }
    return found;
  }
}

/** Where what is seen of the members is not what must be, in words. */
export function falselySeen(seen: Seen, must: (by: keyof Seen) => ReadonlyMap<string, Told>): string[] {
  const found: string[] = [];
  for (const [by, told] of Object.entries(seen) as [keyof Seen, Map<string, Told>][])
    for (const [name, member] of Object.entries({ Ana: ANA, Robert: ROBERT, 'Ana again': ANA_AGAIN })) {
      const [is, be] = [told, must(by)].map((m) =>
        [...(m.get(member) ?? [])]
          .map((e) => e.join('='))
          .sort()
          .join(),
      );
      if (is !== be) found.push(`${by} of ${name}: ${is}, must be ${be}`);
    }
  return found;
}

const toldOf = (r: Resource): unknown =>
  (r['valueQuantity'] as { value?: number } | undefined)?.value ??
  (r['item'] as { quantity?: { value?: number } }[] | undefined)?.[0]?.quantity?.value;
