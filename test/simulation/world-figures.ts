// What reports, statements, accounts and evidence of payers of a simulated world say, beside what happened in it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPromise } from 'yauzl';
import { verifyAudit } from '../../exchange/compliance/audit/verify.ts';
import { disclosuresOf } from '../../exchange/compliance/disclosures/disclosures.ts';
import { writePack } from '../../exchange/compliance/evidence/pack.ts';
import { verifyPack } from '../../exchange/compliance/evidence/verify-pack.ts';
import { type ComplianceReport, complianceReport } from '../../exchange/compliance/report/compliance.ts';
import { instantsOf, readPeriod } from '../../exchange/compliance/report/period.ts';
import { peerStatement } from '../../exchange/compliance/report/statement.ts';
import { askedLongAgo } from '../../exchange/requester/concurrent-rows.ts';
import { AS_IT_IS, canonicalJson } from '../../src/fhir/canonical.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { tableJson } from '../../src/ui/table.ts';
import { planDay } from '../exchange/plan-fixture.ts';
import { IS_STORMY, letters, nodeOf, saids, sqlOf, time, today, wire } from './world.ts';
import { type Duty, duties } from './world-duties.ts';
import { unpaired } from './world-pairs.ts';
import { HUMANS, isOneAt, memberAt, NAMES, PLANS, peerId, secondIdAt } from './world-records.ts';
import { hasSuspended } from './world-staff.ts';
import { heldIn, type Request } from './world-wire.ts';

type Row = Record<string, unknown>;
const sum = (ns: number[]): number => ns.reduce((a, b) => a + b, 0);
const SINCE = planDay(time.clock());

/** Rows of a table of a report. */
const tableOf = (report: ComplianceReport, name: string): Row[] => {
  const table = report.tables.find((t) => t.name === name);
  if (!table) throw new Error(`no table ${name}`);
  return tableJson(table) as Row[];
};

/** Differences between what is told and what is so, each in words. */
class Faults {
  readonly found: string[] = [];
  readonly #whose: string;
  constructor(whose: string) {
    this.#whose = whose;
  }
  same(what: string, told: unknown, is: unknown): void {
    const words = (v: unknown) => canonicalJson(JSON.parse(JSON.stringify({ v })) as JsonObject, AS_IT_IS).slice(5, -1);
    const [a, b] = [words(told), words(is)];
    if (a !== b) this.found.push(`${this.#whose}: ${what}: told ${a}, is ${b}`);
  }
}

/** Whose a number of a payer is, as it counts people: two members are two, and of who was asked about as one that one is told. */
const whoIs = (number: string, at: Date): string => {
  const plan = NAMES.indexOf(number.slice(0, 1) as (typeof NAMES)[number]);
  const h = HUMANS.find((one) => /^h\d+/.exec(number.slice(1))?.[0] === one.name);
  const second = h?.twice.get(plan);
  const isTheSecond = second?.isOne === false && second.member.number === number && !isOneAt(second, at);
  return h ? `${h.name}${isTheSecond ? ' the second' : ''}` : number;
};

/** The same of an id that it has. */
const personOf = (plan: number, id: string): string =>
  HUMANS.find((h) => h.twice.get(plan)?.isOne && secondIdAt(h, plan) === id)?.name ??
  HUMANS.find((h) => h.at.has(plan) && memberAt(h, plan) === id)?.name ??
  id;

/** Members that a payer asked another one about, by what was answered. */
function askedOf(requests: readonly Request[]): { all: Set<string>; matched: Set<string>; constrained: Set<string> } {
  const found = { all: new Set<string>(), matched: new Set<string>(), constrained: new Set<string>() };
  for (const r of requests)
    for (const [id, { bucket }] of r.answered) {
      const who = whoIs(r.asked.get(id)?.ours ?? '', r.told);
      found.all.add(who);
      if (bucket === 'match') found.matched.add(who);
      if (bucket === 'consentconstraint') found.constrained.add(who);
    }
  return found;
}

