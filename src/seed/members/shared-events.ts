// What happened once and is known to both plans, and what looks like it but is not. The same table makes the records of
// both sides and the key file, so the key cannot drift from the data.
import { isoDate } from '../dates.ts';
import { at, Draw, kindKey } from '../random.ts';
import type { Added, Chart } from './chart.ts';
import { pharmacy } from './claims.ts';
import { allergy, encounter, immunization, labResult, problem, rounded } from './clinical.ts';
import { ALLERGENS, COMMON, SYSTEM, VACCINES } from './codes.ts';
import { enrolled } from './coverage.ts';
import { medicationDispense } from './medication.ts';
import { caseOf, isOn } from './person.ts';
import { protocolsOf } from './protocols.ts';
import { patientId, recordId } from './side.ts';

const KIND = kindKey('shared-events');

type TruthKind = 'same-record' | 'same-event' | 'derived-from' | 'conflict' | 'different';

/** One line of the key: what a pair of records, one of each side, truly is. */
export type Truth = {
  /** member index */
  member: number;
  type: string;
  /** type of the prior plan's record, where it is another */
  priorType?: string;
  priorId: string;
  currentId: string;
  kind: TruthKind;
  note: string;
};

/** What both plans know of a member. Days lie in the last year with the prior plan. */
function plot(seed: number, index: number, until: string | undefined) {
  const draw = new Draw(seed, KIND, index);
  const { prior } = enrolled(seed, index, until);
  const day = () => prior.end - draw.between(20, 330);
  const protocol = at(COMMON, index);
  const test = at(protocol.tests, 0);
  const value = () => rounded(test.low + (test.high - test.low) * draw.next(), test.decimals);
  const step = 10 ** -test.decimals;
  const first = value();
  const second = value();
  return {
    protocol,
    test,
    lab: { day: day(), second: 28_800 + draw.int(7200), value: first, accession: `ACC-${index}-1` },
    conflictingLab: {
      day: day(),
      second: 30_000 + draw.int(7200),
      prior: second,
      current: rounded(second + 3 * step + (test.high - test.low) / 8, test.decimals),
      accession: `ACC-${index}-2`,
    },
    vaccine: { kind: at(VACCINES, index), day: day(), lot: `LOT${draw.digits(5)}` },
    allergen: at(ALLERGENS, index),
    allergyDay: prior.start + draw.between(30, 400),
    sameDay: { day: day(), prior: draw.int(8), current: 8 + draw.int(8) },
    echoedVisit: { day: day(), clinician: draw.int(16), visit: `V-${index}-1` },
    fill: { protocol, day: day(), days: 90, rx: `RX${index}`, fill: 2 },
    onset: prior.start + draw.between(-1500, 200),
  };
}

/** Is the allergy refuted by our plan's provider? */
const refutes = (index: number) => index % 4 === 1;
/** Did the laboratory correct a value that only one plan received? */
const corrects = (index: number) => index % 3 === 0;

/** Adds this side's view of the shared events to a chart. Returns records that carry a source. */
export function addSharedEvents(chart: Chart, coverage: Added, until: string | undefined): Added[] {
  const p = plot(chart.seed, chart.index, until);
  const prior = chart.side === 'prior';
  const lab = labResult(chart, { test: p.test, ...p.lab, name: 'shared-lab' });
  if (corrects(chart.index))
    labResult(chart, {
      test: p.test,
      day: p.conflictingLab.day,
      second: p.conflictingLab.second,
      accession: p.conflictingLab.accession,
      value: prior ? p.conflictingLab.prior : p.conflictingLab.current,
      name: 'shared-lab-corrected',
    });
  immunization(chart, p.vaccine.kind, p.vaccine.day, { lot: p.vaccine.lot, name: 'shared-imm' });
  allergy(chart, p.allergen, prior ? p.allergyDay : p.allergyDay + 800, {
    name: 'shared-allergy',
    refuted: !prior && refutes(chart.index),
  });
  const visit = (name: string, day: number, clinician: number, number: string) =>
    encounter(chart, {
      day,
      second: prior ? 32_400 : 52_200,
      clinician,
      facility: 2,
      protocol: p.protocol,
      visit: number,
      name,
    });
  visit('same-day-visit', p.sameDay.day, prior ? p.sameDay.prior : p.sameDay.current, `V-${chart.index}-${chart.side}`);
  encounter(chart, {
    day: p.echoedVisit.day,
    second: 36_000,
    clinician: p.echoedVisit.clinician,
    facility: 3,
    visit: p.echoedVisit.visit,
    name: 'shared-visit',
  });
  problem(chart, p.protocol, p.onset, { name: 'shared-problem' });
  if (prior)
    pharmacy(chart, {
      ...p.fill,
      coverage,
      prescriber: p.echoedVisit.clinician,
      version: { uc: `RXC${chart.index}-shared`, status: 'active' },
      name: 'shared-fill-claim',
    });
  else medicationDispense(chart, { ...p.fill, name: 'shared-fill' });
  return [lab];
}

