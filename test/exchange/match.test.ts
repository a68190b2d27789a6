// Who is meant: match rules against a real database. Numbers are those of the specification's test list.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { matchMembers } from '../../exchange/responder/match/find-matches.ts';
import { readMemberBundles, toQuery } from '../../exchange/responder/match/read-member-bundle.ts';
import type { Json } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { type Asked, card, enrol, idOf, matchBody, PEOPLE, parts, US } from './plan-fixture.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode();
  await enrol(node.deps, Object.values(PEOPLE));
});
afterAll(() => node.close());

async function match(...asked: Asked[]) {
  const body = matchBody(...asked.map((a) => parts(a))) as unknown as Json;
  const queries = readMemberBundles(body).map((b) => toQuery(b, US, new Date()));
  return node.deps.database.sql.begin('read only', (tx) => matchMembers(tx, queries));
}
const who = async (asked: Asked) => {
  const [answer] = await match(asked);
  return answer?.persons === 1 ? answer.memberId : `${answer?.persons ?? 0} persons`;
};
const NOBODY = '0 persons';
const { rivera, robert, junior, twinAna, twinAnna, double, short, babyak } = PEOPLE;

describe('found', () => {
  test.each<[string, Asked, string]>([
    ['M01 everything exact', card(rivera), idOf(rivera)],
    ['M02 surname with one swap', card(robert, { family: 'Jonhson' }), idOf(robert)],
    ['M03 nickname', card(robert, { given: ['Bob'] }), idOf(robert)],
    ['M04 another surname, old card', card(rivera, { family: 'Smith' }), idOf(rivera)],
    ['M05 subscriber id only: the child', card(junior, { memberId: undefined, family: 'Johnson' }), idOf(junior)],
    ['M06 twins: the exact first name', card(twinAnna, { memberId: undefined }), idOf(twinAnna)],
    ['M06 twins: the other', card(twinAna, { memberId: undefined }), idOf(twinAna)],
    ['M07 subscriber id sent as member id', card(rivera, { memberId: 'S100', subscriberId: undefined }), idOf(rivera)],
    ['M09 suffix on one side only', card(junior, { family: 'Johnson' }), idOf(junior)],
    ['M15 names that begin like placeholders', card(babyak), idOf(babyak)],
    ['M16 without accents and hyphen', card(double, { family: 'Garcia Lopez', given: ['Jose'] }), idOf(double)],
    ['M16 one half of the double name', card(double, { family: 'Lopez', given: ['Pepe'] }), idOf(double)],
    ['M25 leading zeros dropped', card(double, { memberId: '400', subscriberId: undefined }), idOf(double)],
    [
      'id written with blanks and hyphens',
      card(rivera, { memberId: 'oh-1 00', subscriberId: undefined }),
      idOf(rivera),
    ],
  ])('%s', async (_, asked, id) => {
    expect(await who(asked)).toBe(id);
  });
});

