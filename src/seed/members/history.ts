// A member's whole record at one plan.
import type { Resource } from '../../fhir/resource.ts';
import { isoDate } from '../dates.ts';
import { at } from '../random.ts';
import { BEHAVIORAL, clinician, HOSPITAL, PRACTITIONERS } from './care.ts';
import { type Added, Chart } from './chart.ts';
import type { Version } from './claim-parts.ts';
import { inpatient, oral, outpatient, pharmacy, professional } from './claims.ts';
import {
  bloodPressure,
  encounter,
  encounterDiagnosis,
  immunization,
  labReport,
  labResult,
  problem,
  rounded,
  smoking,
  vitalSign,
} from './clinical.ts';
import { PROCEDURES, type Protocol, VACCINES } from './codes.ts';
import { enrolled } from './coverage.ts';
import { medicationDispense, medicationRequest } from './medication.ts';
import { coverage, patient } from './patient.ts';
import { isOn, personOn } from './person.ts';
import { carePlan, careTeam, device, documentReference, goal, procedure, provenance } from './plans-of-care.ts';
import { type Decision, priorAuthorization } from './prior-authorization.ts';
import { protocolsOf } from './protocols.ts';
import { addSharedEvents } from './shared-events.ts';
import type { Side } from './side.ts';

/** Versions of the claim of visit `n`. At the prior plan some were adjusted once or twice, some taken back altogether. */
function versions(index: number, n: number, side: Side): Version[] {
  const uc = `CL${index}-${n}`;
  if (side === 'current') return [{ uc, status: 'active' }];
  if (n % 9 === 2)
    return [
      { uc, replacedBy: `${uc}A`, status: 'cancelled' },
      { uc: `${uc}A`, prior: uc, replacedBy: `${uc}B`, status: 'cancelled' },
      { uc: `${uc}B`, prior: `${uc}A`, status: 'active' },
    ];
  if (n % 9 === 5)
    return [
      { uc, replacedBy: `${uc}A`, status: 'cancelled' },
      { uc: `${uc}A`, prior: uc, status: 'active' },
    ];
  if (n % 9 === 8) return [{ uc, status: 'cancelled' }];
  return [{ uc, status: 'active' }];
}

function visits(
  chart: Chart,
  cover: Added,
  protocols: readonly Protocol[],
  from: number,
  to_: number,
  count: number,
): void {
  const every = (to_ - from) / count;
  for (let n = 0; n < count; n++) {
    // every fourth visit is a checkup; the others take the conditions in turn
    const protocol = n % 4 === 3 ? undefined : at(protocols, n - Math.floor(n / 4));
    const day = Math.floor(from + n * every + chart.draw.int(Math.max(1, Math.floor(every * 0.8))));
    const second = 28_800 + chart.draw.int(28_800);
    const sensitive = protocol?.label !== undefined;
    const who = sensitive ? 16 + chart.draw.int(4) : chart.draw.int(16);
    const where = sensitive ? BEHAVIORAL : chart.draw.between(1, 3);
    const label = protocol?.label;
    const visit = encounter(chart, {
      day,
      second,
      clinician: who,
      facility: where,
      visit: `V-${chart.index}-${chart.side}-${n}`,
      label,
      ...(protocol ? { protocol } : {}),
    });
    if (protocol && n % 2 === 0) encounterDiagnosis(chart, protocol, day, visit);
    bloodPressure(chart, day, second, visit, protocol?.icd10 === 'I10');
    const weight = rounded(62 + (chart.index % 40) + chart.draw.next() * 4, 1);
    vitalSign(
      chart,
      { profile: 'body-weight', loinc: '29463-7', text: 'Body weight', unit: 'kg', value: weight },
      day,
      second,
      visit,
    );
    if (n % 2 === 0)
      vitalSign(
        chart,
        { profile: 'heart-rate', loinc: '8867-4', text: 'Heart rate', unit: '/min', value: chart.draw.between(58, 96) },
        day,
        second,
        visit,
      );
    for (const version of versions(chart.index, n, chart.side))
      professional(chart, {
        day,
        coverage: cover,
        version,
        label,
        clinician: who,
        facility: where,
        ...(protocol ? { protocol } : {}),
      });
    if (n % 6 === 1) {
      const note = documentReference(chart, day, {
        loinc: '11506-3',
        title: 'Progress note',
        body: `Visit on ${isoDate(day)}. ${protocol ? `${protocol.text} is stable.` : 'Yearly checkup.'} Invented text.`,
        author: clinician(chart.side, who),
        visit,
        label,
      });
      provenance(chart, day, [note, visit], where, 'hl7ccda', label);
    }
  }
}

