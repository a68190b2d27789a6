import { parse } from 'csv-parse/sync';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { referencesIn } from '../../src/fhir/json-text.ts';
import { isValidNpi, NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { codings, type JsonObject, objects, type Resource, strings } from '../../src/fhir/resource.ts';
import {
  CASES,
  type Case,
  csvLine,
  ENROLMENT_COLUMNS,
  enrolmentHeader,
  enrolmentLine,
  enrolmentRow,
  memberRecords,
  SIDES,
  type Side,
  sharedRecords,
  truth,
} from '../../src/seed/members/index.ts';
import { read } from './read.ts';

const SEED = 11;
const FORTY = Array.from({ length: 40 }, (_, i) => i);
const records = (index: number, side: Side) => memberRecords(SEED, index, side);
const everything: Record<Side, Resource[]> = {
  prior: FORTY.flatMap((i) => records(i, 'prior')),
  current: FORTY.flatMap((i) => records(i, 'current')),
};
const byId = (side: Side) => new Map(everything[side].map((r) => [read(r, 'id'), r]));
const eobs = (side: Side, use: string) =>
  everything[side].filter((r) => r.resourceType === 'ExplanationOfBenefit' && r['use'] === use);
const codeOf = (value: unknown) => read(codings(value as JsonObject)[0], 'code');
const patientOf = (i: number, side: Side) => records(i, side)[0] as Resource;
const nameOf = (i: number, side: Side) => objects(patientOf(i, side)['name'])[0] as JsonObject;
const uc = (e: Resource) => read(e, 'identifier', 'value');

afterEach(() => {
  vi.restoreAllMocks();
});

test('the same seed, member and side give the same records without clock or chance', () => {
  const before = JSON.stringify([records(5, 'prior'), truth(SEED, 5), enrolmentRow(SEED, 5, 'current')]);
  vi.spyOn(Date, 'now').mockImplementation(() => {
    throw new Error('the clock was read');
  });
  vi.spyOn(Math, 'random').mockImplementation(() => {
    throw new Error('chance was used');
  });
  expect(JSON.stringify([records(5, 'prior'), truth(SEED, 5), enrolmentRow(SEED, 5, 'current')])).toBe(before);
  expect(JSON.stringify(memberRecords(SEED + 1, 5, 'prior'))).not.toBe(JSON.stringify(records(5, 'prior')));
});

describe.each(SIDES)('records of the %s plan', (side) => {
  const all = everything[side];

  test('refer only to the same member and to the shared pool, and ids are distinct', () => {
    const pool = sharedRecords(SEED, side).map((r) => `${r.resourceType}/${read(r, 'id')}`);
    for (const i of FORTY) {
      const own = records(i, side);
      const known = new Set([...pool, ...own.map((r) => `${r.resourceType}/${read(r, 'id')}`)]);
      expect(known.size).toBe(pool.length + own.length);
      expect(own.flatMap((r) => referencesIn(JSON.stringify(r)).filter((ref) => !known.has(ref)))).toEqual([]);
    }
  });

  test('carry a profile and lastUpdated, and lie before the last day', () => {
    for (const r of [...all, ...sharedRecords(SEED, side)]) {
      const meta = r['meta'] as JsonObject;
      expect(strings(meta['profile']).length).toBeGreaterThan(0);
      expect(read(meta, 'lastUpdated')).toSatisfy((at: string) => at > '2000' && at < '2026-11-01');
    }
    for (const e of all.filter((r) => r['created'] !== undefined))
      expect(read(e, 'created') < '2026-11-01', read(e, 'id')).toBe(true);
    for (const e of all.filter((r) => r.resourceType === 'Encounter'))
      expect(read(e, 'period', 'end') < '2026-11-01').toBe(true);
  });

  test('show no words of licensed code systems and name no CPT', () => {
    const text = all.map((r) => JSON.stringify(r)).join('\n');
    expect(text).not.toContain('ama-assn.org');
    const licensed = /snomed|ama-assn|ada\.org|nubc|rxnorm|loinc|icd-10|x12|HCPCS/;
    for (const m of text.matchAll(/\{"system":"([^"]+)","code":"[^"]+"(,"display":"[^"]*")?\}/g))
      if (licensed.test(m[1] ?? '')) expect(m[2], m[0]).toBeUndefined();
  });

  test('NPIs of the pool are valid and the same on both sides under partly other ids', () => {
    const npis = (s: Side) =>
      sharedRecords(SEED, s)
        .filter((r) => r['id'] !== `${s}-plan`)
        .flatMap((r) =>
          objects(r['identifier'])
            .filter((i) => i['system'] === NPI_SYSTEM)
            .map((i) => read(i, 'value')),
        );
    expect(npis(side).every((n) => isValidNpi(n) && n.startsWith('9'))).toBe(true);
    expect(npis('prior')).toEqual(npis('current'));
    const ids = (s: Side) => new Set(sharedRecords(SEED, s).map((r) => read(r, 'id')));
    const both = [...ids('prior')].filter((id) => ids('current').has(id));
    expect(both.length).toBeGreaterThan(10);
    expect(both.length).toBeLessThan(ids('prior').size - 10);
  });
});

test('a member has about two hundred records at the prior plan and sixty at ours', () => {
  const counts = (side: Side) => FORTY.map((i) => records(i, side).length).filter((n) => n > 0);
  for (const n of counts('prior')) expect(n).toSatisfy((c: number) => c >= 150 && c <= 270);
  for (const n of counts('current')) expect(n).toSatisfy((c: number) => c >= 40 && c <= 80);
  const types = new Set(everything.prior.map((r) => r.resourceType));
  for (const type of [
    'Patient',
    'Coverage',
    'Encounter',
    'Condition',
    'Observation',
    'DiagnosticReport',
    'Procedure',
    'MedicationRequest',
    'MedicationDispense',
    'Immunization',
    'AllergyIntolerance',
    'CarePlan',
    'CareTeam',
    'Goal',
    'DocumentReference',
    'Device',
    'Provenance',
    'ExplanationOfBenefit',
  ])
    expect(types, type).toContain(type);
});

test('some history is older than five years', () => {
  const old = everything.prior.filter((r) => r.resourceType === 'Encounter' && read(r, 'period', 'end') < '2021-10-31');
  expect(old.length).toBeGreaterThan(100);
});

describe('claims', () => {
  test('come in five kinds, with money that adds up', () => {
    const kinds = new Set(eobs('prior', 'claim').map((e) => `${codeOf(e['type'])}/${codeOf(e['subType'])}`));
    expect(kinds).toEqual(
      new Set(['professional/', 'pharmacy/', 'oral/', 'institutional/inpatient', 'institutional/outpatient']),
    );
    for (const e of eobs('prior', 'claim')) {
      const total = (code: string) =>
        objects(e['total'])
          .filter((t) => codeOf(t['category']) === code)
          .map((t) => Number(read(t, 'amount', 'value')));
      expect(total('submitted')).toHaveLength(1);
      expect(Number(read(e, 'payment', 'amount', 'value'))).toBe(total('benefit')[0]);
      expect(Math.round(Number(total('benefit')[0]) * 100 + Number(total('copay')[0]) * 100)).toBe(
        Math.round(Number(total('eligible')[0]) * 100),
      );
    }
  });

  test('have distinct claim ids and chains that name each other', () => {
    const claims = eobs('prior', 'claim');
    const nodes = new Map(claims.map((e) => [uc(e), e]));
    expect(nodes.size).toBe(claims.length);
    let edges = 0;
    for (const e of claims)
      for (const r of objects(e['related'])) {
        const other = nodes.get(read(r, 'reference', 'value'));
        const back = objects(other?.['related']).some((b) => (b['reference'] as JsonObject)['value'] === uc(e));
        expect(back).toBe(true);
        if (codeOf(r['relationship']) === 'replacedby') {
          edges++;
          expect(e['status']).toBe('cancelled');
          expect(read(other, 'created') > read(e, 'created')).toBe(true);
        }
      }
    expect(edges).toBeGreaterThan(40);
    // taken back: cancelled without a successor
    expect(claims.some((e) => e['status'] === 'cancelled' && e['related'] === undefined)).toBe(true);
  });
});

describe('prior authorizations', () => {
  const actions = (e: Resource) =>
    objects(e['item']).map((item) =>
      objects(item['adjudication']).flatMap((a) => [...JSON.stringify(a).matchAll(/"code":"(A\d)"/g)].map((m) => m[1])),
    );

  test('are approved, denied, pended, partly denied, for drugs and overturned', () => {
    const shapes = new Set(eobs('prior', 'preauthorization').map((e) => JSON.stringify(actions(e))));
    expect(shapes).toEqual(new Set(['[["A1"]]', '[["A3"]]', '[["A4"]]', '[["A1"],["A3"]]', '[["A3","A1"]]']));
    const drug = eobs('prior', 'preauthorization').filter((e) =>
      codeOf(objects(e['item'])[0]?.['productOrService']).startsWith('J'),
    );
    expect(drug.length).toBeGreaterThan(5);
  });

  test('name a supporting document that exists and only the granted ones have a period', () => {
    const known = byId('prior');
    for (const e of eobs('prior', 'preauthorization')) {
      const document = read(e, 'supportingInfo', 'valueReference', 'reference');
      expect(known.get(document.replace('DocumentReference/', ''))?.resourceType).toBe('DocumentReference');
      expect(e['preAuthRefPeriod'] !== undefined).toBe(actions(e).flat().includes('A1'));
    }
  });
});

test('sensitive records carry R, the sensitivity and, for substance use, 42 CFR Part 2', () => {
  const labels = new Set(
    everything.prior.flatMap((r) => {
      const security = objects((r['meta'] as JsonObject)['security']).map((s) => read(s, 'code'));
      return security.length > 0 ? [`${r.resourceType} ${security.join(' ')}`] : [];
    }),
  );
  for (const type of [
    'Condition',
    'Encounter',
    'ExplanationOfBenefit',
    'Observation',
    'MedicationRequest',
    'MedicationDispense',
  ])
    for (const label of ['R PSY', 'R ETH 42CFRPart2', 'R HIV']) expect(labels).toContain(`${type} ${label}`);
  const sensitive = /"(F33\.1|F11\.20|B20)"/;
  for (const r of everything.prior.filter((r) => sensitive.test(JSON.stringify(r))))
    expect((r['meta'] as JsonObject)['security'], read(r, 'id')).toBeDefined();
});

describe('special members', () => {
  const at = (which: Case) => CASES[which];

  test('known to one plan only', () => {
    expect(records(at('only-current'), 'prior')).toEqual([]);
    expect(records(at('only-current'), 'current').length).toBeGreaterThan(40);
    expect(records(at('only-prior'), 'current')).toEqual([]);
    expect(enrolmentRow(SEED, at('only-prior'), 'current')).toBeUndefined();
    // who never was with the prior payer still claims it: no match there
    expect(enrolmentRow(SEED, at('only-current'), 'current')?.prior_payer).toBe('prior');
  });

  test('twins share surname, birth date, address and subscriber; father and son share the name', () => {
    for (const side of SIDES) {
      const [a, b] = [patientOf(at('twin'), side), patientOf(at('twin-of-previous'), side)];
      expect([b['birthDate'], b['address']]).toEqual([a['birthDate'], a['address']]);
      expect(nameOf(at('twin-of-previous'), side)['family']).toBe(nameOf(at('twin'), side)['family']);
      expect(nameOf(at('twin-of-previous'), side)['given']).not.toEqual(nameOf(at('twin'), side)['given']);
      expect(enrolmentRow(SEED, at('twin-of-previous'), side)?.subscriber_id).toBe(
        enrolmentRow(SEED, at('twin'), side)?.subscriber_id,
      );
      const [senior, junior] = [nameOf(at('senior'), side), nameOf(at('junior'), side)];
      expect([junior['family'], junior['given']]).toEqual([senior['family'], senior['given']]);
      expect([senior['suffix'], junior['suffix']]).toEqual([['Sr'], ['Jr']]);
    }
  });

  test('names that changed, were shortened or mistyped, and an address that moved', () => {
    const family = (which: Case, side: Side) => nameOf(at(which), side)['family'];
    expect(family('maiden-name', 'prior')).not.toBe(family('maiden-name', 'current'));
    expect(objects(patientOf(at('maiden-name'), 'current')['name'])[1]).toMatchObject({
      use: 'old',
      family: family('maiden-name', 'prior'),
    });
    expect([nameOf(at('nickname'), 'prior')['given'], nameOf(at('nickname'), 'current')['given']]).toEqual([
      ['William'],
      ['Bill'],
    ]);
    expect(family('typo', 'prior')).not.toBe(family('typo', 'current'));
    expect(patientOf(at('moved'), 'prior')['address']).not.toEqual(patientOf(at('moved'), 'current')['address']);
    expect(patientOf(at('moved'), 'prior')['birthDate']).toBe(patientOf(at('moved'), 'current')['birthDate']);
  });
});

describe('the key', () => {
  const rows = FORTY.flatMap((i) => truth(SEED, i));
  const prior = byId('prior');
  const current = byId('current');

  test('names records that exist, each pair once, in all kinds', () => {
    for (const t of rows) {
      expect(prior.get(t.priorId), t.priorId).toBeDefined();
      const other = current.get(t.currentId);
      expect(other?.resourceType, t.currentId).toBe(t.type);
    }
    expect(new Set(rows.map((t) => `${t.type} ${t.priorId} ${t.currentId}`)).size).toBe(rows.length);
    expect(new Set(rows.map((t) => t.kind))).toEqual(
      new Set(['derived-from', 'same-record', 'same-event', 'conflict', 'different']),
    );
  });

  test('is true of the records', () => {
    const seen = { lab: 0, mismatch: 0, refuted: 0, visits: 0 };
    for (const t of rows) {
      const [a, b] = [prior.get(t.priorId) as Resource, current.get(t.currentId) as Resource];
      if (t.type === 'Observation') {
        expect(a['identifier']).toEqual(b['identifier']);
        expect(a['effectiveDateTime']).toBe(b['effectiveDateTime']);
        const same = JSON.stringify(a['valueQuantity']) === JSON.stringify(b['valueQuantity']);
        expect(same).toBe(t.kind === 'same-record');
        seen[t.kind === 'conflict' ? 'mismatch' : 'lab']++;
      }
      if (t.type === 'AllergyIntolerance') {
        expect(a['code']).toEqual(b['code']);
        const refuted = codeOf(b['verificationStatus']) === 'refuted';
        expect(refuted).toBe(t.kind === 'conflict');
        if (refuted) seen.refuted++;
      }
      if (t.type === 'Encounter' && t.kind === 'different') {
        const who = (r: Resource) => read(r, 'participant', 'individual', 'reference');
        expect(read(a, 'period', 'start').slice(0, 10)).toBe(read(b, 'period', 'start').slice(0, 10));
        expect(who(a).split('-').at(-1)).not.toBe(who(b).split('-').at(-1));
        seen.visits++;
      }
      if (t.type === 'MedicationDispense') {
        expect(objects(a['identifier'])[1]).toEqual(objects(b['identifier'])[0]);
        expect(objects(a['item'])[0]?.['servicedDate']).toBe(read(b, 'whenHandedOver').slice(0, 10));
      }
      if (t.type === 'Immunization')
        expect([a['vaccineCode'], a['occurrenceDateTime']]).toEqual([b['vaccineCode'], b['occurrenceDateTime']]);
    }
    expect(seen).toEqual({ lab: 38, mismatch: 14, refuted: 10, visits: 38 });
  });
});

describe('enrolment', () => {
  const rows = FORTY.flatMap((i) => enrolmentRow(SEED, i, 'current') ?? []);

  test('reads back as CSV with the columns of the import', () => {
    const csv = [enrolmentHeader(), ...rows.map(enrolmentLine)].join('\n');
    expect(parse(csv, { columns: true })).toEqual(rows);
    expect(enrolmentHeader().split(',')).toEqual([...ENROLMENT_COLUMNS]);
    expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', ''])).toBe('a,"b,c","d""e","f\ng",');
  });

  test('agrees with Patient and Coverage', () => {
    for (const side of SIDES)
      for (const i of FORTY) {
        const row = enrolmentRow(SEED, i, side);
        if (!row) continue;
        const [patient, coverage] = records(i, side);
        expect(patient?.['id']).toBe(row.patient_id);
        expect(objects(patient?.['identifier'])[0]).toMatchObject({
          system: `https://${side}.example/sid/member`,
          value: row.member_number,
        });
        expect(objects(coverage?.['identifier'])[0]?.['value']).toBe(row.member_number);
        expect(coverage?.['subscriberId']).toBe(row.subscriber_id);
        expect(coverage?.['period']).toMatchObject({ start: row.coverage_start });
        if (side === 'current' && i !== CASES['number-unknown'])
          expect(row.prior_member_number).toBe(
            enrolmentRow(SEED, i, 'prior')?.member_number ?? row.prior_member_number,
          );
      }
  });

  test('has yes and no, both policies, and the prior payer by peer id, name and NPI', () => {
    expect(new Set(rows.map((r) => r.opt_in))).toEqual(new Set(['yes', 'no']));
    expect(new Set(rows.map((r) => r.opt_in_policy))).toEqual(new Set(['regular', 'sensitive', '']));
    const npi = sharedRecords(SEED, 'prior')
      .flatMap((r) => objects(r['identifier']))
      .at(0)?.['value'];
    expect(new Set(rows.map((r) => r.prior_payer))).toEqual(new Set(['prior', 'Old Harbor Example Health', npi]));
    expect(rows.filter((r) => r.prior_member_number === '')).toHaveLength(1);
    for (const r of rows) expect(r.prior_coverage_end < r.coverage_start).toBe(true);
  });

  test('member numbers are distinct over many members and both plans', () => {
    const numbers = new Set<string>();
    for (let i = 0; i < 5_000; i++)
      for (const side of SIDES) numbers.add(enrolmentRow(SEED, i, side)?.member_number ?? `${side}-${i}`);
    expect(numbers.size).toBe(10_000);
  });
});

test('the last day can be moved', () => {
  const moved = memberRecords(SEED, 0, 'prior', '2024-06-30');
  for (const r of moved)
    expect(read(r, 'meta', 'lastUpdated')).toSatisfy((at: string) => at > '2000' && at < '2024-07-01');
  expect(truth(SEED, 0, '2024-06-30').length).toBe(truth(SEED, 0).length);
});
