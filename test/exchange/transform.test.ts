// What may leave and in which form: money, prior authorizations, dates of service, labels.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isDrugCode } from '../../exchange/records/facts/drug-codes.ts';
import { factsOf, isStatement } from '../../exchange/records/facts/facts.ts';
import { labelOf } from '../../exchange/records/facts/label.ts';
import { mayHoldMoney, moneyIn, withoutMoney } from '../../exchange/records/facts/money.ts';
import { authorizationFacts } from '../../exchange/records/facts/prior-authorization.ts';
import { serviceEnd } from '../../exchange/records/facts/service-date.ts';
import { withoutLines } from '../../exchange/records/facts/without-lines.ts';
import type { Json, Resource } from '../../src/fhir/resource.ts';
import { PROGRAM, valueSets } from '../../src/sensitive-value-sets.ts';

const res = (value: Record<string, unknown>): Resource => value as Resource;

describe('money', () => {
  const money = fc.oneof(
    fc.record({ value: fc.double({ noNaN: true }), currency: fc.constantFrom('USD', 'EUR') }),
    fc.record({ currency: fc.constant('USD'), extension: fc.constant([{ url: 'x', valueCode: 'y' }]) }),
    fc.constant({ value: 3, system: 'urn:iso:std:iso:4217', code: 'USD' }),
    fc.constant({ url: 'http://x', valueMoney: { value: 1 } }),
  );
  const leaf = fc.oneof(
    fc.integer(),
    fc.boolean(),
    fc.constantFrom('plain', 'costs $ 12.50', '40 USD', 'two dollars'),
    money,
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.dictionary(
        fc.constantFrom(
          'item',
          'net',
          'unitPrice',
          'amount',
          'total',
          'payment',
          'adjudication',
          'extension',
          'text',
          'div',
          'note',
          'disposition',
          'processNote',
          'detail',
          '_given',
          'valueString',
          'contained',
          'benefitBalance',
          'category',
        ),
        tie('node'),
        { maxKeys: 4 },
      ),
      fc.array(tie('node'), { maxLength: 3 }),
    ),
  })).node;

  test('nothing is left, whatever the shape, and scrubbing again changes nothing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('ExplanationOfBenefit', 'Coverage', 'Observation'),
        fc.constantFrom('claim', 'preauthorization'),
        fc.dictionary(
          fc.constantFrom(
            'item',
            'addItem',
            'total',
            'payment',
            'text',
            'adjudication',
            'extension',
            'benefitBalance',
            'costToBeneficiary',
            'disposition',
            'processNote',
            'contained',
            'note',
          ),
          tree,
        ),
        (resourceType, use, parts) => {
          const scrubbed = withoutMoney(res({ ...parts, resourceType, use }));
          expect(moneyIn(scrubbed)).toEqual([]);
          expect(withoutMoney(scrubbed)).toEqual(scrubbed);
        },
      ),
      { numRuns: 300, seed: 7 },
    );
  });

  test('a record without money is the same object, and only money is lost from one with it', () => {
    const plain = res({
      resourceType: 'Observation',
      id: 'o',
      valueQuantity: { value: 3, system: 'http://unitsofmeasure.org' },
      note: [{ text: 'paid $5 at the door' }],
    });
    expect(withoutMoney(plain)).toBe(plain);
    const eob = res({
      resourceType: 'ExplanationOfBenefit',
      use: 'claim',
      item: [
        {
          sequence: 1,
          net: { value: 1, currency: 'USD' },
          factor: 2,
          adjudication: [
            {
              category: {
                coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }],
              },
              amount: { value: 1, currency: 'USD' },
            },
            { category: { coding: [{ code: 'allowedunits' }] }, value: 3 },
            {
              category: { coding: [{ code: 'adjustmentreason' }] },
              reason: { text: 'r' },
              amount: { value: 1, currency: 'USD' },
            },
          ],
        },
      ],
      payment: { type: { text: 't' }, date: '2026-01-01', amount: { value: 9, currency: 'USD' } },
      total: [{ category: { text: 'submitted' }, amount: { value: 9, currency: 'USD' } }],
    });
    expect(withoutMoney(eob)).toEqual({
      resourceType: 'ExplanationOfBenefit',
      use: 'claim',
      item: [
        {
          sequence: 1,
          adjudication: [
            { category: { coding: [{ code: 'allowedunits' }] }, value: 3 },
            { category: { coding: [{ code: 'adjustmentreason' }] }, reason: { text: 'r' } },
          ],
        },
      ],
      payment: { type: { text: 't' }, date: '2026-01-01' },
    });
  });

  test('amounts behind letters that no one sees, shares in per cent, and numbers of extensions that are named so', () => {
    const left = (words: string) =>
      withoutMoney(res({ resourceType: 'Coverage', text: { status: 'generated', div: words } }))['text'];
    for (const words of [
      '<div>$\u200B74.09</div>',
      '<div>$&#8203;74.09</div>',
      '<div>U\u00ADSD 5</div>',
      '<div>74.09 bucks</div>',
      '<div>about 75 bucks.</div>',
      '<div>coinsurance 20%</div>',
      '<div>Co-insurance: 20 percent</div>',
      '<div>20% coinsurance</div>',
      '<div>copay is 25 a visit</div>',
      '<div>Deductible 1,500</div>',
    ])
      expect([words, left(words)]).toEqual([words, undefined]);
    for (const words of [
      '<div>12 Bucks County</div>',
      '<div>zero\u200Bwidth 20%</div>',
      '<div>copay since 2026-01-01</div>',
      '<div>Deductible 2026-01-01 to 2026-12-31</div>',
      '<div>saturation 20%</div>',
    ])
      expect([words, left(words)]).toEqual([words, { status: 'generated', div: words }]);
    const number = (url: string) =>
      res({ resourceType: 'Observation', extension: [{ url: `http://plan.example/${url}`, valueDecimal: 12.5 }] });
    for (const url of [
      'premium',
      'monthly-premium',
      'cost',
      'copay',
      'price',
      'premium-amount',
      'copayAmount',
      'costs',
    ]) {
      expect([url, moneyIn(number(url)).length]).toEqual([url, 1]);
      expect([url, mayHoldMoney('Observation', JSON.stringify(number(url)), 0)]).toEqual([url, true]);
      expect([url, withoutMoney(number(url))]).toEqual([url, { resourceType: 'Observation' }]);
    }
    for (const url of ['dose', 'discharge', 'cost-center']) expect([url, moneyIn(number(url))]).toEqual([url, []]);
  });

  test('free text of Coverage and claims that tells an amount goes, names of places stay', () => {
    const coverage = res({
      resourceType: 'Coverage',
      text: { status: 'generated', div: '<div>copay $20</div>' },
      payor: [{ display: 'Dollar General Plan' }],
      class: [{ value: 'x', name: 'Gold' }],
    });
    expect(withoutMoney(coverage)).toEqual({
      resourceType: 'Coverage',
      payor: [{ display: 'Dollar General Plan' }],
      class: [{ value: 'x', name: 'Gold' }],
    });
    expect(
      withoutMoney(res({ resourceType: 'ExplanationOfBenefit', disposition: 'paid 40 USD', outcome: 'complete' })),
    ).toEqual({ resourceType: 'ExplanationOfBenefit', outcome: 'complete' });
  });

  test('the narrative of a claim or authorization goes, in whatever words it tells an amount; of nothing else', () => {
    const text = { status: 'generated', div: '<div>You owe forty, of 120.00 billed.</div>' };
    const shared = (resource: object) => {
      const json = JSON.stringify(resource);
      return factsOf(JSON.parse(json) as Resource, json).shared;
    };
    const claim = { resourceType: 'ExplanationOfBenefit', id: 'e', use: 'claim', status: 'active' };
    expect(shared({ ...claim, text })).toBe(JSON.stringify(claim));
    expect(shared({ ...claim, use: 'preauthorization', text })).toBe(
      JSON.stringify({ ...claim, use: 'preauthorization' }),
    );
    expect(shared(claim)).toBeUndefined();
    expect(shared({ resourceType: 'Observation', id: 'o', status: 'final', text })).toBeUndefined();
  });

  test('an amount behind an escaped name is found', () => {
    const json =
      '{"resourceType":"Observation","id":"x","extension":[{"url":"u","value\\u004doney":{"value":1,"c\\u0075rrency":"USD"}}]}';
    expect(factsOf(JSON.parse(json) as Resource, json).shared).toBe('{"resourceType":"Observation","id":"x"}');
  });

  test.each(['unitPrice', 'allowedMoney', 'usedMoney', 'costToBeneficiary'])(
    'what is named %s goes, also where no currency is reported',
    (name) => {
      const resource = res({ resourceType: 'Observation', id: 'x', [name]: { value: 1 } });
      expect(moneyIn(resource)).toHaveLength(1);
      expect(factsOf(resource, JSON.stringify(resource)).shared).toBe('{"resourceType":"Observation","id":"x"}');
    },
  );

  test('places in primitive extensions are kept, and __proto__ is not followed', () => {
    const named = JSON.parse(
      '{"resourceType":"Basic","given":["a","b"],"_given":[{"extension":[{"url":"u","valueMoney":{"value":1}}]},{"id":"z"}],"__proto__":{"currency":"USD"}}',
    ) as Resource;
    const out = withoutMoney(named);
    expect(out['_given']).toEqual([null, { id: 'z' }]);
    expect(moneyIn(out)).toEqual([]);
  });
});

