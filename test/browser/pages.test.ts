// The public pages in a browser: a journey without JavaScript, a walk with the keyboard, and a check of every page in both
// languages with axe-core (WCAG 2.2 AA). Needs a chromium: CHROMIUM_PATH or /usr/bin/chromium.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { getRequestListener } from '@hono/node-server';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSite } from '../../directory/site.ts';
import { readConfig } from '../../src/config.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { directoryResources } from '../../src/seed/index.ts';
import { directory } from '../directory/fixture.ts';
import { siteDeps } from '../directory/pages-fixture.ts';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const isThere = existsSync(CHROMIUM);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Names and addresses that do not want to wrap. */
const TOWN = 'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch';
const LONG: Resource[] = [
  {
    resourceType: 'Location',
    id: 'long',
    status: 'active',
    name: `${TOWN}-${TOWN} Clinic`,
    address: { line: [`1 ${TOWN}road`], city: TOWN, state: 'CT', postalCode: '06103' },
  },
  { resourceType: 'Practitioner', id: 'long', active: true, name: [{ family: `${TOWN}-${TOWN}`, given: ['Ada'] }] },
  {
    resourceType: 'PractitionerRole',
    id: 'long',
    active: true,
    practitioner: { reference: 'Practitioner/long' },
    location: [{ reference: 'Location/long' }],
    telecom: [{ system: 'url', value: `https://${TOWN.toLowerCase()}.example/${TOWN}/${TOWN}` }],
  },
];

type Violation = { id: string; nodes: { html: string }[] };
type Role = {
  practitioner: { reference: string };
  location: { reference: string }[];
  extension: { url: string; valueReference: { reference: string } }[];
};

