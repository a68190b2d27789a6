// Prior authorizations, http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-priorauthorization. Review action
// codes of X12 306 stand bare.
import type { JsonObject } from '../../fhir/resource.ts';
import { isoDate, isoInstant } from '../dates.ts';
import { concept } from '../plan-net/elements.ts';
import { clinician, facility } from './care.ts';
import { type Added, type Chart, to } from './chart.ts';
import { service } from './claim-parts.ts';
import { AUTHORIZED, AUTHORIZED_DRUG, SYSTEM } from './codes.ts';
import { documentReference } from './plans-of-care.ts';

const PDEX = 'http://hl7.org/fhir/us/davinci-pdex';
const PAS = 'http://hl7.org/fhir/us/davinci-pas';
const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';

/** How an authorization ended. `overturned`: denied, then certified on appeal. `expired`: certified, long over. */
export type Decision = 'approved' | 'denied' | 'pended' | 'partial' | 'drug' | 'overturned' | 'expired';

type Action = 'A1' | 'A3' | 'A4';
type Line = { hcpcs: string; units: number; actions: readonly (readonly [action: Action, day: number])[] };

const action = (code: Action, number: string, day: number): JsonObject[] => [
  {
    url: `${PDEX}/StructureDefinition/extension-reviewAction`,
    extension: [
      { url: 'number', valueString: number },
      {
        url: `${PDEX}/StructureDefinition/extension-reviewActionCode`,
        valueCodeableConcept: concept('https://codesystem.x12.org/005010/306', code),
      },
    ],
  },
  { url: `${PDEX}/StructureDefinition/base-ext-when-adjudicated`, valueDateTime: isoInstant(day, 50_400) },
];

function adjudication(line: Line, number: string, cents: number): JsonObject[] {
  const entries: JsonObject[] = line.actions.map(([code, day]) => ({
    extension: action(code, number, day),
    category: concept(`${TERMINOLOGY}/adjudication`, 'submitted'),
    amount: { value: cents / 100, currency: 'USD' },
  }));
  const last = line.actions.at(-1)?.[0];
  if (last === 'A3')
    entries.push({
      category: concept(`${PDEX}/CodeSystem/PDexAdjudicationDiscriminator`, 'denialreason'),
      reason: { coding: [{ system: 'https://x12.org/codes/claim-adjustment-reason-codes', code: '50' }] },
    });
  if (last === 'A1')
    entries.push(
      { category: concept(`${PDEX}/CodeSystem/PDexAdjudicationDiscriminator`, 'allowedunits'), value: line.units },
      {
        category: concept(`${PDEX}/CodeSystem/PDexAdjudicationDiscriminator`, 'consumedunits'),
        value: Math.floor(line.units / 3),
      },
    );
  return entries;
}

function linesFor(decision: Decision, chart: Chart, day: number): Line[] {
  const first = chart.draw.int(AUTHORIZED.length);
  const one = AUTHORIZED[first] ?? AUTHORIZED[0];
  const two = AUTHORIZED[(first + 1) % AUTHORIZED.length] ?? AUTHORIZED[0];
  switch (decision) {
    case 'approved':
    case 'expired':
      return [{ ...one, actions: [['A1', day + 4]] }];
    case 'denied':
      return [{ ...one, actions: [['A3', day + 5]] }];
    case 'pended':
      return [{ ...one, actions: [['A4', day + 1]] }];
    case 'partial':
      return [
        { ...one, actions: [['A1', day + 4]] },
        { ...two, actions: [['A3', day + 4]] },
      ];
    case 'drug':
      return [{ ...AUTHORIZED_DRUG, actions: [['A1', day + 2]] }];
    case 'overturned':
      return [
        {
          ...one,
          actions: [
            ['A3', day + 3],
            ['A1', day + 25],
          ],
        },
      ];
  }
}

