// Names that forgive, with their benchmark, and specialties in plain words.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { OFTEN } from '../../directory/pages/texts/terms.ts';
import { nameWords, queryWords } from '../../src/names/name-words.ts';
import { meantBy, plainSpecialties } from '../../src/names/plain-specialty.ts';
import { editDistance, likeness, soughtKeys, storedKeys } from '../../src/names/similar.ts';
import { SPECIALTY_KIN } from '../../src/names/tables/specialty-kin.ts';
import { SPANISH_SPECIALTIES } from '../../src/names/tables/specialty-spanish.ts';
import { OF_CHILDREN, PLAIN_SPECIALTIES } from '../../src/names/tables/specialty-words.ts';
import { SERVICE_KINDS, SPECIALTIES } from '../../src/seed/specialties.ts';
import { type Bundle, body, directory, ids } from './fixture.ts';
import { type Asked, misspelt, misspeltPlace, people, places } from './names-data.ts';

vi.mock('../../src/names/similar.ts', async (original) => {
  const real = await original<typeof import('../../src/names/similar.ts')>();
  return { ...real, editDistance: vi.fn(real.editDistance) };
});

describe('words of names', () => {
  test.each([
    ["Dr. Siobhán O'Brien-Núñez", 'dr siobhan obrien nunez'],
    ['St. Mary’s Hosp', 'saint marys hospital'],
    ['Ångström  &  Sons', 'angstrom sons'],
    ['Constructor Health', 'constructor health'],
  ])('%s', (text, words) => expect(nameWords(text).join(' ')).toBe(words));

  test('titles do not count, unless they are all there is', () => {
    expect(queryWords('Dr. Ana Smith, MD').words.map((w) => w.text)).toEqual(['ana', 'smith', 'anasmith']);
    expect(queryWords('Doctor').count).toBe(1);
    expect(queryWords('J Smith')).toMatchObject({ count: 1, needed: 1 });
    expect(queryWords('one two three four')).toMatchObject({ count: 4, needed: 3 });
    expect(queryWords('…').count).toBe(0);
  });

  const texts = (text: string, ofPerson = true) => queryWords(text, ofPerson).words.map((w) => w.text);
  test.each([
    ['Dr. Do', ['do']],
    ['Ma, MD', ['ma']],
    ['Dr. Do, MD', ['do']],
    ['Constructor', ['constructor']],
    ['Smith, PT, DPT', ['smith']],
    ["Patrick O'Brien FNP-C", ['patrick', 'obrien', 'patrickobrien']],
    ['O Brien', ['brien', 'obrien']],
    ['d ‘Angelo', ['angelo', 'dangelo']],
    ['Kaʻahumanu', ['kaahumanu']],
    ['MaryAnn', ['mary', 'ann', 'maryann']],
    ['MacDonald', ['macdonald']],
    ['stjohn', ['stjohn', 'saintjohn']],
    ['Ste Watson', ['saint', 'ste', 'watson', 'saintwatson']],
  ])('of a person %s looks for %j', (text, words) => expect(texts(text)).toEqual(words));

  test('what stands behind a name may be what a place does', () => {
    expect(texts('Elite PT', false)).toContain('pt');
    expect(queryWords('J. Smith', false).initial).toBeUndefined();
  });

  test('an initial counts beside a family name alone, and a title that is a name perhaps', () => {
    expect(queryWords('J. Smith', true)).toMatchObject({ count: 1, initial: 'j', perhaps: [] });
    expect(queryWords('Smith J', true)).toMatchObject({ count: 1, initial: 'j' });
    expect(queryWords('Ann J. Smith', true).initial).toBeUndefined();
    expect(queryWords('Thanh Do', true)).toMatchObject({ count: 1, perhaps: ['do'] });
    expect(queryWords('An Nguyen', true)).toMatchObject({ count: 1, perhaps: ['an'] });
  });
});

