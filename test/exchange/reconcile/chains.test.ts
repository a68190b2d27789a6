// Chains of claims and authorizations, made from facts alone; and the four claims of the example folder.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { authorizationChains } from '../../../exchange/reconcile/chain/authorizations.ts';
import { type ClaimRecord, claimChains } from '../../../exchange/reconcile/chain/claims.ts';
import { claimFacts } from '../../../exchange/reconcile/chain/facts.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

type Given = {
  uc: string;
  prior?: string;
  next?: string;
  status?: string;
  type?: string;
  subType?: string;
  day?: string;
  created?: string;
  insurer?: string;
  /** of the numbers that it names: undefined for that of its own, '' for none */
  system?: string;
};
const claim = (g: Given): ClaimRecord => {
  const related = (code: string, value: string) => ({
    relationship: { coding: [{ code }] },
    reference: g.system === '' ? { value } : { system: g.system ?? 'https://p.example', value },
  });
  const facts = claimFacts({
    resourceType: 'ExplanationOfBenefit',
    status: g.status ?? 'active',
    use: 'claim',
    type: { coding: (g.type ?? 'professional').split('+').map((code) => ({ system: 't', code })) },
    ...(g.subType === undefined
      ? {}
      : {
          subType: {
            coding: [
              {
                system: 'http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBInstitutionalClaimSubType',
                code: g.subType,
              },
            ],
          },
        }),
    identifier: [{ type: { coding: [{ code: 'uc' }] }, system: 'https://p.example', value: g.uc }],
    created: g.created ?? '2026-01-01',
    billablePeriod: { start: g.day ?? '2025-12-01', end: g.day ?? '2025-12-01' },
    related: [...(g.prior ? [related('prior', g.prior)] : []), ...(g.next ? [related('replacedby', g.next)] : [])],
  } as Resource);
  if (!facts) throw new Error('no facts');
  return {
    id: `eob-${g.uc}-${facts.type}-${g.subType ?? ''}-${g.day ?? ''}`,
    insurer: g.insurer ?? 'npi|1',
    facts,
    at: 1,
  };
};
const chains = (...given: Given[]) => claimChains(given.map(claim), '2021-01-01');
const brief = (...given: Given[]) =>
  chains(...given).map((c) =>
    `${c.state} ${c.nodes.map((n) => `${n.number}${n.final ? '*' : ''}`).join('>')} ${c.anomalies
      .map((a) => a.code + (a.low ? '-low' : ''))
      .sort()
      .join()}`.trim(),
  );

test('a claim that its payer took back and issued again under its number stands, anyone who else has it; one that was taken back last does not', () => {
  const told = (id: string, status: string, at: number, origin = 'p') => ({
    ...claim({ uc: 'C1', status }),
    id,
    at,
    origin,
  });
  const found = (...records: ClaimRecord[]) =>
    claimChains(records, '2021-01-01').map((c) => [c.state, c.finalId, ...c.anomalies.map((a) => a.code)].join(' '));
  const [gone, anew] = [told('a', 'cancelled', 2), told('b', 'active', 2)];
  expect(found(gone, anew)).toEqual(['final b']);
  expect(found(anew, gone, told('c', 'active', 1, 'q'))).toEqual(['final b']);
  expect(found(told('a', 'cancelled', 3), anew)).toEqual(['void  copies-differ']);
  expect(found(gone, told('b', 'active', 3, 'q'))).toEqual(['void  copies-differ']);
  // and taken back again
  expect(found(gone, told('b', 'cancelled', 3))).toEqual(['void ']);
});

