// What organizations offer, PN/StructureDefinition/plannet-HealthcareService.
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { Draw, kindKey } from '../random.ts';
import { NUCC } from '../specialties.ts';
import {
  concept,
  extensionUrl,
  hours,
  identifier,
  meta,
  newPatients,
  phone,
  phoneWithHours,
  planNet,
} from './elements.ts';
import {
  endpointOfOrganization,
  id,
  type Layout,
  locationOfOrganization,
  organizationOfService,
  reference,
} from './layout.ts';
import { organizationFacts } from './organization.ts';

const KIND = kindKey('healthcare-service');
const MODALITIES = ['phone', 'video', 'tdd', 'sms', 'app', 'web'] as const;

function delivery(draw: Draw, virtual: boolean): JsonObject[] {
  const physical = { url: 'type', valueCodeableConcept: planNet('DeliveryMethodCS', 'physical') };
  const out: JsonObject[] = [{ url: extensionUrl('delivery-method'), extension: [physical] }];
  if (virtual) {
    const first = draw.int(MODALITIES.length - 1);
    out.push({
      url: extensionUrl('delivery-method'),
      extension: [
        { url: 'type', valueCodeableConcept: planNet('DeliveryMethodCS', 'virtual') },
        ...MODALITIES.slice(first, first + 2).map((code) => ({
          url: 'virtualModalities',
          valueCodeableConcept: planNet('VirtualModalitiesCS', code),
        })),
      ],
    });
  }
  return out;
}

export function healthcareService(l: Layout, index: number): Resource {
  const owner = organizationOfService(l, index);
  const { kind, city, name } = organizationFacts(l, owner);
  const draw = new Draw(l.seed, KIND, index);
  const rich = index < 2;
  const extension: JsonObject[] = delivery(draw, rich || (kind.virtual && draw.chance(0.6)));
  if (rich || draw.chance(0.6))
    extension.push(
      newPatients(draw, rich || draw.chance(0.6) ? reference('network', draw.int(l.networks)) : undefined),
    );
  const place = locationOfOrganization(l, owner, 0);
  const second = locationOfOrganization(l, owner, 1);
  const endpoint = endpointOfOrganization(l, owner);
  const telecom: JsonObject[] = [phone(draw, city.areaCode)];
  if (rich || draw.chance(0.15)) telecom.push(phoneWithHours(draw, city.areaCode, reference('organization', owner)));
  // the first two show both ways to write hours
  const allDay = index === 1 || kind.category === 'hosp' || kind.category === 'emerg';
  return {
    resourceType: 'HealthcareService',
    id: id.service(index),
    meta: meta(draw, 'HealthcareService'),
    extension,
    identifier: [identifier('FI', 'https://payer-1.example/sid/service', `H${String(index).padStart(8, '0')}`)],
    active: true,
    providedBy: reference('organization', owner),
    category: [planNet('HealthcareServiceCategoryCS', kind.category)],
    type: [concept('http://terminology.hl7.org/CodeSystem/service-type', kind.type)],
    specialty: [concept(NUCC, kind.specialty.code, kind.specialty.name)],
    location:
      place === second ? [reference('location', place)] : [reference('location', place), reference('location', second)],
    name: `${name} Service`,
    ...(rich || draw.chance(0.3) ? { comment: 'Bring the member card and a list of medicines.' } : {}),
    telecom,
    ...(rich || draw.chance(0.3) ? { coverageArea: [reference('location', index % l.areas)] } : {}),
    appointmentRequired: kind.category !== 'urg' && kind.category !== 'pharm' && kind.category !== 'emerg',
    availableTime: hours(draw, 'availableStartTime', 'availableEndTime', index !== 0 && allDay),
    ...(rich || draw.chance(0.15)
      ? {
          notAvailable: [
            { description: 'Closed for the winter holidays.', during: { start: '2026-12-24', end: '2027-01-01' } },
          ],
        }
      : {}),
    ...(rich || draw.chance(0.15) ? { availabilityExceptions: 'Closed on federal holidays.' } : {}),
    ...(endpoint !== undefined
      ? { endpoint: [reference('endpoint', endpoint)] }
      : rich
        ? { endpoint: [reference('endpoint', 0)] }
        : {}),
  };
}