function tests(chart: Chart, protocols: readonly Protocol[], from: number, to_: number, panels: number): void {
  const every = (to_ - from) / panels;
  for (let n = 0; n < panels; n++) {
    const protocol = at(protocols, n);
    const day = Math.floor(from + n * every + chart.draw.int(Math.max(1, Math.floor(every * 0.7))));
    const second = 25_200 + chart.draw.int(14_400);
    const accession = `${chart.side === 'prior' ? 'OH' : 'ME'}-${chart.index}-${n}`;
    const results = protocol.tests.slice(0, 2).map((test) => {
      const value = rounded(test.low + (test.high - test.low) * chart.draw.next(), test.decimals);
      return labResult(chart, {
        test,
        value,
        day,
        second,
        accession: `${accession}-${test.loinc}`,
        label: protocol.label,
      });
    });
    const report = labReport(chart, protocol, day, second, accession, results);
    if (n % 5 === 0) provenance(chart, day, [report, ...results], 5, 'hl7v2oru', protocol.label);
  }
}

function drugs(
  chart: Chart,
  cover: Added,
  protocols: readonly Protocol[],
  from: number,
  to_: number,
  fills: number,
): void {
  for (const [i, protocol] of protocols.entries()) {
    const years = Math.max(1, Math.min(3, Math.floor((to_ - from) / 365)));
    const prescriber = chart.draw.int(PRACTITIONERS - 8);
    for (let year = 0; year < years; year++) {
      const last = year === years - 1;
      const start = last ? to_ - 300 : from + 30 + year * 400;
      const day = Math.max(from, start);
      const order = medicationRequest(chart, protocol, day, last ? 'active' : 'completed', prescriber);
      for (let fill = 0; fill < fills; fill++) {
        const filled = day + 2 + fill * 92;
        if (filled > to_ - 5) break;
        const rx = `${chart.side === 'prior' ? 'OH' : 'ME'}${chart.index}-${i}-${year}`;
        const dispensed = medicationDispense(chart, { protocol, day: filled, days: 90, rx, fill }, order);
        const paid = pharmacy(chart, {
          day: filled,
          coverage: cover,
          protocol,
          days: 90,
          rx,
          fill,
          prescriber,
          version: { uc: `RXC${rx}-${fill}`, status: 'active' },
        });
        if (fill === 0 && last) provenance(chart, filled, [dispensed, paid], 6, 'x12837', protocol.label);
      }
    }
  }
}

const DECISIONS: readonly Decision[] = ['denied', 'pended', 'partial', 'drug', 'overturned', 'expired'];

function authorizations(chart: Chart, cover: Added, to_: number): void {
  priorAuthorization(chart, cover, 'approved', to_ - 30, 1);
  const others = [at(DECISIONS, chart.index), at(DECISIONS, chart.index + 2)];
  for (const [i, decision] of others.entries())
    priorAuthorization(chart, cover, decision, decision === 'expired' ? to_ - 900 : to_ - 60 - i * 45, i + 2);
}

/** What the monitor wrote down every five minutes: a text that is too long to be within a record that leaves. */
function courseOfStay(nights: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const line = (n: number) => {
    const [day, hour, minute] = [Math.floor(n / 288) + 1, Math.floor((n % 288) / 12), (n % 12) * 5];
    const [pulse, upper, lower] = [68 + ((n * 7) % 15), 112 + ((n * 5) % 21), 70 + ((n * 3) % 13)];
    return `\nDay ${day}, ${two(hour)}:${two(minute)}: pulse ${pulse} a minute, blood pressure ${upper} over ${lower} mmHg, temperature 36.${(n * 3) % 9} degrees Celsius, asleep or resting, no pain.`;
  };
  return Array.from({ length: 288 * nights }, (_, n) => line(n)).join('');
}

