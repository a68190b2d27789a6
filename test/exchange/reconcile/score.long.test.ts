// How well duplicates, contradictions and chains are found: on generated people, whose truth the generator knows, and on
// people made by others, split into what we hold and what a peer sends under ids of its own. Prints a table of each.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { replaceReferences } from '../../../src/fhir/json-text.ts';
import { isObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { memberRecords, sharedRecords, truth } from '../../../src/seed/index.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { output, PEER, type RawFile, reconciler } from './reconcile-pull.ts';

type Node = Awaited<ReturnType<typeof reconciler>>;
type Score = { kind: string; truths: number; found: number; wrong: number };

const print = (title: string, scores: readonly Score[]) => {
  const rate = (n: number, of: number) => (of === 0 ? '–' : (n / of).toFixed(3));
  const rows = scores.map(
    (s) =>
      `${s.kind.padEnd(36)} ${String(s.truths).padStart(6)} ${rate(s.found, s.truths).padStart(7)} ${rate(s.found, s.found + s.wrong).padStart(10)}`,
  );
  process.stdout.write(
    `\n${title}\n${'kind'.padEnd(36)} ${'truths'.padStart(6)} ${'recall'.padStart(7)} ${'precision'.padStart(10)}\n${rows.join('\n')}\n`,
  );
};

/** Links that hold, and contradictions; with `proposed` also those that a person is asked about. */
async function links(node: Node, proposed = false): Promise<Map<string, string>> {
  const rows = await node.sql<{ type: string; other: string | null; a: string; b: string; kind: string }[]>`
    select type, b_type as other, a_id as a, b_id as b, kind from exchange.link where type <> 'Patient' and (state = 'confirmed' or kind = 'conflict' or (${proposed} and state = 'proposed'))`;
  return new Map(rows.map((l) => [`${l.type}|${[l.a, l.b].sort().join('|')}`, l.kind]));
}

function filesOf(resources: Iterable<Resource>): RawFile[] {
  const byType = new Map<string, RawFile>();
  for (const r of resources) {
    const file = byType.get(r.resourceType) ?? output(r.resourceType);
    byType.set(r.resourceType, file);
    file.lines.push(JSON.stringify(r));
  }
  return [...byType.values()];
}

async function enrol(node: Node): Promise<string[]> {
  const members = (
    await node.sql<{ id: string }[]>`select id from exchange.member where id not in ('m1', 'm2') order by 1`
  ).map((m) => m.id);
  for (const id of members)
    await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${`c-${id}`}, ${id}, 'opt-in', 'sensitive', '2026-01-01', 'test')`;
  return members;
}

const SEED = 11;
const MEMBERS = 24;

describe('generated people', () => {
  test('every duplicate is linked, nothing else is, every contradiction is shown, and chains end where they should', async () => {
    const node = await reconciler('sensitive');
    try {
      const all = [...Array(MEMBERS).keys()];
      await node.own(...sharedRecords(SEED, 'current'), ...all.flatMap((i) => memberRecords(SEED, i, 'current')));
      const members = (await enrol(node)).map((id): [string, string] => [id.replace('current', 'prior'), id]);
      const sent = [...sharedRecords(SEED, 'prior'), ...all.flatMap((i) => memberRecords(SEED, i, 'prior'))];
      const { state } = await node.pull(filesOf(sent), { members });
      expect(state).toBe('done');

      const found = await links(node);
      const kept = new Set(
        (
          await node.sql<
            { k: string }[]
          >`select type || '/' || source_id as k from exchange.resource where origin = ${PEER} and not deleted`
        ).map((r) => r.k),
      );
      const scores = new Map<string, Score>();
      const score = (kind: string) => {
        const s = scores.get(kind) ?? { kind, truths: 0, found: 0, wrong: 0 };
        scores.set(kind, s);
        return s;
      };
      const known = new Map<string, string>();
      for (const row of all.flatMap((i) => truth(SEED, i))) {
        if (row.type === 'Patient') continue;
        const prior = row.priorType ?? row.type;
        if (!kept.has(`${prior}/${row.priorId}`)) continue;
        const key = `${prior}|${[localId(PEER, prior, row.priorId), row.currentId].sort().join('|')}`;
        known.set(key, row.kind);
        const s = score(row.kind);
        s.truths++;
        if ((found.get(key) ?? 'different') === row.kind) s.found++;
      }
      // both sides of a pair by the other payer: a claim and the fill that it is about share the number of the fill
      const fillOf = new Map(
        sent.map((r) => [
          localId(PEER, r.resourceType, String(r['id'])),
          objects(r['identifier']).find((i) => text(i['system'])?.includes('pharmacy'))?.['value'],
        ]),
      );
      for (const [key, kind] of found) {
        const [, a = '', b = ''] = key.split('|');
        const own = kind === 'derived-from' && fillOf.get(a) !== undefined && fillOf.get(a) === fillOf.get(b);
        if (!own && known.get(key) !== kind) score(kind).wrong++;
      }
      print(`Generated: ${MEMBERS} members, ${sent.length} records`, [...scores.values()]);
      for (const s of scores.values()) {
        expect(s.found / s.truths, `recall of ${s.kind}`).toBeGreaterThanOrEqual(0.98);
        expect(s.wrong, `wrong ${s.kind}`).toBe(0);
      }

      const expectedItems = [...known.values()].filter((k) => k === 'conflict').length;
      const items =
        await node.sql`select from exchange.review_item where kind in ('value-mismatch', 'status-mismatch', 'dosage-mismatch') and state = 'open'`;
      expect(items).toHaveLength(expectedItems);

      await chainsAreExact(
        node,
        sent.filter((r) => kept.has(`${r.resourceType}/${String(r['id'])}`)),
      );
      expect(await brokenLaws(node.sql)).toEqual({});
    } finally {
      await node.close();
    }
  });
});

/** Chains of the generator: numbers with A and B behind them; a cancelled one without successor is void. */
async function chainsAreExact(node: Node, sent: readonly Resource[]): Promise<void> {
  const wanted = new Map<string, string>();
  for (const r of sent) {
    if (r.resourceType !== 'ExplanationOfBenefit' || r['use'] !== 'claim') continue;
    const uc = text(objects(r['identifier'])[0]?.['value']) ?? '';
    const base = uc.replace(/[AB]$/, '');
    const old = wanted.get(base);
    if (old === undefined || uc > old.slice(old.indexOf(' ') + 1))
      wanted.set(base, `${r['status'] === 'cancelled' ? 'void' : 'final'} ${uc}`);
  }
  const chains = await node.sql<{ state: string; nodes: { number: string }[]; anomalies: unknown[] }[]>`
    select state, nodes, anomalies from exchange.chain where kind = 'claim'`;
  expect(chains.length).toBeGreaterThan(50);
  expect(chains.filter((c) => c.anomalies.length > 0)).toEqual([]);
  const wrong = chains.filter((c) => {
    const last = c.nodes.at(-1)?.number ?? '';
    return wanted.get(last.replace(/[AB]$/, '')) !== `${c.state} ${last}`;
  });
  expect(wrong).toEqual([]);
  const many = [...wanted.values()].filter((w) => w.startsWith('void') || /[AB]$/.test(w)).length;
  expect(chains).toHaveLength(many);
}

const folder = process.env['TEST_DATA_DIR'] ?? '';
const synthea = join(folder, 'data/members-synthea-smart');
const TYPES = [
  'AllergyIntolerance',
  'CarePlan',
  'CareTeam',
  'Condition',
  'DiagnosticReport',
  'Encounter',
  'ExplanationOfBenefit',
  'Immunization',
  'MedicationRequest',
  'Observation',
  'Procedure',
];
const PEOPLE = 10;

describe.skipIf(folder === '' || !existsSync(synthea))('people made by others', () => {
  const read = (type: string) =>
    gunzipSync(readFileSync(join(synthea, `${type}.ndjson.gz`)))
      .toString('utf8')
      .trim()
      .split('\n');

  test('the same people at two payers, under other ids: what is the same is linked, and nothing that is not', async () => {
    const node = await reconciler('sensitive');
    try {
      const patients = read('Patient')
        .slice(0, PEOPLE)
        .map((l) => JSON.parse(l) as Resource);
      const ids = new Set(patients.map((p) => `Patient/${String(p['id'])}`));
      const shared = ['Organization', 'Practitioner'].flatMap(read).map((l) => JSON.parse(l) as Resource);
      const records = TYPES.flatMap(read)
        .map((l) => JSON.parse(l) as Resource)
        .filter((r) => {
          const about = isObject(r['subject']) ? r['subject'] : isObject(r['patient']) ? r['patient'] : {};
          return ids.has(String(about['reference']));
        });
      // we hold a third of it, and all results, under our ids
      const ours = (r: Resource): Resource => {
        const renamed = replaceReferences(JSON.stringify(r), (x) =>
          /^[A-Z]\w+\/[^/]+$/.test(x) ? `"reference":"${x.replace('/', '/o-')}"` : undefined,
        );
        return { ...(JSON.parse(renamed) as Resource), id: `o-${String(r['id'])}` };
      };
      const held = records.filter((r, i) => i % 3 === 0 || r.resourceType === 'Observation');
      await node.own(...shared.map(ours), ...patients.map(ours), ...held.map(ours));
      await enrol(node);
      const members = patients.map((p): [string, string] => [String(p['id']), `o-${String(p['id'])}`]);
      const { state, id } = await node.pull(filesOf([...shared, ...patients, ...records]), { members });
      expect(state).toBe('done');
      expect(await brokenLaws(node.sql)).toEqual({});

      // clinicians whose NPI is wrong cannot be determined to be one: what depends on them is proposed, for a person to decide
      const found = await links(node);
      const shown = await links(node, true);
      const kept = new Set(
        (
          await node.sql<
            { k: string }[]
          >`select type || '/' || source_id as k from exchange.resource where origin = ${PEER} and not deleted`
        ).map((r) => r.k),
      );
      const scores = TYPES.map((type): Score => {
        const pairs = held
          .filter((r) => r.resourceType === type && kept.has(`${type}/${String(r['id'])}`))
          .map((r) => `${type}|${[localId(PEER, type, String(r['id'])), `o-${String(r['id'])}`].sort().join('|')}`);
        const truths = new Set(pairs);
        const linked = [...found]
          .filter(([key, kind]) => key.startsWith(`${type}|`) && (kind === 'same-record' || kind === 'same-event'))
          .map(([key]) => key);
        return {
          kind: type,
          truths: pairs.length,
          found: pairs.filter((p) => shown.get(p)?.startsWith('same-') === true).length,
          wrong: linked.filter((l) => !truths.has(l)).length,
        };
      });
      print(
        `Made by others: ${PEOPLE} people, ${records.length} records, of which ${held.length} are ours too`,
        scores,
      );
      for (const s of scores) {
        expect(s.found / s.truths, `recall of ${s.kind}`).toBeGreaterThanOrEqual(0.98);
        expect(s.found / (s.found + s.wrong), `precision of ${s.kind}`).toBeGreaterThanOrEqual(0.98);
      }
      const again = await node.pull(filesOf([...shared, ...patients, ...records]), { members });
      const changed = (await node.ledger(again.id)).filter(
        (l) => !/^(unchanged|echo|quarantined|rejected|shared)/.test(l),
      );
      expect(changed).toEqual([]);
      expect((await node.ledger(id)).length).toBe(records.length + shared.length + patients.length);
    } finally {
      await node.close();
    }
  });
});
