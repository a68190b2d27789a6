// A row of providers.csv: one provider at one place, in the networks named. docs/import.md describes the columns.
import type { Resource } from '../../fhir/resource.ts';
import { location, networkId, organization, type Place, placeId, practitioner, role } from './build.ts';
import { affiliation, service, serviceId } from './build-service.ts';
import { hours } from './hours.ts';
import { type Made, npiFault, refused } from './made.ts';
import { stateCode } from './state-codes.ts';
import {
  accepting,
  accessibility,
  cell,
  date,
  flag,
  gender,
  type Left,
  languages,
  list,
  position,
  type Row,
  specialties,
  zipDigits,
} from './values.ts';

export const PROVIDER_COLUMNS = [
  'npi',
  'type',
  'first_name',
  'middle_name',
  'last_name',
  'suffix',
  'credentials',
  'name',
  'gender',
  'languages',
  'specialties',
  'organization_npi',
  'location_name',
  'address_1',
  'address_2',
  'city',
  'state',
  'zip',
  'latitude',
  'longitude',
  'phone',
  'hours',
  'accessibility',
  'accepting_new_patients',
  'telehealth',
  'networks',
  'starts',
  'ends',
] as const;

/** Columns without which a row means nothing. */
export const PROVIDER_REQUIRED = [
  'npi',
  'type',
  'specialties',
  'address_1',
  'city',
  'state',
  'zip',
  'networks',
] as const;

function place(row: Row, left: Left[]): Place | Left {
  const state = stateCode(cell(row, 'state'));
  const zip = zipDigits(cell(row, 'zip'));
  const line = [cell(row, 'address_1'), cell(row, 'address_2')].filter(Boolean);
  const city = cell(row, 'city');
  if (line.length === 0) return { column: 'address_1', why: 'is empty' };
  if (city === '') return { column: 'city', why: 'is empty' };
  if (state === undefined) return { column: 'state', why: 'is not a state, by its USPS code or its name' };
  if (zip === undefined) return { column: 'zip', why: 'is not a ZIP of five or nine digits' };
  const name = cell(row, 'location_name') || `${line[0]}, ${city}`;
  return {
    name,
    line,
    city,
    state,
    zip,
    phone: cell(row, 'phone') || undefined,
    position: position(cell(row, 'latitude'), cell(row, 'longitude'), left),
    accessibility: accessibility(list(cell(row, 'accessibility')), 'accessibility', left),
    hours: hours(cell(row, 'hours'), 'hours', left),
  };
}

/** What all resources of a row share. */
type Shared = {
  npi: string;
  at: Place;
  networks: string[];
  specialties: string[];
  accepting: string | undefined;
  telehealth: boolean;
  period: { start?: string | undefined; end?: string | undefined };
};

export function providerRow(row: Row): Made {
  const npi = cell(row, 'npi');
  const fault = npiFault(npi);
  if (fault !== undefined) return refused('npi', fault);
  const left: Left[] = [];
  const at = place(row, left);
  if ('why' in at) return { resources: [], left: [], refused: at };
  const shared: Shared = {
    npi,
    at,
    networks: list(cell(row, 'networks')).map(networkId),
    specialties: specialties(list(cell(row, 'specialties')), 'specialties', left),
    accepting: accepting(cell(row, 'accepting_new_patients'), 'accepting_new_patients', left),
    telehealth: flag(cell(row, 'telehealth'), 'telehealth', left) ?? false,
    period: { start: date(cell(row, 'starts'), 'starts', left), end: date(cell(row, 'ends'), 'ends', left) },
  };
  const type = cell(row, 'type').toLowerCase();
  if (type === 'person') return person(row, shared, left);
  if (type === 'facility' || type === 'group') return body(row, shared, type === 'facility' ? 'fac' : 'prvgrp', left);
  return refused('type', 'is not person, facility or group');
}

function virtualService(s: Shared, name: string, owner: string | undefined): Resource {
  const { npi, specialties: of } = s;
  return service({
    npi,
    name,
    organization: owner,
    locations: [placeId(s.at)],
    specialties: of,
    phone: s.at.phone,
    telehealth: true,
    accepting: s.accepting,
  });
}

function person(row: Row, s: Shared, left: Left[]): Made {
  const family = cell(row, 'last_name');
  if (family === '') return refused('last_name', 'is empty');
  const owner = cell(row, 'organization_npi');
  const ownerFault = owner === '' ? undefined : npiFault(owner);
  if (ownerFault !== undefined) left.push({ column: 'organization_npi', why: ownerFault });
  const organizationKey = owner === '' || ownerFault !== undefined ? undefined : `Organization/org-${owner}`;
  const name = [cell(row, 'first_name'), family].filter(Boolean).join(' ');
  const virtual = s.telehealth ? virtualService(s, `Telehealth with ${name}`, organizationKey) : undefined;
  const roleIn = (inNetwork: string | undefined) =>
    role({
      npi: s.npi,
      organization: organizationKey,
      locations: [placeId(s.at)],
      service: virtual === undefined ? undefined : serviceId({ npi: s.npi, locations: [placeId(s.at)] }),
      network: inNetwork,
      specialties: s.specialties,
      phone: s.at.phone,
      accepting: s.accepting,
      period: s.period,
    });
  return {
    resources: [
      practitioner({
        npi: s.npi,
        first: [cell(row, 'first_name'), cell(row, 'middle_name')].filter(Boolean),
        family,
        suffix: [cell(row, 'suffix'), ...list(cell(row, 'credentials'))].filter(Boolean),
        gender: gender(cell(row, 'gender'), 'gender', left),
        languages: languages(list(cell(row, 'languages')), 'languages', left),
      }),
      location(s.at, organizationKey),
      ...(virtual === undefined ? [] : [virtual]),
      ...(s.networks.length === 0 ? [roleIn(undefined)] : s.networks.map(roleIn)),
    ],
    left,
  };
}

function body(row: Row, s: Shared, type: 'fac' | 'prvgrp', left: Left[]): Made {
  const name = cell(row, 'name');
  if (name === '') return refused('name', 'is empty');
  const key = `Organization/org-${s.npi}`;
  const at = { ...s.at, name: cell(row, 'location_name') || name };
  const of = service({
    npi: s.npi,
    name,
    organization: key,
    locations: [placeId(at)],
    specialties: s.specialties,
    phone: at.phone,
    telehealth: s.telehealth,
    accepting: s.accepting,
  });
  return {
    resources: [
      organization({ id: `org-${s.npi}`, npi: s.npi, name, type, place: at, phone: at.phone }),
      location(at, key),
      of,
      affiliation({
        npi: s.npi,
        organization: key,
        locations: [placeId(at)],
        networks: s.networks,
        service: serviceId({ npi: s.npi, locations: [placeId(at)] }),
        specialties: s.specialties,
        phone: at.phone,
        period: s.period,
      }),
    ],
    left,
  };
}