function hospital(chart: Chart, cover: Added, from: number, to_: number): void {
  const days = to_ - from;
  if (chart.index % 2 === 0) {
    const day = from + Math.floor(days * 0.6);
    const nights = chart.draw.between(2, 6);
    const who = chart.draw.int(16);
    const visit = encounter(chart, {
      day,
      second: 21_600,
      clinician: who,
      facility: HOSPITAL,
      nights,
      visit: `H-${chart.index}`,
    });
    inpatient(chart, {
      day,
      end: day + nights,
      coverage: cover,
      clinician: who,
      version: { uc: `IP${chart.index}`, status: 'active' },
    });
    const summary = documentReference(chart, day + nights, {
      loinc: '18842-5',
      title: 'Discharge summary',
      body: `Stay of ${nights} nights, went home well. Invented text.${chart.index % 20 === 0 ? courseOfStay(nights) : ''}`,
      author: clinician(chart.side, who),
      visit,
    });
    provenance(chart, day + nights, [summary, visit], HOSPITAL, 'hl7ccda');
  }
  for (let n = 0; n < 2; n++)
    outpatient(chart, {
      day: from + Math.floor(days * (0.25 + n * 0.5)),
      coverage: cover,
      clinician: chart.draw.int(16),
      facility: HOSPITAL,
      version: { uc: `OP${chart.index}-${n}`, status: 'active' },
    });
  for (let n = 0; n < 4; n++)
    oral(chart, {
      day: from + Math.floor(days * (0.12 + n * 0.22)),
      coverage: cover,
      clinician: 20 + chart.draw.int(4),
      version: { uc: `DN${chart.index}-${n}`, status: 'active' },
    });
  const kind = at(PROCEDURES, chart.index);
  const day = from + Math.floor(days * 0.4);
  const visit = encounter(chart, { day, second: 30_600, clinician: 3, facility: HOSPITAL, visit: `P-${chart.index}` });
  procedure(chart, kind, day, 3, visit);
  procedure(chart, at(PROCEDURES, chart.index + 1), from + Math.floor(days * 0.7), 5, visit);
  if (chart.index % 10 === 0) device(chart, from + Math.floor(days * 0.5));
}

/**
 * Every record one plan holds about member `index`, Patient first; what they refer to outside comes from
 * `sharedRecords`. About 200 records at the prior plan over six to eight years, about 60 at ours. Empty when the plan
 * does not know the member.
 * @param until last day of the history, `YYYY-MM-DD`
 */
export function memberRecords(seed: number, index: number, side: Side, until?: string): Resource[] {
  if (!isOn(index, side)) return [];
  const e = enrolled(seed, index, until);
  const prior = side === 'prior';
  const chart = new Chart(seed, index, side, e.until);
  patient(chart, personOn(seed, index, side));
  const cover = coverage(chart, e);
  const from = e[side].start;
  const end = prior ? e.prior.end : e.until;
  const protocols = protocolsOf(index);
  const both = isOn(index, 'prior') && isOn(index, 'current');
  // the first condition is the one both plans know: shared-events adds it
  const problems = protocols.slice(both ? 1 : 0).map((p) => problem(chart, p, from - chart.draw.int(1200)));
  visits(chart, cover, protocols, from + 4, end - 20, prior ? 17 : 4);
  tests(chart, protocols, from + 15, end - 10, prior ? 10 : 3);
  drugs(chart, cover, prior ? protocols : protocols.slice(0, 2), from, end, prior ? 3 : 2);
  for (let n = 0; n < (prior ? 6 : 1); n++)
    immunization(chart, at(VACCINES, n === 0 ? 0 : chart.index + n), prior ? from + 40 + n * 365 : end - 12, {
      lot: `LOT${chart.draw.digits(5)}`,
    });
  smoking(
    chart,
    end - 100,
    chart.index % 5 === 0 ? '8517006' : '266919005',
    chart.index % 5 === 0 ? 'Former smoker' : 'Never smoked',
  );
  const main = at(protocols, 0);
  const team = careTeam(chart, [chart.index % 16, (chart.index + 5) % 16], from + 60);
  const goals = (prior ? protocols : protocols.slice(0, 1)).map((p) => goal(chart, p, from + 60));
  carePlan(chart, main, from + 60, team, goals.slice(0, 1), problems.slice(0, 1));
  if (prior) {
    hospital(chart, cover, from, end);
    authorizations(chart, cover, end);
  } else priorAuthorization(chart, cover, 'approved', end - 25, 1);
  if (both) {
    const sourced = addSharedEvents(chart, cover, until);
    provenance(chart, end - 8, sourced, 5, 'hl7v2oru');
  }
  return chart.records;
}
