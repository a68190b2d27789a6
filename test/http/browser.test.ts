// Who opens the address of an API in a browser gets a page; programs get what they asked for.
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { prefersPage } from '../../src/http/browser.ts';

const app = new Hono().get('/', (c) => c.text(prefersPage(c) ? 'page' : 'api'));
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

test.each([
  [BROWSER, '/', 'page'],
  [BROWSER, '/?_format=json', 'api'],
  ['*/*', '/', 'api'],
  ['application/fhir+json', '/', 'api'],
  ['application/json, text/html;q=0.5', '/', 'api'],
  [undefined, '/', 'api'],
])('%s at %s', async (accept, path, expected) => {
  const response = await app.request(path, accept === undefined ? {} : { headers: { accept } });
  expect(await response.text()).toBe(expected);
});
