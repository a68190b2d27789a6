// What people write into the fields of the pages: wishes within words, names in the field for care, ZIP codes without an area; and how
// networks are told with whether new patients are taken.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageData } from '../../directory/page-data.ts';
import { MOST_TRIED } from '../../directory/pages/empty-results.ts';
import { findPage } from '../../directory/pages/find.ts';
import { findPairs, readFind } from '../../directory/pages/find-query.ts';
import { language } from '../../directory/pages/language.ts';
import { type Listed, listedPart } from '../../directory/pages/listed.ts';
import { understood } from '../../directory/pages/query-parser.ts';
import { conceptText, periodText } from '../../directory/pages/records.ts';
import { ofClient, trying } from '../../directory/pages/retry-limit.ts';
import { totals } from '../../directory/search/totals.ts';
import { workOf } from '../../directory/work.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { zipCentre, zipsLike } from '../../src/fhir/search/zip.ts';
import { html } from '../../src/ui/html.ts';
import { BASE, directory } from './fixture.ts';
import { siteDeps, siteOver } from './pages-fixture.ts';

const meaning = (given: Record<string, string>): Record<string, string> => {
  const { within: _, ...rest } = Object.fromEntries(findPairs(understood(readFind(new URLSearchParams(given)))));
  return rest;
};

describe('wishes within words', () => {
  test.each<[string, Record<string, string>]>([
    ['heart dr 10001', { care: 'heart dr', zip: '10001' }],
    ['10001-1234', { zip: '10001-1234' }],
    ['heart doctor in zip code 06103', { care: 'heart doctor', zip: '06103' }],
    ['Código postal: 06103', { zip: '06103' }],
    [
      'a Spanish-speaking paediatrician near 02139 who takes new patients and telehealth',
      { care: 'paediatrician', zip: '02139', speaks: 'es', new: '1', tele: '1' },
    ],
    ['busco un pediatra que hable español cerca de 06103', { care: 'pediatra', zip: '06103', speaks: 'es' }],
    ['Médico de cabecera, pacientes nuevos, por video', { care: 'Médico de cabecera', new: '1', tele: '1' }],
    ['psychologist online', { care: 'psychologist', tele: '1' }],
    ['female dermatologist', { care: 'dermatologist', gender: 'female' }],
    ['family doctor who speaks Mandarin', { care: 'family doctor', speaks: 'zh' }],
    ['English speaking doctor', { care: 'doctor' }],
    ['wheelchair accessible dentist', { care: 'dentist', access: 'handiaccess' }],
    ['pharmacy open on Sunday', { care: 'pharmacy', open: 'sun' }],
    ['urgent care open now near 06103', { care: 'urgent care', zip: '06103', open: 'now' }],
    ['farmacia abierta los domingos', { care: 'farmacia', open: 'sun' }],
    ['dentista que abra los sábados', { care: 'dentista', open: 'sat' }],
    ['clinic open late', { care: 'clinic', open: 'evening' }],
    // not wished: there is no field for it, and it is no part of the care
    ['dentist, no telehealth', { care: 'dentist' }],
    ['heart doctor without virtual visits near 10001', { care: 'heart doctor', zip: '10001' }],
    ['psychologist who does not offer telemedicine', { care: 'psychologist' }],
    ['pediatra sin telesalud', { care: 'pediatra' }],
    ['surgeon not accepting new patients', { care: 'surgeon' }],
    ['psychologist, no telehealth, new patients', { care: 'psychologist', new: '1' }],
    ['dentist who doesn’t take new patients', { care: 'dentist' }],
    ["dentist who isn't accepting new patients", { care: 'dentist' }],
    ['dentist who doesnt do telehealth', { care: 'dentist' }],
    ['psychologist who does not do online visits', { care: 'psychologist' }],
    ['dentista que no ofrece citas por video', { care: 'dentista' }],
    ['dentist not open on Sundays', { care: 'dentist' }],
    // no wishes
    ['open heart surgery', { care: 'open heart surgery' }],
    ['wheelchair', { care: 'wheelchair' }],
    ['male infertility', { care: 'male infertility' }],
    ['women’s health', { care: 'women’s health' }],
    ['a doctor', { care: 'a doctor' }],
    ['Polish', { care: 'Polish' }],
    ['suite 061034', { care: 'suite 061034' }],
  ])('%s', (care, expected) => expect(meaning({ care })).toEqual(expected));

  test('a field that is filled says more than the words', () => {
    expect(meaning({ care: 'heart dr 10001', zip: '06103' })).toEqual({ care: 'heart dr 10001', zip: '06103' });
    expect(meaning({ care: 'doctor who speaks French', speaks: 'es' })['speaks']).toBe('es');
    expect(meaning({ name: 'Dr. Obrien 06103' })).toEqual({ name: 'Dr. Obrien', zip: '06103' });
  });
});

