// The results of a search as cards with numbers, and beside them the map with the same numbers. Pure.

import { objects, type Resource, text } from '../../src/fhir/resource.ts';
import { isApproximate, placed } from '../../src/fhir/search/approximate.ts';
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { keyOf } from '../in-network/decide.ts';
import { keysIn, metaOf, nameOf, newPatientsOf, spokenOf, titleOf, verifiedDays } from '../in-network/evidence.ts';
import type { Found, Hit } from './data.ts';
import { link } from './frame.ts';
import type { Language } from './language.ts';
import { type Listed, listedPart } from './listed.ts';
import { listedIn, type Named, namedIn, namedPart } from './named.ts';
import { addressLines, calledBy, conceptTexts, contactsOf, hoursOf, type Position, positionOf } from './records.ts';

export type Card = {
  /** the person, place or service */
  of: string;
  /** its page, or that of where it is when it has none: a role that names a person who has no record; undefined when nothing has one */
  key: string | undefined;
  title: string;
  /** for ordering by name */
  order: string;
  does: string[];
  /** where: the place, when it is not the title */
  place: Pick<Named, 'key' | 'name'> | undefined;
  morePlaces: number;
  address: string[];
  at: Position | undefined;
  /** it stands in the middle of its ZIP code area */
  approximate: boolean;
  distance: Hit['distance'];
  phone: { text: string; href: string } | undefined;
  /** opening hours, those of the place where a service tells none */
  hours: string[];
  networks: Listed[];
  updated: string | undefined;
  /** day of the last verification */
  verified: string | undefined;
  /** who or what is asked about in "does it take my plan?" */
  asks: string | undefined;
};

/**
 * Hits as cards: roles of one person at one place are one card.
 * @param center from where distances are counted
 */
export function cardsOf(found: Found, base: string, l: Language, center?: Position): Card[] {
  const cards = new Map<string, Card>();
  const verified = verifiedDays(found.all.values(), base);
  for (const hit of found.hits) {
    const card = cardOf(hit, found.all, base, l, verified, center);
    const group = `${card.of} ${card.place?.key ?? card.place?.name ?? ''}`;
    const known = cards.get(group);
    if (known === undefined) cards.set(group, card);
    else {
      known.does = [...new Set([...known.does, ...card.does])];
      known.networks.push(...card.networks);
    }
  }
  return [...cards.values()];
}

function cardOf(
  { resource, distance }: Hit,
  all: Found['all'],
  base: string,
  l: Language,
  verified: ReadonlyMap<string, string>,
  center: Position | undefined,
): Card {
  const isRole = resource.resourceType === 'PractitionerRole';
  const isPlace = resource.resourceType === 'Location';
  const person = isRole ? all.get(keysIn(resource['practitioner'], base)[0] ?? '') : undefined;
  const own = namedIn(resource, resource['location'], all, base).filter((p) => p.name !== '' || p.resource);
  const sited = own.length > 0 || isPlace ? own : placesOfServices(resource, all, base);
  const places = isPlace ? [{ key: keyOf(resource), name: titleOf(resource), resource }] : nearestFirst(sited, center);
  const [at] = places;
  const place = at?.resource;
  const [of] = namedIn(
    resource,
    resource['organization'] ?? resource['managingOrganization'] ?? resource['providedBy'],
    all,
    base,
  );
  const organization = of?.key === undefined ? undefined : of.resource;
  const [service] = isRole ? namedIn(resource, resource['healthcareService'], all, base) : [];
  const spoken = isRole && person === undefined ? spokenOf(resource) : '';
  const subject = person ?? (isRole && spoken === '' ? (organization ?? resource) : resource);
  const phone = [resource, place, organization]
    .flatMap((r) => (r ? contactsOf(r) : []))
    .find((c) => c.system === 'phone');
  const asked = person ?? (isRole ? undefined : organization);
  return {
    of: keyOf(subject),
    key: isRole && person === undefined ? (of?.key ?? at?.key ?? service?.key) : keyOf(subject),
    title:
      spoken ||
      nameOf(subject) ||
      of?.name ||
      titleOf(subject) ||
      (service?.resource && calledBy(service.resource, l)) ||
      calledBy(subject, l) ||
      l.texts.provider.unnamed,
    order: spoken || orderOf(subject),
    does: isPlace ? conceptTexts(resource['type'], l).slice(0, 3) : conceptTexts(resource['specialty'], l),
    place: at && !isPlace ? at : undefined,
    morePlaces: Math.max(0, places.length - 1),
    address: addressLines(objects(place?.['address'])[0]),
    at: positionOf(place && placed(place)),
    approximate: isApproximate(place),
    distance,
    phone: phone?.href === undefined ? undefined : { text: phone.value, href: phone.href },
    hours: hoursOfHit(resource, place, l),
    networks: isRole
      ? listedIn(resource, all, base, l)
      : [{ name: undefined, code: newPatientsOf(resource, '', base)?.code }],
    updated: text(metaOf(resource)['lastUpdated']),
    verified: verified.get(keyOf(resource)),
    asks: asked && keyOf(asked),
  };
}