test('a claim that one payer took back is taken back, whichever copy came last; that another one shows it as standing is for a person to see', () => {
  const copy = (id: string, at: number, status: string) => ({ ...claim({ uc: 'A', status }), id, at });
  for (const [first, second] of [
    ['active', 'cancelled'],
    ['cancelled', 'active'],
  ] as const) {
    const [chain, more] = claimChains([copy('one', 1, first), copy('two', 2, second)], '2021-01-01');
    expect(more).toBeUndefined();
    expect([chain?.state, chain?.finalId, chain?.anomalies.map((a) => a.code)]).toEqual([
      'void',
      null,
      ['copies-differ'],
    ]);
    expect(chain?.nodes.map((n) => n.ids.toSorted())).toEqual([['one', 'two']]);
  }
  expect(claimChains([copy('one', 1, 'active'), copy('two', 2, 'active')], '2021-01-01')).toEqual([]);
});

test('a claim that its insurer took back, and that a payer who asked before shows as standing, is no contradiction; a copy from after that is', () => {
  const copy = (id: string, at: number, status: string, isInsurers: boolean) => ({
    ...claim({ uc: 'A', status }),
    id,
    at,
    isInsurers,
  });
  const differ = (...copies: ReturnType<typeof copy>[]) =>
    claimChains(copies, '2021-01-01').map((c) => [c.state, c.anomalies.map((a) => a.code)]);
  const gone = copy('one', 5, 'cancelled', true);
  expect(differ(gone, copy('two', 3, 'active', false))).toEqual([['void', []]]);
  expect(differ(gone, copy('two', 7, 'active', false))).toEqual([['void', ['copies-differ']]]);
  expect(differ({ ...gone, isInsurers: false }, copy('two', 3, 'active', false))).toEqual([
    ['void', ['copies-differ']],
  ]);
  // nor where a third one asked again after that
  const third = copy('three', 9, 'cancelled', false);
  expect(differ(gone, third, copy('two', 3, 'active', false))).toEqual([['void', []]]);
  expect(differ(gone, third, copy('two', 7, 'active', false))).toEqual([['void', ['copies-differ']]]);
});

const A: Given = { uc: 'A', next: 'B', status: 'cancelled', created: '2026-01-01' };
const B: Given = { uc: 'B', prior: 'A', next: 'C', status: 'cancelled', created: '2026-02-01' };
const C: Given = { uc: 'C', prior: 'B', created: '2026-03-01' };

