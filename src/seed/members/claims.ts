// Claims as a payer holds them, with money, in the shapes of CARIN Blue Button 2.0.0 (five kinds). What a peer may see
// is a matter of the responder, not of this file.
import type { JsonObject } from '../../fhir/resource.ts';
import { isoDate, isoInstant } from '../dates.ts';
import { concept } from '../directory/elements.ts';
import { C4BB, clinician, DENTAL, facility, HOSPITAL, PHARMACY } from './care.ts';
import { type Added, type Chart, to } from './chart.ts';
import { type Label, type Protocol, SYSTEM } from './codes.ts';

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const NUBC = 'https://www.nubc.org/CodeSystem';
const c4bb = (system: string, code: string) => concept(`${C4BB}/CodeSystem/${system}`, code);
const bare = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] });

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

const amount = (cents: number): JsonObject => ({ value: cents / 100, currency: 'USD' });

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

const sum = (list: readonly Money[]): Money =>
  list.reduce((a, b) => ({
    submitted: a.submitted + b.submitted,
    allowed: a.allowed + b.allowed,
    copay: a.copay + b.copay,
    paid: a.paid + b.paid,
  }));

const status = (discriminator: string, code = 'innetwork'): JsonObject => ({
  category: c4bb('C4BBAdjudicationDiscriminator', discriminator),
  reason: c4bb('C4BBPayerAdjudicationStatus', code),
});

const info = (sequence: number, category: string, value: JsonObject): JsonObject => ({
  sequence,
  category: c4bb('C4BBSupportingInfoType', category),
  ...value,
});

/** Numbers the entries of `supportingInfo`. */
const infos = (entries: readonly (readonly [string, JsonObject])[]) =>
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

