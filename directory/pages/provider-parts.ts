// The parts of the page of a person, place, organization or service.
import { Outcome } from '../../src/fhir/outcome.ts';
import { isObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { html, type Part } from '../../src/ui/html.ts';
import { keyOf } from '../in-network/decide.ts';
import { titleOf } from '../in-network/evidence.ts';
import type { PageData } from './data.ts';
import { facts, lines, recordLink } from './frame.ts';
import type { Language } from './language.ts';
import {
  accessibilityOf,
  addressLines,
  type Contact,
  conceptTexts,
  contactsOf,
  deliveryOf,
  descriptionOf,
  hoursOf,
  languagesOf,
  notAvailableOf,
  npiOf,
  periodText,
  qualificationsOf,
} from './records.ts';

/** What stands under the name, and what follows. */
export type Body = {
  lead: string;
  phone?: Contact | undefined;
  parts: Part /** who offers it, for what has no name */;
  owner?: string | undefined;
};

export const isPhone = ({ system, href }: Contact): boolean => system === 'phone' && href !== undefined;

/** Who or what this is, in one list. */
export function summary(l: Language, resource: Resource): Part {
  const t = l.texts.provider;
  const qualifications = qualificationsOf(resource, l).map((q) =>
    [
      q.what,
      [q.where.length === 0 ? '' : t.validIn(l.list(q.where)), q.issuer ?? ''].filter((x) => x !== '').join(', '),
    ]
      .filter((x) => x !== '')
      .join(' – '),
  );
  const period = isObject(resource['period']) ? resource['period'] : {};
  const summary = facts([
    [t.specialties, lines(conceptTexts(resource['specialty'], l))],
    [t.kind, resource.resourceType === 'Practitioner' ? '' : l.list(conceptTexts(resource['type'], l))],
    [t.gender, l.term(text(resource['gender'])) ?? ''],
    [t.speaks, l.list(languagesOf(resource, l))],
    [t.qualifications, lines([...new Set(qualifications)])],
    [t.telehealth, lines(deliveryOf(resource, l))],
    [t.accessibility, lines(accessibilityOf(resource, l))],
    [t.npi, npiOf(resource) ?? ''],
    [t.period, periodText(period, l)],
    ...contactRows(l, resource),
  ]);
  return card('summary', t.summary, summary);
}

export function contactRows(l: Language, resource: Resource): (readonly [string, Part])[] {
  const contacts = contactsOf(resource);
  return (['phone', 'fax', 'email', 'url'] as const).map((system) => [
    l.texts.provider[system],
    lines(
      contacts
        .filter((c) => c.system === system)
        .map((c) => (c.href === undefined ? c.value : html`<a href="${c.href}" rel="noreferrer">${c.value}</a>`)),
    ),
  ]);
}

export function aboutCard(l: Language, resource: Resource, owner?: Resource): Part {
  const t = l.texts.provider;
  const content = facts([
    [t.about, descriptionOf(resource) ?? ''],
    [t.partOf, owner ? recordLink(l, keyOf(owner), titleOf(owner)) : ''],
    [t.address, addressPart(resource)],
    [t.hours, lines(hoursOf(resource, l))],
    [t.exceptions, text(resource['availabilityExceptions']) ?? ''],
    [t.notAvailable, lines(notAvailableOf(resource, l))],
  ]);
  return card('about', resource.resourceType === 'HealthcareService' ? t.offer : t.where, content);
}

/** A reference may lead nowhere; anything else is a fault. */
export function notThere(error: unknown): undefined {
  if (error instanceof Outcome && (error.code === 'not-found' || error.code === 'gone')) return undefined;
  throw error;
}

export const addressPart = (resource: Resource | undefined): Part => {
  const of = addressLines(objects(resource?.['address'])[0]);
  return of.length === 0 ? '' : html`<address>${of.map((line, i) => [i > 0 ? html`<br>` : '', line])}</address>`;
};

/** A card with a heading; nothing when there is nothing in it. */
export const card = (id: string, title: string, content: Part): Part =>
  content === '' || (Array.isArray(content) && content.every((part) => part === ''))
    ? ''
    : html`<section class="card" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`;

export const recordList = (l: Language, resources: readonly Resource[]): Part =>
  resources.length === 0
    ? ''
    : html`<ul class="list">${resources.map(
        (r) =>
          html`<li>${recordLink(l, keyOf(r), titleOf(r))}${addressLines(objects(r['address'])[0]).map((a) => [' · ', a])}</li>`,
      )}</ul>`;

/** Plans that use these networks. */
export async function planCard(data: PageData, l: Language, networks: readonly string[]): Promise<Part> {
  const t = l.texts.provider;
  if (networks.length === 0) return '';
  const { plans, networks: known, whole } = await data.plans();
  const names = known.filter((n) => networks.includes(n.key));
  const own = plans.filter((p) => p.networks.some((n) => networks.includes(n)));
  return [
    card(
      'networks',
      t.networks,
      names.length === 0
        ? ''
        : html`<ul class="list">${names.map((n) => html`<li>${recordLink(l, n.key, n.name)}</li>`)}</ul>`,
    ),
    card(
      'plans',
      t.plans,
      own.length === 0
        ? ''
        : html`<ul class="list">${own.slice(0, 40).map((p) => html`<li>${p.name}</li>`)}</ul>${whole && own.length <= 40 ? '' : html`<p class="soft">${t.plansMore}</p>`}`,
    ),
  ];
}
