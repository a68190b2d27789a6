// The developers' page. Its examples are made from records that are there, so that each finds something: a test runs all.
import { codings, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { PLAIN_SPECIALTIES } from '../../src/names/tables/specialty-words.ts';
import { html, type Part } from '../../src/ui/html.ts';
import { keyOf } from '../in-network/decide.ts';
import { keysIn, networksOf } from '../in-network/evidence.ts';
import { JWKS_PATH } from '../in-network/statement.ts';
import type { Found, PageData } from './data.ts';
import type { Page } from './frame.ts';
import type { Language } from './language.ts';
import { npiOf } from './records.ts';
import { DEVELOPER_TEXTS, type ExampleName } from './texts/developers.ts';

type Example = { name: ExampleName; path: string; query: [string, string][] };

/** `|`, `,`, `/`, `:` and `$` may stand in a query as they are, and read better so. */
function address(base: string, example: Example): string {
  const query = example.query
    .map(([n, v]) => `${encodeURIComponent(n)}=${encodeURIComponent(v)}`)
    .join('&')
    .replace(/%(2C|2F|3A|24)/g, (c) => decodeURIComponent(c))
    .replaceAll("'", '%27'); // the line stands in quotes
  return `${base}/${example.path}${query === '' ? '' : `?${query}`}`;
}

export async function developersPage(data: PageData, l: Language): Promise<Page> {
  const t = DEVELOPER_TEXTS[l.code];
  const { directoryRatePerMinute: limit, directoryCountMax: count } = data.config;
  const examples = await examplesOf(data);
  const section = (id: string, title: string, content: Part) =>
    html`<section class="card" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`;
  const door = (href: string, said: string) => html`<li><a href="${href}">${said}</a></li>`;
  return {
    title: l.texts.developers.title,
    name: 'developers',
    path: '/developers',
    main: html`<p class="lead">${l.texts.developers.lead}</p>
${section(
  'doors',
  t.doors,
  html`<p>${t.base}: <code>${data.base}</code></p><ul class="list">${[
    door(`${data.base}/metadata`, t.capability),
    door(`${data.base}/OperationDefinition/in-network`, t.definition),
    door(`${data.config.baseUrl}${JWKS_PATH}`, t.keysLink),
  ]}</ul>`,
)}
${section(
  'examples',
  t.examples,
  html`<p class="soft">${examples.length === 0 ? l.texts.footer.empty : t.examplesLead}</p>${examples.map((e) => {
    const url = address(data.base, e);
    const toRead = address(data.base, { ...e, query: [...e.query, ['_pretty', 'true']] });
    return html`<h3><a class="example" href="${toRead}">${t.titles[e.name]}</a></h3><pre><code>curl '${url}'</code></pre>`;
  })}`,
)}
${section(
  'bulk',
  t.bulk,
  html`<p>${t.bulkLead}</p><ul class="list">${[
    door(`${data.config.baseUrl}/publications`, t.publications),
    door(`${data.base}/$bulk-publish`, t.channels.bulkPublish),
    door(`${data.base}/_history`, t.channels.history),
  ]}</ul><p>${t.exportText}</p><pre><code>curl -i '${data.base}/$export?_type=Organization,Location'</code></pre>`,
)}
<div class="pair">${section('limits', t.limits, html`<p>${limit === 0 ? t.noLimit : t.rate(l.number(limit))} ${t.limitsText(l.number(count))}</p>`)}
${section('privacy', t.privacy, html`<p>${t.privacyText}</p>`)}
${section('signed', t.signed, html`<p>${t.signedText}</p>`)}
${section('federate', t.federate, html`<p>${t.federateText}</p>`)}</div>`,
  };
}

/** A role that has everything, when there is one: examples are about it. */
async function sample(data: PageData): Promise<{ found: Found; role: Resource } | undefined> {
  const wanted: [string, string][] = [
    ['new-patient', 'newpt'],
    ['location:missing', 'false'],
    ['network:missing', 'false'],
    ['specialty:missing', 'false'],
    ['practitioner:missing', 'false'],
  ];
  for (const from of [0, 1, 4]) {
    const found = await data.search('PractitionerRole', [
      ...wanted.slice(from),
      ['_include', 'PractitionerRole:practitioner'],
      ['_include', 'PractitionerRole:location'],
      ['_count', '20'],
      ['_total', 'none'],
    ]);
    const role = found.hits.find(({ resource }) => {
      const place = found.all.get(keysIn(resource['location'], data.base)[0] ?? '');
      return place !== undefined && zipOf(place, data) !== undefined;
    })?.resource;
    const [first] = found.hits;
    if (role ?? first) return { found, role: role ?? first?.resource ?? { resourceType: 'PractitionerRole' } };
  }
  return undefined;
}

function zipOf(place: Resource, data: PageData): string | undefined {
  const zip = text(objects(place['address'])[0]?.['postalCode'])?.slice(0, 5);
  return zip !== undefined && data.zip(zip) !== undefined ? zip : undefined;
}

async function examplesOf(data: PageData): Promise<Example[]> {
  const examples: Example[] = [];
  const add = (name: ExampleName, path: string, ...query: (readonly [string, string | undefined])[]) => {
    if (query.every(([, v]) => v !== undefined && v !== ''))
      examples.push({ name, path, query: query.map(([n, v]): [string, string] => [n, v ?? '']) });
  };
  const known = await sample(data);
  const role: Resource = known?.role ?? { resourceType: 'PractitionerRole' };
  const one = (key: string | undefined) => (key === undefined ? undefined : known?.found.all.get(key));
  const person = one(keysIn(role['practitioner'], data.base)[0]);
  const place = one(keysIn(role['location'], data.base)[0]);
  const network = networksOf(role, data.base)[0];
  const specialty = text(codings(role['specialty'])[0]?.['code']);
  const family = text(objects(person?.['name'])[0]?.['family']);
  const city = text(objects(place?.['address'])[0]?.['city']);
  const zip = place && zipOf(place, data);
  const plain = PLAIN_SPECIALTIES.find((s) => specialty !== undefined && s.codes.includes(specialty));
  const plans = (await data.plans()).plans;
  const plan = plans.find((p) => network !== undefined && p.networks.includes(network)) ?? plans[0];
  const five = ['_count', '5'] as const;
  const people = ['_include', 'PractitionerRole:practitioner'] as const;
  add('npi', 'Practitioner', ['npi', person && npiOf(person)]);
  add('name', 'Practitioner', ['name-like', family?.toLowerCase()]);
  add('specialty', 'PractitionerRole', ['specialty', specialty], people, five);
  add('plain', 'PractitionerRole', ['specialty-like', plain?.words[0]], people, five);
  add(
    'near',
    'PractitionerRole',
    ['location.near-zip', zip && `${zip}|25|mi`],
    ['_sort', 'near'],
    ['_include', 'PractitionerRole:location'],
    five,
  );
  add('network', 'PractitionerRole', ['network', network], ['new-patient', 'newpt'], five);
  add('city', 'PractitionerRole', ['location.address-city', city], five);
  add('has', 'Practitioner', ['_has:PractitionerRole:practitioner:network', network], five);
  add('places', 'Location', ['address-city', city], ['_revinclude', 'HealthcareService:location'], five);
  if ((await data.plans()).networks.length > 0) add('networks', 'Organization', ['type', 'ntwk']);
  add('plans', 'InsurancePlan', ['network', plan?.networks[0]], five);
  if (known) add('since', 'PractitionerRole', ['_lastUpdated', 'ge2020-01-01'], five);
  if (known) add('history', 'PractitionerRole/_history', five);
  add('inNetwork', '$in-network', ['plan', plan?.key], ['provider', person && keyOf(person)]);
  return examples;
}
