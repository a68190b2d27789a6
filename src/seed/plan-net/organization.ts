// Payers, networks and provider organizations, PN/StructureDefinition/plannet-Organization and plannet-Network.

import { NPI_SYSTEM } from '../../fhir/npi.ts';
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { isoDate } from '../dates.ts';
import { ORG_WORDS } from '../names.ts';
import { inventedNpi } from '../npi.ts';
import { CITIES, type City, STATES } from '../places.ts';
import { at, Draw, kindKey } from '../random.ts';
import { SERVICE_KINDS, type ServiceKind } from '../specialties.ts';
import {
  AS_OF,
  address,
  concept,
  extensionUrl,
  geolocation,
  identifier,
  meta,
  phone,
  phoneWithHours,
  planNet,
  position,
  qualification,
  slug,
} from './elements.ts';
import { endpointOfOrganization, id, type Layout, payerOfNetwork, reference } from './layout.ts';

const KIND = kindKey('organization');
const PAYER = kindKey('payer');
const NETWORK = kindKey('network');

export const PAYER_NAMES = ['Meridian Example Health Plan', 'Meridian Example Dental & Vision'] as const;

/** What an organization is, where it is and what it is called: the part other resources need to know. */
export type OrganizationFacts = { kind: ServiceKind; city: City; name: string };

export function organizationFacts(l: Layout, index: number): OrganizationFacts {
  const draw = new Draw(l.seed, KIND, index);
  const kind = at(SERVICE_KINDS, index);
  const city = draw.pick(CITIES);
  const name = `${draw.pick(ORG_WORDS)} ${kind.name}`;
  return { kind, city, name: l.organizations > 400 ? `${name} of ${city.city}` : name };
}

export function payer(l: Layout, index: number): Resource {
  const draw = new Draw(l.seed, PAYER, index);
  const city = at(CITIES, 0);
  const point = position(draw, city);
  const contact = {
    purpose: concept('http://terminology.hl7.org/CodeSystem/contactentity-type', 'PAYOR'),
    name: { text: 'Provider Directory Desk', family: 'Desk' },
    telecom: [{ system: 'email', value: `directory@payer-${index + 1}.example`, use: 'work' }],
  };
  return {
    resourceType: 'Organization',
    id: id.payer(index),
    meta: meta(draw, 'Organization'),
    extension: [{ url: extensionUrl('org-description'), valueString: 'An invented health plan for demonstrations.' }],
    identifier: [
      identifier('NPI', NPI_SYSTEM, inventedNpi('organization', l.seed, index)),
      { system: 'urn:oid:2.16.840.1.113883.6.300', value: `9900${index + 1}` },
    ],
    active: true,
    type: [planNet('OrgTypeCS', 'payer', 'Payer')],
    name: at(PAYER_NAMES, index),
    telecom: [phone(draw, '800', 1), { system: 'url', value: `https://payer-${index + 1}.example` }],
    address: [{ extension: [geolocation(point)], type: 'both', ...address(draw, city) }],
    ...(index === 0 ? {} : { partOf: reference('payer', 0) }),
    contact: [contact],
    endpoint: [reference('endpoint', 0)],
  };
}

const NETWORK_TIERS = ['Standard', 'Premier', 'Select', 'Choice', 'Community', 'Value'];

/** Networks of a small plan reach over all its states; those of a large one are called by their state. */
function networkName(index: number): string {
  if (index < NETWORK_TIERS.length) return `Meridian ${at(NETWORK_TIERS, index)} Network`;
  const state = at(STATES, index);
  return `Meridian ${state.name} ${at(NETWORK_TIERS, Math.floor(index / STATES.length) + index)} Network${index < 72 ? '' : ` ${index}`}`;
}