const COUNTED = new Set([
  'Patient',
  'Observation',
  'Condition',
  'MedicationRequest',
  'Encounter',
  'ExplanationOfBenefit',
]);
/** What was really fetched of whom: of each export, by the id of the person where it comes from. */
function fetchedOf(r: Request): Map<string, string> {
  const found = new Map<string, Map<string, number>>();
  for (const { text } of r.files.values())
    for (const [who, types] of heldIn(text)) {
      const all = found.get(who) ?? found.set(who, new Map()).get(who);
      for (const [type, n] of types) if (COUNTED.has(type)) all?.set(type, (all.get(type) ?? 0) + n);
    }
  return new Map([...found].map(([who, types]) => [who, wordsOf([...types])]));
}
const wordsOf = (types: [string, number][]): string =>
  types
    .filter(([t]) => COUNTED.has(t))
    .map(([t, n]) => `${t} ${n}`)
    .sort()
    .join();

/** The requests of the world between two payers. */
const between = (requests: readonly Request[], from: number | undefined, to: number | undefined, kind?: string) =>
  requests.filter(
    (r) =>
      (from === undefined || r.from === from) &&
      (to === undefined || r.to === to) &&
      (kind === undefined || r.kind === kind),
  );

function choices(f: Faults, plan: number, report: ComplianceReport): void {
  const mine = saids.filter((s) => s.plan === plan);
  const whose = (s: (typeof saids)[number]) =>
    `${s.who.name}${s.isSeconds && s.who.twice.get(plan)?.isOne === false ? ' the second' : ''}`;
  /** That a person had said it before: as the same member, which the two were from when they were made one. */
  const before = (s: (typeof saids)[number]) =>
    mine.slice(0, mine.indexOf(s)).findLast((o) => {
      const since = s.who.twice.get(plan)?.oneSince;
      return o.who === s.who && (o.isSeconds === s.isSeconds || (o.isSeconds && since !== undefined && since <= s.at));
    });
  /** Letters go to the first of two members of one person. */
  const wasOffered = (s: (typeof saids)[number]) =>
    offers.some((l) => l.who === s.who && l.at <= s.at && !(s.isSeconds && s.who.twice.get(plan)?.isOne === false));
  const people = (of: typeof saids) => new Set(of.map(whose)).size;
  const offers = letters.filter((l) => l.plan === plan && l.kind === 'offer' && l.isDelivered);
  const noes = mine.filter((s) => !s.yes);
  const withdrew = noes.filter((s) => before(s)?.yes === true);
  const { offered, afterOffer, optedIn, declined, withdrew: told, obeyed, later } = tableOf(report, 'opt-in')[0] ?? {};
  f.same(
    'choices',
    { offered, afterOffer, optedIn, declined, told, obeyed, later },
    {
      offered: new Set(offers.map((l) => l.who.name)).size,
      afterOffer: people(mine.filter((s) => s.yes && wasOffered(s))),
      optedIn: people(mine.filter((s) => s.yes)),
      declined: people(noes.filter((s) => before(s)?.yes !== true)),
      told: people(withdrew),
      obeyed: withdrew.length,
      later: 0,
    },
  );
}