describe('likeness', () => {
  test.each([
    ['smith', 'smith', 0],
    ['smith', 'smiht', 1],
    ['smith', 'smyth', 1],
    ['smith', 'smit', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('%s and %s are %i edits apart', (a, b, edits) => {
    expect(editDistance(a, b)).toBe(edits);
    expect(editDistance(b, a)).toBe(edits);
  });

  test('better answers count more', () => {
    const order = ['steven', 'stephen', 'stevan', 'stevenson'].map((word) => likeness('steven', word));
    expect(order).toEqual([...order].sort((a, b) => b - a));
    expect(likeness('smith', 'jones')).toBe(0);
    expect(likeness('lee', 'leo')).toBe(0); // too short to forgive
  });

  test('words that are alike share a key', () => {
    for (const [a, b] of [
      ['smith', 'smyth'],
      ['gonzalez', 'gonzales'],
      ['katherine', 'kathrine'],
      ['bob', 'robert'],
      ['schneider', 'shnieder'],
    ] as const)
      expect(
        soughtKeys(a).some((key) => storedKeys(b).includes(key)),
        `${a} ${b}`,
      ).toBe(true);
  });
});

describe('specialties in plain words', () => {
  test.each([
    ['heart doctor', 'cardiology'],
    ['doctor del corazón', 'cardiology'],
    ['cardioligist', 'cardiology'],
    ['Médico de los huesos', 'orthopedics'],
    ['OB/GYN', 'obstetrics-gynecology'],
    ['dentist for kids', 'pediatric-dentist'],
    ['I need a skin specialist near me', 'dermatology'],
    ['foot dr', 'podiatry'],
    ['heart surgeon', 'heart-surgery'],
    ['blood tests', 'lab'],
    ['doctor', 'primary-care'],
    ['allergies', 'allergy'],
    ['rashes', 'dermatology'],
    ['sinuses', 'ent'],
    ['babies', 'pediatrics'],
    ['heart dr 10001', 'cardiology'],
    ['Dra. de la piel', 'dermatology'],
    ['female doctor', 'primary-care'],
    ['podiatra', 'podiatry'],
    ['podiatric surgeon', 'podiatry'],
    ['pediatrician', 'pediatrics'],
    ['psychiatrist for kids', 'child-psychiatry'],
    ['oculista', 'ophthalmology'],
    ['root canal', 'endodontics'],
    ['embarazada', 'obstetrics-gynecology'],
    ['doctores', 'primary-care'],
    ['doctores de niños', 'pediatrics'],
    ['centro de urgencias', 'urgent-care'],
    ['clínica sin cita', 'urgent-care'],
    ['examen de sangre', 'lab'],
    ['prueba de embarazo', 'obstetrics-gynecology'],
    ['terapista ocupacional', 'occupational-therapy'],
    ['terapeuta físico', 'physical-therapy'],
    ['doctor de hombres', 'urology'],
    ['doctor hombre', 'primary-care'],
    ['dolor de rodilla', 'orthopedics'],
    ['dolores de rodilla', 'orthopedics'],
    ['enfermedades de transmisión sexual', 'infectious-disease'],
    ['lentes de contacto', 'optometry'],
    ['uñas', 'podiatry'],
    ['hip pain', 'orthopedics'],
    ['house calls', 'home-health'],
    ['asdfgh', undefined],
  ])('%s is %s', (text, id) => expect(plainSpecialties(text)[0]?.id).toBe(id));

  const codes = (text: string) => plainSpecialties(text).flatMap((s) => [...s.codes, ...s.kin]);
  test.each([
    ['pediatric cardiologist', ['2080P0202X']],
    ['kids heart doctor', ['2080P0202X']],
    ['cardiólogo pediatra', ['2080P0202X']],
    ['pediatric surgeon', ['2086S0120X']],
    ['dentist for kids', ['1223P0221X']],
    ['pediatric hospital', ['282NC2000X']],
  ])('of children %s is %j alone', (text, only) => expect(codes(text)).toEqual(only));

  test.each([
    ['knee doctor for kids', true],
    ['child abuse', false],
    ['child life specialist', false],
    ['a doctor for my daughter', true],
  ])('%s is meant with each of its words: %s', (text, whole) => expect(meantBy(text).whole).toBe(whole));

  test('one slip or two in a word are forgiven, and no word is another for being as long', () => {
    expect(plainSpecialties('gastroentorologst')[0]?.id).toBe('gastroenterology');
    expect(plainSpecialties('dermetologia')[0]?.id).toBe('dermatology');
    expect(plainSpecialties('xxrmatologist')).toEqual(plainSpecialties('zzrmatologist'));
    expect(plainSpecialties('dxxxatologist')).toEqual([]);
  });

  test('many words that nobody knows cost little', () => {
    const words = Array.from({ length: 400 }, (_, i) => `q${(i * 7919).toString(36)}oni`);
    const texts = Array.from({ length: 20 }, (_, i) => words.slice(i * 20, i * 20 + 20).join(' '));
    vi.mocked(editDistance).mockClear();
    for (const text of texts) expect(meantBy(text).whole).toBe(false);
    // of a thousand words of phrases only those with almost the same letters are compared
    expect(vi.mocked(editDistance).mock.calls.length / words.length).toBeLessThan(40);
  });

  test('who treats adults and children counts for both', () => {
    expect(codes('physical therapy for kids')).toEqual(expect.arrayContaining(['2251P0200X', '225100000X']));
    expect(codes('physical therapy')).not.toContain('207Q00000X');
  });

  test('kinds of the same are meant too: a psychologist for counselling is a psychologist', () => {
    expect(codes('psychologist')).toEqual(expect.arrayContaining(['103T00000X', '103TC1900X']));
    expect(Object.keys(SPECIALTY_KIN).filter((id) => !PLAIN_SPECIALTIES.some((s) => s.id === id))).toEqual([]);
    expect(Object.keys(OF_CHILDREN).filter((id) => !PLAIN_SPECIALTIES.some((s) => s.id === id))).toEqual([]);
  });

  test('each specialty of our tables has a Spanish word, and no other has', () => {
    const ours = new Set([
      ...PLAIN_SPECIALTIES.flatMap((s) => [...s.codes, ...s.kin]),
      ...Object.values(OF_CHILDREN).flatMap((s) => s.codes),
      ...SPECIALTIES.map((s) => s.code),
      ...SERVICE_KINDS.map((s) => s.specialty.code),
    ]);
    expect([...SPANISH_SPECIALTIES.keys()].sort()).toEqual([...ours].sort());
    for (const [code, word] of SPANISH_SPECIALTIES) expect(word.trim(), code).toMatch(/^\p{Lu}.{4,}/u);
  });

  test('what the pages call an entry, and offer while somebody writes, means it', () => {
    for (const entry of PLAIN_SPECIALTIES)
      for (const called of [entry.en, entry.es]) {
        const { entries, whole } = meantBy(called);
        expect({ called, first: entries[0]?.id, whole }).toEqual({ called, first: entry.id, whole: true });
      }
  });

  test('what the start page offers is understood whole', () => {
    for (const { words } of OFTEN)
      for (const text of words)
        expect([text, meantBy(text).whole, meantBy(text).entries.length > 0]).toEqual([text, true, true]);
    for (const { words } of OFTEN)
      expect(meantBy(words[1]).entries[0]?.id, words[1]).toBe(meantBy(words[0]).entries[0]?.id);
  });

  test('every entry is found by its own words, and has codes', () => {
    for (const entry of PLAIN_SPECIALTIES) {
      expect(
        [...entry.codes, ...entry.kin].every((c) => /^[0-9]{3}[0-9A-Z]{6}X$/.test(c)),
        entry.id,
      ).toBe(true);
      for (const words of entry.words) expect(plainSpecialties(words), words).toContain(entry);
    }
  });
});

const PEOPLE = people(3000);
const PLACES = places();
let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  const role = {
    resourceType: 'PractitionerRole',
    id: 'r1',
    active: true,
    practitioner: { reference: 'Practitioner/p7' },
    specialty: [
      { coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '207RC0000X', display: 'Cardiology' }] },
    ],
  };
  d = await directory([...PEOPLE, ...PLACES].map((p) => p.resource));
  await d.load([{ source: 'more', line: 1, text: JSON.stringify(role) }]);
});
afterAll(() => d.close());

