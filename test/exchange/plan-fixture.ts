// A small plan of invented people for match, consent and server tests, and MemberBundles that ask for them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localDay } from '../../exchange/members/deadlines/business-day.ts';
import { ENROLMENT_COLUMNS, patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import type { Deps } from '../../src/deps.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { readImport } from '../../src/import/read-import.ts';

/** The plan's own day, which late in the evening is not yet that of UTC. */
export const planDay = (at = new Date()): string => localDay(at, 'America/New_York');

export const US = { npi: '9000000012', name: 'Old Plan' };
export const ASKER = { npi: '9000000004', name: 'New Plan' };

export type Person = {
  number: string;
  family: string;
  given: string;
  born: string;
  subscriber?: string;
  /** name of a prior payer whose records the person has agreed to have asked for */
  prior?: string;
  /** where the person lives and is reached: columns of the enrolment file */
  reach?: Record<string, string>;
};
export const PEOPLE = {
  rivera: { number: 'OH100', family: 'Rivera', given: 'Ana Lucia', born: '1974-12-25', subscriber: 'S100' },
  robert: { number: 'OH200', family: 'Johnson', given: 'Robert', born: '1960-02-03', subscriber: 'S200' },
  junior: { number: 'OH201', family: 'Johnson Jr', given: 'Robert', born: '1985-02-03', subscriber: 'S200' },
  twinAna: { number: 'OH300', family: 'Marlowe', given: 'Annabel', born: '2010-05-05', subscriber: 'S300' },
  twinAnna: { number: 'OH301', family: 'Marlowe', given: 'Annabell', born: '2010-05-05', subscriber: 'S300' },
  double: { number: '000400', family: 'García-López', given: 'José', born: '1990-09-09', subscriber: 'S400' },
  short: { number: 'OH500', family: 'Lee', given: 'John', born: '1970-07-07', subscriber: 'S500' },
  babyak: { number: 'OH600', family: 'Babyak', given: 'Infante', born: '1999-01-09', subscriber: 'S600' },
} satisfies Record<string, Person>;

export const idOf = (p: Person): string => patientIdFor(p.number);

/** Imports the people and, for each record given, the record. */
export async function enrol(deps: Deps, people: readonly Person[], records: readonly object[] = []): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-plan-'));
  try {
    const csv = join(folder, 'enrolment.csv');
    const row = (p: Person): Record<string, string> => ({
      member_number: p.number,
      subscriber_id: p.subscriber ?? '',
      family: p.family,
      given: p.given,
      birth_date: p.born,
      plan: 'HMO',
      coverage_start: '2020-01-01',
      ...p.reach,
      ...(p.prior === undefined
        ? {}
        : {
            prior_payer: p.prior,
            prior_member_number: `X${p.number}`,
            opt_in: 'yes',
            opt_in_date: '2026-01-01',
            opt_in_policy: 'regular',
          }),
    });
    const line = (p: Person) => ENROLMENT_COLUMNS.map((c) => row(p)[c] ?? '').join(',');
    writeFileSync(csv, [ENROLMENT_COLUMNS.join(','), ...people.map(line)].join('\n'));
    writeFileSync(join(folder, 'records.ndjson'), records.map((r) => JSON.stringify(r)).join('\n'));
    const refused: unknown[] = [];
    await importMembers(deps, {
      records: readImport([join(folder, 'records.ndjson')]),
      enrolment: csv,
      validate,
      reject: (r) => void refused.push(r),
    });
    if (refused.length > 0) throw new Error(JSON.stringify(refused));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const npi = (p: { npi: string; name: string }) => ({
  identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: p.npi },
  display: p.name,
});
const coding = (system: string, code: string) => ({ coding: [{ system, code }] });

export type Asked = {
  id?: string;
  family?: string | undefined;
  given?: string[] | undefined;
  born?: string | undefined;
  memberId?: string | undefined;
  subscriberId?: string | undefined;
  suffix?: string[];
  payor?: object;
  identifier?: object[];
  /** further elements of the Patient */
  more?: object;
};

/** The three or four parts of one MemberBundle, to be changed by tests. */
export function parts(asked: Asked, today = planDay()) {
  const id = asked.id ?? 'm-1';
  const patient = {
    resourceType: 'Patient',
    id,
    ...(asked.identifier ? { identifier: asked.identifier } : {}),
    name: [{ family: asked.family, given: asked.given, ...(asked.suffix ? { suffix: asked.suffix } : {}) }],
    gender: 'unknown',
    birthDate: asked.born,
    ...asked.more,
  };
  const cover = (part: string, ids: object, payor: object) => ({
    resourceType: 'Coverage',
    id: part,
    ...ids,
    status: 'active',
    beneficiary: { reference: `Patient/${id}` },
    payor: [payor],
  });
  const coverageToMatch: Record<string, unknown> = cover(
    'cov',
    {
      ...(asked.memberId === undefined
        ? {}
        : {
            identifier: [
              { type: coding('http://terminology.hl7.org/CodeSystem/v2-0203', 'MB'), value: asked.memberId },
            ],
          }),
      ...(asked.subscriberId === undefined ? {} : { subscriberId: asked.subscriberId }),
    },
    asked.payor ?? npi(US),
  );
  const coverageToLink: Record<string, unknown> = cover('link', { subscriberId: 'N1' }, npi(ASKER));
  const consent: Record<string, unknown> & { provision: Record<string, unknown> } = {
    resourceType: 'Consent',
    id: 'consent',
    status: 'active',
    scope: coding('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
    category: [coding('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'IDSCL')],
    patient: { reference: `Patient/${id}` },
    performer: [{ reference: `Patient/${id}` }],
    sourceReference: { reference: 'https://new.example/DocumentReference/1' },
    policy: [{ uri: 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular' }],
    provision: {
      type: 'permit',
      period: { start: today, end: `${Number(today.slice(0, 4)) + 1}-12-31` },
      actor: [
        {
          role: coding('http://terminology.hl7.org/CodeSystem/provenance-participant-type', 'performer'),
          reference: npi(US),
        },
        { role: coding('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP'), reference: npi(ASKER) },
      ],
      action: [coding('http://terminology.hl7.org/CodeSystem/consentaction', 'disclose')],
    },
  };
  return { patient, coverageToMatch, coverageToLink, consent };
}
export type Parts = Partial<Record<keyof ReturnType<typeof parts>, object | undefined>>;

/** What `person` looks like on the card of the old plan. */
export const card = (p: Person, more: Asked = {}): Asked => ({
  family: p.family,
  given: p.given.split(' '),
  born: p.born,
  memberId: p.number,
  subscriberId: p.subscriber,
  ...more,
});

/** The Parameters body of a match request. */
export function matchBody(...bundles: Parts[]): { resourceType: string; parameter: object[] } {
  return {
    resourceType: 'Parameters',
    parameter: bundles.map((b) => ({
      name: 'MemberBundle',
      part: [
        { name: 'MemberPatient', resource: b.patient },
        { name: 'CoverageToMatch', resource: b.coverageToMatch },
        { name: 'CoverageToLink', resource: b.coverageToLink },
        { name: 'Consent', resource: b.consent },
      ].filter((p) => p.resource !== undefined),
    })),
  };
}
