// The page of a person: the places of its roles, with hours, networks and whether new patients are taken.
import { isObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { html, type Safe } from '../../src/ui/html.ts';
import { keyOf } from '../in-network/decide.ts';
import { activeOn, keysIn, networksOf, newPatientsOf, titleOf } from '../in-network/evidence.ts';
import { type PageData, todayOf } from './data.ts';
import { facts, lines, recordLink } from './frame.ts';
import type { Language } from './language.ts';
import { type Listed, listedPart } from './listed.ts';
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
    const at = `${keysIn(role['organization'], data.base)[0] ?? ''} ${keysIn(role['location'], data.base).join(' ')}`;
    groups.set(at, [...(groups.get(at) ?? []), role]);
  }
  const networks = [...new Set(found.hits.flatMap(({ resource }) => networksOf(resource, data.base)))];
  const roles = [...groups.values()].flat();
  const places = [...groups.values()].map((of) => placeOfRoles(data, l, of, found.all, today));
  return {
    lead: l.list([...new Set(roles.flatMap((role) => conceptTexts(role['specialty'], l)))]),
    phone: [...roles, ...placesOf(data, roles, found.all)].flatMap(contactsOf).find(isPhone),
    parts: [
      card('places', t.places, places.length === 0 ? html`<p>${t.noNetwork}</p>` : places),
      await planCard(data, l, networks),
    ],
  };
}

/** Places that roles name, or where they name none, those of their services. */
const placesOf = (data: PageData, roles: readonly Resource[], all: ReadonlyMap<string, Resource>): Resource[] => {
  const named = (of: readonly Resource[], element: string) =>
    of.flatMap((resource) => keysIn(resource[element], data.base)).flatMap((key) => all.get(key) ?? []);
  return [
    ...new Set(
      roles.flatMap((role) => {
        const own = named([role], 'location');
        return own.length > 0 ? own : named(named([role], 'healthcareService'), 'location');
      }),
    ),
  ];
};

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
  const organization = all.get(keysIn(first['organization'], data.base)[0] ?? '');
  const locations = placesOf(data, [first], all);
  const services = roles.flatMap((r) => keysIn(r['healthcareService'], data.base)).flatMap((k) => all.get(k) ?? []);
  const found: Listed[] = roles.flatMap((role) => {
    const start = isObject(role['period']) ? text(role['period']['start']) : undefined;
    const begins = activeOn(role, today) === 'not-started' && start !== undefined ? t.begins(l.day(start)) : undefined;
    return networksOf(role, data.base).flatMap((key): Listed[] => {
      const network = all.get(key);
      const code = newPatientsOf(role, key, data.base)?.code;
      return network === undefined ? [] : [{ name: titleOf(network), code, later: begins }];
    });
  });
  const [place, ...more] = locations;
  const title = more.length === 0 ? (place ?? organization) : (organization ?? place);
  const under = title === organization ? undefined : organization;
  return html`<div class="place">${title ? html`<h3>${recordLink(l, keyOf(title), titleOf(title))}</h3>` : ''}
${under && title && titleOf(under) !== titleOf(title) ? html`<p>${recordLink(l, keyOf(under), titleOf(under))}</p>` : ''}
${listedPart(found, l)}${found.length === 0 ? html`<p class="soft">${t.noNetwork} ${t.viaOrganization}</p>` : ''}
${facts([
  [t.specialties, l.list([...new Set(roles.flatMap((r) => conceptTexts(r['specialty'], l)))])],
  [
    t.address,
    more.length === 0
      ? addressPart(place)
      : lines(locations.map((p) => [recordLink(l, keyOf(p), titleOf(p)), addressPart(p)])),
  ],
  ...contactRows(l, { resourceType: 'PractitionerRole', telecom: roles.flatMap((r) => objects(r['telecom'])) }),
  [t.hours, lines([...new Set(roles.flatMap((r) => hoursOf(r, l)))])],
  [t.notAvailable, lines([...new Set(roles.flatMap((r) => notAvailableOf(r, l)))])],
  [t.telehealth, lines([...new Set(services.flatMap((s) => deliveryOf(s, l)))])],
  [t.accessibility, lines([...new Set(locations.flatMap((p) => accessibilityOf(p, l)))])],
])}</div>`;
}