function requestsMade(f: Faults, plan: number, report: ComplianceReport, requests: readonly Request[]): void {
  const made = tableOf(report, 'we-asked');
  const answered = tableOf(report, 'they-asked');
  const answers = tableOf(report, 'matching');
  const payer = (other: number) => `Plan ${NAMES[other]}`;
  for (const other of PLANS) {
    if (other === plan) continue;
    const by = between(requests, plan, other);
    const { all, matched, constrained } = askedOf(by);
    const row = made.find((r) => r['payer'] === payer(other));
    const without = [...constrained].filter((w) => !matched.has(w)).length;
    f.same(
      `asked ${payer(other)}`,
      ['submitted', 'matched', 'constrained', 'unmatched', 'waiting', ...CALMLY].map((k) => row?.[k] ?? 0),
      [all.size, matched.size, without, all.size - matched.size - without, 0, ...(IS_STORMY ? [] : exportsOf(by))],
    );
    // who is let ask no more has asked in vain
    if (!IS_STORMY && !hasSuspended(other, plan)) f.same(`failed at ${payer(other)}`, row?.['failed'] ?? 0, 0);
    for (const kind of ['match', 'export'] as const) {
      const to = between(requests, other, plan, kind);
      const row = answered.find((r) => r['payer'] === payer(other) && r['kind'] === kind);
      const [n, told] = [to.length, (key: string) => Number(row?.[key] ?? 0)];
      f.same(`${kind} asked by ${payer(other)}`, told('received'), n);
      f.same(`${kind} answered to ${payer(other)}`, told('answered') + (IS_STORMY ? told('cancelled') : 0), n);
      f.same(`${kind} late to ${payer(other)}`, told('answered') - told('inTime') + told('overdue'), 0);
    }
    // of what was lost on its way nobody else knows what it was
    const matches = between(requests, other, plan, 'match');
    if (matches.every((r) => r.answered.size > 0))
      for (const bucket of ['match', 'nomatch', 'consentconstraint'])
        f.same(
          `answered ${bucket} to ${payer(other)}`,
          sum(answers.filter((r) => r['payer'] === payer(other) && r['outcome'] === bucket).map((r) => Number(r['n']))),
          sum(matches.map((r) => [...r.answered.values()].filter((x) => x.bucket === bucket).length)),
        );
  }
  const mine = between(requests, plan, undefined);
  const theirs = between(requests, undefined, plan);
  const { requested, matched, received, disclosed, asked, inTime } = tableOf(report, 'metrics')[0] ?? {};
  const { all, matched: known } = askedOf(mine);
  f.same(
    'numbers for CMS',
    { matched, received, disclosed, asked, ...(IS_STORMY ? {} : { requested, inTime }) },
    {
      matched: known.size,
      received: receivers(mine).size,
      disclosed: new Set(theirs.flatMap((r) => [...fetchedOf(r).keys()].map((id) => personOf(plan, id)))).size,
      asked: theirs.length,
      ...(IS_STORMY ? {} : { requested: all.size, inTime: theirs.length }),
    },
  );
}
/** Of pulls that begin anew not each export is one of theirs. */
const CALMLY = IS_STORMY ? [] : ['exports', 'files'];
const exportsOf = (by: readonly Request[]): [exports: number, files: number] => {
  const exports = by.filter((r) => r.kind === 'export' && r.ready !== undefined);
  return [exports.length, sum(exports.map((r) => r.listed))];
};
/** Of whom something came, as the asking payer calls them. */
const receivers = (mine: readonly Request[]): Set<string> =>
  new Set(
    mine.flatMap((r) => {
      const whose = new Map(
        [...r.answered].flatMap(([id, a]) =>
          a.patient ? [[a.patient, whoIs(r.asked.get(id)?.ours ?? '', r.told)]] : [],
        ),
      );
      return [...fetchedOf(r).keys()].flatMap((p) => whose.get(p) ?? []);
    }),
  );

/** The account that a member is owed: each answer with something of the member, to whom, with how much. */
async function accounts(f: Faults, plan: number, requests: readonly Request[]): Promise<void> {
  const left = between(requests, undefined, plan, 'export');
  for (const h of HUMANS) {
    if (!h.at.has(plan)) continue;
    const second = h.twice.get(plan);
    const [first, other] = [memberAt(h, plan), secondIdAt(h, plan)];
    const ids = second === undefined ? [[first]] : second.isOne ? [[first, other]] : [[first], [other]];
    for (const of of ids) await account(f, plan, of, left);
  }
}

