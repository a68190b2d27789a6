// What is made of whole records is the same with references by identifier alone as with addresses: pages, $in-network, files.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answerQuestion } from '../../directory/in-network/answer.ts';
import { readQuestion } from '../../directory/in-network/question.ts';
import { objects, type Resource, text } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { directoryResources } from '../../src/seed/plan-net/index.ts';
import { BASE, directory, entries, keyOf, NOW } from './fixture.ts';
import { identified, withoutAddresses } from './logical-data.ts';
import { siteDeps, siteOver } from './pages-fixture.ts';
import { publishing } from './publish/support.ts';

const everything = [...directoryResources({ seed: 5, resources: 600 })].map(identified);
const of = (type: string) => everything.filter((r) => r.resourceType === type);
type Publishing = Awaited<ReturnType<typeof publishing>>;
let both: [Publishing, Publishing];
beforeAll(async () => {
  const one = await publishing(everything, {}, '2026-12-01T00:00:00.000Z');
  const two = await publishing(withoutAddresses(everything), {}, '2026-12-01T00:00:00.000Z');
  both = [one, two];
  for (const d of both) await d.publish();
});
afterAll(() => Promise.all(both.map((d) => d.close())));

async function alike(ask: (d: Publishing) => Promise<string>): Promise<string> {
  const [one, two] = await Promise.all(both.map(ask));
  expect(two).toBe(one);
  return one ?? '';
}

test('the files for Medicare Plan Finder and the Marketplace', async () => {
  const files = async (d: Publishing, index: string) => {
    const { provider_urls: urls } = (await (await d.fetch(index)).json()) as { provider_urls: string[] };
    const texts = await Promise.all(urls.map(async (url) => (await d.fetch(url)).json()));
    // rows come in the order of the table
    return JSON.stringify(
      texts.map((t) => (Array.isArray(t) ? t : objects((t as Resource)['entry'])).map((e) => JSON.stringify(e)).sort()),
    );
  };
  const index = '/publications/mpf/H9901/2027/index.json';
  expect(await alike((d) => files(d, index))).toContain('PractitionerRole/');
  expect(await alike((d) => files(d, '/cms-data-index.json'))).toContain('INDIVIDUAL');
});

test('answers of $in-network', async () => {
  const results = new Set<string>();
  const networks = of('Organization').filter((o) => JSON.stringify(o['type']).includes('ntwk'));
  const asked = of('Practitioner')
    .slice(0, 12)
    .flatMap((p) => [...networks.slice(0, 3), ...of('InsurancePlan').slice(0, 2)].map((n) => [p, n] as const));
  for (const [provider, n] of asked) {
    const which = n.resourceType === 'InsurancePlan' ? 'plan' : 'network';
    const path = `/directory/fhir/$in-network?provider=${keyOf(provider)}&${which}=${keyOf(n)}`;
    const told = await alike(async (d) => (await siteOver(d.database)(path)).text());
    results.add(/"valueCode":"([a-z-]+)"/.exec(told)?.[1] ?? told);
  }
  expect([...results].sort()).toEqual(['in-network', 'not-listed']);
});

test('a directory that changes while an answer looks up whom identifiers mean is asked again', async () => {
  const system = 'https://plan.example/ids';
  const network = (id: string, value: string): Resource => ({
    resourceType: 'Organization',
    id,
    name: `Network ${id}`,
    identifier: [{ system, value }],
    type: [{ coding: [{ system: `${PLAN_NET}/CodeSystem/OrgTypeCS`, code: 'ntwk' }] }],
  });
  const d = await directory([
    network('one', 'asked'),
    network('two', 'other'),
    { resourceType: 'Practitioner', id: 'p', name: [{ family: 'Roe' }] },
    {
      resourceType: 'PractitionerRole',
      id: 'r',
      practitioner: { reference: 'Practitioner/p' },
      extension: [
        {
          url: `${PLAN_NET}/StructureDefinition/network-reference`,
          valueReference: { identifier: { system, value: 'asked' } },
        },
      ],
    },
  ]);
  try {
    let changes = 0;
    // another process swaps the identifiers after the roles were read, once
    const sql = new Proxy(d.database.sql, {
      get(target, name) {
        const own: unknown = Reflect.get(target, name);
        if (name !== 'unsafe') return own;
        return async (statement: string, values: string[], options: object) => {
          if (statement.includes('unnest($1::int[], $2::text[], $3::bigint[])') && changes++ === 0)
            await d.load(entries([network('one', 'other'), network('two', 'asked')]));
          return target.unsafe(statement, values, options);
        };
      },
    });
    const { config } = siteDeps(d.database);
    const question = readQuestion(
      [
        ['provider', 'Practitioner/p'],
        ['network', 'Organization/one'],
      ],
      BASE,
      NOW,
    );
    const answer = await answerQuestion(question, {
      database: { ...d.database, sql },
      config,
      clock: () => NOW,
      base: BASE,
    });
    expect(changes).toBe(2);
    expect([answer.result, answer.change]).toEqual(['not-listed', '2']);
  } finally {
    await d.close();
  }
});

test('pages', async () => {
  const [zip = ''] = of('Location').flatMap((l) => text(objects(l['address'])[0]?.['postalCode']) ?? []);
  const paths = [
    ...['Practitioner', 'Organization', 'Location', 'HealthcareService', 'InsurancePlan'].flatMap((t) =>
      of(t)
        .slice(0, 3)
        .map((r) => `/provider/${keyOf(r)}`),
    ),
    `/find?zip=${zip.slice(0, 5)}&within=25`,
    `/find?kind=place&zip=${zip.slice(0, 5)}&within=25`,
    '/find?care=doctor',
  ];
  for (const path of paths) {
    const told = await alike(async (d) => (await siteOver(d.database)(path)).text());
    expect(told, path).toContain(path.startsWith('/find') ? '<ol class="hits">' : '<html');
  }
});