/**
 * The key of a member: every pair of records, one of each side, that is or seems to be the same. Empty for members only
 * one plan knows. Pairs of twins and of father and son are `different` Patients.
 */
export function truth(seed: number, index: number, until?: string): Truth[] {
  const which = caseOf(index);
  const rows: Truth[] = [];
  const add = (type: string, priorName: string, currentName: string, kind: TruthKind, note: string) =>
    rows.push({
      member: index,
      type,
      priorId: recordId('prior', index, priorName),
      currentId: recordId('current', index, currentName),
      kind,
      note,
    });
  if (!isOn(index, 'prior') || !isOn(index, 'current')) return rows;
  const p = plot(seed, index, until);
  rows.push({
    member: index,
    type: 'Patient',
    priorId: patientId('prior', index),
    currentId: patientId('current', index),
    kind: 'same-record',
    note: which ?? 'same person',
  });
  if (which === 'twin-of-previous' || which === 'junior')
    rows.push({
      member: index,
      type: 'Patient',
      priorId: patientId('prior', index - 1),
      currentId: patientId('current', index),
      kind: 'different',
      note: which === 'junior' ? 'father and son' : 'twins',
    });
  add('Observation', 'shared-lab', 'shared-lab', 'same-record', `accession ${p.lab.accession}`);
  if (corrects(index))
    add(
      'Observation',
      'shared-lab-corrected',
      'shared-lab-corrected',
      'conflict',
      `value-mismatch, accession ${p.conflictingLab.accession}`,
    );
  add(
    'Immunization',
    'shared-imm',
    'shared-imm',
    'same-event',
    `${SYSTEM.cvx}|${p.vaccine.kind.cvx} on ${isoDate(p.vaccine.day)}`,
  );
  if (refutes(index)) add('AllergyIntolerance', 'shared-allergy', 'shared-allergy', 'conflict', 'active and refuted');
  else add('AllergyIntolerance', 'shared-allergy', 'shared-allergy', 'same-event', 'same substance');
  add('Encounter', 'same-day-visit', 'same-day-visit', 'different', 'same day, other practitioner');
  add('Encounter', 'shared-visit', 'shared-visit', 'same-record', `visit ${p.echoedVisit.visit}`);
  add('Condition', 'shared-problem', 'shared-problem', 'same-event', `${SYSTEM.icd10}|${p.protocol.icd10}`);
  // what both plans' charts begin with: the problems that follow the first, and the team
  for (const [i, protocol] of protocolsOf(index).slice(1).entries())
    add('Condition', `cond-${i + 1}`, `cond-${i + 1}`, 'same-event', `${SYSTEM.icd10}|${protocol.icd10}`);
  add('CareTeam', 'careteam-1', 'careteam-1', 'same-event', 'the same clinicians');
  add(
    'MedicationDispense',
    'shared-fill-claim',
    'shared-fill',
    'derived-from',
    'pharmacy claim and dispense of one fill',
  );
  const claim = rows.at(-1);
  if (claim) claim.priorType = 'ExplanationOfBenefit';
  return rows;
}
