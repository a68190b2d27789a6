// The page of a person: the places of its roles, with hours, networks and whether new patients are taken.
import { isObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { keyOf } from '../in-network/decide.ts';
import { activeOn, keysIn, networksOf } from '../in-network/evidence.ts';
import { type PageData, todayOf } from './data.ts';
import { facts, lines } from './frame.ts';
import type { Language } from './language.ts';
import { type Listed, listedPart } from './listed.ts';
import { listedIn, type Named, namedIn, namedPart } from './named.ts';
import { addressPart, type Body, card, contactRows, isPhone, planCard } from './provider-parts.ts';
import { accessibilityOf, conceptTexts, contactsOf, deliveryOf, hoursOf, notAvailableOf } from './records.ts';

/** Places of a person: the roles there, with hours, networks and whether new patients are taken. */
export async function personParts(data: PageData, l: Language, person: Resource): Promise<Body> {
  const t = l.texts.provider;
  const found = await data.search('PractitionerRole', [
    ['practitioner', keyOf(person)],
    ['_include', 'PractitionerRole:location'],
    ['_include', 'PractitionerRole:organization'],
    ['_include', 'PractitionerRole:network'],
    ['_include', 'PractitionerRole:service'],
    ['_include:iterate', 'HealthcareService:location'],
    ['_count', '100'],
  ]);
  const today = todayOf(data);
  const groups = new Map<string, Resource[]>();
  for (const { resource: role } of found.hits) {
    if (activeOn(role, today) === 'ended') continue;
    const at = JSON.stringify(
      [namedIn(role, role['organization'], found.all, data.base), placesOf(data, [role], found.all)].map((of) =>
        of.map((n) => n.key ?? n.name),
      ),
    );
    groups.set(at, [...(groups.get(at) ?? []), role]);
  }
  const networks = [...new Set(found.hits.flatMap(({ resource }) => networksOf(resource, data.base)))];
  const roles = [...groups.values()].flat();
  const places = [...groups.values()].map((of) => placeOfRoles(data, l, of, found.all, today));
  return {
    lead: l.list([...new Set(roles.flatMap((role) => conceptTexts(role['specialty'], l)))]),
    phone: [...roles, ...placesOf(data, roles, found.all).flatMap((p) => p.resource ?? [])]
      .flatMap(contactsOf)
      .find(isPhone),
    parts: [
      card('places', t.places, places.length === 0 ? [html`<p>${t.noNetwork}</p>`, ownAddresses(person)] : places),
      await planCard(data, l, networks),
    ],
  };
}

/** Places that roles name, or where they name none, those of their services. */
function placesOf(data: PageData, roles: readonly Resource[], all: ReadonlyMap<string, Resource>): Named[] {
  const named = (of: Resource, element: string) =>
    namedIn(of, of[element], all, data.base).filter((n) => n.name !== '' || n.resource);
  const places = roles.flatMap((role) => {
    const own = named(role, 'location');
    if (own.length > 0) return own;
    return named(role, 'healthcareService').flatMap(({ resource }) => (resource ? named(resource, 'location') : []));
  });
  return [...new Map(places.map((p) => [p.key ?? p.name, p])).values()];
}

/** Where someone is who has no place here; homes are no one's business. */
const ownAddresses = (person: Resource): Part =>
  objects(person['address'])
    .filter((a) => a['use'] !== 'home' && a['use'] !== 'old')
    .map((address) => addressPart({ resourceType: 'Practitioner', address }));

function placeOfRoles(
  data: PageData,
  l: Language,
  roles: Resource[],
  all: ReadonlyMap<string, Resource>,
  today: string,
): Safe {
  const t = l.texts.provider;
  const [first] = roles;
  if (!first) return html``;
  const organization = namedIn(first, first['organization'], all, data.base).find((n) => n.name !== '');
  const locations = placesOf(data, [first], all);
  const services = roles.flatMap((r) => keysIn(r['healthcareService'], data.base)).flatMap((k) => all.get(k) ?? []);
  const found: Listed[] = roles.flatMap((role) => {
    const start = isObject(role['period']) ? text(role['period']['start']) : undefined;
    const begins = activeOn(role, today) === 'not-started' && start !== undefined ? t.begins(l.day(start)) : undefined;
    return listedIn(role, all, data.base, l, begins);
  });
  const [place, ...more] = locations;
  const title = more.length === 0 ? (place ?? organization) : (organization ?? place);
  const under = title === organization ? undefined : organization;
  return html`<div class="place">${title ? html`<h3>${namedPart(l, title)}</h3>` : ''}
${under && title && under.name !== title.name ? html`<p>${namedPart(l, under)}</p>` : ''}
${listedPart(found, l)}${found.length === 0 ? html`<p class="soft">${t.noNetwork} ${t.viaOrganization}</p>` : ''}
${facts([
  [t.specialties, l.list([...new Set(roles.flatMap((r) => conceptTexts(r['specialty'], l)))])],
  [
    t.address,
    more.length === 0
      ? addressPart(place?.resource)
      : lines(locations.map((p) => [namedPart(l, p), addressPart(p.resource)])),
  ],
  ...contactRows(l, { resourceType: 'PractitionerRole', telecom: roles.flatMap((r) => objects(r['telecom'])) }),
  [t.hours, lines([...new Set(roles.flatMap((r) => hoursOf(r, l)))])],
  [t.notAvailable, lines([...new Set(roles.flatMap((r) => notAvailableOf(r, l)))])],
  [t.telehealth, lines([...new Set(services.flatMap((s) => deliveryOf(s, l)))])],
  [t.accessibility, lines([...new Set(locations.flatMap((p) => (p.resource ? accessibilityOf(p.resource, l) : [])))])],
])}</div>`;
}