/** One authorization with its supporting document. Returns the ExplanationOfBenefit. */
export function priorAuthorization(chart: Chart, coverage: Added, decision: Decision, day: number, n: number): Added {
  const number = `AUTH${chart.index}-${n}`;
  const clinicianNumber = chart.draw.int(16);
  const clinicNumber = chart.draw.between(1, 3);
  const document = documentReference(chart, day - 1, {
    loinc: '34109-9',
    title: `Clinical note for authorization ${number}`,
    body: `Medical need for authorization ${number}, written for the reviewer. Invented.`,
    author: clinician(chart.side, clinicianNumber),
  });
  const lines = linesFor(decision, chart, day);
  const granted = lines.flatMap((l) => l.actions.filter(([code]) => code === 'A1').map(([, at]) => at));
  const from = granted.length > 0 ? Math.max(...granted) : undefined;
  const decided = Math.max(...lines.flatMap((l) => l.actions.map(([, at]) => at)));
  const cents = chart.draw.between(20_000, 400_000);
  const period = from === undefined ? undefined : { start: isoDate(from), end: isoDate(from + 120) };
  return chart.add('ExplanationOfBenefit', `${PDEX}/StructureDefinition/pdex-priorauthorization`, decided, {
    identifier: [{ system: `https://${chart.side}.example/sid/authorization`, value: number }],
    status: 'active',
    type: concept(`${TERMINOLOGY}/claim-type`, 'professional'),
    use: 'preauthorization',
    patient: chart.patient,
    created: isoDate(day),
    insurer: chart.insurer,
    provider: facility(chart.side, clinicNumber),
    priority: concept(`${TERMINOLOGY}/processpriority`, 'normal'),
    outcome: decision === 'pended' ? 'queued' : decision === 'partial' ? 'partial' : 'complete',
    preAuthRef: [number],
    ...(period ? { preAuthRefPeriod: [period] } : {}),
    careTeam: [
      {
        sequence: 1,
        provider: clinician(chart.side, clinicianNumber),
        role: concept(`${TERMINOLOGY}/claimcareteamrole`, 'primary'),
      },
    ],
    supportingInfo: [
      {
        sequence: 1,
        category: concept(`${PAS}/CodeSystem/PASSupportingInfoType`, 'additionalInformation'),
        valueReference: to(document),
      },
    ],
    diagnosis: [{ sequence: 1, diagnosisCodeableConcept: { coding: [{ system: SYSTEM.icd10, code: 'M62.81' }] } }],
    insurance: [{ focal: true, coverage: to(coverage) }],
    item: lines.map((line, i) => ({
      extension: [
        {
          url: `${PAS}/StructureDefinition/extension-itemTraceNumber`,
          valueIdentifier: { system: `https://${chart.side}.example/sid/trace`, value: `${number}-${i + 1}` },
        },
        { url: `${PAS}/StructureDefinition/extension-itemPreAuthIssueDate`, valueDate: isoDate(decided) },
        ...(period ? [{ url: `${PAS}/StructureDefinition/extension-itemPreAuthPeriod`, valuePeriod: period }] : []),
      ],
      sequence: i + 1,
      productOrService: service(SYSTEM.hcpcs, line.hcpcs),
      quantity: { value: line.units },
      adjudication: adjudication(line, number, Math.round(cents / lines.length)),
    })),
    total: (['submitted', 'eligible', 'utilized'] as const).map((code, i) => ({
      ...(code === 'utilized'
        ? {
            extension: [
              {
                url: `${PDEX}/StructureDefinition/PriorAuthorizationUtilization`,
                valueQuantity: { value: Math.floor((lines[0]?.units ?? 0) / 3) },
              },
            ],
          }
        : {}),
      category: concept(`${PDEX}/CodeSystem/PriorAuthorizationValueCodes`, code),
      amount: { value: i === 2 ? Math.round(cents / 3) / 100 : cents / 100, currency: 'USD' },
    })),
  });
}
