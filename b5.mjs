// usage: node b.mjs NAME PATH... : screenshots desktop, phone; prints text
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
const { password } = JSON.parse(readFileSync('scratch/world.json'));
const base = process.env.B ?? 'http://127.0.0.1:8595';
const role = process.env.ROLE ?? 'dev-reviewer';
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const [mode, ...steps] = process.argv.slice(2);
const ctx = await browser.newContext({ viewport: mode === 'phone' ? { width: 390, height: 844 } : { width: 1280, height: 900 }, javaScriptEnabled: false });
const page = await ctx.newPage();
await page.goto(`${base}/staff`);
await page.check(`input[value="${role}"]`);
await page.fill('#password', password);
await page.click('main button');
let n = 0;
for (const s of steps) {
  const [verb, ...rest] = s.split(':'); const arg = rest.join(':');
  try {
  if (verb === 'go') await page.goto(base + arg);
  else if (verb === 'click') await page.getByRole('link', { name: arg, exact: false }).first().click({ timeout: 3000 });
  else if (verb === 'xclick') await page.locator(arg).first().click({ timeout: 3000 });
  else if (verb === 'button') await page.getByRole('button', { name: arg }).first().click({ timeout: 3000 });
  else if (verb === 'fill') { const [sel, v] = arg.split('='); await page.locator(sel).fill(v); }
  else if (verb === 'select') { const [sel, v] = arg.split('='); await page.locator(sel).selectOption({ label: v }).catch(() => page.locator(sel).selectOption(v)); }
  else if (verb === 'shot') await page.screenshot({ path: `scratch/${arg}.png`, fullPage: true });
  else if (verb === 'view') await page.screenshot({ path: `scratch/${arg}.png` });
  else if (verb === 'pdf') { await page.emulateMedia({ media: 'print' }); await page.pdf({ path: `scratch/${arg}.pdf`, format: 'Letter' }); await page.emulateMedia({ media: 'screen' }); }
  else if (verb === 'text') { console.log('#', page.url().replace(base, '')); console.log((await page.locator(arg || 'main').first().innerText()).replace(/\n{2,}/g, '\n')); }
  else if (verb === 'table') { console.log('#', page.url().replace(base, '')); console.log(await page.locator(`#t-${arg}`).evaluate((e) => (e.closest('section') ?? e.parentElement ?? e).innerText).catch((e) => String(e))); }
  } catch (e) { console.log('!!', s, String(e).split('\n')[0]); }
}
await browser.close();
