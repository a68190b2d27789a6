// A walk through the staff pages in a browser without JavaScript, and a check of each page with axe-core (WCAG 2.2 AA) in
// a second window that may run it. Needs a chromium: CHROMIUM_PATH or /usr/bin/chromium.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { getRequestListener } from '@hono/node-server';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { invite } from '../../exchange/members/consent/invite.ts';
import { createMemberPages } from '../../exchange/members/consent/member-page.ts';
import { HAND, type StaffNode, startStaff, UNBALANCED } from '../exchange/staff/support.ts';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const isThere = existsSync(CHROMIUM);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

type Violation = { id: string; nodes: { html: string }[] };

describe.skipIf(!isThere)(
  `staff pages in a browser${isThere ? '' : ` (skipped: no chromium at ${CHROMIUM}; set CHROMIUM_PATH)`}`,
  () => {
    let node: StaffNode;
    let browser: Browser;
    let server: Server;
    let base: string;

    beforeAll(async () => {
      [node, browser] = await Promise.all([
        startStaff(),
        chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }),
      ]);
      const my = createMemberPages(node.ours.deps);
      server = createServer(
        getRequestListener((request) =>
          new URL(request.url).pathname.startsWith('/my/') ? my.fetch(request) : node.app.fetch(request),
        ),
      );
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      base = `http://127.0.0.1:${port}`;
    });
    afterAll(async () => {
      await browser?.close();
      server?.close();
      await node?.close();
    });

    async function signIn(page: Page): Promise<void> {
      await page.goto(`${base}/staff/pulls`);
      await page.check('input[value="dev-reviewer"]');
      await page.fill('#password', node.account.password);
      await page.click('main button');
      expect(page.url()).toBe(`${base}/staff/pulls`);
    }

    test('a conflict is decided and taken back without JavaScript', async () => {
      const context = await browser.newContext({ javaScriptEnabled: false });
      const page = await context.newPage();
      await signIn(page);
      await page.goto(`${base}/staff/conflicts`);
      await page.click('section:has(#t-items) tbody tr:first-child a');
      const address = page.url();
      expect(await page.locator('section:has(#t-beside) tbody tr').count()).toBeGreaterThan(1);
      await page.check('input[value="keep-both"]');
      await page.fill('#reason', 'both may be right');
      await page.click('main form button');
      expect(page.url()).toBe(address);
      expect(await page.locator('section:has(#t-decisions) tbody tr').count()).toBe(1);
      await page.fill('#reason', 'on second thought');
      await page.click('main form button');
      expect(await page.locator('section:has(#t-decisions) tbody tr').count()).toBe(2);
      expect(await page.locator('input[value="keep-both"]').count()).toBe(1);
      await context.close();
    });

    test('what numbers are needed for is said by keyboard and without JavaScript, one comes back, and they are hidden again', async () => {
      const context = await browser.newContext({ javaScriptEnabled: false });
      const page = await context.newPage();
      await signIn(page);
      const path = `${base}/staff/pulls/${node.pullId}/members?outcome=matched`;
      await page.goto(path);
      const born = page.locator('section:has(#t-members) tbody tr:first-child td[data-label=Born]');
      expect(await born.textContent()).toMatch(/^\d{4}-••-••$/);
      expect(await born.getByRole('img').getAttribute('aria-label')).toMatch(/^day hidden; year \d{4}$/);
      // another reason: what has to be named is asked for
      await page.focus('section.sight summary');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Space');
      await page.check('section.sight input[value=legal]');
      await page.fill('#sight-words', 'file 12');
      await page.keyboard.press('Enter');
      await page.waitForSelector('form.sight');
      expect(page.url()).toBe(path);
      expect(await born.textContent()).toMatch(/^[A-Z][a-z]{2} \d/);
      expect(await page.textContent('form.sight')).toContain('a legal matter (file 12)');
      await page.click('form.sight button');
      expect(page.url()).toBe(path);
      expect(await born.textContent()).toMatch(/••/);
      await context.close();
    });

    test('on a phone what is hidden stands within its sentence, beside the label of the cell', async () => {
      const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
      const page = await context.newPage();
      await signIn(page);
      const [one, other] = await node.ours.deps.database.sql`select id from exchange.member order by id limit 2`;
      await page.goto(`${base}/staff/members/${String(one?.['id'])}/one/${String(other?.['id'])}`);
      const lefts = await page.$$eval('section:has(#t-beside) td:has(.hidden)', (cells) =>
        cells.flatMap((cell) => {
          const begins = [...cell.childNodes].map((node) => {
            const range = document.createRange();
            range.selectNodeContents(node);
            return Math.min(...[...range.getClientRects()].map((r) => r.left)) - cell.getBoundingClientRect().left;
          });
          return begins.length < 2 ? [] : [Math.min(...begins)];
        }),
      );
      expect(lefts.length).toBeGreaterThan(1);
      // 8.5rem of the label
      expect(lefts.filter((left) => left < 136)).toEqual([]);
      await context.close();
    });

    test('sign-in, pulls, report, lines, one record and sign-out work without JavaScript', async () => {
      const context = await browser.newContext({ javaScriptEnabled: false });
      const page = await context.newPage();
      await signIn(page);
      await page.click(`a[href="/staff/pulls/${node.pullId}"]`);
      expect(await page.textContent('h1')).toMatch(/^Pull from /);
      expect(await page.textContent('section:has(#t-conservation) tfoot')).toContain('✔');
      await page.click('section:has(#t-outcomes) tfoot td:last-child a');
      expect(await page.textContent('h1')).toBe('Received lines');
      await page.selectOption('#f-outcome', 'linked-duplicate');
      await page.click('form.filter button');
      expect(new URL(page.url()).searchParams.get('outcome')).toBe('linked-duplicate');
      await page.click('section:has(#t-lines) tbody tr:first-child a');
      expect(await page.locator('pre').count()).toBeGreaterThanOrEqual(2);
      expect(await page.textContent('pre >> nth=0')).toContain('"resourceType"');
      await page.goto(`${base}/staff/pulls/${UNBALANCED}`);
      await page.fill('#note', 'confirmed with the other payer');
      await page.click('main form button');
      expect(await page.textContent('section:has(#t-timeline)')).toContain('confirmed with the other payer');
      await page.click('.who button');
      await page.goto(`${base}/staff`);
      expect(page.url()).toContain('/staff/sign-in');
      await context.close();
    });

    test('on paper a table keeps to the page, words stay whole, and forms are not there', async () => {
      const context = await browser.newContext({ viewport: { width: 980, height: 1200 } });
      const page = await context.newPage();
      await signIn(page);
      await page.emulateMedia({ media: 'print' });
      const faults: string[] = [];
      const member = await node.ours.deps.database.sql<
        { id: string }[]
      >`select id from exchange.member order by id limit 1`;
      for (const path of [
        `/staff/pulls/${node.pullId}`,
        '/staff/compliance',
        '/staff/clocks',
        '/staff/conflicts',
        `/staff/members/${member[0]?.id ?? ''}`,
        `/staff/members/${member[0]?.id ?? ''}/record`,
      ]) {
        await page.goto(`${base}${path}`);
        const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
        if (wide > 980) faults.push(`${path} is ${wide} wide`);
        // a word that is broken takes a second line of its cell
        const broken = await page.$$eval('tbody td:not(:has(code)), tbody th:not(:has(code))', (cells) =>
          cells
            .filter((c) => /^\S+$/.test((c.textContent ?? '').trim()) && c.getClientRects().length > 0)
            .filter((c) => {
              const range = c.ownerDocument.createRange();
              range.selectNodeContents(c);
              return new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size > 1;
            })
            .map((c) => c.textContent),
        );
        if (broken.length > 0) faults.push(`${path} breaks ${broken.slice(0, 3).join(', ')}`);
        const shown = await page
          .locator('section:has(> form) h2')
          .evaluateAll((all) => all.filter((h) => h.getClientRects().length > 0).length);
        if (shown > 0) faults.push(`${path} shows ${shown} headings of forms`);
        const useless = await page
          .locator('main :is(details:not([open]), p:has(> a[href*="lang="]), p:has(> a[href$="/everything"]))')
          .evaluateAll((all) => all.filter((h) => h.getClientRects().length > 0).length);
        if (useless > 0) faults.push(`${path} shows ${useless} things that can only be clicked`);
      }
      expect(faults).toEqual([]);
      await context.close();
    });

    test('every page passes axe-core and nothing is wider than a phone', async () => {
      const context = await browser.newContext({ bypassCSP: true, viewport: { width: 390, height: 844 } });
      const page = await context.newPage();
      const faults: string[] = [];
      /** @param axed else only the width is looked at */
      const check = async (path: string, width: number, scheme: 'light' | 'dark', axed = true) => {
        await page.setViewportSize({ width, height: 844 });
        await page.emulateMedia({ colorScheme: scheme });
        if (path !== '') await page.goto(`${base}${path}`);
        if (axed) await page.addScriptTag({ content: axe });
        const found = !axed
          ? []
          : ((await page.evaluate(
              `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'], preload: false }).then((r) => r.violations)`,
            )) as Violation[]);
        for (const v of found)
          faults.push(`${path} ${width} ${scheme}: ${v.id} ${v.nodes[0]?.html.slice(0, 120) ?? ''}`);
        const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
        if (wide > width) faults.push(`${path} is ${wide} wide at ${width}`);
        // a table is read without moving it sideways
        const cut = await page.$$eval('.scroll', (all) =>
          all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.getAttribute('aria-labelledby')),
        );
        if (cut.length > 0) faults.push(`${path} cuts ${cut.join(', ')} at ${width}`);
      };
      await page.goto(`${base}/staff/sign-in`);
      await check('', 390, 'light');
      await signIn(page);
      const [at] = await node.ours.deps.database.sql<{ file: number; line: number }[]>`
      select file, line from exchange.finding where pull_id = ${node.pullId} and kind = 'value-mismatch' order by id limit 1`;
      const [clock] = await node.ours.deps.database.sql<{ id: string }[]>`select id from exchange.deadline limit 1`;
      const [item] = await node.ours.deps.database.sql<
        { id: string }[]
      >`select id from exchange.review_item order by id limit 1`;
      for (const [n, path] of [
        '/staff',
        '/staff/pulls',
        `/staff/pulls/${node.pullId}`,
        `/staff/pulls/${UNBALANCED}`,
        `/staff/pulls/${node.pullId}/members`,
        `/staff/pulls/${node.pullId}/lines?outcome=linked-duplicate`,
        `/staff/pulls/${node.pullId}/lines/${at?.file}/${at?.line}/0`,
        `/staff/pulls/${HAND}/lines/0/2/0`,
        '/staff/clocks',
        '/staff/members',
        `/staff/members/${node.memberId}`,
        `/staff/members/${node.memberId}?lang=es`,
        `/staff/clocks/${clock?.id}`,
        '/staff/compliance',
        '/staff/peers/prior/statement',
        '/staff/questions',
        '/staff/documents',
        '/staff/compliance/changes',
        '/staff/peers/prior/to-tell',
        '/staff/disclosures',
        `/staff/disclosures/${node.memberId}`,
        `/staff/members/${node.memberId}/looks`,
        '/staff/conflicts',
        `/staff/conflicts/${item?.id}`,
        `/staff/members/${node.memberId}/record`,
        '/staff/requests',
        '/staff/peers',
        '/staff/peers/prior',
        '/staff/matches',
        '/staff/events',
        '/staff/trail',
        '/staff/nothing',
      ].entries()) {
        // each page once, half of them on a phone and half on a dark desktop
        await check(path, 390, 'light', n % 2 === 0);
        await check(path, 1280, 'dark', n % 2 === 1);
      }
      // the choice of reasons, and what it shows
      await page.goto(`${base}/staff/members/${node.memberId}`);
      await page.click('section.sight summary');
      await check('', 390, 'light');
      await page.click('section.sight button >> nth=0');
      await check('', 1280, 'dark');
      // forms of the registry are an administrator's
      await context.clearCookies();
      await page.goto(`${base}/staff/sign-in`);
      await page.check('input[value="dev-admin"]');
      await page.fill('#password', node.account.password);
      await page.click('main button');
      for (const path of ['/staff/peers/new', '/staff/peers/prior', '/staff/events', '/staff/reasons']) {
        await check(path, 390, 'light');
        await check(path, 1280, 'dark');
      }
      // the member's own page
      const actor = { kind: 'system', subject: 'test', requestId: '' } as const;
      const [link] = await invite(node.ours.deps, [node.memberId], actor);
      const path = new URL(link?.url ?? '').pathname;
      for (const language of ['en', 'es']) {
        await check(`${path}?lang=${language}`, 390, 'light');
        await check(`${path}?lang=${language}`, 1280, 'dark');
      }
      expect(faults).toEqual([]);
      await context.close();
    });
  },
);