const X12 = 'https://codesystem.x12.org/005010/306';
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition';
const review = (code: string, when?: string) => ({
  extension: [
    {
      url: `${PDEX}/extension-reviewAction`,
      extension: [
        { url: `${PDEX}/extension-reviewActionCode`, valueCodeableConcept: { coding: [{ system: X12, code }] } },
      ],
    },
    ...(when === undefined ? [] : [{ url: `${PDEX}/base-ext-when-adjudicated`, valueDateTime: when }]),
  ],
});
const line = (
  sequence: number,
  adjudication: object[] = [],
  product: object = { system: 'http://www.ama-assn.org/go/cpt', code: '99213' },
) => ({
  sequence,
  productOrService: { coding: [product] },
  adjudication,
});
const pa = (header: object[], item: object[], more: object = {}) =>
  authorizationFacts(
    res({
      resourceType: 'ExplanationOfBenefit',
      use: 'preauthorization',
      status: 'active',
      created: '2026-01-01',
      adjudication: header,
      item,
      ...more,
    }),
  );
const J = { system: 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', code: 'J0897' };

describe('prior authorizations', () => {
  test.each<[string, object[], object[], string, number[]]>([
    ['approved', [review('A1')], [line(1)], 'approved', []],
    ['denied as a whole', [review('A3')], [line(1)], 'denied', [1]],
    ['every line denied', [], [line(1, [review('A3')]), line(2, [review('A3')])], 'denied', [1, 2]],
    [
      'one line denied',
      [review('A2', '2026-01-03')],
      [line(1, [review('A1', '2026-01-02')]), line(2, [review('A3', '2026-01-02')])],
      'partial',
      [2],
    ],
    [
      'one line denied and nothing said of the whole',
      [],
      [line(1, [review('A1', '2026-01-02')]), line(2, [review('A3', '2026-01-02')])],
      'approved',
      [2],
    ],
    ['one line denied, of the other nothing said', [], [line(1, [review('A3', '2026-01-02')]), line(2)], 'pended', [1]],
    [
      'a drug approved last, a service pended',
      [],
      [line(1, [review('A1', '2026-02-02')], J), line(2, [review('A4', '2026-01-02')])],
      'pended',
      [1],
    ],
    ['overturned as a whole', [review('A3', '2026-01-02'), review('A1', '2026-02-02')], [line(1)], 'approved', []],
    ['line overturned', [], [line(1, [review('A3', '2026-01-02'), review('A1', '2026-02-02')])], 'approved', []],
    [
      'line overturned by a later certification in total',
      [review('A1', '2026-02-02')],
      [line(1, [review('A3', '2026-01-02')])],
      'approved',
      [],
    ],
    ['denied after approval', [review('A1', '2026-01-02'), review('A3', '2026-02-02')], [line(1)], 'denied', [1]],
    [
      'denied, one line granted later',
      [review('A3', '2026-01-02')],
      [line(1, [review('A1', '2026-02-02')]), line(2)],
      'approved',
      [2],
    ],
    [
      'the later in time, not in text',
      [review('A1', '2026-01-02T01:00:00Z'), review('A3', '2026-01-01T23:00:00-05:00')],
      [line(1)],
      'denied',
      [1],
    ],
    ['pended', [review('A4')], [line(1)], 'pended', []],
    ['nothing said', [], [line(1)], 'pended', []],
    ['unknown code', [review('CT')], [line(1)], 'pended', []],
    [
      'reason of denial without a code',
      [{ category: { coding: [{ code: 'denialreason' }] } }],
      [line(1)],
      'unclear',
      [],
    ],
    ['drug by J code', [review('A1')], [line(1, [], J)], 'drug', [1]],
    ['drug by OID', [review('A1')], [line(1, [], { ...J, system: 'urn:oid:2.16.840.1.113883.6.285' })], 'drug', [1]],
    [
      'drug by the OID of NDC',
      [review('A1')],
      [line(1, [], { system: 'urn:oid:2.16.840.1.113883.6.69', code: '1' })],
      'drug',
      [1],
    ],
    [
      'drug by the OID of RxNorm',
      [review('A1')],
      [line(1, [], { system: 'urn:oid:2.16.840.1.113883.6.88', code: '1' })],
      'drug',
      [1],
    ],
    ['drug by NDC', [review('A1')], [line(1, [], { system: 'http://hl7.org/fhir/sid/ndc', code: '1' })], 'drug', [1]],
    ['a drug among services', [review('A1')], [line(1), line(2, [], J)], 'approved', [2]],
    ['a drug and a denied line', [review('A2')], [line(1, [review('A3')]), line(2, [], J)], 'denied', [1, 2]],
  ])('%s', (_, header, item, state, removed) => {
    const facts = pa(header, item);
    expect([facts.state, facts.removedLines]).toEqual([state, removed]);
  });
  const withDetails = (own: object[], ...details: object[]) => ({ ...line(1, own), detail: details });
  test.each<[string, object[], object[], object, string, number[], boolean]>([
    [
      'a detail denied, its line granted',
      [],
      [withDetails([review('A1')], line(1, [review('A3')]), line(2))],
      {},
      'approved',
      [],
      true,
    ],
    [
      'all details denied, of the line nothing said',
      [review('A2')],
      [withDetails([], line(1, [review('A3')])), line(2)],
      {},
      'partial',
      [1],
      false,
    ],
    [
      'all details of the only line denied',
      [review('A2')],
      [withDetails([], line(1, [review('A3')]))],
      {},
      'denied',
      [1],
      false,
    ],
    ['details that are for drugs alone', [review('A1')], [withDetails([], line(1, [], J))], {}, 'drug', [1], false],
    [
      'a detail of a detail denied',
      [review('A1', '2026-01-01')],
      [withDetails([], { ...line(1), subDetail: [line(1, [review('A3', '2026-01-02')]), line(2)] })],
      {},
      'approved',
      [],
      true,
    ],
    [
      'a denied detail overturned by a later certification of its line',
      [],
      [withDetails([review('A1', '2026-02-02')], line(1, [review('A3', '2026-01-02')]))],
      {},
      'approved',
      [],
      false,
    ],
    [
      'a detail granted, of all else nothing said',
      [],
      [withDetails([], line(1, [review('A6')]))],
      {},
      'modified',
      [],
      false,
    ],
    [
      'an added line denied',
      [review('A2')],
      [line(1)],
      { addItem: [{ ...line(0, [review('A3')]), itemSequence: [1] }] },
      'partial',
      [],
      true,
    ],
    ['an added line for a drug', [review('A1')], [line(1)], { addItem: [line(0, [], J)] }, 'approved', [], true],
    [
      'reason of denial of a detail, without a code',
      [],
      [withDetails([], line(1, [{ category: { coding: [{ code: 'denialreason' }] } }]))],
      {},
      'unclear',
      [1],
      false,
    ],
  ])('%s', (_, header, item, more, state, removed, parts) => {
    const facts = pa(header, item, more);
    expect([facts.state, facts.removedLines, facts.removesParts]).toEqual([state, removed, parts]);
  });

  test('denied details and added lines stay, with what the head says of them, and what is left is clean', () => {
    const eob = res({
      resourceType: 'ExplanationOfBenefit',
      use: 'preauthorization',
      adjudication: [review('A2'), { category: { coding: [{ code: 'denialreason' }] } }],
      item: [withDetails([review('A1')], line(1, [review('A3')], J), { ...line(2), noteNumber: [1] }), line(2)],
      addItem: [
        { ...line(0, [review('A3')]), noteNumber: [2] },
        { itemSequence: [1], productOrService: { text: 'kept' } },
      ],
      processNote: [
        { number: 1, text: 'of what leaves' },
        { number: 2, text: 'why not' },
      ],
    });
    const left = withoutLines(eob, [], true);
    expect(left).toMatchObject({
      adjudication: [review('A2')],
      item: [{ sequence: 1, detail: [{ sequence: 2 }] }, { sequence: 2 }],
      addItem: [{ productOrService: { text: 'kept' } }],
      processNote: [{ number: 1 }],
    });
    expect((left['item'] as { detail?: object[] }[])[0]?.detail).toHaveLength(1);
    expect(authorizationFacts(left)).toMatchObject({ removedLines: [], removesParts: false, state: 'partial' });
  });

  test('who, why and by which documents only lines that stay were asked for stays with them; what a line that leaves refers to, or none does, leaves', () => {
    const four = (...of: string[]) => of.map((what, i) => ({ sequence: i + 1, what }));
    const refers = (...n: number[]) => ({
      careTeamSequence: n,
      diagnosisSequence: n,
      procedureSequence: n,
      informationSequence: n,
    });
    const all = four('of the first', 'of both', 'of the second', 'of the whole');
    const eob = res({
      resourceType: 'ExplanationOfBenefit',
      use: 'preauthorization',
      careTeam: all,
      diagnosis: all,
      procedure: all,
      supportingInfo: all,
      item: [
        { ...line(1, [review('A1')]), ...refers(1, 2) },
        { ...line(2, [review('A3')]), ...refers(2, 3) },
      ],
    });
    const left = withoutLines(eob, authorizationFacts(eob).removedLines);
    for (const name of ['careTeam', 'diagnosis', 'procedure', 'supportingInfo'])
      expect([name, left[name]]).toEqual([name, [all[0], all[1], all[3]]]);
    // of one that leaves whole nothing is taken
    const whole = res({ ...eob, item: [{ ...line(1, [review('A1')]), ...refers(1) }] });
    expect(withoutLines(whole, authorizationFacts(whole).removedLines)).toBe(whole);
    // and what only the line that stays has been asked for is gone with its list
    const lone = withoutLines({ ...eob, careTeam: [{ sequence: 3 }] } as unknown as Resource, [2]);
    expect(lone).not.toHaveProperty('careTeam');
  });

  test('what it contains and only lines that stay refer to stays with them, with what that refers to', () => {
    const eob = res({
      resourceType: 'ExplanationOfBenefit',
      use: 'preauthorization',
      contained: [
        { resourceType: 'Practitioner', id: 'of-both' },
        { resourceType: 'PractitionerRole', id: 'of-the-second', practitioner: { reference: '#of-that-role' } },
        { resourceType: 'Practitioner', id: 'of-that-role' },
        { resourceType: 'DocumentReference', id: 'letter', description: 'why the second is asked for' },
        { resourceType: 'Location', id: 'where-the-second-is-done' },
        { resourceType: 'Organization', id: 'of-nobody' },
      ],
      careTeam: [
        { sequence: 1, provider: { reference: '#of-both' } },
        { sequence: 2, provider: { reference: '#of-the-second' } },
      ],
      supportingInfo: [{ sequence: 1, valueReference: { reference: '#letter' } }],
      item: [
        { ...line(1, [review('A1')]), careTeamSequence: [1] },
        {
          ...line(2, [review('A3')]),
          careTeamSequence: [1, 2],
          informationSequence: [1],
          locationReference: { reference: '#where-the-second-is-done' },
        },
      ],
    });
    const left = withoutLines(eob, authorizationFacts(eob).removedLines);
    expect((left['contained'] as { id: string }[]).map((one) => one.id)).toEqual(['of-both', 'of-nobody']);
    expect(eob['contained']).toHaveLength(6);
  });

  test('a line whose details do not leave says nothing of their denial either', () => {
    const reason = { category: { coding: [{ code: 'denialreason' }] }, reason: { text: 'why not' } };
    const because = (code: string) => {
      const given = review(code);
      return {
        ...given,
        extension: given.extension.map((e) =>
          'extension' in e
            ? {
                ...e,
                extension: [...(e.extension ?? []), { url: 'reasonCode', valueCodeableConcept: { text: 'why not' } }],
              }
            : e,
        ),
      };
    };
    const denied = line(1, [review('A3')]);
    const own = [because('A2'), reason];
    const eob = res({
      resourceType: 'ExplanationOfBenefit',
      use: 'preauthorization',
      adjudication: [review('A2')],
      item: [
        { ...line(1, own), detail: [denied, line(2)] },
        { ...line(2, [review('A1')]), detail: [{ ...line(1, own), subDetail: [denied, line(2)] }] },
        line(3, own),
      ],
    });
    const left = withoutLines(eob, [], true);
    const decided = { adjudication: [review('A2')] };
    expect(left['item']).toMatchObject([
      { ...decided, detail: [{ sequence: 2 }] },
      { detail: [{ ...decided, subDetail: [{ sequence: 2 }] }] },
      // of this one all leaves
      { adjudication: own },
    ]);
    expect(authorizationFacts(left)).toMatchObject({ removedLines: [], removesParts: false, state: 'partial' });
  });

  test('pharmacy is drug, cancelled is cancelled', () => {
    expect(pa([review('A1')], [line(1)], { type: { coding: [{ code: 'pharmacy' }] } }).state).toBe('drug');
    expect(pa([review('A1')], [line(1)], { status: 'cancelled' }).state).toBe('cancelled');
  });
  test('it covers to the last end of any period; without end, every day', () => {
    const period = (valuePeriod: object) => ({
      ...line(1),
      extension: [
        { url: 'http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-itemPreAuthPeriod', valuePeriod },
      ],
    });
    expect(pa([], [line(1)], { preAuthRefPeriod: [{ start: '2026-01-01', end: '2026-03-01' }] }).end).toBe(
      '2026-03-01',
    );
    expect(pa([], [period({ end: '2026-05-01' })], { preAuthRefPeriod: [{ end: '2026-03-01' }] }).end).toBe(
      '2026-05-01',
    );
    expect(pa([], [line(1)], { preAuthRefPeriod: [{ start: '2026-01-01' }] }).end).toBe('9999-12-31');
    expect(pa([], [line(1)]).end).toBeUndefined();
  });
  test('what was added to a removed line goes with it', () => {
    const eob = res({
      resourceType: 'ExplanationOfBenefit',
      item: [line(1), line(2)],
      addItem: [{ itemSequence: [2] }, { itemSequence: [1, 2] }],
    });
    expect(withoutLines(eob, [2])).toMatchObject({ item: [{ sequence: 1 }], addItem: [{ itemSequence: [1, 2] }] });
  });

  test('what was added to a removed detail goes with it', () => {
    const denied = (n: number) => line(n, [review('A3')]);
    const about = (text: string, more: object) => ({ productOrService: { text }, ...more });
    const eob = res({
      resourceType: 'ExplanationOfBenefit',
      use: 'preauthorization',
      adjudication: [review('A2')],
      item: [
        withDetails([review('A1')], denied(1), { ...line(2), subDetail: [denied(1), line(2)] }),
        { ...withDetails([review('A1')], line(1), line(2)), sequence: 2 },
      ],
      addItem: [
        about('a denied detail', { itemSequence: [1], detailSequence: [1] }),
        about('a detail that leaves', { itemSequence: [1], detailSequence: [2] }),
        about('both', { itemSequence: [1], detailSequence: [1, 2] }),
        about('the first details of both lines', { itemSequence: [1, 2], detailSequence: [1] }),
        about('the same without naming them', { detailSequence: [1] }),
        about('a denied part of a detail', { itemSequence: [1], detailSequence: [2], subDetailSequence: [1] }),
        about('the same as ClaimResponse spells it', {
          itemSequence: [1],
          detailSequence: [2],
          subdetailSequence: [1],
        }),
        about('a part that leaves', { itemSequence: [1], detailSequence: [2], subDetailSequence: [2] }),
        about('a detail that there is not', { itemSequence: [1], detailSequence: [9] }),
        about('nothing', {}),
      ],
    });
    const facts = authorizationFacts(eob);
    const left = withoutLines(eob, facts.removedLines, facts.removesParts);
    const kept = (left['addItem'] as { productOrService: { text: string } }[]).map((a) => a.productOrService.text);
    expect(kept).toEqual([
      'a detail that leaves',
      'both',
      'the first details of both lines',
      'the same without naming them',
      'a part that leaves',
      'a detail that there is not',
      'nothing',
    ]);
    // of a record whose denied details were not kept when it came, what was added to these is left: it goes now
    const { removedLines, removesParts } = authorizationFacts({ ...left, addItem: eob['addItem'] } as Resource);
    expect([removedLines, removesParts]).toEqual([[], false]);
    const held = { ...left, addItem: eob['addItem'] } as Resource;
    const again = JSON.parse(factsOf(held, JSON.stringify(held), false, true).shared ?? '{}') as Resource;
    const names = (again['addItem'] as { productOrService: { text: string } }[]).map((a) => a.productOrService.text);
    expect(names).toEqual(kept.filter((name) => name !== 'a detail that there is not'));
    // what was added only to details of a line that leaves as a whole goes with the line
    expect(withoutLines(eob, [1, 2])['addItem']).toEqual([about('nothing', {})]);
  });
});

test('of lines that stay nothing is reported elsewhere in an authorization that leaves', () => {
  const coded = (code: string) => ({ category: { coding: [{ code }] } });
  const eob = res({
    resourceType: 'ExplanationOfBenefit',
    item: [
      { sequence: 1, noteNumber: [1], detail: [{ noteNumber: [4] }] },
      { sequence: 2, noteNumber: [1, 2] },
    ],
    adjudication: [
      { ...coded('denialreason'), reason: { coding: [{ code: '50' }] } },
      coded('denied'),
      { ...coded('submitted'), reason: { coding: [{ code: 'denied' }] } },
      coded('allowedunits'),
    ],
    processNote: [1, 2, 3, 4].map((number) => ({ number, text: `note ${number}` })),
    disposition: 'Approved in part; line 2 was denied.',
  });
  const left = withoutLines(eob, [2]);
  expect(left['adjudication']).toEqual([coded('allowedunits')]);
  expect((left['processNote'] as { number: number }[]).map((n) => n.number)).toEqual([1, 4]);
  expect(left['disposition']).toBeUndefined();
  // where all lines leave, all of it does
  expect(withoutLines(eob, [])).toBe(eob);
  expect(withoutLines(res({ ...eob, disposition: 'Certified in part' }), [2])['disposition']).toBe('Certified in part');
});

test('of an authorization that was denied as a whole and overturned in part, neither the denial nor its reason leaves', () => {
  const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition';
  const decided = (code: string, reason?: string) => ({
    category: { coding: [{ code: 'submitted' }] },
    extension: [
      {
        url: `${PDEX}/extension-reviewAction`,
        extension: [
          {
            url: `${PDEX}/extension-reviewActionCode`,
            valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
          },
          ...(reason === undefined
            ? []
            : [{ url: 'reasonCode', valueCodeableConcept: { coding: [{ code: reason }] } }]),
        ],
      },
    ],
  });
  const eob = res({
    resourceType: 'ExplanationOfBenefit',
    item: [{ sequence: 1, adjudication: [decided('A6', '01')] }, { sequence: 2 }],
    adjudication: [decided('A3', '35'), decided('A2', '36')],
  });
  const left = withoutLines(eob, [2]);
  expect(left['adjudication']).toEqual([decided('A2')]);
  // why a line that leaves was decided so is its own
  expect(left['item']).toEqual([{ sequence: 1, adjudication: [decided('A6', '01')] }]);
});

test.each([
  ['Line 2 denies', true],
  ['Line 2 is not approved', true],
  ['Line 2 non-certified', true],
  ['Line 2 was declined', true],
  ['Refusal of line 2', true],
  ['Not medically necessary: line 2', true],
  ['Approved with modifications', false],
  ['Certified in part', false],
])('of what was denied in part "%s" stays: %s', (disposition, stays) => {
  const eob = res({ resourceType: 'ExplanationOfBenefit', item: [{ sequence: 1 }, { sequence: 2 }], disposition });
  expect(withoutLines(eob, [2])['disposition'] === undefined).toBe(stays);
});

describe('date of service', () => {
  test.each<[Record<string, unknown>, string | undefined]>([
    [
      {
        resourceType: 'ExplanationOfBenefit',
        billablePeriod: { end: '2025-01-02' },
        item: [{ servicedPeriod: { end: '2025-01-04T10:00:00Z' } }],
        created: '2025-02-01',
      },
      '2025-01-04',
    ],
    [{ resourceType: 'ExplanationOfBenefit', created: '2025-02-01' }, '2025-02-01'],
    [{ resourceType: 'Encounter', period: { start: '2025-01-01' } }, '2025-01-01'],
    [{ resourceType: 'Procedure', performedPeriod: { start: '2024-01-01', end: '2024-02-01' } }, '2024-02-01'],
    [{ resourceType: 'Observation', effectiveDateTime: '2021-11' }, '2021-11-30'],
    [{ resourceType: 'Observation', effectiveDateTime: '2024-02' }, '2024-02-29'],
    [{ resourceType: 'Observation', effectiveDateTime: '2021' }, '2021-12-31'],
    [{ resourceType: 'Observation', issued: '2021-01-02T00:00:00Z' }, '2021-01-02'],
    [{ resourceType: 'Condition', onsetDateTime: '1990-01-01' }, undefined],
    [
      { resourceType: 'Condition', clinicalStatus: { coding: [{ code: 'active' }] }, onsetDateTime: '1990-01-01' },
      undefined,
    ],
    [{ resourceType: 'Condition', clinicalStatus: { text: 'current' }, onsetDateTime: '1990-01-01' }, undefined],
    [
      {
        resourceType: 'Condition',
        clinicalStatus: { coding: [{ code: 'resolved' }] },
        onsetDateTime: '1990-01-01',
        abatementDateTime: '1999-01-01',
      },
      '1999-01-01',
    ],
    [{ resourceType: 'MedicationDispense', whenPrepared: '2020-01-01' }, '2020-01-01'],
    [{ resourceType: 'CarePlan', period: { start: '1990-01-01' } }, undefined],
    [{ resourceType: 'SupplyDelivery', occurrencePeriod: { start: '2019-01-01', end: '2019-02-01' } }, '2019-02-01'],
    [{ resourceType: 'ClinicalImpression', date: '2019-01-01' }, '2019-01-01'],
    [{ resourceType: 'AdverseEvent', detected: '2019-01-01T10:00:00Z' }, '2019-01-01'],
    [{ resourceType: 'BodyStructure' }, undefined],
    [
      { resourceType: 'DocumentReference', date: '2020-01-01T00:00:00Z', context: { period: { end: '2019-01-01' } } },
      '2019-01-01',
    ],
    [{ resourceType: 'Coverage', period: { end: '1999-01-01' } }, undefined],
  ])('%j', (resource, day) => {
    expect(serviceEnd(res(resource))).toBe(day);
  });
});

test.each<[Record<string, unknown>, number]>([
  [{ resourceType: 'Observation' }, 0],
  [
    {
      resourceType: 'Observation',
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
    },
    1,
  ],
  [
    {
      resourceType: 'Observation',
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N' }] },
    },
    0,
  ],
  [
    {
      resourceType: 'Observation',
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' }] },
    },
    2,
  ],
  [
    { resourceType: 'Condition', code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F32.1' }] } },
    1,
  ],
  [
    {
      resourceType: 'ExplanationOfBenefit',
      diagnosis: [
        { diagnosisCodeableConcept: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'B20' }] } },
      ],
    },
    1,
  ],
  [
    { resourceType: 'Condition', code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'E11.9' }] } },
    0,
  ],
  [{ resourceType: 'Condition', code: { coding: [{ system: 'urn:oid:2.16.840.1.113883.6.90', code: 'f321' }] } }, 1],
  [
    {
      resourceType: 'Condition',
      code: { coding: [{ system: 'urn:oid:2.16.840.1.113883.6.96', code: '370143000' }] },
    },
    1,
  ],
])('label of %j', (resource, label) => {
  expect(labelOf(res(resource))).toBe(label);
});

