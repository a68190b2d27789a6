// Claims as a payer holds them, with money, in the shapes of CARIN Blue Button 2.0.0 (five kinds). What a peer may see
// is a matter of the responder, not of this file.
import { isoDate } from '../dates.ts';
import { concept } from '../plan-net/elements.ts';
import { clinician, facility, HOSPITAL, PHARMACY } from './care.ts';
import type { Added, Chart } from './chart.ts';
import {
  amount,
  amounts,
  bare,
  CHECKUP,
  type ClaimParts,
  c4bb,
  claim,
  diagnosis,
  infos,
  price,
  service,
  settledAfter,
  status,
  sum,
  TERMINOLOGY,
  type,
  uniqueClaim,
} from './claim-parts.ts';
import { type Protocol, SYSTEM } from './codes.ts';

const NUBC = 'https://www.nubc.org/CodeSystem';

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
        productOrService: service(SYSTEM.hcpcs, codes[i] ?? 'G0463'),
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
        productOrService: service(SYSTEM.hcpcs, i === 0 ? 'G0463' : 'G0471'),
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
      // of the profiles of CARIN Blue Button this one lets a claim name a person only
      provider: clinician(chart.side, c.clinician),
      careTeam: [
        { sequence: 1, provider: clinician(chart.side, c.clinician), role: c4bb('C4BBClaimCareTeamRole', 'rendering') },
      ],
      supportingInfo: infos([['clmrecvddate', { timingDate: isoDate(c.day + 3) }]]),
      diagnosis: diagnosis('Z01.20'),
      item: lines.map((money, i) => ({
        sequence: i + 1,
        productOrService: service(SYSTEM.cdt, i === 0 ? 'D1110' : 'D0120'),
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
          productOrService: { ...bare(SYSTEM.ndc, c.protocol.drug.ndc), text: c.protocol.drug.text },
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