const CASES: [string, Given[], string[]][] = [
  ['R33 three versions, in reverse order', [C, B, A], ['final A>B>C*']],
  ['R34 the middle one is missing: the first is replaced all the same', [C, A], ['final A>C* gap,gap']],
  ['R34 and the first was never taken back', [{ ...A, status: 'active' }, C], ['final A>C* both-active,gap,gap']],
  ['R34 and the last was taken back', [A, { ...C, status: 'cancelled' }], ['void A>C gap,gap']],
  ['R34 two replace the missing one', [A, C, { ...C, uc: 'D' }], ['undecided A>C>D fork,gap,gap,gap']],
  ['two claims that miss others', [A, { ...C, prior: 'X' }], ['open A gap,no-final', 'final C* gap']],
  [
    'the missing one has the type of one of them alone',
    [A, { ...C, type: 'pharmacy' }],
    ['open A gap,no-final', 'final C* gap'],
  ],
  [
    'R35 two successors',
    [
      { ...A, next: '' },
      { uc: 'B', prior: 'A' },
      { uc: 'D', prior: 'A' },
    ],
    ['undecided A>B>D fork,not-reciprocal,not-reciprocal'],
  ],
  [
    'R36 a circle',
    [
      { uc: 'A', prior: 'B' },
      { uc: 'B', prior: 'A' },
    ],
    ['undecided B>A both-active,cycle,not-reciprocal'],
  ],
  ['a claim that names itself', [{ uc: 'A', prior: 'A' }], ['undecided A self']],
  [
    'R37 the predecessor is still active',
    [
      { ...A, next: 'C', status: 'active' },
      { ...C, prior: 'A' },
    ],
    ['final A>C* both-active'],
  ],
  ['R38 cancelled without successor', [{ uc: 'A', status: 'cancelled' }], ['void A']],
  ['R39 the predecessor is too old', [{ uc: 'C', prior: 'B', day: '2020-01-01' }], ['final C* gap-low']],
  [
    'R40 one number, other types',
    [{ uc: 'A' }, { uc: 'A', type: 'pharmacy' }, { uc: 'A', type: 'institutional' }],
    ['final A* uc-collision', 'final A* uc-collision'],
  ],
  [
    'a copy that leaves out codes of its payer’s own beside the type',
    [
      { uc: 'A', type: 'professional+40+O', status: 'cancelled' },
      { uc: 'A', status: 'cancelled' },
    ],
    ['void A'],
  ],
  [
    'the same of the next version',
    [
      { ...A, next: 'C', type: '40+O+professional' },
      { ...C, prior: 'A' },
    ],
    ['final A>C*'],
  ],
  [
    'one number, other types with a code of the payer’s own in common',
    [
      { uc: 'A', type: 'professional+V' },
      { uc: 'A', type: 'institutional+V' },
    ],
    ['final A* uc-collision'],
  ],
  [
    // the claims of one number in the examples of CARIN Blue Button
    'R40 one number, inpatient and outpatient',
    [
      { uc: 'A', type: 'institutional', subType: 'inpatient' },
      { uc: 'A', type: 'institutional', subType: 'outpatient' },
      { uc: 'A', type: 'pharmacy' },
    ],
    ['final A* uc-collision', 'final A* uc-collision'],
  ],
  [
    'one that does not say which is a copy of one that does',
    [
      { uc: 'A', type: 'institutional', subType: 'inpatient', status: 'cancelled' },
      { uc: 'A', type: 'institutional', status: 'cancelled' },
    ],
    ['void A'],
  ],
  [
    'inpatient that was billed again as outpatient',
    [
      { ...A, next: 'C', type: 'institutional', subType: 'inpatient' },
      { ...C, prior: 'A', type: 'institutional', subType: 'outpatient' },
    ],
    ['final A>C* type-change'],
  ],
  ['one number, other days', [{ uc: 'A' }, { uc: 'A', day: '2024-01-01' }], ['final A* uc-collision']],
  [
    'a later version that is older',
    [
      { ...A, next: 'C' },
      { ...C, prior: 'A', created: '2025-01-01' },
    ],
    ['final A>C* date-inversion'],
  ],
  [
    'only one side names the other',
    [
      { ...A, next: '' },
      { ...C, prior: 'A' },
    ],
    ['final A>C* not-reciprocal'],
  ],
  [
    'another type in the chain',
    [
      { ...A, next: 'C' },
      { ...C, prior: 'A', type: 'oral' },
    ],
    ['final A>C* type-change'],
  ],
  [
    'another insurer in the chain',
    [
      { ...A, next: 'C' },
      { ...C, prior: 'A', insurer: 'npi|2' },
    ],
    ['final A>C* insurer-change'],
  ],
  ['a claim that stands alone', [{ uc: 'A' }], []],
  [
    'a number of another system is another claim’s',
    [A, { ...C, prior: 'A', system: 'https://other.example' }],
    ['final C* gap', 'open A gap,no-final'],
  ],
  [
    'a number of no system is of any',
    [
      { ...A, next: 'C' },
      { ...C, prior: 'A', system: '' },
    ],
    ['final A>C*'],
  ],
  [
    'of two insurers who gave one number its own is meant, whichever came first',
    [
      { ...A, next: 'C', insurer: 'npi|2' },
      { ...A, next: 'C' },
      { ...C, prior: 'A', insurer: 'npi|2' },
      { ...C, prior: 'A' },
    ],
    ['final A>C*', 'final A>C*'],
  ],
  [
    'made later on the same day',
    [
      { ...A, next: 'C', created: '2026-01-01T10:00:00Z' },
      { ...C, prior: 'A', created: '2026-01-01' },
    ],
    ['final A>C*'],
  ],
];

