// What the five kinds of claims have in common: money, versions, supporting information, the frame around the lines.
import type { JsonObject } from '../../fhir/resource.ts';
import { isoDate, isoInstant } from '../dates.ts';
import { concept } from '../plan-net/elements.ts';
import { C4BB } from './care.ts';
import { type Added, type Chart, to } from './chart.ts';
import { type Label, type Protocol, SERVICES, SYSTEM } from './codes.ts';

export const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
export const c4bb = (system: string, code: string) => concept(`${C4BB}/CodeSystem/${system}`, code);
/** A service with its plain words, where they are known. */
export const service = (system: string, code: string): JsonObject => {
  const text = SERVICES[code];
  return text === undefined ? bare(system, code) : { ...bare(system, code), text };
};

export const bare = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] });

export const uniqueClaim = (value: string, side: string): JsonObject => ({
  type: c4bb('C4BBIdentifierType', 'uc'),
  system: `https://${side}.example/sid/claim`,
  value,
});

/** Cents, so that sums are exact; dollars leave at the rim. */
export type Money = { submitted: number; allowed: number; copay: number; paid: number };

export function price(chart: Chart, from: number, to: number): Money {
  const submitted = chart.draw.between(from * 100, to * 100);
  const allowed = Math.round(submitted * (0.45 + chart.draw.next() * 0.4));
  const copay = Math.min(allowed, chart.draw.pick([0, 1500, 2000, 4000]));
  return { submitted, allowed, copay, paid: allowed - copay };
}

export const amount = (cents: number): JsonObject => ({ value: cents / 100, currency: 'USD' });

/** Amount entries of an adjudication or of `total`. */
export function amounts(m: Money): JsonObject[] {
  const base = (code: string, cents: number) => ({
    category: concept(`${TERMINOLOGY}/adjudication`, code),
    amount: amount(cents),
  });
  const ours = (code: string, cents: number) => ({ category: c4bb('C4BBAdjudication', code), amount: amount(cents) });
  return [
    base('submitted', m.submitted),
    base('eligible', m.allowed),
    base('copay', m.copay),
    base('benefit', m.paid),
    ours('noncovered', m.submitted - m.allowed),
    ours('paidtoprovider', m.paid),
    ours('memberliability', m.copay),
  ];
}

export const sum = (list: readonly Money[]): Money =>
  list.reduce((a, b) => ({
    submitted: a.submitted + b.submitted,
    allowed: a.allowed + b.allowed,
    copay: a.copay + b.copay,
    paid: a.paid + b.paid,
  }));

export const status = (discriminator: string, code = 'innetwork'): JsonObject => ({
  category: c4bb('C4BBAdjudicationDiscriminator', discriminator),
  reason: c4bb('C4BBPayerAdjudicationStatus', code),
});

const info = (sequence: number, category: string, value: JsonObject): JsonObject => ({
  sequence,
  category: c4bb('C4BBSupportingInfoType', category),
  ...value,
});

/** Numbers the entries of `supportingInfo`. */
export const infos = (entries: readonly (readonly [string, JsonObject])[]) =>
  entries.map(([category, value], i) => info(i + 1, category, value));

/** A claim's place in a chain of versions: `related` names the neighbours by their unique claim id. */
export type Version = { uc: string; prior?: string; replacedBy?: string; status: 'active' | 'cancelled' };

export type ClaimParts = {
  day: number;
  /** last day of service, when the claim spans several */
  end?: number;
  coverage: Added;
  protocol?: Protocol;
  version: Version;
  label?: Label | undefined;
  name?: string;
};

function related(side: string, v: Version): JsonObject {
  const link = (system: string, code: string, uc: string) => ({
    relationship: { coding: [{ system, code }] },
    reference: uniqueClaim(uc, side),
  });
  const list: JsonObject[] = [];
  if (v.prior !== undefined) list.push(link(`${TERMINOLOGY}/ex-relatedclaimrelationship`, 'prior', v.prior));
  if (v.replacedBy !== undefined)
    list.push(link(`${C4BB}/CodeSystem/C4BBRelatedClaimRelationshipCodes`, 'replacedby', v.replacedBy));
  return list.length > 0 ? { related: list } : {};
}

export function claim(
  chart: Chart,
  kind: string,
  c: ClaimParts,
  settled: number,
  body: JsonObject,
  total: Money,
): Added {
  return chart.add(
    'ExplanationOfBenefit',
    `${C4BB}/StructureDefinition/C4BB-ExplanationOfBenefit-${kind}|2.0.0`,
    settled,
    {
      identifier: [uniqueClaim(c.version.uc, chart.side)],
      status: c.version.status,
      use: 'claim',
      patient: chart.patient,
      billablePeriod: { start: isoDate(c.day), end: isoDate(c.end ?? c.day) },
      created: isoInstant(settled, 0),
      insurer: chart.insurer,
      outcome: 'complete',
      ...related(chart.side, c.version),
      payee: { type: concept(`${TERMINOLOGY}/payeetype`, 'provider') },
      insurance: [{ focal: true, coverage: to(c.coverage) }],
      ...body,
      total: amounts(total),
      payment: {
        type: c4bb('C4BBPayerAdjudicationStatus', 'paid'),
        date: isoDate(settled + 3),
        amount: amount(total.paid),
      },
    },
    { label: c.label ?? c.protocol?.label, ...(c.name === undefined ? {} : { name: c.name }) },
  );
}

export const type = (code: string) => concept(`${TERMINOLOGY}/claim-type`, code);

export function diagnosis(
  icd10: string,
  typed = 'principal',
  system = `${TERMINOLOGY}/ex-diagnosistype`,
): JsonObject[] {
  return [{ sequence: 1, diagnosisCodeableConcept: bare(SYSTEM.icd10, icd10), type: [concept(system, typed)] }];
}

/** A checkup, when there is no condition to treat. */
export const CHECKUP = 'Z00.00';

/** Days after service on which the version of a claim was settled. */
export const settledAfter = (v: Version) =>
  v.prior === undefined ? 12 : 60 + 30 * (v.uc.charCodeAt(v.uc.length - 1) - 64);