export function network(l: Layout, index: number): Resource {
  const draw = new Draw(l.seed, NETWORK, index);
  const state = index % l.areas;
  const city = at(
    CITIES.filter((c) => c.state === at(STATES, state).code),
    index,
  );
  return {
    resourceType: 'Organization',
    id: id.network(index),
    meta: meta(draw, 'Network'),
    extension: [{ url: extensionUrl('location-reference'), valueReference: reference('location', state) }],
    identifier: [
      identifier('XX', 'https://payer-1.example/sid/network', `NET-${String(index + 1).padStart(4, '0')}`),
      ...(index === 0 ? [identifier('NPI', NPI_SYSTEM, inventedNpi('organization', l.seed, l.payers))] : []),
    ],
    active: true,
    type: [planNet('OrgTypeCS', 'ntwk', 'Network')],
    name: networkName(index),
    address: [address(draw, city)],
    partOf: reference('payer', payerOfNetwork(l, index)),
    contact: [
      {
        name: { text: 'Network Relations', family: 'Relations', given: ['Network'] },
        telecom: [phone(draw, city.areaCode), { system: 'email', value: `network-${index + 1}@payer-1.example` }],
      },
    ],
    endpoint: [reference('endpoint', 0)],
  };
}

const TYPE_OF_CATEGORY: Record<string, string> = {
  hosp: 'fac',
  emerg: 'fac',
  lab: 'fac',
  trans: 'atyprv',
  vis: 'bus',
  dme: 'bus',
};

export function organization(l: Layout, index: number): Resource {
  const { kind, city, name } = organizationFacts(l, index);
  const draw = new Draw(l.seed, KIND, l.organizations + index);
  const rich = index < 2;
  const point = position(draw, city);
  const site = address(draw, city, draw.chance(0.3));
  const extension: JsonObject[] = [];
  if (rich || draw.chance(0.25))
    extension.push(
      qualification({
        code: concept('http://nucc.org/provider-taxonomy', kind.specialty.code, kind.specialty.name),
        number: `CERT-${draw.digits(7)}`,
        start: isoDate(AS_OF - draw.between(200, 5000)),
        state: city.state,
        issuer: reference('payer', 0),
      }),
    );
  if (rich || draw.chance(0.3))
    extension.push({
      url: extensionUrl('org-description'),
      valueString: `${name} serves ${city.city} and the towns around it.`,
    });
  if (rich || draw.chance(0.2))
    extension.push({
      url: 'http://hl7.org/fhir/StructureDefinition/organization-period',
      valuePeriod: { start: isoDate(AS_OF - draw.between(2000, 14_000)) },
    });
  const telecom: JsonObject[] = [phone(draw, city.areaCode, 1)];
  if (rich || draw.chance(0.15))
    telecom.push(
      phoneWithHours(draw, city.areaCode, index === 0 ? reference('payer', 0) : reference('organization', 0)),
    );
  if (draw.chance(0.4)) telecom.push({ system: 'url', value: `https://${slug(name)}.example`, use: 'work' });
  const endpoint = endpointOfOrganization(l, index);
  return {
    resourceType: 'Organization',
    id: id.organization(index),
    meta: meta(draw, 'Organization'),
    ...(extension.length > 0 ? { extension } : {}),
    identifier: [
      identifier('NPI', NPI_SYSTEM, inventedNpi('organization', l.seed, l.payers + 1 + index)),
      ...(kind.category === 'lab' ? [{ system: 'urn:oid:2.16.840.1.113883.4.7', value: `99D${draw.digits(7)}` }] : []),
    ],
    active: true,
    type: [planNet('OrgTypeCS', TYPE_OF_CATEGORY[kind.category] ?? 'prvgrp')],
    name,
    ...(draw.chance(0.15) ? { alias: [`${name} Partners`] } : {}),
    telecom,
    address: [
      {
        ...(rich || draw.chance(0.5) ? { extension: [geolocation(point)] } : {}),
        use: 'work',
        type: 'both',
        text: `${site.line.join(', ')}, ${site.city}, ${site.state} ${site.postalCode}`,
        ...site,
      },
    ],
    ...(index > 0 && (rich || draw.chance(0.12)) ? { partOf: reference('organization', draw.int(index)) } : {}),
    ...(rich || draw.chance(0.3)
      ? {
          contact: [
            {
              purpose: concept('http://terminology.hl7.org/CodeSystem/contactentity-type', 'ADMIN'),
              name: { text: 'Practice Manager' },
              telecom: [
                { ...phone(draw, city.areaCode), use: 'work' },
                { system: 'email', value: `office@${slug(name)}.example`, use: 'work' },
              ],
            },
          ],
        }
      : {}),
    ...(endpoint !== undefined
      ? { endpoint: [reference('endpoint', endpoint)] }
      : rich
        ? { endpoint: [reference('endpoint', 0)] }
        : {}),
  };
}
