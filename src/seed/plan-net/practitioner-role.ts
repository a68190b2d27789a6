// Who works where in which network, PN/StructureDefinition/plannet-PractitionerRole: one role names one network.
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { isoDate } from '../dates.ts';
import { Draw, kindKey } from '../random.ts';
import { NUCC, SERVICE_KINDS } from '../specialties.ts';
import {
  AS_OF,
  concept,
  extensionUrl,
  hours,
  identifier,
  meta,
  newPatients,
  phone,
  phoneWithHours,
  planNet,
  qualification,
} from './elements.ts';
import {
  endpointOfOrganization,
  id,
  type Layout,
  locationOfOrganization,
  practitionerOfRole,
  reference,
  serviceOfOrganization,
} from './layout.ts';
import { organizationFacts } from './organization.ts';
import { practitionerFacts } from './practitioner.ts';

const KIND = kindKey('practitioner-role');
const HOURS_KIND = kindKey('practitioner-role-hours');

/** Most run on; some have ended, some begin after the date of the directory. */
function period(draw: Draw): JsonObject | undefined {
  const roll = draw.next();
  if (roll < 0.3) return undefined;
  if (roll < 0.9) return { start: isoDate(AS_OF - draw.between(30, 4000)) };
  if (roll < 0.96)
    return { start: isoDate(AS_OF - draw.between(800, 4000)), end: isoDate(AS_OF - draw.between(1, 700)) };
  return { start: isoDate(AS_OF + draw.between(5, 200)) };
}

export function practitionerRole(l: Layout, index: number): Resource {
  const { practitioner, nth } = practitionerOfRole(l, index);
  const { specialty, organization: home } = practitionerFacts(l, practitioner);
  const draw = new Draw(l.seed, KIND, index);
  const rich = index === 0;
  // the second role is the same place in another network; from the third on it is another organization of its kind
  const organization = nth < 2 ? home : (home + nth * SERVICE_KINDS.length) % l.organizations;
  const place = locationOfOrganization(l, organization, practitioner);
  const { city } = organizationFacts(l, organization);
  const network = reference('network', (practitioner + nth) % l.networks);
  const extension: JsonObject[] = [{ url: extensionUrl('network-reference'), valueReference: network }];
  if (rich || draw.chance(0.75)) extension.push(newPatients(draw, draw.chance(0.7) ? network : undefined));
  if (rich || draw.chance(0.08))
    extension.push(
      qualification({
        code: concept(NUCC, specialty.code, specialty.name),
        number: `BC-${draw.digits(7)}`,
        start: isoDate(AS_OF - draw.between(400, 9000)),
        state: city.state,
        issuer: reference('organization', home),
      }),
    );
  const telecom: JsonObject[] = [phone(draw, city.areaCode, 1)];
  if (rich || draw.chance(0.08))
    telecom.push(phoneWithHours(draw, city.areaCode, reference('organization', organization)));
  const when = rich ? { start: '2020-01-01' } : period(draw);
  const service = serviceOfOrganization(l, organization);
  const endpoint = endpointOfOrganization(l, organization);
  const role: Resource = {
    resourceType: 'PractitionerRole',
    id: id.role(index),
    meta: meta(draw, 'PractitionerRole'),
    extension,
    identifier: [identifier('PRN', 'https://payer-1.example/sid/provider', `P${String(index).padStart(8, '0')}`)],
    active: true,
  };
  if (when) role['period'] = when;
  role['practitioner'] = reference('practitioner', practitioner);
  role['organization'] = reference('organization', organization);
  role['code'] = [planNet('ProviderRoleCS', specialty.role)];
  role['specialty'] = [concept(NUCC, specialty.code, specialty.name)];
  role['location'] = draw.chance(0.1)
    ? [...new Set([place, locationOfOrganization(l, organization, practitioner + 1)])].map((i) =>
        reference('location', i),
      )
    : [reference('location', place)];
  if (service !== undefined || rich) role['healthcareService'] = [reference('service', service ?? 0)];
  role['telecom'] = telecom;
  // the hours of a person at an organization are the same in every network
  const work = new Draw(l.seed, HOURS_KIND, practitioner * l.organizations + organization);
  if (rich || draw.chance(0.3))
    role['availableTime'] = [
      ...hours(work, 'availableStartTime', 'availableEndTime', false),
      ...(rich ? [{ daysOfWeek: ['sun'], allDay: true }] : []),
    ];
  if (rich || draw.chance(0.04))
    role['notAvailable'] = [{ description: 'Away for training.', during: { start: '2026-11-23', end: '2026-11-27' } }];
  if (endpoint !== undefined) role['endpoint'] = [reference('endpoint', endpoint)];
  else if (rich) role['endpoint'] = [reference('endpoint', 0)];
  return role;
}
