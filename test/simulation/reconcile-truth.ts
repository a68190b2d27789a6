// What has happened to members, and how each payer tells it: its own ids, spellings, units, zones and omissions. Of two tellings of one event the
// tables of spec/reconciliation.md say that they are one, as each keeps a business number in common or all parts of the event.
import type { JsonObject } from '../../src/fhir/resource.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { decided } from '../exchange/authorization-fixture.ts';

export const PAYERS = ['own', 'prior', 'second', 'third'] as const;
export type Payer = (typeof PAYERS)[number];
export const MEMBERS = ['m1', 'm2'] as const;
export const patientAt = (payer: Payer, member: string): string => (payer === 'own' ? member : `p${member.slice(1)}`);
export const baseOf = (payer: Payer): string =>
  payer === 'own' ? 'https://ours.example/exchange/fhir' : `https://${payer}.example/fhir`;

/** A National Provider Identifier with its check digit (Luhn over 80840 and nine digits). */
export function npi(n: number): string {
  const nine = String(100_000_000 + n);
  const sum = Array.from(`80840${nine}`, Number)
    .reverse()
    .reduce((total, digit, i) => {
      const d = digit * (i % 2 === 0 ? 2 : 1);
      return total + (d > 9 ? d - 9 : d);
    }, 0);
  return `${nine}${(10 - (sum % 10)) % 10}`;
}

export const KINDS = [
  'lab',
  'vital',
  'pressure',
  'problem',
  'allergy',
  'shot',
  'order',
  'fill',
  'procedure',
  'visit',
  'document',
  'claim',
  'authorization',
] as const;
/** of reconcile-wide.ts, too */
export const MORE_KINDS = [...KINDS, 'coverage'] as const;
export type Kind = (typeof MORE_KINDS)[number];
export const TYPE_OF: Readonly<Record<Kind, string>> = {
  lab: 'Observation',
  vital: 'Observation',
  pressure: 'Observation',
  problem: 'Condition',
  allergy: 'AllergyIntolerance',
  shot: 'Immunization',
  order: 'MedicationRequest',
  fill: 'MedicationDispense',
  procedure: 'Procedure',
  visit: 'Encounter',
  document: 'DocumentReference',
  claim: 'ExplanationOfBenefit',
  authorization: 'ExplanationOfBenefit',
  coverage: 'Coverage',
};
/** Days that a coverage lasts. */
const COVERED = 40;
/** Does one member have two coverages on one day? Each is another insurer's. */
export const coverAtOnce = (a: TruthEvent, b: TruthEvent): boolean =>
  a.kind === 'coverage' && b.kind === 'coverage' && a !== b && Math.abs(a.when - b.when) <= COVERED;
/** Which of them may be told otherwise by somebody, which is a contradiction, and of what kind. */
export const CONFLICT_OF: Partial<Readonly<Record<Kind, string>>> = {
  lab: 'value-mismatch',
  vital: 'value-mismatch',
  pressure: 'value-mismatch',
  problem: 'status-mismatch',
  allergy: 'status-mismatch',
  order: 'dosage-mismatch',
};

/** One thing that happened. `when`: days after 2025-01-06; `at`: minute of the day, so that all zones have one day. */
export type TruthEvent = {
  n: number;
  kind: Kind;
  member: string;
  code: number;
  when: number;
  at: number;
  who: number;
  /** the kind of number that several payers have in common, if any */
  isNumbered: boolean;
  /** of claims: the version before */
  prior?: number;
};

const iso = (days: number, minute: number): string =>
  new Date(Date.UTC(2025, 0, 6 + days, 0, minute)).toISOString().replace('.000', '');
const day = (days: number): string => iso(days, 0).slice(0, 10);
/** The same instant in the zone of an hour. */
function zoned(days: number, minute: number, hours: number): string {
  if (hours === 0) return iso(days, minute);
  return iso(days, minute + hours * 60).replace('Z', `${hours < 0 ? '-' : '+'}0${Math.abs(hours)}:00`);
}