const data = process.env['TEST_DATA_DIR'];
const examples = data === undefined ? '' : join(data, 'data/pdex-examples');
describe.skipIf(!existsSync(examples))('examples of the guides (TEST_DATA_DIR)', () => {
  const read = (path: string) => JSON.parse(readFileSync(join(examples, path), 'utf8')) as Resource;
  const claims = (folder: string) =>
    readdirSync(join(examples, folder)).filter((f) => f.startsWith('ExplanationOfBenefit'));
  test.each(existsSync(examples) ? claims('c4bb-2.0.0-financial') : [])(
    '%s loses its money and no more than its twin lacks',
    (name) => {
      const whole = read(`c4bb-2.0.0-financial/${name}`);
      const scrubbed = withoutMoney(whole);
      expect(moneyIn(whole).length).toBeGreaterThan(0);
      expect(moneyIn(scrubbed)).toEqual([]);
      const twin = read(`c4bb-nonfinancial/${name.replace(/(\d)\.json$/, 'NonFinancial$1.json')}`);
      for (const key of Object.keys(twin))
        if (!['text', 'total', 'adjudication'].includes(key) && key in whole)
          expect(Object.keys(scrubbed), key).toContain(key);
      for (const key of [
        'diagnosis',
        'careTeam',
        'supportingInfo',
        'insurance',
        'identifier',
        'provider',
        'billablePeriod',
      ])
        expect(scrubbed[key]).toEqual(whole[key]);
      expect((scrubbed['item'] as Json[] | undefined)?.length).toBe((whole['item'] as Json[] | undefined)?.length);
    },
  );
  test.each([
    ['approved.masked', 'approved'],
    ['approved.unscrubbed', 'approved'],
    ['denied', 'denied'],
    ['drug', 'drug'],
    ['pended', 'pended'],
  ])('prior-auth.%s is %s', (name, state) => {
    const eob = read(`ours/prior-auth.${name}.json`);
    expect(authorizationFacts(eob).state).toBe(state);
    expect(moneyIn(withoutMoney(eob))).toEqual([]);
  });
  test('masking keeps the review action', () => {
    const scrubbed = withoutMoney(read('ours/prior-auth.approved.unscrubbed.json'));
    expect(authorizationFacts(scrubbed).state).toBe('approved');
    expect(JSON.stringify(scrubbed)).toContain('"masked"');
  });
});

