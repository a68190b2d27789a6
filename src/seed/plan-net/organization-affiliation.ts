// Organizations in networks, PN/StructureDefinition/plannet-OrganizationAffiliation.
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { isoDate } from '../dates.ts';
import { Draw, kindKey } from '../random.ts';
import { NUCC } from '../specialties.ts';
import { AS_OF, concept, identifier, meta, phone, planNet, qualification } from './elements.ts';
import {
  endpointOfOrganization,
  id,
  type Layout,
  locationOfOrganization,
  organizationOfAffiliation,
  reference,
  serviceOfOrganization,
} from './layout.ts';
import { organizationFacts } from './organization.ts';

const KIND = kindKey('organization-affiliation');

export function organizationAffiliation(l: Layout, index: number): Resource {
  const participant = organizationOfAffiliation(l, index);
  const { kind, city } = organizationFacts(l, participant);
  const draw = new Draw(l.seed, KIND, index);
  const rich = index === 0;
  const network = draw.int(l.networks);
  const networks = [reference('network', network)];
  if (draw.chance(0.3) && l.networks > 1) networks.push(reference('network', (network + 1) % l.networks));
  const start = AS_OF - draw.between(100, 3000);
  const endpoint = endpointOfOrganization(l, participant);
  const service = serviceOfOrganization(l, participant);
  const telecom: JsonObject[] = [phone(draw, city.areaCode, 1)];
  return {
    resourceType: 'OrganizationAffiliation',
    id: id.affiliation(index),
    meta: meta(draw, 'OrganizationAffiliation'),
    ...(rich || draw.chance(0.1)
      ? {
          extension: [
            qualification({
              code: concept(NUCC, kind.specialty.code, kind.specialty.name),
              number: `AFF-${draw.digits(7)}`,
              start: isoDate(start),
              state: city.state,
              place: reference('location', locationOfOrganization(l, participant, 0)),
            }),
          ],
        }
      : {}),
    identifier: [identifier('XX', 'https://payer-1.example/sid/contract', `C${String(index).padStart(8, '0')}`)],
    active: true,
    period: { start: isoDate(start), ...(draw.chance(0.1) ? { end: isoDate(AS_OF + draw.between(-60, 400)) } : {}) },
    organization: reference('payer', 0),
    participatingOrganization: reference('organization', participant),
    network: networks,
    code: [planNet('OrganizationAffiliationRoleCS', kind.affiliation)],
    specialty: [concept(NUCC, kind.specialty.code, kind.specialty.name)],
    location: [reference('location', locationOfOrganization(l, participant, draw.int(4)))],
    healthcareService: [reference('service', service ?? index % l.services)],
    telecom,
    ...(endpoint !== undefined
      ? { endpoint: [reference('endpoint', endpoint)] }
      : rich
        ? { endpoint: [reference('endpoint', 0)] }
        : {}),
  };
}