test('codes like one that has no area are known, near by number, and in the same part of the country', () => {
  expect(zipCentre('10008')).toBeUndefined();
  expect(zipsLike('10008').slice(0, 2)).toEqual(['10007', '10009']);
  for (const zip of zipsLike('10008')) expect(zipCentre(zip), zip).toBeDefined();
  expect(zipsLike('6103')).toEqual(['06103']);
  expect(zipsLike('00001')).toEqual([]);
  expect(zipsLike('abc')).toEqual([]);
});

describe('on the page', () => {
  let d: Awaited<ReturnType<typeof directory>>;
  let site: ReturnType<typeof siteOver>;
  beforeAll(async () => {
    d = await directory();
    site = siteOver(d.database);
  });
  afterAll(() => d.close());
  const text = async (path: string) => (await site(path)).text();

  test('a ZIP code of a post office box, or that lost its zero, leads to those like it', async () => {
    const box = await site('/find?zip=10008&care=heart');
    expect(box.status).toBe(400);
    expect(await box.text()).toContain('href="/find?care=heart&amp;zip=10007&amp;within=25"');
    const lost = await site('/find?zip=6103');
    expect(lost.status).toBe(400);
    expect(await lost.text()).toContain('href="/find?zip=06103&amp;within=25"');
    expect((await site('/find?zip=06103%201234')).status).toBe(200);
  });

  test('a ZIP code in the words is the one of the field, and can be left out', async () => {
    const found = await text('/find?name=ana+06103');
    expect(found).toContain('Practitioner/p1');
    expect(found).toContain('href="/find?name=ana" aria-label="Leave out: within 25 miles of 06103"');
  });

  test('where nothing is found, a name in the field for care, care in that for names, and the other kind are offered', async () => {
    expect(await text('/find?care=Dr+Oneil')).toContain('href="/find?name=Dr+Oneil">Look for “Dr Oneil” as a name');
    expect(await text('/find?name=cardiologists')).toContain('href="/find?care=cardiologists">');
    expect(await text('/find?name=Elm+Way')).toContain('href="/find?kind=place&amp;name=Elm+Way">');
    expect(await text('/es/find?kind=place&name=Oneil')).toContain('href="/es/find?name=Oneil">Buscar entre médicos');
    const nobody = await text('/find?name=zzzz');
    expect(nobody).toContain('Nothing found');
    expect(nobody).not.toMatch(/href="[^"]*zzzz[^"]*">Look/);
  });

  test('what is offered where nothing is found leads to somebody', async () => {
    const ways = async (path: string) => {
      const list =
        /<div class="problem" role="status">.*?<ul class="list">(.*?)<\/ul>/s.exec(await text(path))?.[1] ?? '';
      const links = [...list.matchAll(/href="([^"]+)">([^<]+)</g)].map(([, to = '', said = '']) => [said, to] as const);
      for (const [said, to] of links) {
        const found = await text(to.replaceAll('&amp;', '&'));
        expect([path, said, found.includes('Nothing found')]).toEqual([path, said, false]);
      }
      return links.map(([said]) => said);
    };
    // a heart doctor in Hartford: asked for as a man, or in Boston
    expect(await ways('/find?care=heart+doctor&zip=06103&gender=male')).toEqual([
      'Look among hospitals, clinics and other places',
      'Leave out: Man',
      'Start again',
    ]);
    expect(await ways('/find?care=heart+doctor&zip=02118&within=25')).toEqual([
      'Look within 100 miles',
      'Leave out: within 25 miles of 02118',
      'Start again',
    ]);
    expect(await ways('/find?care=heart+doctor&zip=90210&gender=male&speaks=zh')).toEqual([
      'Look only for: heart doctor',
      'Start again',
    ]);
    expect(await ways('/find?care=dentist&zip=90210')).toEqual(['Start again']);
    // the last of the wishes alone, and all but the first
    expect(await ways('/find?name=zzzz&zip=90210&gender=female')).toEqual(['Look only for: Woman', 'Start again']);
    expect(await ways('/find?care=dentist&name=Oneil&zip=06103&new=1&speaks=es&gender=female')).toEqual([
      'Look only for: “Oneil”, within 25 miles of 06103, Accepts new patients, Speaks: Spanish, and Woman',
      'Start again',
    ]);
  });

  describe('trying what else would find somebody is bounded', () => {
    // every wish, none of which leads to anybody together with the others
    const all =
      '/find?name=Oneil&care=heart+doctor&zip=90210&within=5&speaks=zh&gender=male&new=1&tele=1&access=pubtrans&open=sun';
    const counted = () => {
      const asked: string[] = [];
      const deps = siteDeps(d.database);
      const data = pageData({ ...deps, base: BASE, totals: totals(), work: workOf(deps.config) });
      const search = data.search.bind(data);
      let running = 0;
      data.search = async (type, pairs) => {
        expect(running++).toBe(0);
        asked.push(pairs.map((pair) => pair.join('=')).join('&'));
        try {
          return await search(type, pairs);
        } finally {
          running--;
        }
      };
      const page = async (path: string) => {
        const { page, status } = await findPage(data, language('en', '', 'UTC'), new URLSearchParams(path.slice(6)));
        return { status, main: String(page.main) };
      };
      return { asked, data, page };
    };

    test('few searches, one after the other', async () => {
      const { asked, page } = counted();
      const { status, main } = await page(all);
      expect(status).toBe(200);
      expect(main).toContain('Look only for: heart doctor and “Oneil”');
      // the page's own, and the list of plans of its form
      expect(asked.length).toBeLessThanOrEqual(3 + MOST_TRIED);
      const tried = asked.filter((one) => one.includes('_count=1&'));
      expect(tried.length).toBeGreaterThan(2);
      expect(tried.length).toBeLessThan(8);
    });

    test('one that the database does not answer in time is the last, and the page is there', async () => {
      const { asked, data, page } = counted();
      const search = data.search.bind(data);
      data.search = async (type, pairs) => {
        const found = await search(type, pairs);
        if (pairs.some(([name, value]) => name === '_count' && value === '1')) throw new Outcome('too-costly');
        return found;
      };
      const { status, main } = await page(all);
      expect(status).toBe(200);
      expect(main).toContain('Nothing found');
      expect(main).toContain('Start again');
      expect(asked.filter((one) => one.includes('_count=1&'))).toHaveLength(1);
    });

    test('when other pages try, a page tells that nothing was found and tries nothing', async () => {
      const { asked, data, page } = counted();
      while (data.trying.enter());
      const { main } = await page(all);
      expect(main).toContain('Nothing found');
      expect(asked.filter((one) => one.includes('_count=1&'))).toEqual([]);
      data.trying.leave();
      expect((await page(all)).main).toContain('Look only for');
      expect(data.trying.enter()).toBe(true);
    });

    test('a client has one of the places, and leaves the others to others', () => {
      const all = trying(2);
      const [one, other, third] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => ofClient(all, address));
      expect([one?.enter(), one?.enter(), other?.enter(), third?.enter()]).toEqual([true, false, true, false]);
      one?.leave();
      expect([other?.enter(), one?.enter(), third?.enter()]).toEqual([false, true, false]);
    });

    test('pages of one client do not keep another from the ways', async () => {
      const from = (address: string) =>
        site(all, { headers: { 'x-forwarded-for': address } }).then((answer) => answer.text());
      const pages = await Promise.all([...Array(6).fill('192.0.2.1'), '192.0.2.2'].map(from));
      expect(pages.at(-1)).toContain('Look only for');
      // each has given its place back
      expect(await from('192.0.2.3')).toContain('Look only for');
    });
  });

  test('what the link of another site asks by q is a kind of care with its wishes, or a name', async () => {
    const told = async (path: string) =>
      /<div class="wishes">(.*?)<\/ul>/s.exec(await text(path))?.[1]?.replace(/<[^>]+>/g, '|');
    expect(await told('/find?q=heart+doctor+06103')).toMatch(/heart doctor\|.*within 25 miles of 06103/);
    expect(await text('/find?q=Oneil')).toContain('Practitioner/p1');
    expect(await told('/es/find?q=Oneil')).toContain('«Oneil»');
    expect(await told('/find?q=heart&name=Oneil')).not.toContain('heart');
    const home = await site('/es?q=heart+doctor', { redirect: 'manual' });
    expect([home.status, home.headers.get('location')]).toEqual([302, '/es/find?q=heart+doctor']);
    expect((await site('/?q=')).status).toBe(200);
  });

  test('who is listed for a plan that is not offered on the day is no plain yes', async () => {
    const answer = async (date: string) => text(`/answer?provider=Practitioner/p1&plan=ip1&date=${date}`);
    expect(await answer('2027-03-01')).toContain('class="verdict good"');
    const before = await answer('2026-12-31');
    expect(before).toContain('class="verdict look"');
    expect(before.split('the plan is not offered on this day').length).toBe(2);
  });
});

