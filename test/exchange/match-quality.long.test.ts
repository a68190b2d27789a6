// Match quality on invented people with known truth: households on one policy, twins, juniors; asked for with typing errors,
// after moving or marriage, with nicknames, without accents, with swapped dates, by cards of others. What the rules allow must
// be found, no one may be mistaken for another person.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { matchMembers } from '../../exchange/responder/match/find-matches.ts';
import { familyName } from '../../exchange/responder/match/normalize.ts';
import { readMemberBundles, toQuery } from '../../exchange/responder/match/read-member-bundle.ts';
import type { Json } from '../../src/fhir/resource.ts';
import { FAMILY, FEMALE_GIVEN, MALE_GIVEN, NICKNAMES } from '../../src/seed/names.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { type Asked, enrol, idOf, matchBody, type Person, parts, US } from './plan-fixture.ts';

const HOUSEHOLDS = 800;
let state = 20_270_101;
const draw = (n: number) => {
  // xorshift32: the same people and errors every time
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
};
const pick = <T>(list: readonly T[]): T => list[draw(list.length)] as T;

type Member = Person & { twin?: true };
const day = (year: number) =>
  `${year}-${String(1 + draw(12)).padStart(2, '0')}-${String(1 + draw(28)).padStart(2, '0')}`;

/** A policy: one or two grown-ups, children, at times twins whose names differ in a letter, at times a junior. */
function household(n: number): Member[] {
  const family = draw(12) === 0 ? `${pick(FAMILY)}-${pick(FAMILY)}` : draw(15) === 0 ? 'Peña' : pick(FAMILY);
  const subscriber = `S${String(100_000 + n)}`;
  const people: Member[] = [];
  const add = (given: string, born: string, over: Partial<Member> = {}) =>
    people.push({ number: `${subscriber}-${people.length + 1}`, family, given, born, subscriber, ...over });
  const father = pick(MALE_GIVEN);
  add(father, day(1950 + draw(40)));
  if (draw(2) === 0) add(pick(FEMALE_GIVEN), day(1950 + draw(40)));
  const born = day(1995 + draw(25));
  if (draw(6) === 0) {
    add('Jaylen', born, { twin: true });
    add('Jayden', born, { twin: true });
  } else if (draw(2) === 0) add(pick(FEMALE_GIVEN), born);
  const [first] = people;
  if (draw(10) === 0 && first) {
    first.family = `${family} Sr`;
    add(father, day(1985 + draw(20)), { family: `${family} Jr` });
  }
  return people;
}

function typo(word: string): string {
  const i = 1 + draw(word.length - 2);
  const kind = draw(4);
  if (kind === 0) return `${word.slice(0, i)}${word.slice(i + 1)}`;
  if (kind === 1) return `${word.slice(0, i)}x${word.slice(i)}`;
  if (kind === 2) return `${word.slice(0, i)}q${word.slice(i + 1)}`;
  return `${word.slice(0, i)}${word[i + 1]}${word[i]}${word.slice(i + 2)}`;
}
const plain = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '');
/** Long enough for the one fuzzy field of a rule, before and after the error. */
const fuzzy = (before: string, after: string) => {
  const [a, b] = [plain(before), plain(after)].map((t) => t.replace(/[^A-Za-z]/g, ''));
  return (a?.length ?? 0) >= 5 && (b?.length ?? 0) >= 5;
};