test('a claim without its money does not claim the profiles that ask for it', () => {
  const base = 'http://hl7.org/fhir/us/carin-bb/StructureDefinition/C4BB-ExplanationOfBenefit-';
  const eob = (profile: string[]) =>
    ({ resourceType: 'ExplanationOfBenefit', id: 'e', use: 'claim', meta: { profile } }) as Resource;
  const leaves = (profile: string[]) => {
    const json = JSON.stringify(eob(profile));
    return (JSON.parse(factsOf(eob(profile), json).shared ?? json) as { meta: { profile: string[] } }).meta.profile;
  };
  expect(leaves([`${base}Pharmacy|2.0.0`])).toEqual([`${base}Pharmacy-Basis`]);
  expect(leaves([`${base}Oral`, `${base}Oral-Basis`, 'https://plan.example/x'])).toEqual([
    `${base}Oral-Basis`,
    'https://plan.example/x',
  ]);
  for (const kept of [
    `${base}Pharmacy-Basis|2.1.0`,
    `${base}Inpatient-Institutional-NonFinancial`,
    'https://x.example',
  ])
    expect(leaves([kept])).toEqual([kept]);
});

describe('value sets of the plan', () => {
  const ICD = 'http://hl7.org/fhir/sid/icd-10-cm';
  const given = (codes: unknown, name: unknown = 'State law 2026') => valueSets(JSON.stringify({ name, codes }));
  const sets = given([
    { system: ICD, code: ['Z21'], prefix: ['F10.'] },
    { system: 'http://nucc.org/provider-taxonomy', code: '2084A0401X' },
  ]);
  test.each<[string, object, number]>([
    ['a whole code', { resourceType: 'Condition', code: { coding: [{ system: ICD, code: 'Z21' }] } }, 1],
    [
      'a code that begins so, with its point',
      { resourceType: 'Condition', code: { coding: [{ system: ICD, code: 'F10.20' }] } },
      1,
    ],
    [
      'a code under the OID of its system',
      {
        resourceType: 'Condition',
        code: { coding: [{ system: 'urn:oid:2.16.840.1.113883.6.90', code: 'F1020' }] },
      },
      1,
    ],
    [
      'a code under the older name of its system',
      { resourceType: 'Condition', code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'Z21' }] } },
      1,
    ],
    [
      'what only begins like a whole code',
      { resourceType: 'Condition', code: { coding: [{ system: ICD, code: 'Z21.1' }] } },
      0,
    ],
    [
      'what the demonstration holds and the plan does not',
      { resourceType: 'Condition', code: { coding: [{ system: ICD, code: 'F20' }] } },
      0,
    ],
    [
      'another system',
      { resourceType: 'Condition', code: { coding: [{ system: 'http://x.example', code: 'Z21' }] } },
      0,
    ],
    [
      'a provider of that kind',
      {
        resourceType: 'ExplanationOfBenefit',
        careTeam: [
          { qualification: { coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '2084A0401X' }] } },
        ],
      },
      1,
    ],
    [
      'a label that it carries',
      {
        resourceType: 'Observation',
        meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] },
      },
      1,
    ],
    ['a tag with the code', { resourceType: 'Observation', meta: { tag: [{ system: ICD, code: 'Z21' }] } }, 0],
  ])('%s', (_, resource, label) => {
    expect(sets.fault).toBeUndefined();
    expect(labelOf(resource as Resource, sets)).toBe(label);
  });
  test('another list is another number, which fits its column; the same list is the same everywhere', () => {
    const other = given([{ system: ICD, code: ['Z21'] }]);
    expect(other.number).not.toBe(sets.number);
    for (const { number } of [sets, other]) {
      expect(number).toBeGreaterThan(1);
      expect(number).toBeLessThan(32_768);
    }
    expect(given([{ system: ICD, code: ['Z21'] }])).toMatchObject({ number: other.number });
    expect([valueSets(undefined).number, valueSets('').list]).toEqual([PROGRAM, undefined]);
  });
  test.each<[string, string]>([
    ['no JSON', '{'],
    ['no name', '{"codes":[{"system":"s","code":["a"]}]}'],
    ['no codes', '{"name":"n","codes":[]}'],
    ['no system', '{"name":"n","codes":[{"code":["a"]}]}'],
    ['a number as a code', '{"name":"n","codes":[{"system":"s","code":[1]}]}'],
    ['an empty beginning, which is all codes', '{"name":"n","codes":[{"system":"s","prefix":[""]}]}'],
    ['neither', '{"name":"n","codes":[{"system":"s"}]}'],
    ['a file that is not there', '/nowhere/codes.json'],
  ])('%s is a fault, and the program does not start', (_, text) => {
    expect(valueSets(text).fault).toMatch(/^SENSITIVE_CODES .+\.$/);
  });
});

