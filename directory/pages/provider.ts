// The page of a person, place, organization or service: what the directory says of it, and "does it take my plan?".
import { Outcome } from '../../src/fhir/outcome.ts';
import { hasCoding, isObject, type Resource, text } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { keyOf } from '../in-network/decide.ts';
import { activeOn, keysIn, metaOf, networksOf, titleOf, verifiedDays } from '../in-network/evidence.ts';
import { askForm } from './ask-form.ts';
import { type PageData, type Pairs, todayOf } from './data.ts';
import { link, type Page, recordLink } from './frame.ts';
import type { Language } from './language.ts';
import { aboutCard, type Body, card, isPhone, notThere, planCard, recordList, summary } from './provider-parts.ts';
import { personParts } from './provider-person.ts';
import { type Contact, calledBy, conceptTexts, contactsOf } from './records.ts';

const PROVIDER_TYPES = ['Practitioner', 'Organization', 'Location', 'HealthcareService'] as const;
type ProviderType = (typeof PROVIDER_TYPES)[number];
const isProviderType = (type: string): type is ProviderType => PROVIDER_TYPES.some((t) => t === type);

/** Places of a service that are shown; some chains have hundreds. */
const PLACES_MAX = 30;
/** Plans that are named. */
const PLANS_MAX = 40;
/** Related records shown at once. */
const SHOWN = '20';

/** @throws Outcome not-found, unknown-type or gone */
export async function providerPage(data: PageData, l: Language, type: string, id: string): Promise<Page> {
  if (!isProviderType(type)) throw new Outcome('unknown-type');
  const key = `${type}/${id}`;
  const resource = await data.read(key);
  const isNetwork = hasCoding(resource['type'], `${PLAN_NET}/CodeSystem/OrgTypeCS`, 'ntwk');
  const t = l.texts.provider;
  const body = {
    Practitioner: personParts,
    Organization: isNetwork ? networkParts : organizationParts,
    Location: placeParts,
    HealthcareService: serviceParts,
  }[type];
  const asks = isNetwork ? undefined : asksAbout(data, resource);
  const { lead, phone, parts, owner } = await body(data, l, resource);
  const title = titleOf(resource) || calledBy(resource, l) || owner || t.unnamed;
  return {
    title,
    name: 'provider',
    path: `/provider/${key}`,
    trail: html`<span class="soft">${l.texts.kinds[isNetwork ? 'Network' : type]}</span>`,
    main: html`${lead === '' ? '' : html`<p class="lead">${lead}</p>`}
${introActions(l, phone ?? contactsOf(resource).find(isPhone), asks)}
<div class="columns"><div>
${parts}
</div><div>
${asks !== undefined ? html`<section class="card noprint" aria-labelledby="ask"><h2 id="ask">${t.takes}</h2><p class="soft">${t.takesLead}</p>${await askForm(data, l, asks)}</section>` : ''}
${summary(l, resource)}
${await recordCard(data, l, resource)}
</div></div>`,
  };
}

/** What most people come for, where a phone shows it first. */
function introActions(l: Language, phone: Contact | undefined, asks: string | undefined): Part {
  if (phone === undefined && asks === undefined) return '';
  const t = l.texts.provider;
  return html`<p class="actions">${phone?.href === undefined ? '' : html`<a class="button" href="${phone.href}">${t.call(phone.value)}</a>`}${asks === undefined ? '' : html`<a class="button plain" href="#ask">${t.takes}</a>`}</p>`;
}

/** Who takes plans: the person or organization itself, or the organization that runs a place or offers a service. */
function asksAbout(data: PageData, resource: Resource): string | undefined {
  if (resource.resourceType === 'Practitioner' || resource.resourceType === 'Organization') return keyOf(resource);
  return keysIn(resource['managingOrganization'] ?? resource['providedBy'], data.base)[0];
}

async function recordCard(data: PageData, l: Language, resource: Resource): Promise<Safe> {
  const t = l.texts.provider;
  const key = keyOf(resource);
  const found = await data.search('VerificationResult', [
    ['target', key],
    ['_count', '50'],
  ]);
  const verified = verifiedDays(found.all.values(), data.base).get(key);
  const changed = text(metaOf(resource)['lastUpdated']);
  return html`<section class="card soft"><p>${changed === undefined ? '' : t.updated(l.dayOf(changed))} ${verified === undefined ? t.unverified : t.verified(l.day(verified))}</p>
<p class="noprint"><a href="${data.base}/${keyOf(resource)}">${t.data}</a></p></section>`;
}

async function organizationParts(data: PageData, l: Language, organization: Resource): Promise<Body> {
  const t = l.texts.provider;
  const key = keyOf(organization);
  const [affiliations, places, services] = await Promise.all([
    data.search('OrganizationAffiliation', [
      ['participating-organization', key],
      ['_include', 'OrganizationAffiliation:network'],
      ['_count', '100'],
    ]),
    related(data, 'Location', [['organization', key]]),
    related(data, 'HealthcareService', [['organization', key]]),
  ]);
  const today = todayOf(data);
  const active = affiliations.hits.filter(({ resource }) => activeOn(resource, today) !== 'ended');
  const networks = [...new Set(active.flatMap(({ resource }) => networksOf(resource, data.base)))];
  return {
    lead: '',
    parts: [
      aboutCard(l, organization),
      await planCard(data, l, networks),
      card('sites', t.sites, recordList(l, places)),
      card('services', t.services, recordList(l, services)),
      await peopleCard(data, l, ['organization', key]),
    ],
  };
}