const query = (type: string, text: string, more = '') => `${type}?name-like=${encodeURIComponent(text)}${more}`;
const person = (i: number) => {
  const found = PEOPLE[i];
  if (!found) throw new Error('There are not as many people.');
  return found;
};

/** Is the one wanted, or somebody of the very same name, among the first ten? */
async function hit(asked: Asked): Promise<boolean> {
  const type = asked.wanted.startsWith('p') ? 'Practitioner' : 'Organization';
  const bundle = await body(await d.get(query(type, asked.text, '&_count=10&_total=none')));
  const name = (id: string) => {
    const p = PEOPLE.find((each) => each.id === id);
    return p === undefined ? (PLACES.find((each) => each.id === id)?.name ?? id) : `${p.given} ${p.family}`;
  };
  return ids(bundle, 'match').some((key) => name(key.split('/')[1] ?? '') === name(asked.wanted));
}

test('benchmark: the one meant is among the first ten in nine of ten', async () => {
  const asked = [
    ...PEOPLE.filter((_, i) => i % 80 === 6 || i % 81 === 3).flatMap((p, i) => misspelt(p, i)),
    ...PLACES.filter((_, i) => i % 5 === 0).flatMap((o, i) => misspeltPlace(o, i)),
  ];
  const kinds = new Map<string, { hits: number; of: number }>();
  for (const one of asked) {
    const kind = kinds.get(one.kind) ?? { hits: 0, of: 0 };
    kind.of++;
    if (await hit(one)) kind.hits++;
    kinds.set(one.kind, kind);
  }
  const rates = Object.fromEntries([...kinds].map(([kind, { hits, of }]) => [kind, hits / of]));
  if (process.env['SHOW_RATES']) console.log(asked.length, rates);
  const hits = [...kinds.values()].reduce((sum, k) => sum + k.hits, 0);
  expect(asked.length).toBeGreaterThan(1000);
  expect(hits / asked.length).toBeGreaterThanOrEqual(0.9);
  for (const [kind, rate] of Object.entries(rates)) expect(rate, kind).toBeGreaterThanOrEqual(0.75);
  for (const kind of ['plain', 'as written', 'family first', 'with title', 'place']) expect(rates[kind]).toBe(1);
});