describe('claims', () => {
  test.each(CASES)('%s', (_, given, expected) => expect(brief(...given).sort()).toEqual([...expected].sort()));

  test('the order in which claims come changes nothing, and no net of names makes it run for ever', () => {
    const given = fc.array(
      fc.record({
        uc: fc.constantFrom('A', 'B', 'C', 'D'),
        prior: fc.constantFrom('', 'A', 'B', 'C', 'X'),
        next: fc.constantFrom('', 'B', 'C', 'D', 'Y'),
        status: fc.constantFrom('active', 'cancelled'),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(given, (list) => {
        const unique = [...new Map(list.map((g) => [g.uc, g])).values()];
        const one = chains(...unique);
        const other = chains(...[...unique].reverse());
        const plain = (cs: typeof one) => cs.map((c) => [c.chain, c.state, c.finalId]).sort();
        expect(plain(other)).toEqual(plain(one));
        for (const c of one) expect(c.nodes.filter((n) => n.final).length).toBe(c.state === 'final' ? 1 : 0);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  const folder = join(process.env['TEST_DATA_DIR'] ?? '', 'data/pdex-examples');
  test.skipIf(process.env['TEST_DATA_DIR'] === undefined || !existsSync(folder))(
    'the example chain of three and the claim beside it',
    () => {
      const lines = readFileSync(join(folder, 'ours/claim-chain.ExplanationOfBenefit.ndjson'), 'utf8')
        .trim()
        .split('\n');
      const records = lines
        .map((l) => JSON.parse(l) as Resource)
        .flatMap((r): ClaimRecord[] => {
          const facts = claimFacts(r);
          return facts ? [{ id: String(r['id']), insurer: facts.insurer ?? '', facts, at: 1 }] : [];
        });
      const [chain, ...more] = claimChains(records, '2021-01-01');
      expect(more).toEqual([]);
      expect(chain).toMatchObject({ state: 'final', anomalies: [] });
      expect(chain?.nodes).toHaveLength(3);
    },
  );
});

describe('any number of claims', () => {
  const N = 20_000;
  const uc = (i: number) => `U${String(i).padStart(6, '0')}`;
  // each would take minutes if claims were compared with each other
  test.each<[string, (i: number) => Given, number, number]>([
    [
      'a chain whose first number is the last version',
      (i) => ({ uc: uc(i), prior: uc(i + 1), status: i === 0 ? 'active' : 'cancelled' }),
      1,
      N,
    ],
    ['one circle', (i) => ({ uc: uc(i), prior: uc((i + 1) % N) }), 1, 1],
    ['one claim with all others behind it', (i) => ({ uc: uc(i), ...(i === 0 ? {} : { prior: uc(0) }) }), 1, N],
    [
      'one number on all of them, each of its own day',
      (i) => ({ uc: 'U', day: new Date(Date.UTC(1970, 0, i)).toISOString().slice(0, 10) }),
      N - 1,
      1,
    ],
  ])('%s', (_, of, chainsExpected, longest) => {
    const found = claimChains(
      Array.from({ length: N }, (__, i) => claim(of(i))),
      '2021-01-01',
    );
    expect(found.length).toBeGreaterThanOrEqual(chainsExpected);
    expect(Math.max(...found.map((c) => c.nodes.length))).toBe(longest);
  });
  test('what is odd about claims that name very many others is informed some times for each', () => {
    const N = 400;
    const ucs = Array.from({ length: 100 }, (_, j) => j + 1);
    const [chain, ...others] = claimChains(
      Array.from({ length: N }, (_, i) => {
        const one = claim({ uc: uc(i) });
        return {
          ...one,
          facts: {
            ...one.facts,
            prior: ucs.map((j) => ({ value: i < j ? `gone${i}-${j}` : uc(i - j) })),
            next: ucs.map((j) => ({ value: `never${j}` })),
          },
        };
      }),
      '2021-01-01',
    );
    expect(others).toEqual([]);
    const of = (at: string) => chain?.anomalies.filter((a) => a.at === at).map((a) => a.detail.split(' ')[0]) ?? [];
    const [first = ''] = chain?.nodes[0]?.ids ?? [];
    expect(of(first).filter((word) => word === 'predecessor')).toHaveLength(5);
    expect(of(first).filter((word) => word === 'successor')).toHaveLength(5);
    expect(chain?.anomalies.length).toBeLessThan(25 * N);
  });
  test('a thousand circles of three, each reported once', () => {
    const all = Array.from({ length: 300 }, (_, i) => claim({ uc: uc(i), prior: uc(i % 3 === 2 ? i - 2 : i + 1) }));
    const found = claimChains(all, '2021-01-01');
    expect(found.map((c) => [c.nodes.length, c.anomalies.filter((a) => a.code === 'cycle').length])).toEqual(
      Array.from({ length: 100 }, () => [3, 1]),
    );
  });
});

describe('authorizations', () => {
  test('any number of them, of any number of numbers', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => ({
      ...pa(`x${i}`, i),
      facts: { ...pa('x', 1).facts, numbers: [{ value: `A${i >> 1}` }] },
    }));
    expect(authorizationChains(many, new Map())).toHaveLength(10_000);
    expect(
      authorizationChains(
        many.map((r) => ({ ...r, facts: pa('x', 1).facts })),
        new Map(),
      ),
    ).toHaveLength(1);
  });

  const pa = (id: string, at: number, ...reviews: [string, string][]): ClaimRecord => ({
    id,
    insurer: 'npi|1',
    at,
    facts: {
      use: 'preauthorization',
      status: 'active',
      type: 'professional',
      numbers: [{ value: 'AUTH1' }],
      identifiers: ['AUTH1'],
      prior: [],
      next: [],
      reviews: reviews.map(([code, when]) => ({ code, when })),
    },
  });
  test('R42, R43: pended, then approved is one authorization with two states, in whatever order they come', () => {
    const pended = pa('x', 1, ['A4', '2026-01-01T00:00:00Z']);
    const approved = pa('x', 2, ['A1', '2026-01-05T00:00:00Z']);
    for (const list of [
      [pended, approved],
      [approved, pended],
    ]) {
      const [chain, ...more] = authorizationChains(list, new Map());
      expect(more).toEqual([]);
      expect(chain?.facts).toMatchObject({ state: 'approved', history: [{ code: 'A4' }, { code: 'A1' }] });
    }
    const [first] = authorizationChains([pended], new Map());
    const [after] = authorizationChains(
      [approved],
      new Map([[first?.chain ?? '', [{ code: 'A4', when: '2026-01-01T00:00:00Z' }]]]),
    );
    expect(after?.facts['history']).toHaveLength(2);
  });
  test('two records of one number are one authorization', () => {
    const [chain, ...more] = authorizationChains([pa('x', 1), pa('y', 2)], new Map());
    expect(more).toEqual([]);
    expect(chain).toMatchObject({ finalId: 'y', facts: { state: 'pended', numbers: ['AUTH1'] } });
  });
});

test('an insurer that a claim contains is known by its number, or its name, as one that is named', () => {
  const told = (insurer: object, contained?: object) =>
    claimFacts({
      resourceType: 'ExplanationOfBenefit',
      use: 'claim',
      type: { coding: [{ code: 'pharmacy' }] },
      insurer,
      ...(contained === undefined ? {} : { contained: [{ resourceType: 'Organization', id: 'i', ...contained }] }),
    } as Resource);
  const npi = { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000012' };
  const insurerOf = (...given: Parameters<typeof told>) => {
    const { insurer, insurerId, insurerName } = told(...given) ?? {};
    return { insurer, insurerId, insurerName };
  };
  const within = { reference: '#i' };
  expect(insurerOf(within, { identifier: [npi], name: 'Old Plan' })).toEqual(insurerOf({ identifier: npi }));
  expect(insurerOf(within, { name: 'Old  Plan' })).toEqual(insurerOf({ display: 'old plan' }));
  expect(insurerOf({ reference: '#other' }, { name: 'Old Plan' }).insurer).toBe('#other');
});
