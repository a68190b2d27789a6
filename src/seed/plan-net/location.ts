// Places of care and coverage areas, PN/StructureDefinition/plannet-Location.
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { CITIES, STATES } from '../places.ts';
import { at, Draw, kindKey } from '../random.ts';
import {
  address,
  concept,
  extensionUrl,
  hours,
  identifier,
  meta,
  newPatients,
  phone,
  phoneWithHours,
  planNet,
  position,
} from './elements.ts';
import {
  endpointOfOrganization,
  id,
  type Layout,
  locationOfOrganization,
  organizationOfLocation,
  reference,
} from './layout.ts';
import { organizationFacts } from './organization.ts';

const KIND = kindKey('location');
const ROLE_CODE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
const ACCESS = ['handiaccess', 'adacomp', 'pubtrans', 'anssrvc', 'cognitive', 'mobility', 'cultcomp'] as const;

/** A whole state as a coverage area: a boundary, no address and no position. */
function area(l: Layout, index: number): Resource {
  const draw = new Draw(l.seed, KIND, index);
  const state = at(STATES, index);
  const { west, south, east, north } = state;
  const ring = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ];
  const geojson = JSON.stringify({
    type: 'Feature',
    properties: { name: state.name },
    geometry: { type: 'Polygon', coordinates: [ring] },
  });
  return {
    resourceType: 'Location',
    id: id.location(index),
    meta: meta(draw, 'Location'),
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/location-boundary-geojson',
        valueAttachment: { contentType: 'application/geo+json', data: btoa(geojson) },
      },
    ],
    status: 'active',
    name: `State of ${state.name}`,
    description: 'Coverage area, drawn as a rectangle around the state.',
    address: { state: state.code, country: 'US' },
  };
}

export function location(l: Layout, index: number): Resource {
  if (index < l.areas) return area(l, index);
  const owner = organizationOfLocation(l, index);
  const { kind, city: home, name } = organizationFacts(l, owner);
  const draw = new Draw(l.seed, KIND, index);
  const rich = index < l.areas + 2;
  const first = locationOfOrganization(l, owner, 0);
  // further sites of an organization lie in its own state
  const city = index === first ? home : draw.pick(CITIES.filter((c) => c.state === home.state));
  const point = position(draw, city);
  const allDay = kind.category === 'hosp' || kind.category === 'emerg';
  const extension: JsonObject[] = [];
  if (rich || draw.chance(0.5))
    extension.push(newPatients(draw, draw.chance(0.5) ? reference('network', draw.int(l.networks)) : undefined));
  if (rich || draw.chance(0.7)) {
    const code = draw.int(ACCESS.length);
    extension.push({
      url: extensionUrl('accessibility'),
      valueCodeableConcept: planNet('AccessibilityCS', at(ACCESS, code)),
    });
    if (draw.chance(0.4))
      extension.push({
        url: extensionUrl('accessibility'),
        valueCodeableConcept: planNet('AccessibilityCS', at(ACCESS, code + 1)),
      });
  }
  const telecom: JsonObject[] = [phone(draw, city.areaCode)];
  if (rich || draw.chance(0.1)) telecom.push(phoneWithHours(draw, city.areaCode, reference('organization', owner)));
  const endpoint = endpointOfOrganization(l, owner);
  return {
    resourceType: 'Location',
    id: id.location(index),
    meta: meta(draw, 'Location'),
    ...(extension.length > 0 ? { extension } : {}),
    identifier: [identifier('FI', 'https://payer-1.example/sid/site', `S${String(index).padStart(8, '0')}`)],
    status: 'active',
    name: index === first ? name : `${name}, ${city.city} site ${index}`,
    ...(rich || draw.chance(0.2) ? { alias: [`${name} ${city.city}`] } : {}),
    ...(rich || draw.chance(0.3) ? { description: `${kind.name} in ${city.city}, ${city.state}.` } : {}),
    type: [concept(ROLE_CODE, kind.place)],
    telecom,
    address: { use: 'work', type: 'physical', ...address(draw, city, draw.chance(0.3)) },
    position: point,
    managingOrganization: reference('organization', owner),
    ...(index !== first && first < index ? { partOf: reference('location', first) } : {}),
    ...(rich || draw.chance(0.7) ? { hoursOfOperation: hours(draw, 'openingTime', 'closingTime', allDay) } : {}),
    ...(rich || draw.chance(0.2) ? { availabilityExceptions: 'Closed on federal holidays.' } : {}),
    ...(endpoint !== undefined
      ? { endpoint: [reference('endpoint', endpoint)] }
      : rich
        ? { endpoint: [reference('endpoint', 0)] }
        : {}),
  };
}