describe('as a search', () => {
  const scores = (bundle: Bundle) =>
    (bundle.entry ?? []).map((e) => (e.search as { score?: number }).score ?? Number.NaN);

  test('matches come best first, with their score, in pages without gaps', async () => {
    const { given, family } = person(7);
    const all = await body(await d.get(query('Practitioner', `${given} ${family}`, '&_count=500')));
    expect(scores(all)).toEqual([...scores(all)].sort((a, b) => b - a));
    expect(scores(all)[0]).toBeGreaterThan(0.98);
    expect(ids(all, 'match')).toContain('Practitioner/p7');
    const wide = await body(await d.get(query('Practitioner', family, '&_count=500')));
    const collected: string[] = [];
    let next: string | undefined = query('Practitioner', family, '&_count=2');
    while (next !== undefined) {
      const page: Bundle = await body(await d.get(next));
      expect(page.total).toBe(wide.total);
      collected.push(...ids(page, 'match'));
      next = page.link.find((l) => l.relation === 'next')?.url.split('/directory/fhir/')[1];
    }
    expect(collected).toEqual(ids(wide, 'match'));
  });

  test('goes with other parameters, chains and _sort', async () => {
    const { given, family } = person(7);
    const name = encodeURIComponent(`${family} ${given.slice(0, 4)}`);
    expect(await d.find(`PractitionerRole?practitioner.name-like=${name}&specialty-like=heart%20doctor`)).toEqual([
      'PractitionerRole/r1',
    ]);
    expect(await d.find(`PractitionerRole?practitioner.name-like=${name}&specialty-like=skin`)).toEqual([]);
    expect(
      await d.find(`Practitioner?name-like=${name}&_has:PractitionerRole:practitioner:specialty=207RC0000X`),
    ).toEqual(['Practitioner/p7']);
    const sorted = await body(await d.get(`Practitioner?name-like=${name}&_sort=_id&_total=accurate`));
    expect(scores(sorted).every(Number.isNaN)).toBe(true);
    expect(sorted.total).toBe(sorted.entry?.length);
  });

  test('of many of one family the one with the initial comes first, and a title that is a name', async () => {
    const like = (id: string, family: string, given: string) => ({
      source: 'more',
      line: 1,
      text: JSON.stringify({ resourceType: 'Practitioner', id, active: true, name: [{ family, given: [given] }] }),
    });
    await d.load([
      ...['Ana', 'Bo', 'Cy', 'Di', 'Zora', 'Ed'].map((given, i) => like(`init${i}`, 'Quillfeather', given)),
      like('do0', 'Quillmar', 'Thanhquill'),
      like('do1', 'Do', 'Thanhquill'),
    ]);
    const first = async (text: string) =>
      ids(await body(await d.get(query('Practitioner', text, '&_count=1'))), 'match')[0];
    for (const text of ['Z. Quillfeather', 'Quillfeather Z', 'Dr. Z Quillfeather, APRN'])
      expect(await first(text), text).toBe('Practitioner/init4');
    expect(await first('Thanhquill Do')).toBe('Practitioner/do1');
    const both = await body(await d.get(query('Practitioner', 'Thanhquill Do')));
    expect(ids(both, 'match')).toEqual(['Practitioner/do1', 'Practitioner/do0']);
    expect(scores(both)[0]).toBeLessThanOrEqual(1);
  });

  test('a specialty is found by what it is called, when plain words do not say it all', async () => {
    const role = (id: string, code: string, display: string) => ({
      source: 'more',
      line: 1,
      text: JSON.stringify({
        resourceType: 'PractitionerRole',
        id,
        active: true,
        specialty: [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code, display }] }],
      }),
    });
    await d.load([
      role('blood', '207ZB0001X', 'Blood Banking & Transfusion Medicine Physician'),
      role('counsel', '103TC1900X', 'Counseling Psychologist'),
      role('abuse', '2080C0008X', 'Child Abuse Pediatrics Physician'),
    ]);
    const find = (text: string) => d.find(`PractitionerRole?specialty-like=${encodeURIComponent(text)}`);
    expect(await find('Blood Banking & Transfusion')).toEqual(['PractitionerRole/blood']);
    expect(await find('child abuse')).toContain('PractitionerRole/abuse');
    expect(await find('psychologists')).toEqual(['PractitionerRole/counsel']);
  });

  test('plain name stays strict', async () => {
    const { family } = person(7);
    expect(await d.find(`Practitioner?family=x${family}`)).toEqual([]);
  });

  test.each([
    ['Practitioner?name-like=%20%2e', 400],
    [`Practitioner?name-like=${'a'.repeat(201)}`, 400],
    ['Practitioner?name-like:exact=ana', 400],
    ["Organization?name-like='%3B--", 400],
    ['PractitionerRole?specialty-like=%F0%9F%92%9C', 200],
    ['Practitioner?name-like=%F0%9F%92%9C%20ana', 200],
    ['PractitionerRole?specialty-like=207RC0000X', 200],
    [`PractitionerRole?specialty-like=${Array.from({ length: 120 }, () => '207RC0000X').join(',')}`, 200],
    [
      `PractitionerRole?specialty-like=${'abcdefghi '.repeat(10).trim()}${`,${'abcdefghi '.repeat(10).trim()}`.repeat(10)}`,
      400,
    ],
    ['Practitioner?name-like=constructor', 200],
  ])('%s is %i', async (path, status) => expect((await d.get(path)).status).toBe(status));

  test('a name that is a word of the program is one like others', async () => {
    const place = { resourceType: 'Organization', id: 'constructor', name: 'Constructor Health' };
    await d.load([{ source: 'more', line: 1, text: JSON.stringify(place) }]);
    expect(await d.find('Organization?name-like=constructor')).toEqual(['Organization/constructor']);
  });

  test('a name that changed is found by its new words only', async () => {
    const changed = { ...person(9).resource, name: [{ family: 'Quetzalcoatl Brightwater', given: ['Zebulon'] }] };
    await d.load([{ source: 'more', line: 1, text: JSON.stringify(changed) }]);
    expect(await d.find(query('Practitioner', 'zebulon britewater'))).toEqual(['Practitioner/p9']);
    await d.load([{ source: 'more', line: 1, text: JSON.stringify(person(9).resource) }]);
    expect(await d.find(query('Practitioner', 'zebulon britewater'))).toEqual([]);
  });
});
