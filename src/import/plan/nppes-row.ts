// A row of the NPPES dissemination file, or of an extract with its column names: who has the NPI and where they practise.
// https://www.cms.gov/medicare/regulations-guidance/administrative-simplification/data-dissemination
import { location, organization, type Place, placeId, practitioner, role } from './build.ts';
import { affiliation, service, serviceId } from './build-service.ts';
import { type Made, npiFault, refused } from './made.ts';
import { stateCode } from './state-codes.ts';
import { cell, date, gender, type Left, type Row, specialties, zipDigits } from './values.ts';

export const NPPES_REQUIRED = ['NPI', 'Entity Type Code'] as const;

const PLACE = 'Business Practice Location Address';
const SLOTS = 15;

/** The primary taxonomy first. */
function taxonomies(row: Row): string[] {
  const found: string[] = [];
  for (let i = 1; i <= SLOTS; i++) {
    const text = cell(row, `Healthcare Provider Taxonomy Code_${i}`);
    if (text === '') continue;
    if (cell(row, `Healthcare Provider Primary Taxonomy Switch_${i}`) === 'Y') found.unshift(text);
    else found.push(text);
  }
  return found;
}

/** `GARCIA-LOPEZ` as `Garcia-Lopez`: the register writes capitals only. */
const capitalized = (text: string) =>
  text === text.toUpperCase()
    ? text.toLowerCase().replace(/(^|[\s'.-])(\p{L})/gu, (_, before: string, c: string) => before + c.toUpperCase())
    : text;

/** An initial, or nothing where the register writes `<UNAVAIL>`. */
const name = (row: Row, column: string) => {
  const text = cell(row, column);
  return /^<.*>$/.test(text) ? '' : capitalized(text);
};

function place(row: Row, title: string): Place | Left {
  const column = (part: string) => `Provider ${part}`;
  const country = cell(row, column(`${PLACE} Country Code (If outside U.S.)`));
  if (country !== '' && country !== 'US') return { column: 'country', why: 'lies outside the United States' };
  const state = stateCode(cell(row, column(`${PLACE} State Name`)));
  const zip = zipDigits(cell(row, column(`${PLACE} Postal Code`)));
  if (state === undefined)
    return { column: column(`${PLACE} State Name`), why: 'is not a state, by its USPS code or its name' };
  if (zip === undefined) return { column: column(`${PLACE} Postal Code`), why: 'is not a ZIP of five or nine digits' };
  const line = ['First', 'Second'].map((n) => capitalized(cell(row, column(`${n} Line ${PLACE}`)))).filter(Boolean);
  const city = capitalized(cell(row, column(`${PLACE} City Name`)));
  if (city === '') return { column: column(`${PLACE} City Name`), why: 'is empty' };
  const phone = cell(row, column(`${PLACE} Telephone Number`)) || undefined;
  return { name: title || [...line.slice(0, 1), city].join(', '), line, city, state, zip, phone };
}

/** @param network id of the network that everybody in the file belongs to */
export function nppesRow(row: Row, network: string | undefined): Made {
  const npi = cell(row, 'NPI');
  const fault = npiFault(npi);
  if (fault !== undefined) return refused('NPI', fault);
  const deactivated = cell(row, 'NPI Deactivation Date');
  if (deactivated !== '' && cell(row, 'NPI Reactivation Date') === '')
    return { resources: [], deleted: [`Practitioner/npi-${npi}`, `Organization/org-${npi}`], left: [] };
  const entity = cell(row, 'Entity Type Code');
  const left: Left[] = [];
  const of = specialties(taxonomies(row), 'Healthcare Provider Taxonomy Code', left);
  const networks = network === undefined ? [] : [network];
  if (entity === '1') {
    const family = name(row, 'Provider Last Name (Legal Name)');
    if (family === '') return refused('Provider Last Name (Legal Name)', 'is empty');
    const at = place(row, '');
    if ('why' in at) return { resources: [], left: [], refused: at };
    const person = practitioner({
      npi,
      prefix: name(row, 'Provider Name Prefix Text') || undefined,
      first: [name(row, 'Provider First Name'), name(row, 'Provider Middle Name')].filter(Boolean),
      family,
      suffix: [name(row, 'Provider Name Suffix Text'), cell(row, 'Provider Credential Text')].filter(Boolean),
      gender: gender(cell(row, 'Provider Sex Code') || cell(row, 'Provider Gender Code'), 'Provider Sex Code', left),
      languages: [],
    });
    const works = role({
      npi,
      locations: [placeId(at)],
      network,
      specialties: of,
      phone: at.phone,
      accepting: undefined,
      period: {},
    });
    return { resources: [person, location(at, undefined), works], left };
  }
  if (entity !== '2') return refused('Entity Type Code', 'is neither 1 nor 2');
  const legal = name(row, 'Provider Organization Name (Legal Business Name)');
  const title = name(row, 'Provider Other Organization Name') || legal;
  if (title === '') return refused('Provider Organization Name (Legal Business Name)', 'is empty');
  const at = place(row, title);
  if ('why' in at) return { resources: [], left: [], refused: at };
  const key = `Organization/org-${npi}`;
  const locations = [placeId(at)];
  const start = date(cell(row, 'Provider Enumeration Date'), 'Provider Enumeration Date', left);
  return {
    resources: [
      organization({
        id: `org-${npi}`,
        npi,
        name: title,
        type: of.some((c) => /^(193|174)/.test(c)) ? 'prvgrp' : 'fac',
        place: at,
        phone: at.phone,
        alias: legal !== '' && legal !== title ? [legal] : [],
      }),
      location(at, key),
      service({
        npi,
        name: title,
        organization: key,
        locations,
        specialties: of,
        phone: at.phone,
        telehealth: false,
        accepting: undefined,
      }),
      affiliation({
        npi,
        organization: key,
        locations,
        networks,
        service: serviceId({ npi, locations }),
        specialties: of,
        phone: at.phone,
        period: { start },
      }),
    ],
    left,
  };
}
