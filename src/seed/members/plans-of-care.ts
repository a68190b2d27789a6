// Plans, teams, goals, documents, devices and where records came from.
import type { JsonObject } from '../../fhir/resource.ts';
import { isoDate, isoInstant } from '../dates.ts';
import { concept } from '../plan-net/elements.ts';
import { clinician, facility, US_CORE } from './care.ts';
import { type Added, type Chart, to } from './chart.ts';
import { coded } from './clinical.ts';
import { type Label, type PROCEDURES, type Protocol, SYSTEM } from './codes.ts';

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const profile = (name: string) => `${US_CORE}/us-core-${name}`;
const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

export function procedure(
  chart: Chart,
  kind: (typeof PROCEDURES)[number],
  day: number,
  performer: number,
  visit: Added,
): Added {
  return chart.add('Procedure', profile('procedure'), day, {
    status: 'completed',
    code: {
      coding: [
        { system: SYSTEM.snomed, code: kind.snomed },
        { system: SYSTEM.hcpcs, code: kind.hcpcs },
      ],
      text: kind.text,
    },
    subject: chart.patient,
    encounter: to(visit),
    performedDateTime: isoDate(day),
    performer: [{ actor: clinician(chart.side, performer) }],
  });
}

export function goal(chart: Chart, p: Protocol, day: number): Added {
  return chart.add(
    'Goal',
    profile('goal'),
    day,
    {
      lifecycleStatus: 'active',
      description: { text: `Keep ${p.text.toLowerCase()} under control` },
      subject: chart.patient,
      startDate: isoDate(day),
      target: [{ dueDate: isoDate(day + 365) }],
    },
    { label: p.label },
  );
}

export function careTeam(chart: Chart, members: readonly number[], day: number): Added {
  return chart.add('CareTeam', profile('careteam'), day, {
    status: 'active',
    name: 'Care team',
    subject: chart.patient,
    participant: members.map((n) => ({
      role: [coded(SYSTEM.snomed, '223366009', 'Clinician')],
      member: clinician(chart.side, n),
    })),
  });
}

export function carePlan(
  chart: Chart,
  p: Protocol,
  day: number,
  team: Added,
  goals: readonly Added[],
  problems: readonly Added[],
): Added {
  return chart.add(
    'CarePlan',
    profile('careplan'),
    day,
    {
      text: {
        status: 'generated',
        div: `<div xmlns="http://www.w3.org/1999/xhtml">Plan for ${p.text.toLowerCase()}: medicines as prescribed, tests every six months.</div>`,
      },
      status: 'active',
      intent: 'plan',
      category: [
        {
          ...concept('http://hl7.org/fhir/us/core/CodeSystem/careplan-category', 'assess-plan'),
          text: `Plan for ${p.text.toLowerCase()}`,
        },
      ],
      subject: chart.patient,
      period: { start: isoDate(day) },
      careTeam: [to(team)],
      addresses: problems.map(to),
      goal: goals.map(to),
    },
    { label: p.label },
  );
}

export type DocumentParts = {
  loinc: string;
  title: string;
  body: string;
  author: JsonObject;
  visit?: Added;
  label?: Label | undefined;
};

export function documentReference(chart: Chart, day: number, d: DocumentParts): Added {
  return chart.add(
    'DocumentReference',
    profile('documentreference'),
    day,
    {
      status: 'current',
      type: { coding: [{ system: SYSTEM.loinc, code: d.loinc }], text: d.title },
      category: [concept('http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category', 'clinical-note')],
      subject: chart.patient,
      date: isoInstant(day, 64_800),
      author: [d.author],
      content: [
        {
          attachment: { contentType: 'text/plain; charset=utf-8', data: base64(d.body), title: d.title },
          format: {
            system: 'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode',
            code: 'urn:ihe:iti:xds:2017:mimeTypeSufficient',
          },
        },
      ],
      context: {
        ...(d.visit ? { encounter: [to(d.visit)] } : {}),
        period: { start: isoDate(day), end: isoDate(day) },
      },
    },
    { label: d.label },
  );
}

export function device(chart: Chart, day: number): Added {
  const serial = `SN${chart.draw.digits(8)}`;
  return chart.add('Device', profile('implantable-device'), day, {
    udiCarrier: [{ deviceIdentifier: '09999999000017', carrierHRF: `(01)09999999000017(21)${serial}` }],
    status: 'active',
    distinctIdentifier: serial,
    manufactureDate: isoDate(day - 200),
    expirationDate: isoDate(day + 4000),
    lotNumber: `L${chart.draw.digits(6)}`,
    serialNumber: serial,
    type: coded(SYSTEM.snomed, '14106009', 'Cardiac pacemaker'),
    patient: chart.patient,
  });
}

/** Where records came from: an author, and the plan that took them in and passes them on. */
export function provenance(
  chart: Chart,
  day: number,
  targets: readonly Added[],
  facilityNumber: number,
  source: 'x12837' | 'hl7ccda' | 'hl7v2oru',
  label?: Label,
): Added {
  const pdex = 'http://hl7.org/fhir/us/davinci-pdex';
  return chart.add(
    'Provenance',
    [profile('provenance'), `${pdex}/StructureDefinition/pdex-provenance`],
    day,
    {
      target: targets.map(to),
      recorded: isoInstant(Math.min(day + 2, chart.until), 50_400),
      agent: [
        {
          type: concept(`${TERMINOLOGY}/provenance-participant-type`, 'author'),
          who: facility(chart.side, facilityNumber),
        },
        {
          type: concept('http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type', 'transmitter'),
          who: facility(chart.side, facilityNumber),
        },
      ],
      entity: [
        {
          extension: [
            {
              url: `${pdex}/StructureDefinition/ProvenanceSourceFrom`,
              valueCodeableConcept: concept(`${pdex}/CodeSystem/ProvenancePayerDataSource`, source),
            },
          ],
          role: 'source',
          what: {
            display: source === 'x12837' ? 'Claim' : source === 'hl7v2oru' ? 'Laboratory message' : 'Visit summary',
          },
        },
      ],
    },
    { label },
  );
}