const LOINC = ['718-7', '2951-2', '2823-3', '4544-3'];
const VITALS: readonly [code: string, unit: string][] = [
  ['8867-4', '/min'],
  ['9279-1', '/min'],
  ['8310-5', 'Cel'],
];
const ICD = [
  'E11.9',
  'I10',
  'J45.909',
  'M54.50',
  'K21.9',
  'N18.30',
  'E78.5',
  'L40.0',
  'H40.9',
  'G43.909',
  'D64.9',
  'R73.03',
];
const SUBSTANCES = ['7980', '2670', '1191', '10180', '2002', '5640', '1841', '3355', '4053', '8591', '161', '7242'];
const CVX = ['08', '140', '21', '115'];
const DRUGS = [
  '197361',
  '314076',
  '860975',
  '617314',
  '198211',
  '310965',
  '313782',
  '197319',
  '310798',
  '312961',
  '866514',
  '856987',
];
const NDC = ['00071015523', '00093105801', '68180051301', '16729013601'];
const CPT = ['99213', '11042', '97110', '45378'];
const DOSES = ['1', '2', '3'];

const UNITS = 'http://unitsofmeasure.org';
const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;

/** How a payer tells an event; the same each time. `value`: 0 as it was, others as somebody has it otherwise. */
export function tell(
  seed: number,
  e: TruthEvent,
  payer: Payer,
  id: string,
  value: number,
  updated: string,
): JsonObject {
  const draw = new Draw(seed, kindKey(`style ${payer}`), e.n);
  const zone = draw.pick([0, 0, -5, 2]);
  const spelling = draw.chance(0.5);
  const system = { lab: `https://lab${e.who}.example/accession`, other: 'https://hospital.example/number' };
  const numbered = (own: string): JsonObject => ({
    identifier: [
      ...(draw.chance(0.5) ? [{ system: `https://${payer}.example/row`, value: `${payer}-${id}` }] : []),
      ...(e.isNumbered ? [{ system: own, value: `${e.kind}-${e.n}` }] : []),
    ],
  });
  const clinician = npi(e.who);
  const person = (): JsonObject => {
    const by = { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: clinician } };
    if (payer === 'own') return by;
    return draw.pick([
      by,
      { reference: `Practitioner/${payer}-d${e.who}` },
      { reference: `${baseOf(payer)}/Practitioner/${payer}-d${e.who}` },
    ]);
  };
  const house = (): JsonObject => {
    const by = { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: npi(100 + e.who) } };
    return payer === 'own' ? by : draw.pick([by, { reference: `Organization/${payer}-h${e.who}` }]);
  };
  const whose: JsonObject = { reference: `Patient/${patientAt(payer, e.member)}` };
  const base = { resourceType: TYPE_OF[e.kind], id, meta: { lastUpdated: updated } };
  const coded = (url: string, code: string, local: string): JsonObject => ({
    coding: [
      ...(spelling ? [{ system: `https://${payer}.example/codes`, code: `${local}${e.code}` }] : []),
      { system: url, code, ...(draw.chance(0.5) ? { display: `${payer} ${code}` } : {}) },
    ],
  });
  switch (e.kind) {
    case 'lab': {
      const grams = 12 + value + (e.n % 5) / 2;
      return clean({
        ...base,
        ...numbered(system.lab),
        status: 'final',
        category: [
          { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
        ],
        code: coded('http://loinc.org', at(LOINC, e.code), 'L'),
        subject: whose,
        effectiveDateTime: zoned(e.when, e.at, zone),
        performer: [house()],
        valueQuantity: spelling
          ? { value: grams * 10, unit: 'g/L', system: UNITS, code: 'g/L' }
          : { value: grams, unit: 'g/dL', system: UNITS, code: 'g/dL' },
      });
    }
    case 'vital': {
      const [code, unit] = at(VITALS, e.code);
      return clean({
        ...base,
        ...numbered(system.other),
        status: 'final',
        category: [
          { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
        ],
        code: coded('http://loinc.org', code, 'V'),
        subject: whose,
        effectiveDateTime: zoned(e.when, e.at, zone),
        performer: [person()],
        valueQuantity: { value: 30 + value * 4, unit, system: UNITS, code: unit },
      });
    }
    case 'pressure': {
      const parts: JsonObject[] = [['8480-6', 120 + value * 10] as const, ['8462-4', 80] as const].map(
        ([code, mm]) => ({
          code: { coding: [{ system: 'http://loinc.org', code }] },
          valueQuantity: { value: mm, unit: 'mmHg', system: UNITS, code: 'mm[Hg]' },
        }),
      );
      return clean({
        ...base,
        ...numbered(system.other),
        status: 'final',
        category: [
          { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
        ],
        code: coded('http://loinc.org', '85354-9', 'P'),
        subject: whose,
        effectiveDateTime: zoned(e.when, e.at, zone),
        performer: [person()],
        component: spelling ? parts : parts.reverse(),
      });
    }
    case 'problem': {
      const code = at(ICD, e.code);
      return clean({
        ...base,
        ...numbered(system.other),
        clinicalStatus: {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/condition-clinical',
              code: value === 0 ? 'active' : 'resolved',
            },
          ],
        },
        verificationStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
        },
        category: [
          {
            coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'problem-list-item' }],
          },
        ],
        code: coded(
          draw.pick(['http://hl7.org/fhir/sid/icd-10-cm', 'urn:oid:2.16.840.1.113883.6.90']),
          draw.chance(0.3) ? code.replace('.', '') : code,
          'C',
        ),
        subject: whose,
        ...(draw.chance(0.6) ? { onsetDateTime: day(e.when) } : {}),
      });
    }
    case 'allergy':
      return clean({
        ...base,
        ...numbered(system.other),
        clinicalStatus: {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical',
              code: value === 0 ? 'active' : 'resolved',
            },
          ],
        },
        verificationStatus: {
          coding: [
            { system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification', code: 'confirmed' },
          ],
        },
        category: ['medication'],
        code: coded('http://www.nlm.nih.gov/research/umls/rxnorm', at(SUBSTANCES, e.code), 'A'),
        patient: whose,
        ...(draw.chance(0.5) ? { recordedDate: day(e.when) } : {}),
      });
    case 'shot': {
      const code = at(CVX, e.code);
      return clean({
        ...base,
        ...numbered(system.other),
        status: 'completed',
        vaccineCode: coded('http://hl7.org/fhir/sid/cvx', spelling ? String(Number(code)) : code, 'I'),
        patient: whose,
        occurrenceDateTime: draw.chance(0.5) ? day(e.when) : zoned(e.when, e.at, -5),
        ...(draw.chance(0.5) ? { performer: [{ actor: person() }] } : {}),
      });
    }
    case 'order':
      return clean({
        ...base,
        ...numbered(system.other),
        status: 'active',
        intent: 'order',
        medicationCodeableConcept: coded('http://www.nlm.nih.gov/research/umls/rxnorm', at(DRUGS, e.code), 'M'),
        subject: whose,
        authoredOn: draw.chance(0.5) ? day(e.when) : zoned(e.when, e.at, -5),
        requester: person(),
        dosageInstruction: [
          {
            timing: spelling
              ? {
                  code: {
                    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation', code: 'BID' }],
                  },
                }
              : { repeat: { frequency: 2, period: 1, periodUnit: 'd' } },
            doseAndRate: [{ doseQuantity: { value: Number(at(DOSES, value)), unit: 'tablet' } }],
          },
        ],
      });
    case 'fill': {
      const code = at(NDC, e.code);
      return clean({
        ...base,
        ...numbered('https://pharmacy.example/rx-fill'),
        status: 'completed',
        medicationCodeableConcept: coded(
          'http://hl7.org/fhir/sid/ndc',
          draw.chance(0.5) ? code : `${code.slice(0, 5)}-${code.slice(5, 9)}-${code.slice(9)}`,
          'F',
        ),
        subject: whose,
        whenHandedOver: draw.chance(0.5) ? day(e.when) : zoned(e.when, e.at, -5),
        quantity: { value: 60, unit: 'tablet' },
        daysSupply: { value: 30, unit: 'day', system: UNITS, code: 'd' },
        performer: [{ actor: house() }],
      });
    }
    case 'procedure':
      return clean({
        ...base,
        ...numbered(system.other),
        status: 'completed',
        code: coded('http://www.ama-assn.org/go/cpt', at(CPT, e.code), 'X'),
        subject: whose,
        ...(draw.chance(0.5)
          ? { performedDateTime: day(e.when) }
          : { performedPeriod: { start: zoned(e.when, e.at, zone), end: zoned(e.when, e.at + 30, zone) } }),
        performer: [{ actor: person() }],
      });
    case 'visit':
      return clean({
        ...base,
        ...numbered('https://hospital.example/visit'),
        status: 'finished',
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
        subject: whose,
        participant: [{ individual: person() }],
        serviceProvider: house(),
        period: draw.chance(0.5)
          ? { start: day(e.when), end: day(e.when) }
          : { start: zoned(e.when, e.at, zone), end: zoned(e.when, e.at + 20, zone) },
      });
    case 'document':
      return clean({
        ...base,
        ...numbered(system.other),
        status: 'current',
        type: coded('http://loinc.org', '34133-9', 'D'),
        subject: whose,
        date: zoned(e.when, e.at, zone),
        content: [
          {
            attachment: {
              contentType: 'text/plain',
              data: Buffer.from(`note ${e.n} of ${e.member}`).toString('base64'),
            },
          },
        ],
      });
    case 'claim':
      return clean({
        ...base,
        identifier: [
          {
            type: { coding: [{ system: 'http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType', code: 'uc' }] },
            system: 'https://insurer.example/claims',
            value: `C${e.n}`,
          },
        ],
        status: value === 0 ? 'active' : 'cancelled',
        use: 'claim',
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
        patient: whose,
        billablePeriod: { start: day(e.when) },
        created: draw.chance(0.5) ? day(e.when + 3 + e.n) : iso(e.when + 3 + e.n, 600),
        insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: npi(900) } },
        provider: person(),
        outcome: 'complete',
        insurance: [{ focal: true, coverage: { display: 'x' } }],
        item: [
          {
            sequence: 1,
            productOrService: coded('http://www.ama-assn.org/go/cpt', at(CPT, e.code), 'X'),
            servicedDate: day(e.when),
          },
        ],
        ...(e.prior === undefined
          ? {}
          : {
              related: [
                {
                  relationship: {
                    coding: [
                      { system: 'http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship', code: 'prior' },
                    ],
                  },
                  reference: { system: 'https://insurer.example/claims', value: `C${e.prior}` },
                },
              ],
            }),
      });
    case 'coverage':
      return clean({
        ...base,
        identifier: [
          {
            type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' }] },
            system: 'https://insurer.example/members',
            value: `MB${e.n}`,
          },
        ],
        status: 'active',
        beneficiary: whose,
        relationship: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/subscriber-relationship', code: 'self' }],
        },
        payor: [{ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: npi(910 + e.n) } }],
        // over before ours began
        period: { start: day(e.when - 3000), end: day(e.when - 3000 + COVERED) },
        ...(spelling ? { class: [{ type: { coding: [{ code: 'group' }] }, value: `G${e.n}` }] } : {}),
      });
    case 'authorization':
      return clean({
        ...base,
        identifier: [{ system: 'https://insurer.example/pa', value: `PA${e.n}` }],
        status: 'active',
        use: 'preauthorization',
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
        patient: whose,
        created: day(e.when),
        insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: npi(900) } },
        provider: person(),
        outcome: 'complete',
        insurance: [{ focal: true, coverage: { display: 'x' } }],
        item: [
          {
            sequence: 1,
            productOrService: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '97110' }] },
            adjudication: [decided(at(DECISIONS, value), iso(e.when + 1 + value, 720))],
          },
        ],
      });
  }
}

/** What is decided of an authorization, one after the other: pended, granted, denied, granted in the end. */
export const DECISIONS = ['A4', 'A1', 'A3', 'A1'] as const;

const clean = (r: JsonObject): JsonObject =>
  Array.isArray(r['identifier']) && r['identifier'].length === 0
    ? Object.fromEntries(Object.entries(r).filter(([k]) => k !== 'identifier'))
    : r;

/** Clinicians and houses as a payer's directory has them. */
export const directoryOf = (payer: Payer): Readonly<Record<'Practitioner' | 'Organization', JsonObject[]>> => {
  const of = (type: 'Practitioner' | 'Organization', letter: string, from: number, name: (n: number) => JsonObject) =>
    [0, 1, 2].map((n) => ({
      resourceType: type,
      id: `${payer}-${letter}${n}`,
      meta: { lastUpdated: '2025-01-01T00:00:00Z' },
      identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi(from + n) }],
      ...name(n),
    }));
  return {
    Practitioner: of('Practitioner', 'd', 0, (n) => ({ name: [{ family: `Doe${n}`, given: ['Jo'] }] })),
    Organization: of('Organization', 'h', 100, (n) => ({ active: true, name: `House ${n}` })),
  };
};
