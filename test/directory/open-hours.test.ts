// When something is open: on a day, at a minute, now where the plan is; of a service that tells no hours those of its place. By the API, in
// the form, in the words of a search, and on the cards.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { momentOf, openAt } from '../../directory/pages/open-hours.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { directory } from './fixture.ts';
import { siteOver } from './pages-fixture.ts';

const ref = (reference: string) => ({ reference });
const hours = (days: string[], openingTime: string, closingTime: string) => ({
  daysOfWeek: days,
  openingTime,
  closingTime,
});
const place = (id: string, ...hoursOfOperation: object[]): Resource => ({
  resourceType: 'Location',
  id,
  status: 'active',
  name: `Place ${id}`,
  address: { city: 'Hartford', state: 'CT', postalCode: '06103' },
  ...(hoursOfOperation.length === 0 ? {} : { hoursOfOperation: hoursOfOperation as never }),
});
const drugs = [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '3336C0003X' }] }];
const service = (id: string, at: string, more: object = {}): Resource =>
  ({
    resourceType: 'HealthcareService',
    id,
    active: true,
    name: `Service ${id}`,
    specialty: drugs,
    location: [ref(`Location/${at}`)],
    ...more,
  }) as Resource;

const DATA: Resource[] = [
  place('week', hours(['mon', 'tue', 'wed', 'thu', 'fri'], '09:00:00', '17:00:00')),
  place('sunday', hours(['mon', 'tue'], '09:00:00', '19:00:00'), hours(['sun'], '10:00:00', '11:00:00')),
  place('night', hours(['sat'], '22:00:00', '02:00:00')),
  place('silent'),
  service('week', 'week'),
  service('sunday', 'sunday'),
  service('silent', 'silent'),
  // what the service says itself holds, whatever its place is
  service('own', 'sunday', {
    availableTime: [{ daysOfWeek: ['mon'], availableStartTime: '08:00:00', availableEndTime: '09:00:00' }],
  }),
];

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory(DATA);
});
afterAll(() => d.close());
const found = async (query: string) => (await d.find(query)).map((key) => key.split('/')[1]).sort();

test('a day finds what is open at some time of it, also over midnight', async () => {
  expect(await found('Location?open-at=sun')).toEqual(['night', 'sunday']);
  expect(await found('Location?open-at=SAT')).toEqual(['night']);
  expect(await found('Location?open-at=fri,sat')).toEqual(['night', 'week']);
  expect(await found('Location?open-at=sun|10:59')).toEqual(['sunday']);
  expect(await found('Location?open-at=sun|11:00')).toEqual([]);
  expect(await found('HealthcareService?location.open-at=sun')).toEqual(['own', 'sunday']);
});

test('a service that tells no hours has those of its place', async () => {
  expect(await found('HealthcareService?open-at=sun')).toEqual(['sunday']);
  expect(await found('HealthcareService?open-at=mon|08:30')).toEqual(['own']);
  expect(await found('HealthcareService?open-at=mon|12:00')).toEqual(['sunday', 'week']);
  expect(await found('HealthcareService?open-at=wed&specialty-like=pharmacy&location.near-zip=06103|5|mi')).toEqual([
    'week',
  ]);
});

test('what is no day is refused', async () => {
  for (const value of ['someday', '', '|10:00', 'sun|', 'sun|10:00|11:00'])
    expect((await d.get(`Location?open-at=${encodeURIComponent(value)}`)).status).toBe(value === '' ? 200 : 400);
});

test('now is the minute where the plan is', () => {
  const at = (timeZone: string) =>
    momentOf({ clock: () => new Date('2027-03-01T04:05:00Z'), config: { timeZone } as never });
  expect(at('America/New_York')).toBe('sun|23:05');
  expect(at('UTC')).toBe('mon|04:05');
  expect(openAt('now', 'mon|04:05')).toBe('mon|04:05');
  expect(openAt('', 'mon|04:05')).toBe('');
});

test('the pages find what is open on Sunday, say so, and show hours', async () => {
  const site = siteOver(d.database);
  const page = async (path: string) => (await site(path)).text();
  const sunday = await page('/en/find?kind=place&care=pharmacy+open+on+Sunday');
  expect(sunday).toContain('Service sunday');
  expect(sunday).not.toContain('Service week');
  expect(sunday).toContain('aria-label="Leave out: Open on Sunday"');
  expect(sunday).toContain('Sun: 10:00');
  // Monday 07:00 in New York
  expect(await page('/en/find?kind=place&open=now')).toContain('Nothing found');
  expect(await page('/en/find?kind=place&open=evening')).toContain('Place sunday');
  expect(await page('/es/find?kind=place&open=sun')).toContain('Abierto el domingo');
});