test('a peer that uses the unique member id it was given is understood (rule 26), but not under a coverage with another payer', async () => {
  const [row] = await node.deps.database.sql<
    { umb: string }[]
  >`select umb from exchange.member where id = ${idOf(rivera)}`;
  const umb = (value: string | undefined) => ({
    type: { coding: [{ system: 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp', code: 'UMB' }] },
    value,
  });
  const asked = { ...card(rivera), memberId: undefined, subscriberId: undefined };
  const [answer] = await match({ ...asked, identifier: [umb(row?.umb)] });
  expect(answer).toMatchObject({ persons: 1, memberId: idOf(rivera), rule: 26, umb: row?.umb });
  expect(await who({ ...asked, identifier: [umb(row?.umb)], born: '1974-12-26' })).toBe(NOBODY);
  expect(await who({ ...asked, identifier: [umb('U-0')] })).toBe(NOBODY);
  const under = (payor: object) => who({ ...asked, identifier: [umb(row?.umb)], payor });
  expect(await under({ display: 'Third Plan' })).toBe(NOBODY);
  expect(await under({ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000020' } })).toBe(NOBODY);
  // no one is named who could be determined
  expect(await under({ reference: 'Organization/7' })).toBe(idOf(rivera));
});

describe('a card of ours that no one has (rules 01 to 03)', () => {
  const moved = {
    number: 'OH700',
    family: 'Oldcard',
    given: 'Petra',
    born: '1966-06-06',
    reach: {
      address_line: '12 North Main Street Apt 4',
      postal_code: '43004',
      phone: '614-555-0142',
      email: 'P@Mail.Test',
    },
  };
  const old = (more: object, asked: Asked = {}) =>
    card(moved, { memberId: 'ZZ99', subscriberId: undefined, more, ...asked });
  const street = { address: [{ line: ['12 N. Main St'], postalCode: '43004-1111' }] };
  const phone = { telecom: [{ system: 'phone', value: '+1 (614) 555-0142' }] };
  const email = { telecom: [{ system: 'email', value: ' p@mail.test' }] };
  beforeAll(() => enrol(node.deps, [moved]));
  test.each<[string, Asked, number | null]>([
    ['01 street', old(street), 1],
    ['02 phone', old(phone), 2],
    ['03 e-mail', old(email), 3],
    ['neither', old({}), null],
    ['another street', old({ address: [{ line: ['13 N Main St'], postalCode: '43004' }] }), null],
    ['another ZIP', old({ address: [{ line: ['12 N Main St'], postalCode: '43005' }] }), null],
    ['a family name with a typing error', old(phone, { family: 'Oldcart' }), null],
    ['another first name', old(phone, { given: ['Paula'] }), null],
    ['another birth date', old(phone, { born: '1966-06-07' }), null],
    ['a coverage of another payer', old(phone, { payor: { display: 'Third Plan' } }), null],
    ['without any card', old(phone, { memberId: undefined }), null],
    ['the card of another person', old(phone, { memberId: rivera.number }), null],
  ])('%s', async (_, asked, rule) => {
    const [answer] = await match(asked);
    expect([answer?.persons, answer?.rule ?? null]).toEqual(rule === null ? [0, null] : [1, rule]);
  });
});

describe('not found', () => {
  test.each<[string, Asked]>([
    ['M08 Jr and Sr', card(junior, { family: 'Johnson', suffix: ['Sr'] })],
    ['M10 recycled id, another person', card(rivera, { family: 'Nowhere', given: ['Adam'], born: '1957-12-25' })],
    ['M11 month and day swapped', card(robert, { born: '1960-03-02' })],
    ['M12 partial birth date', card(rivera, { born: '1974-12' })],
    ['M13 birth date that says nothing', card(rivera, { born: '1900-01-01' })],
    ['M14 name that says nothing', card(rivera, { given: ['Baby', 'Girl'], family: 'Other' })],
    ['M17 four letters, one typo', card(short, { memberId: undefined, given: ['Jonh'] })],
    ['M18 one typo in each name', card(robert, { memberId: undefined, family: 'Johnsom', given: ['Robret'] })],
    ['M19 family name only, subscriber id', card(rivera, { memberId: undefined, given: undefined })],
    ['M23 card of another payer', card(rivera, { payor: { display: 'Third Plan' } })],
    [
      'M23 the same name, another NPI',
      card(rivera, {
        payor: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000020' }, display: US.name },
      }),
    ],
    ['M39 family and birth date after a subscriber hit', card(rivera, { memberId: undefined, given: ['Xenia'] })],
    ['member id alone', card(rivera, { family: 'Other', given: ['Other'] })],
    ['names and birth date without any id', card(rivera, { memberId: undefined, subscriberId: undefined })],
    ['an id of zeros', card(rivera, { memberId: '0000', subscriberId: undefined })],
  ])('%s', async (_, asked) => {
    expect(await who(asked)).toBe(NOBODY);
  });

  test('M22 two records of one person are ambiguous', async () => {
    const one = { number: 'D1', family: 'Doubled', given: 'Dora', born: '1980-08-08', subscriber: 'SD' };
    await enrol(node.deps, [one, { ...one, number: 'D2' }]);
    expect(await who(card(one, { memberId: undefined }))).toBe('2 persons');
    const [both] = await match(card(one, { memberId: undefined }));
    expect(both?.candidates).toEqual([idOf(one), idOf({ ...one, number: 'D2' })].sort());
    expect(await who(card(one, { subscriberId: undefined }))).toBe(idOf(one));
  });

  test('M33, M35 ids of the request’s own resources are never looked up', async () => {
    expect(await who({ ...card(rivera, { memberId: 'ZZ1', subscriberId: undefined }), id: idOf(rivera) })).toBe(NOBODY);
  });
  test('M44 metacharacters are literal', async () => {
    for (const id of ["' or 1=1 --", '%', '"{}[]', 'OH1.0', 'OH10_', '\\x'])
      expect(await who(card(rivera, { memberId: id, subscriberId: id })), id).toBe(id === 'OH1.0' ? NOBODY : NOBODY);
  });
});

describe('batches', () => {
  test('M47 the order of bundles changes nothing', async () => {
    const asked = [
      card(rivera, { id: 'a' }),
      card(robert, { id: 'b', given: ['Bob'] }),
      card(twinAna, { id: 'c', memberId: undefined }),
      card(rivera, { id: 'd', born: '1974-12' }),
    ];
    const forward = (await match(...asked)).map((a) => a.memberId);
    const backward = (await match(...asked.toReversed())).map((a) => a.memberId);
    expect(backward.toReversed()).toEqual(forward);
    expect(forward).toEqual([idOf(rivera), idOf(robert), idOf(twinAna), null]);
  });

  test('M41, M45 wrong structure names the bundle', () => {
    const read = (body: unknown) => () => readMemberBundles(body as Json);
    expect(read(matchBody({ ...parts({}), consent: undefined }))).toThrow('MemberBundle 1 has no Consent');
    expect(
      read({
        resourceType: 'Parameters',
        parameter: [
          {
            name: 'MemberBundle',
            part: [
              { name: 'MemberPatient', resource: parts({}).patient },
              { name: 'OldCoverage', resource: parts({}).coverageToMatch },
            ],
          },
        ],
      }),
    ).toThrow('has no CoverageToMatch');
    expect(read({ resourceType: 'Parameters', parameter: [] })).toThrow('at least one');
    expect(read({ resourceType: 'Bundle' })).toThrow('Parameters');
    expect(read(matchBody(parts({ family: 'x'.repeat(10_000) })))).toThrow('too long');
    expect(read(matchBody({ ...parts({}), coverageToMatch: parts({}).patient }))).toThrow('must be a Coverage');
    for (const bad of ['a\u0000b', '\ud800'])
      expect(read(matchBody(parts({}), parts({ memberId: bad })))).toThrow('MemberBundle 2 holds characters');
  });

  test.each<[string, string, boolean]>([
    ['johnson', 'jonhson', true],
    ['johnson', 'johnsson', true],
    ['johnson', 'johnso', true],
    ['johnson', 'johnsonab', false],
    ['smith', 'smyth', true],
    ['smith', 'smhti', false],
    ['garcia', 'gracia', true],
    ['john', 'jonh', false],
    ['abcde', 'badce', false],
  ])('M49 %s and %s', async (a, b, within) => {
    const [row] = await node.deps.database.sql`select exchange.dl1(${a}, ${b}) as x, exchange.dl1(${b}, ${a}) as y`;
    expect(row).toEqual({ x: within, y: within });
  });
});