/** The distance reported is that of the nearest place, so this is the one to show. */
function nearestFirst(places: Named[], center: Position | undefined): Named[] {
  if (center === undefined) return places;
  const shrink = Math.cos((center.latitude * Math.PI) / 180);
  const away = ({ resource }: Named) => {
    const at = positionOf(resource && placed(resource));
    return at === undefined
      ? Number.POSITIVE_INFINITY
      : Math.hypot(at.latitude - center.latitude, (at.longitude - center.longitude) * shrink);
  };
  return [...places].sort((a, b) => away(a) - away(b));
}

function orderOf(subject: Resource): string {
  const [name] = objects(subject['name']);
  return name ? `${text(name['family']) ?? ''} ${titleOf(subject)}` : titleOf(subject);
}

/** A person is not there whenever the place is open. */
function hoursOfHit(resource: Resource, place: Resource | undefined, l: Language): string[] {
  const own = hoursOf(resource, l);
  return own.length > 0 || resource.resourceType === 'PractitionerRole' || place === undefined
    ? own
    : hoursOf(place, l);
}

/** Of a role that names no place: where its services are. */
const placesOfServices = (role: Resource, all: Found['all'], base: string): Named[] =>
  namedIn(role, role['healthcareService'], all, base).flatMap(({ resource }) =>
    resource === undefined
      ? []
      : namedIn(resource, resource['location'], all, base).filter((p) => p.name !== '' || p.resource),
  );

/** Distances are reported in miles, whatever the API counted in. */
function miles(distance: NonNullable<Hit['distance']>, l: Language): string {
  const value = distance.unit === 'km' ? distance.value / 1.609344 : distance.value;
  return l.texts.form.miles(l.number(value, value < 10 ? 1 : 0));
}

export function cardHtml(card: Card, number: number, l: Language, plan: string): Safe {
  const t = l.texts.find;
  const where: Part[] = [
    card.place ? namedPart(l, card.place) : '',
    card.morePlaces > 0 ? html` <span class="soft">${t.morePlaces(card.morePlaces)}</span>` : '',
  ];
  const ask =
    card.asks === undefined
      ? ''
      : html`<a class="noprint" href="${link(
          l,
          plan === '' ? `/provider/${card.asks}` : '/answer',
          plan === ''
            ? []
            : [
                ['provider', card.asks],
                ['plan', plan],
              ],
        )}${plan === '' ? '#ask' : ''}">${t.takes}<span class="aside"> ${card.title}</span></a>`;
  return html`<li class="hit" id="n${number}"><span class="pin${card.at ? '' : ' none'}" aria-hidden="true">${number}</span><div>
<h3>${namedPart(l, { key: card.key, name: card.title })}</h3>
${card.does.length > 0 ? html`<p>${l.list(card.does)}</p>` : ''}
${listedPart(card.networks, l)}
${card.place || card.address.length > 0 ? html`<p>${where}${card.address.length > 0 ? html`${card.place ? html`<br>` : ''}${card.address.join(', ')}` : ''}</p>` : ''}
${card.hours.length === 0 ? '' : html`<p>${t.hours} ${card.hours.join(' · ')}</p>`}
<p class="row">${card.distance ? html`<strong>${t.away(miles(card.distance, l))}</strong>${card.approximate ? html` <span class="soft">${t.approximate}</span>` : ''}` : ''}${card.phone ? html`<a href="${card.phone.href}">${card.phone.text}</a>` : html`<span class="soft">${t.noPhone}</span>`}${ask}</p>
${card.verified === undefined ? (card.updated === undefined ? '' : html`<p class="soft">${t.updated(l.dayOf(card.updated))}</p>`) : html`<p class="soft">${l.texts.provider.verified(l.day(card.verified))}</p>`}</div></li>`;
}