function claim(chart: Chart, kind: string, c: ClaimParts, settled: number, body: JsonObject, total: Money): Added {
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

const type = (code: string) => concept(`${TERMINOLOGY}/claim-type`, code);

function diagnosis(icd10: string, typed = 'principal', system = `${TERMINOLOGY}/ex-diagnosistype`): JsonObject[] {
  return [{ sequence: 1, diagnosisCodeableConcept: bare(SYSTEM.icd10, icd10), type: [concept(system, typed)] }];
}

/** A checkup, when there is no condition to treat. */
const CHECKUP = 'Z00.00';

/** Days after service on which the version of a claim was settled. */
const settledAfter = (v: Version) => (v.prior === undefined ? 12 : 60 + 30 * (v.uc.charCodeAt(v.uc.length - 1) - 64));

export function professional(
  chart: Chart,
  c: ClaimParts & { clinician: number; facility: number; place?: string },
): Added {
  const visit = price(chart, 90, 340);
  const extra = chart.draw.chance(0.4) ? price(chart, 20, 90) : undefined;
  const lines = extra ? [visit, extra] : [visit];
  const codes = [c.protocol?.service ?? 'G0439', 'G2211'];
  return claim(
    chart,
    'Professional-NonClinician',
    c,
    c.day + settledAfter(c.version),
    {
      type: type('professional'),
      provider: facility(chart.side, c.facility),
      careTeam: [
        { sequence: 1, provider: clinician(chart.side, c.clinician), role: c4bb('C4BBClaimCareTeamRole', 'rendering') },
      ],
      supportingInfo: infos([
        ['clmrecvddate', { timingDate: isoDate(c.day + 5) }],
        ['patientaccountnumber', { valueString: `ACC${chart.index}` }],
      ]),
      diagnosis: diagnosis(c.protocol?.icd10 ?? CHECKUP),
      item: lines.map((money, i) => ({
        sequence: i + 1,
        careTeamSequence: [1],
        diagnosisSequence: [1],
        productOrService: bare(SYSTEM.hcpcs, codes[i] ?? 'G0463'),
        servicedDate: isoDate(c.day),
        locationCodeableConcept: bare(
          'https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set',
          c.place ?? '11',
        ),
        quantity: { value: 1 },
        unitPrice: amount(money.submitted),
        net: amount(money.submitted),
        adjudication: [status('benefitpaymentstatus'), ...amounts(money)],
      })),
      adjudication: [status('billingnetworkstatus'), status('renderingnetworkstatus')],
    },
    sum(lines),
  );
}

export function outpatient(chart: Chart, c: ClaimParts & { clinician: number; facility: number }): Added {
  const lines = [price(chart, 300, 1500), price(chart, 60, 400)];
  return claim(
    chart,
    'Outpatient-Institutional',
    c,
    c.day + settledAfter(c.version),
    {
      type: type('institutional'),
      subType: c4bb('C4BBInstitutionalClaimSubType', 'outpatient'),
      provider: facility(chart.side, c.facility),
      careTeam: [
        { sequence: 1, provider: clinician(chart.side, c.clinician), role: c4bb('C4BBClaimCareTeamRole', 'attending') },
      ],
      supportingInfo: infos([
        ['clmrecvddate', { timingDate: isoDate(c.day + 6) }],
        ['typeofbill', { code: bare(`${NUBC}/TypeOfBill`, '131') }],
        ['patientaccountnumber', { valueString: `ACC${chart.index}` }],
      ]),
      diagnosis: diagnosis(c.protocol?.icd10 ?? CHECKUP),
      item: lines.map((_, i) => ({
        sequence: i + 1,
        revenue: bare(`${NUBC}/RevenueCodes`, i === 0 ? '0510' : '0300'),
        productOrService: bare(SYSTEM.hcpcs, i === 0 ? 'G0463' : 'G0471'),
        servicedDate: isoDate(c.day),
        quantity: { value: 1 },
        unitPrice: amount(lines[i]?.submitted ?? 0),
        net: amount(lines[i]?.submitted ?? 0),
      })),
      adjudication: [status('benefitpaymentstatus'), status('billingnetworkstatus'), ...amounts(sum(lines))],
    },
    sum(lines),
  );
}

export function inpatient(chart: Chart, c: ClaimParts & { end: number; clinician: number }): Added {
  const money = price(chart, 9_000, 48_000);
  return claim(
    chart,
    'Inpatient-Institutional',
    c,
    c.end + settledAfter(c.version),
    {
      type: type('institutional'),
      subType: c4bb('C4BBInstitutionalClaimSubType', 'inpatient'),
      provider: facility(chart.side, HOSPITAL),
      careTeam: [
        { sequence: 1, provider: clinician(chart.side, c.clinician), role: c4bb('C4BBClaimCareTeamRole', 'attending') },
      ],
      supportingInfo: infos([
        ['admissionperiod', { timingPeriod: { start: isoDate(c.day), end: isoDate(c.end) } }],
        ['clmrecvddate', { timingDate: isoDate(c.end + 4) }],
        ['typeofbill', { code: bare(`${NUBC}/TypeOfBill`, '111') }],
        ['pointoforigin', { code: bare(`${NUBC}/PointOfOrigin`, '1') }],
        ['admtype', { code: bare(`${NUBC}/PriorityTypeOfAdmitOrVisit`, '1') }],
        ['discharge-status', { code: bare(`${NUBC}/PatDischargeStatus`, '01') }],
        ['medicalrecordnumber', { valueString: `MRN${chart.index}` }],
      ]),
      diagnosis: diagnosis('J18.9'),
      procedure: [
        {
          sequence: 1,
          type: [c4bb('C4BBClaimProcedureType', 'principal')],
          date: isoDate(c.day),
          procedureCodeableConcept: bare(SYSTEM.icd10pcs, '3E0333Z'),
        },
      ],
      item: [
        {
          sequence: 1,
          revenue: bare(`${NUBC}/RevenueCodes`, '0120'),
          productOrService: bare(`${TERMINOLOGY}/data-absent-reason`, 'not-applicable'),
          servicedPeriod: { start: isoDate(c.day), end: isoDate(c.end) },
          quantity: { value: c.end - c.day },
          net: amount(money.submitted),
        },
      ],
      adjudication: [status('benefitpaymentstatus'), status('billingnetworkstatus'), ...amounts(money)],
      benefitBalance: [
        {
          category: concept(`${TERMINOLOGY}/ex-benefitcategory`, '1'),
          financial: [
            {
              type: concept(`${TERMINOLOGY}/benefit-type`, 'deductible'),
              allowedMoney: amount(150_000),
              usedMoney: amount(money.copay),
            },
          ],
        },
      ],
    },
    money,
  );
}

export function oral(chart: Chart, c: ClaimParts & { clinician: number }): Added {
  const lines = [price(chart, 80, 190), price(chart, 50, 110)];
  return claim(
    chart,
    'Oral',
    c,
    c.day + settledAfter(c.version),
    {
      type: type('oral'),
      provider: facility(chart.side, DENTAL),
      careTeam: [
        { sequence: 1, provider: clinician(chart.side, c.clinician), role: c4bb('C4BBClaimCareTeamRole', 'rendering') },
      ],
      supportingInfo: infos([['clmrecvddate', { timingDate: isoDate(c.day + 3) }]]),
      diagnosis: diagnosis('Z01.20'),
      item: lines.map((money, i) => ({
        sequence: i + 1,
        productOrService: bare(SYSTEM.cdt, i === 0 ? 'D1110' : 'D0120'),
        servicedDate: isoDate(c.day),
        locationCodeableConcept: bare(
          'https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set',
          '11',
        ),
        net: amount(money.submitted),
        adjudication: [status('benefitpaymentstatus'), ...amounts(money)],
      })),
      adjudication: [status('benefitpaymentstatus'), status('billingnetworkstatus'), status('renderingnetworkstatus')],
    },
    sum(lines),
  );
}

export function pharmacy(
  chart: Chart,
  c: ClaimParts & { protocol: Protocol; days: number; rx: string; fill: number; prescriber: number },
): Added {
  const money = price(chart, 12, 160);
  return claim(
    chart,
    'Pharmacy',
    c,
    c.day + 1,
    {
      identifier: [
        uniqueClaim(c.version.uc, chart.side),
        { system: 'https://pharmacy.example/sid/fill', value: `${c.rx}-${c.fill}` },
      ],
      type: type('pharmacy'),
      provider: facility(chart.side, PHARMACY),
      careTeam: [
        {
          sequence: 1,
          provider: clinician(chart.side, c.prescriber),
          role: c4bb('C4BBClaimCareTeamRole', 'prescribing'),
        },
      ],
      supportingInfo: infos([
        ['dayssupply', { valueQuantity: { value: c.days } }],
        ['dawcode', { code: bare(`${TERMINOLOGY}/NCPDPDispensedAsWrittenOrProductSelectionCode`, '0') }],
        ['refillnum', { valueQuantity: { value: c.fill } }],
        ['refillsauthorized', { valueQuantity: { value: 3 } }],
        ['clmrecvddate', { timingDate: isoDate(c.day) }],
      ]),
      item: [
        {
          sequence: 1,
          productOrService: bare(SYSTEM.ndc, c.protocol.drug.ndc),
          servicedDate: isoDate(c.day),
          quantity: { value: c.protocol.drug.daily * c.days },
          net: amount(money.submitted),
          adjudication: amounts(money),
        },
      ],
      adjudication: [status('benefitpaymentstatus'), status('billingnetworkstatus')],
    },
    money,
  );
}
