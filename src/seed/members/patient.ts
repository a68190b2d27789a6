// The member as Patient and the membership as Coverage, US Core 6.1.0 and CARIN Blue Button 2.0.0.
import type { JsonObject } from '../../fhir/resource.ts';
import { isoDate } from '../dates.ts';
import { concept, identifier } from '../plan-net/elements.ts';
import { C4BB, insurer, US_CORE } from './care.ts';
import type { Added, Chart } from './chart.ts';
import { cardOn, type Enrolled } from './coverage.ts';
import type { Person } from './person.ts';
import { memberSystem, patientId } from './side.ts';

export function patient(chart: Chart, person: Person): void {
  const card = cardOn(chart.seed, chart.index, chart.side);
  const detailed = (url: string, code: string, display: string): JsonObject => ({
    url: `${US_CORE}/${url}`,
    extension: [
      { url: 'ombCategory', valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code, display } },
      { url: 'text', valueString: display },
    ],
  });
  const profiles = [`${US_CORE}/us-core-patient`, `${C4BB}/StructureDefinition/C4BB-Patient|2.0.0`];
  const body: JsonObject = {
    extension: [
      detailed('us-core-race', ...person.race),
      detailed(
        'us-core-ethnicity',
        person.hispanic ? '2135-2' : '2186-5',
        person.hispanic ? 'Hispanic or Latino' : 'Not Hispanic or Latino',
      ),
      { url: `${US_CORE}/us-core-birthsex`, valueCode: person.gender === 'female' ? 'F' : 'M' },
    ],
    identifier: [identifier('MB', memberSystem(chart.side), card.memberNumber)],
    active: true,
    name: [
      {
        use: 'official',
        family: person.family,
        given: person.given,
        ...(person.suffix === undefined ? {} : { suffix: [person.suffix] }),
      },
      ...(person.formerFamily === undefined ? [] : [{ use: 'old', family: person.formerFamily, given: person.given }]),
    ],
    telecom: [
      { system: 'phone', value: person.phone, use: 'home' },
      { system: 'email', value: person.email },
    ],
    gender: person.gender,
    birthDate: person.birthDate,
    address: [
      {
        use: 'home',
        line: [person.line],
        city: person.city.city,
        state: person.city.state,
        postalCode: person.postalCode,
        country: 'US',
      },
    ],
    communication: [{ language: concept('urn:ietf:bcp:47', person.hispanic ? 'es' : 'en'), preferred: true }],
  };
  chart.add('Patient', profiles, chart.until - 40, body, { id: patientId(chart.side, chart.index) });
}

export function coverage(chart: Chart, e: Enrolled): Added {
  const card = cardOn(chart.seed, chart.index, chart.side);
  const spell = e[chart.side];
  return chart.add(
    'Coverage',
    [`${US_CORE}/us-core-coverage`, `${C4BB}/StructureDefinition/C4BB-Coverage|2.0.0`],
    spell.start,
    {
      identifier: [identifier('MB', memberSystem(chart.side), card.memberNumber)],
      status: 'active',
      type: concept('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'HIP'),
      subscriberId: card.subscriberId,
      beneficiary: chart.patient,
      dependent: card.dependent,
      relationship: concept(
        'http://terminology.hl7.org/CodeSystem/subscriber-relationship',
        card.dependent === '01' ? 'self' : 'other',
      ),
      period: { start: isoDate(spell.start), ...(spell.end === undefined ? {} : { end: isoDate(spell.end) }) },
      payor: [insurer(chart.side)],
      class: [
        {
          type: concept('http://terminology.hl7.org/CodeSystem/coverage-class', 'plan'),
          value: chart.side === 'prior' ? 'OH-PPO-1' : 'ME-PPO-1',
          name: 'PPO',
        },
      ],
      costToBeneficiary: [
        {
          type: concept('http://terminology.hl7.org/CodeSystem/coverage-copay-type', 'gpvisit'),
          valueMoney: { value: 20, currency: 'USD' },
        },
      ],
    },
  );
}