describe('what a plan keeps back beside what the program does', () => {
  const HCPCS = 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets';
  const LOCAL = 'https://plan.example/document-type';
  const own = {
    name: 'Plan 2026',
    drugs: [{ system: HCPCS, code: ['A9513'], prefix: ['K9'] }],
    documents: [{ system: LOCAL, code: ['bill'] }],
  };
  const sets = valueSets(undefined, JSON.stringify(own));
  const none = valueSets(undefined);
  test.each<[string, string, boolean, boolean]>([
    [HCPCS, 'J0897', true, true],
    [HCPCS, 'j0897', true, true],
    [HCPCS, 'Q5103', true, true],
    [HCPCS, 'C9399', true, true],
    [HCPCS, 'S5550', true, true],
    ['urn:oid:2.16.840.1.113883.6.285', 'Q2043', true, true],
    ['http://hl7.org/fhir/sid/ndc', '99999000101', true, true],
    [HCPCS, 'A9513', false, true],
    [HCPCS, 'K9001', false, true],
    [HCPCS, 'G0151', false, false],
    [HCPCS, 'Q4100', false, false],
    [HCPCS, 'C9600', false, false],
    [HCPCS, 'J08971', false, false],
    ['http://www.ama-assn.org/go/cpt', '99213', false, false],
  ])('%s %s', (system, code, program, plan) => {
    expect([isDrugCode(system, code, none), isDrugCode(system, code, sets)]).toEqual([program, plan]);
  });
  test('documents about payment are reported by type or category', () => {
    const document = (more: object) => ({ resourceType: 'DocumentReference', ...more }) as Resource;
    const coded = (system: string, code: string) => ({ coding: [{ system, code }] });
    const advice = document({
      type: coded('http://hl7.org/fhir/us/davinci-pr/CodeSystem/RemittanceAdviceType', '835'),
    });
    const bill = document({ category: [coded(LOCAL, 'bill')] });
    expect([advice, bill].map((d) => isStatement(d, none))).toEqual([true, false]);
    expect([advice, bill].map((d) => isStatement(d, sets))).toEqual([true, true]);
    expect(isStatement(document({ type: coded('http://loinc.org', '34133-9') }), sets)).toBe(false);
    expect(factsOf(advice, JSON.stringify(advice)).withheld).toBe('financial');
  });
  test.each([
    ['Remittance advice', true],
    ['EXPLANATION OF BENEFITS (statement)', true],
    ['EOB', true],
    ['Itemized bill', true],
    ['Explicación de beneficios', true],
    ['Invoice for a wheelchair', false],
    ['Billing note of the visit', false],
    ['Bill of health', false],
    ['Discharge summary', false],
  ])('and by the name of their kind: %s', (name, expected) => {
    const named = (more: object) => isStatement({ resourceType: 'DocumentReference', ...more } as Resource, none);
    expect(named({ type: { text: name } })).toBe(expected);
    expect(named({ category: [{ text: 'Payer' }, { coding: [{ system: LOCAL, code: 'x', display: name }] }] })).toBe(
      expected,
    );
    // what a document is called says nothing of its kind
    expect(named({ description: name, content: [{ attachment: { title: name } }] })).toBe(false);
  });
  test('another list is another number; what is wrong with one is a fault', () => {
    expect(sets).toMatchObject({ fault: undefined, list: undefined });
    expect(sets.number).not.toBe(none.number);
    const both = valueSets(JSON.stringify({ name: 'x', codes: [{ system: 's', code: ['a'] }] }), JSON.stringify(own));
    expect(both.number).not.toBe(sets.number);
    for (const text of [
      '{',
      '{"name":"n"}',
      '{"name":"n","drugs":[]}',
      '{"documents":[{"system":"s","code":["a"]}]}',
      '/nowhere',
    ])
      expect(valueSets(undefined, text).fault, text).toMatch(/^EXCLUDED_CODES .+\.$/);
  });
});