describe('what a record says, for reading', () => {
  const [english, spanish] = [language('en', '', 'UTC'), language('es', '', 'UTC')];
  test('a concept: our word, its text, a display, what people call the code; no bare number', () => {
    const code = (value: string, display?: string) => ({
      coding: [{ system: 'urn:x', code: value, ...(display === undefined ? {} : { display }) }],
    });
    expect(conceptText(code('207RC0000X', 'Cardiovascular'), english)).toBe('Cardiovascular');
    expect(conceptText(code('207RC0000X'), english)).toBe('Heart doctor (cardiology)');
    expect(conceptText(code('207RC0000X'), spanish)).toBe('Cardiología (corazón)');
    expect(conceptText(code('PHD'), english)).toBe('PHD');
    expect(conceptText(code('535'), english)).toBe('');
    expect(conceptText({ ...code('535'), text: 'Surgery' }, english)).toBe('Surgery');
  });
  test.each([
    [
      { start: '2026-12-24', end: '2027-01-01' },
      'from December 24, 2026 to January 1, 2027',
      'del 24 de diciembre de 2026 al 1 de enero de 2027',
    ],
    [{ start: '2026-12-24' }, 'since December 24, 2026', 'desde el 24 de diciembre de 2026'],
    [{ end: '2027-01-01' }, 'until January 1, 2027', 'hasta el 1 de enero de 2027'],
    [{}, '', ''],
  ])('a period %j', (period, inEnglish, inSpanish) =>
    expect([periodText(period, english), periodText(period, spanish)]).toEqual([inEnglish, inSpanish]),
  );
});

describe('networks with whether new patients are taken', () => {
  const shown = (list: readonly Listed[]) =>
    html`${listedPart(list, language('en', '', 'UTC'))}`.markup.replace(/<\/(li|span)>/g, '|').replace(/<[^>]+>/g, '');
  test('each state once, with its networks, those that take new patients first', () => {
    expect(
      shown([
        { name: 'A', code: 'nopt' },
        { name: 'B', code: 'newpt' },
        { name: 'C', code: undefined },
        { name: 'D', code: 'newpt' },
        { name: 'B', code: 'newpt' },
        { name: 'E', code: undefined, later: 'from May' },
      ]),
    ).toBe(
      '✓ Accepts new patients|Listed for B and D||No new patients|Listed for A||Listed for C||from May|Listed for E||',
    );
  });
  test('without a network what is said of new patients stands alone, and nothing is nothing', () => {
    expect(shown([{ name: undefined, code: 'existptonly' }])).toBe('Existing patients only||');
    expect(shown([{ name: undefined, code: undefined }])).toBe('');
    expect(shown([])).toBe('');
  });
});