describe.skipIf(!isThere)(
  `public pages in a browser${isThere ? '' : ` (skipped: no chromium at ${CHROMIUM}; set CHROMIUM_PATH)`}`,
  () => {
    let d: Awaited<ReturnType<typeof directory>>;
    let browser: Browser;
    let server: Server;
    let base: string;
    let person: string;
    let place: string;
    let network: string;
    /** a plan that has the person's network, and the first day on which it is offered */
    let plan: string;
    let offered: string;

    beforeAll(async () => {
      const resources = [...directoryResources({ seed: 5, resources: 1200 }), ...LONG];
      const role = resources.find(
        (r) =>
          r.resourceType === 'PractitionerRole' &&
          JSON.stringify(r).includes('newpatients') &&
          r['period'] === undefined,
      ) as unknown as Role;
      person = role.practitioner.reference;
      place = role.location[0]?.reference ?? '';
      network = role.extension.find((e) => e.url.endsWith('network-reference'))?.valueReference.reference ?? '';
      const found = resources.find(
        (r) => r.resourceType === 'InsurancePlan' && JSON.stringify(r['network']).includes(`"${network}"`),
      );
      plan = String(found?.['id']);
      offered = (found as unknown as { period: { start: string } }).period.start;
      [d, browser] = await Promise.all([
        directory(resources),
        chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] }),
      ]);
      server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
      const site = createSite({
        ...siteDeps(d.database),
        clock: () => new Date('2026-11-24T12:00:00Z'),
        config: readConfig({ BASE_URL: base, DIRECTORY_RATE_PER_MINUTE: '0' }),
      });
      server.on(
        'request',
        getRequestListener((request) => site.fetch(request)),
      );
    });
    afterAll(async () => {
      await browser?.close();
      server?.close();
      await d?.close();
    });

    const paths = () => [
      '/',
      '/find?care=family+doctor&new=1',
      '/find?care=family+doctor&zip=06103&within=100',
      '/find?kind=place&care=pharmacy',
      '/find?kind=place',
      '/find?zip=00001',
      '/find?name=zzzzzz&zip=06103',
      `/find?name=${TOWN}`,
      '/provider/Practitioner/long',
      `/answer?provider=Practitioner/long&plan=${plan}`,
      `/provider/${person}`,
      `/provider/${place}`,
      `/provider/${network}`,
      '/provider/Organization/org-1',
      '/provider/HealthcareService/service-1',
      '/provider/Practitioner/nobody',
      `/answer?provider=${person}&plan=${plan}`,
      `/answer?provider=Organization/org-2&plan=${plan}`,
      `/answer?provider=${person}`,
      '/check',
      '/developers',
    ];

    test('search, provider, answer, statement and its check work without JavaScript', async () => {
      const context = await browser.newContext({ javaScriptEnabled: false, acceptDownloads: true });
      const page = await context.newPage();
      const elsewhere: string[] = [];
      page.on('request', (r) => {
        if (!r.url().startsWith(base)) elsewhere.push(r.url());
      });
      await page.goto(base);
      await page.fill('#care', 'family doctor');
      await page.selectOption('#plan', plan);
      await page.click('form.search button');
      expect(page.url()).toContain(`plan=${plan}`);
      expect(await page.locator('ol.hits > li').count()).toBeGreaterThan(0);
      await page.click('ol.hits > li >> nth=0 >> h3 a');
      expect(await page.textContent('h1')).not.toBe('');
      await page.selectOption('#plan', plan);
      await page.fill('#date', offered);
      await page.click('section:has(#ask) button');
      expect(await page.textContent('h1')).toBe('Does it take my plan?');
      expect(await page.textContent('.verdict')).toContain('Yes');
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('section:has(#keep) a.button')]);
      const statement = readFileSync(await download.path(), 'utf8');
      await page.click('section:has(#keep) a >> nth=1');
      await page.fill('#statement', statement);
      await page.click('main form button');
      expect(await page.textContent('.verdict')).toContain('this directory signed it');
      await page.click('.tongue a[lang=es]');
      expect(await page.textContent('h1')).toBe('Comprobar una constancia');
      expect(await context.cookies()).toEqual([]);
      expect(elsewhere).toEqual([]);
      await context.close();
    });

    test('every page in both languages passes axe-core and nothing is wider than a phone', async () => {
      const context = await browser.newContext({ bypassCSP: true, viewport: { width: 360, height: 800 } });
      const page = await context.newPage();
      const faults: string[] = [];
      /** @param axed else only the width is looked at */
      const check = async (path: string, width: number, scheme: 'light' | 'dark', axed: boolean) => {
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme: scheme });
        await page.goto(`${base}${path}`);
        await page.evaluate(`document.querySelectorAll('details').forEach((d) => { d.open = true; })`);
        if (axed) await page.addScriptTag({ content: axe });
        const found = !axed
          ? []
          : ((await page.evaluate(
              `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'], preload: false }).then((r) => r.violations)`,
            )) as Violation[]);
        for (const v of found)
          faults.push(`${path} ${width} ${scheme}: ${v.id} ${v.nodes[0]?.html.slice(0, 160) ?? ''}`);
        const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
        if (wide > width) faults.push(`${path} is ${wide} wide at ${width}`);
      };
      for (const path of paths()) {
        for (const language of ['en', 'es']) {
          const at = `/${language}${path === '/' ? '' : path}`;
          await check(at, 360, 'light', language === 'en');
          await check(at, 1280, 'dark', language === 'es');
        }
      }
      expect(faults).toEqual([]);
      await context.close();
    }, 300_000);

    test('every control is reached with the keyboard, in the order of the page, and shows that it is', async () => {
      const context = await browser.newContext({ bypassCSP: true, viewport: { width: 1280, height: 900 } });
      const page = await context.newPage();
      for (const path of [
        '/',
        '/find?care=family+doctor',
        `/provider/${person}`,
        `/answer?provider=${person}&plan=${plan}`,
        '/check',
        '/developers',
      ]) {
        await page.goto(`${base}${path}`);
        await walk(page, path);
      }
      await page.goto(base);
      await page.keyboard.press('Tab');
      expect(await page.evaluate(`document.activeElement.className`)).toBe('skip');
      await page.keyboard.press('Enter');
      expect(await page.evaluate(`document.activeElement.id`)).toBe('main');
      await page.focus('#care');
      await page.keyboard.type('dentist');
      await page.keyboard.press('Enter');
      await page.waitForURL(/care=dentist/);
      await context.close();
    });
  },
);

/** What the keyboard can reach: one radio of a group stands for all; what is folded away is not there. */
const REACHABLE = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')].filter((e) => {
  if (e.type === 'radio' && !e.checked) return false;
  return e.checkVisibility({ visibilityProperty: true }) && (e.tagName === 'SUMMARY' || !e.closest('details:not([open])') || false);
})`;

async function walk(page: Page, path: string): Promise<void> {
  const wanted = (await page.evaluate(
    `(() => { const all = ${REACHABLE}; all.forEach((e, i) => e.setAttribute('data-n', String(i))); return all.length; })()`,
  )) as number;
  expect(wanted, path).toBeGreaterThan(5);
  const seen: number[] = [];
  for (let i = 0; i < wanted * 4 && new Set(seen).size < wanted; i++) {
    await page.keyboard.press('Tab');
    const at = (await page.evaluate(`(() => {
      const e = document.activeElement;
      const style = getComputedStyle(e);
      const box = e.getBoundingClientRect();
      return { n: e.getAttribute('data-n'), outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        inView: box.width > 0 && box.bottom > 0 && box.top < innerHeight, tag: e.outerHTML.slice(0, 90) };
    })()`)) as { n: string | null; outline: boolean; inView: boolean; tag: string };
    if (at.n === null) continue;
    expect(at.outline, `${path}: focus is not visible on ${at.tag}`).toBe(true);
    expect(at.inView, `${path}: ${at.tag} is not in view`).toBe(true);
    if (seen.at(-1) !== Number(at.n)) seen.push(Number(at.n)); // a date has several parts
  }
  expect(seen, path).toEqual(Array.from({ length: wanted }, (_, i) => i));
}