describe('decimals stay as they are written', () => {
  const category = (code: string) => ({ coding: [{ system: 'http://x', code }] });
  const claim = (use: string) => {
    const line = (sequence: number) => ({
      sequence,
      quantity: { value: '@1.50', unit: 'h' },
      net: { value: '@10.00', currency: 'USD' },
      detail: [{ sequence: 1, quantity: { value: '@1e3' }, unitPrice: { value: 1, currency: 'USD' } }],
      adjudication: [
        { category: category('allowedunits'), value: '@2.0', amount: { value: '@5.00', currency: 'USD' } },
        { category: category('submitted'), amount: { value: '@5.00', currency: 'USD' } },
      ],
    });
    return JSON.stringify({
      resourceType: 'ExplanationOfBenefit',
      id: 'd',
      use,
      text: { status: 'generated', div: 'x' },
      item: [line(1), line(2)],
      contained: [{ resourceType: 'Observation', id: 'o', valueQuantity: { value: '@0.123456789012345678' } }],
      extension: [
        { url: 'http://x/dose', valueDecimal: '@1.5' },
        { url: 'http://x/zero', valueDecimal: '@0.00' },
      ],
      meta: {
        profile: [
          'http://hl7.org/fhir/us/carin-bb/StructureDefinition/C4BB-ExplanationOfBenefit-Professional-NonClinician',
        ],
      },
    }).replace(/"@([^"]*)"/g, '$1');
  };
  const numerals = (json: string | undefined) =>
    [...(json ?? '').matchAll(/"(?:value|valueDecimal)":([^,}]+)/g)].map((m) => m[1]);

  test.each(['claim', 'preauthorization'])('where money goes out of a %s', (use) => {
    const json = claim(use);
    const { shared } = factsOf(JSON.parse(json) as Resource, json, false);
    const line = ['1.50', '1e3', '2.0'];
    expect(numerals(shared)).toEqual([...line, ...line, '0.123456789012345678', '1.5', '0.00']);
    // the same but for how they are written
    const plain = JSON.stringify(JSON.parse(json));
    expect(JSON.parse(shared ?? '')).toEqual(
      JSON.parse(factsOf(JSON.parse(plain) as Resource, plain, false).shared ?? ''),
    );
    expect(moneyIn(JSON.parse(shared ?? '') as Resource)).toEqual([]);
  });

  test('where a large document becomes a link', () => {
    const data = Buffer.alloc(70_000, 'x').toString('base64');
    const json = `{"resourceType":"DiagnosticReport","id":"r","extension":[{"url":"http://x","valueDecimal":7.10}],"presentedForm":[{"data":"${data}"}]}`;
    const { shared } = factsOf(JSON.parse(json) as Resource, json);
    expect(shared).toContain('"valueDecimal":7.10}');
    expect(shared).toContain('"url":"Binary/');
  });
});