async function networkParts(data: PageData, l: Language, network: Resource): Promise<Body> {
  const t = l.texts.provider;
  const key = keyOf(network);
  const names = await plansOf(data, l, key);
  return {
    lead: '',
    parts: [
      aboutCard(l, network),
      card(
        'plans',
        t.plansOfNetwork,
        names.length === 0
          ? ''
          : html`<ul class="list">${names.slice(0, PLANS_MAX).map((name) => html`<li>${name}</li>`)}</ul>${names.length > PLANS_MAX ? html`<p class="soft">${t.plansOfNetworkMore}</p>` : ''}`,
      ),
      await peopleCard(data, l, ['network', key], t.peopleInNetwork),
    ],
  };
}

/** Plans of today, and those that begin later with the day, in order of their names; one more than is shown. */
async function plansOf(data: PageData, l: Language, network: string): Promise<string[]> {
  const today = todayOf(data);
  const found = await Promise.all(
    ['network', 'plan-network'].flatMap((by) =>
      (['active-on', 'period'] as const).map((when) =>
        data.search('InsurancePlan', [
          [by, network],
          [when, when === 'period' ? `gt${today}` : today],
          ['_sort', 'name'],
          ['_count', String(PLANS_MAX + 1)],
        ]),
      ),
    ),
  );
  const names = new Map<string, string>();
  for (const { resource } of found.flatMap(({ hits }) => hits)) {
    const period = resource['period'];
    const start = isObject(period) ? (text(period['start']) ?? '') : '';
    const later = start.slice(0, 10) > today ? ` (${l.texts.provider.begins(l.day(start))})` : '';
    names.set(keyOf(resource), `${titleOf(resource)}${later}`);
  }
  return [...names.values()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).slice(0, PLANS_MAX + 1);
}

async function placeParts(data: PageData, l: Language, place: Resource): Promise<Body> {
  const t = l.texts.provider;
  const key = keyOf(place);
  const [services, affiliations] = await Promise.all([
    related(data, 'HealthcareService', [['location', key]]),
    data.search('OrganizationAffiliation', [
      ['location', key],
      ['_count', '100'],
    ]),
  ]);
  const owner = keysIn(place['managingOrganization'], data.base)[0];
  const organization = owner === undefined ? undefined : await data.read(owner).catch(notThere);
  return {
    lead: '',
    parts: [
      aboutCard(l, place, organization),
      await planCard(data, l, [
        ...new Set(affiliations.hits.flatMap(({ resource }) => networksOf(resource, data.base))),
      ]),
      card('services', t.services, recordList(l, services)),
      await peopleCard(data, l, ['location', key]),
    ],
  };
}

async function serviceParts(data: PageData, l: Language, service: Resource): Promise<Body> {
  const places = keysIn(service['location'], data.base);
  const keys = [...keysIn(service['providedBy'], data.base).slice(0, 1), ...places.slice(0, PLACES_MAX)];
  const around = await Promise.all(keys.map((k) => data.read(k).catch(notThere)));
  const known = around.flatMap((r) => r ?? []);
  const shown = known.filter((r) => r.resourceType === 'Location');
  const more = places.length - PLACES_MAX;
  const owner = known.find((r) => r.resourceType === 'Organization');
  return {
    lead: '',
    owner: owner && titleOf(owner),
    parts: [
      aboutCard(l, service, owner),
      card('where', l.texts.provider.where, [
        recordList(l, shown),
        more > 0 ? html`<p class="soft">${l.texts.find.morePlaces(more)}</p>` : '',
      ]),
      await peopleCard(data, l, ['service', keyOf(service)]),
    ],
  };
}

async function related(data: PageData, type: 'Location' | 'HealthcareService', pairs: Pairs): Promise<Resource[]> {
  const found = await data.search(type, [...pairs, ['_count', '50']]);
  return found.hits.map((h) => h.resource);
}

/** The first people with a role here. */
async function peopleCard(
  data: PageData,
  l: Language,
  by: readonly [string, string],
  title = l.texts.provider.people,
): Promise<Part> {
  const found = await data.search('PractitionerRole', [
    by,
    ['active-on', todayOf(data)],
    ['_include', 'PractitionerRole:practitioner'],
    ['_count', SHOWN],
  ]);
  const people = new Map<string, { name: string; does: string[] }>();
  for (const { resource: role } of found.hits) {
    const person = found.all.get(keysIn(role['practitioner'], data.base)[0] ?? '');
    if (person)
      people.set(keyOf(person), {
        name: titleOf(person),
        does: [...new Set([...(people.get(keyOf(person))?.does ?? []), ...conceptTexts(role['specialty'], l)])],
      });
  }
  const list = [...people].sort(([, a], [, b]) => a.name.localeCompare(b.name));
  return card(
    'people',
    title,
    list.length === 0
      ? ''
      : [
          html`<ul class="list">${list.map(([key, p]) => html`<li>${recordLink(l, key, p.name)}${p.does.length > 0 ? html` <span class="soft">${l.list(p.does)}</span>` : ''}</li>`)}</ul>`,
          found.next === undefined
            ? ''
            : html`<p class="noprint"><a href="${link(l, '/find', [['at', by[1]]])}">${l.texts.provider.more}</a></p>`,
        ],
  );
}