/** Of a member, by all ids that it was known by. */
async function account(f: Faults, plan: number, ids: readonly string[], left: readonly Request[]): Promise<void> {
  // what left as another member's, for whom this one was taken, is told beside it
  const told = ((await disclosuresOf(nodeOf(plan).deps, ids[0] ?? '')) ?? []).filter((d) => d.asMember === null);
  const is = left.flatMap((r) => {
    const fetched = fetchedOf(r);
    return ids.flatMap((id) => {
      const had = fetched.get(id);
      return had === undefined ? [] : [`${peerId(r.from)} ${r.job} ${had}`];
    });
  });
  const accounted = told
    // what is nothing but statements about records is none of the records
    .filter((d) => d.at !== null && wordsOf(Object.entries(d.types)) !== '')
    .map((d) => `${d.peerId} ${d.object.split('/').at(-1)} ${wordsOf(Object.entries(d.types))}`);
  f.same(`disclosures of ${ids.join()}`, accounted.sort(), is.sort());
  f.same(`disclosures of ${ids.join()} without a consent`, told.filter((d) => d.consentId === null).length, 0);
}

/** Each duty as the evidence tells it, beside those that there were. */
function clocks(f: Faults, plan: number, told: readonly Row[], is: readonly Duty[]): Duty[] {
  const now = time.clock();
  const twice = new Set(HUMANS.flatMap((h) => (h.twice.has(plan) ? [memberAt(h, plan), secondIdAt(h, plan)] : [])));
  const all = told.map((k) => {
    const [state, due] = [String(k['state']), new Date(String(k['due_at']))];
    const closed = k['closed_at'] === null ? undefined : new Date(String(k['closed_at']));
    const hasEnded = ['withdrawn', 'not-applicable'].includes(state);
    const open = ['open', 'attempted', 'blocked'].includes(state) ? (due < now ? 'overdue' : 'running') : undefined;
    const fate = open ?? (hasEnded ? (closed && closed > due ? 'ended-late' : 'ended') : state);
    const member = k['member_id'] === null ? String(k['peer_id']).slice(-1).toUpperCase() : String(k['member_id']);
    const [kind, starts] = [String(k['kind']), planDay(new Date(String(k['starts_at'])))];
    return {
      key: [member, kind, starts, planDay(due)].join(' '),
      fate,
      member,
      kind,
      starts,
      due: planDay(due),
      subject: String(k['subject']),
      reason: k['reason'],
    };
  });
  const rows = all.filter((k) => !twice.has(k.member));
  const owed = is.map((d) => ({ key: [d.member, d.kind, d.starts, d.due].join(' '), fates: d.fates }));
  const { told: untrue, owed: left } = unpaired(rows, owed);
  for (const { key, fate } of untrue) f.same(`duty ${key}`, fate, left.find((d) => d.key === key)?.fates ?? 'none');
  for (const d of left) f.same(`duty ${d.key}`, 'none', d.fates);
  return all
    .filter((k) => twice.has(k.member))
    .map(({ fate, member, kind, starts, due }) => ({ plan, member, kind, starts, due, fates: [fate] }));
}

const RATES: Record<string, string> = { F1: 'C1-offer', F2: 'C1b-identify', F4: 'C2', F5: 'C3-export', F8: 'C4' };
function figures(f: Faults, report: ComplianceReport, told: readonly Duty[]): void {
  const tables = tableOf(report, 'clocks');
  for (const [id, kind] of Object.entries(RATES)) {
    const figure = report.figures.find((one) => one.id === id);
    const mine = told.filter((d) => d.kind === kind && d.due >= SINCE && d.due < today());
    const late = mine.filter((d) =>
      d.fates.every((fate) => ['met-late', 'overdue', 'ended-late'].includes(fate)),
    ).length;
    f.same(`${id} late`, (figure?.denominator ?? 0) - (figure?.numerator ?? 0), late);
    const row = tables.find((r) => r['kind'] === kind);
    f.same(`${kind} due`, row?.['due'] ?? 0, mine.length);
  }
  const late = told.filter(
    (d) => d.due < today() && d.fates.every((fate) => ['met-late', 'overdue', 'ended-late'].includes(fate)),
  );
  f.same('not in time', tableOf(report, 'not-in-time').length, late.length);
  f.same('under no choice', tableOf(report, 'consentsMissed'), []);
}