type Case = { kind: string; asked: Asked; truth: string | null; allowed: boolean };
const exact = (m: Member): Asked => {
  const { names: _, suffix } = familyName(m.family);
  return {
    family: m.family.replace(/ [JS]r$/, ''),
    ...(suffix.length > 0 ? { suffix: [m.family.slice(-2)] } : {}),
    given: [m.given],
    born: m.born,
    memberId: m.number,
    subscriberId: m.subscriber,
  };
};
/** Alone on the policy with such a first name: the rules for subscriber ids need that. */
function cases(m: Member, all: readonly Member[], stranger: Member): Case[] {
  const id = idOf(m);
  const out: Case[] = [];
  const base = exact(m);
  const policy = { ...base, memberId: undefined };
  const add = (kind: string, asked: Asked, allowed: boolean, truth: string | null = id) =>
    out.push({ kind, asked, truth, allowed });
  add('as enrolled', base, true);
  add('policy number only', policy, true);
  add(
    'card in another style',
    { ...base, memberId: m.number.replace('-', ' ').toLowerCase(), subscriberId: undefined },
    true,
  );
  const [family, given] = [m.family.replace(/ [JS]r$/, ''), m.given];
  const wrongFamily = typo(family);
  add('typing error in the family name', { ...base, family: wrongFamily }, true); // the first name and the card hold
  const wrongGiven = typo(given);
  add('typing error in the first name', { ...base, given: [wrongGiven] }, true); // the family name and the card hold
  // card, birth date and nearly the family name are enough
  add(
    'typing error in both names',
    { ...base, family: wrongFamily, given: [wrongGiven] },
    fuzzy(family, wrongFamily) && !family.includes('-'),
  );
  add(
    'policy number, error in the family name',
    { ...policy, family: wrongFamily },
    fuzzy(family, wrongFamily) && !family.includes('-'),
  );
  // a twin whose first name is one letter away makes two of them
  add(
    'policy number, error in the first name',
    { ...policy, given: [wrongGiven] },
    fuzzy(given, wrongGiven) && m.twin === undefined,
  );
  add('renamed', { ...base, family: 'Umbersworth' }, true);
  add('renamed, policy number only', { ...policy, family: 'Umbersworth' }, false);
  add('without accents, part of a double name', { ...base, family: plain(family).split('-')[0] ?? family }, true);
  const [, month, dayOfMonth] = m.born.split('-');
  if (Number(dayOfMonth) <= 12 && month !== dayOfMonth)
    add('month and day swapped', { ...base, born: `${m.born.slice(0, 4)}-${dayOfMonth}-${month}` }, false);
  const nick = NICKNAMES.find((n) => n.formal === given);
  if (nick) add('nickname', { ...policy, given: [nick.short] }, true);
  // others must not be found
  add('a stranger with this card', { ...exact(stranger), memberId: m.number, subscriberId: m.subscriber }, false, null);
  add('this person with a card of no one', { ...base, memberId: 'NONE-1', subscriberId: 'NONE' }, false, null);
  if (m.family.endsWith(' Jr')) {
    const father = all.find((p) => p.subscriber === m.subscriber && p.given === m.given && p !== m);
    if (father) add('father’s birth date, junior’s suffix', { ...policy, born: father.born }, false, null);
  }
  return out;
}

let node: TestNode;
let members: Member[];
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  members = Array.from({ length: HOUSEHOLDS }, (_, n) => household(n)).flat();
  await enrol(node.deps, members);
});
afterAll(() => node.close());

test('no false match, and what the rules allow is found', async () => {
  const strangers = Array.from({ length: 50 }, (_, n) => household(900_000 + n)).flat();
  const all = members.flatMap((m) => cases(m, members, pick(strangers)));
  const score = new Map<string, { asked: number; allowed: number; found: number; wrong: number; beyond: number }>();
  const now = new Date();
  for (let from = 0; from < all.length; from += 2000) {
    const batch = all.slice(from, from + 2000);
    const bundles = readMemberBundles(
      matchBody(...batch.map((c, i) => parts({ ...c.asked, id: `m-${i}` }))) as unknown as Json,
    );
    const answers = await matchMembers(
      node.deps.database.sql,
      bundles.map((b) => toQuery(b, US, now)),
    );
    for (const answer of answers) {
      const c = batch[answer.position];
      if (!c) throw new Error('an answer to no question');
      const row = score.get(c.kind) ?? { asked: 0, allowed: 0, found: 0, wrong: 0, beyond: 0 };
      const found = answer.persons === 1 ? answer.memberId : null;
      row.asked++;
      if (c.allowed) row.allowed++;
      if (c.allowed && found === c.truth) row.found++;
      if (found !== null && found !== c.truth) row.wrong++;
      if (!c.allowed && c.truth !== null && found === c.truth) row.beyond++;
      score.set(c.kind, row);
    }
  }
  const rows = Object.fromEntries(score);
  if (process.env['SHOW_SCORES']) console.table(rows);
  expect(Object.entries(rows).filter(([, r]) => r.wrong > 0)).toEqual([]);
  const sum = (key: 'allowed' | 'found') => Object.values(rows).reduce((a, r) => a + r[key], 0);
  expect(sum('allowed')).toBeGreaterThan(10_000);
  expect(sum('found') / sum('allowed')).toBeGreaterThanOrEqual(0.97);
  // no kind is bought with another
  for (const [kind, r] of Object.entries(rows))
    if (r.allowed > 0) expect([kind, r.found / r.allowed >= 0.97]).toEqual([kind, true]);
});