/** What both sides of a request say of it. */
async function statements(
  f: Faults,
  plan: number,
  requests: readonly Request[],
  period: NonNullable<ReturnType<typeof readPeriod>>,
): Promise<void> {
  for (const other of PLANS) {
    if (other === plan) continue;
    const told = await peerStatement(nodeOf(plan).deps, peerId(other), period);
    const rows = tableJson(told?.table ?? { name: '', caption: '', columns: [], rows: [], empty: '' }) as Row[];
    const hashes = (r: Row) =>
      String(r['sha256'] ?? '')
        .split(' ')
        .filter(Boolean)
        .sort();
    const fetched = (r: Request) => [...r.files.values()].map((x) => x.sha256).sort();
    const given = new Map(rows.filter((r) => r['kind'] === 'export').map((r) => [String(r['id']), hashes(r)]));
    const exports = between(requests, other, plan, 'export');
    f.same(`exports to ${NAMES[other]}`, [...given.keys()].sort(), exports.map((r) => r.job).sort());
    for (const r of exports) {
      const mine = given.get(r.job) ?? [];
      // what was lost on its way was given all the same
      f.same(`files to ${NAMES[other]}`, IS_STORMY ? mine.filter((h) => fetched(r).includes(h)) : mine, fetched(r));
    }
    const came = rows.filter((r) => r['kind'] === 'pull').flatMap(hashes);
    const theirs = between(requests, plan, other, 'export').flatMap(fetched);
    f.same(
      `files of ${NAMES[other]}`,
      IS_STORMY ? came.filter((h) => !theirs.includes(h)) : came.sort(),
      IS_STORMY ? [] : theirs.sort(),
    );
  }
}

/** Everything that is told and is not so, of all payers, up to yesterday. */
export async function falseFigures(): Promise<string[]> {
  const found: string[] = [];
  const requests = wire.requests();
  const owed = duties();
  const period = readPeriod(`${SINCE}/${today(-1)}`);
  if (!period) throw new Error('no period');
  const { to: upTo } = instantsOf(period, nodeOf(0).deps.config.timeZone);
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-world-'));
  try {
    for (const plan of PLANS) {
      const f = new Faults(NAMES[plan]);
      const { deps } = nodeOf(plan);
      const out = join(folder, `${plan}.zip`);
      await writePack(deps, period, out);
      const report = await complianceReport({ ...deps, clock: () => upTo }, { period });
      f.same('figures of now', (await complianceReport(deps, { period })).figures, report.figures);
      choices(f, plan, report);
      requestsMade(f, plan, report, requests);
      await accounts(f, plan, requests);
      await statements(f, plan, requests, period);
      f.same('asked long ago', await askedLongAgo(sqlOf(plan), time.clock(), deps.config.timeZone, 100), []);
      f.same('the pack', (await verifyPack(out)).faults, []);
      const parts = await partsOf(out);
      const rows = (parts.get('clocks.jsonl') ?? '')
        .split('\n')
        .filter(Boolean)
        .map((l) => JSON.parse(l) as Row);
      const other = clocks(f, plan, rows, owed.get(plan) ?? []);
      figures(f, report, [...(owed.get(plan) ?? []), ...other]);
      const packed = JSON.parse(parts.get('report.json') ?? '{}') as { tables: Record<string, unknown> };
      for (const t of report.tables) f.same(`table ${t.name} of the pack`, packed.tables[t.name], tableJson(t));
      f.same('the trail', (await verifyAudit(deps)).faults, []);
      found.push(...f.found);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return found;
}

async function partsOf(path: string): Promise<Map<string, string>> {
  const zip = await openPromise(path, { autoClose: false });
  const parts = new Map<string, string>();
  for await (const entry of zip.eachEntry()) {
    const read: Buffer[] = [];
    for await (const part of await zip.openReadStreamPromise(entry)) read.push(part as Buffer);
    parts.set(entry.fileName, Buffer.concat(read).toString());
  }
  zip.close();
  return parts;
}
