// The records of one member at one plan while they are made: names them, dates them, keeps them in order.
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { isoInstant } from '../dates.ts';
import { Draw, kindKey } from '../random.ts';
import { insurer } from './care.ts';
import type { Label } from './codes.ts';
import { patientId, recordId, type Side } from './side.ts';

const KIND: Record<Side, number> = { prior: kindKey('chart-prior'), current: kindKey('chart-current') };

/** Short names in ids, by type. */
const STEM: Record<string, string> = {
  AllergyIntolerance: 'allergy',
  CarePlan: 'careplan',
  CareTeam: 'careteam',
  Condition: 'cond',
  Coverage: 'cov',
  Device: 'device',
  DiagnosticReport: 'report',
  DocumentReference: 'doc',
  Encounter: 'enc',
  ExplanationOfBenefit: 'eob',
  Goal: 'goal',
  Immunization: 'imm',
  MedicationDispense: 'disp',
  MedicationRequest: 'med',
  Observation: 'obs',
  Procedure: 'proc',
  Provenance: 'prov',
};

const V3 = 'http://terminology.hl7.org/CodeSystem';

/** Labels of a sensitive record: confidentiality R, the sensitivity, and 42 CFR Part 2 for substance use care. */
function securityLabels(label: Label): JsonObject[] {
  const act = (code: string) => ({ system: `${V3}/v3-ActCode`, code });
  return [
    { system: `${V3}/v3-Confidentiality`, code: 'R' },
    act(label),
    ...(label === 'ETH' ? [act('42CFRPart2')] : []),
  ];
}

export type Added = { id: string; reference: string };

export class Chart {
  readonly seed: number;
  readonly index: number;
  readonly side: Side;
  readonly until: number;
  readonly draw: Draw;
  readonly records: Resource[] = [];
  readonly patient: { reference: string };
  readonly insurer: { reference: string };
  readonly #counts = new Map<string, number>();

  constructor(seed: number, index: number, side: Side, until: number) {
    this.seed = seed;
    this.index = index;
    this.side = side;
    this.until = until;
    this.draw = new Draw(seed, KIND[side], index);
    this.patient = { reference: `Patient/${patientId(side, index)}` };
    this.insurer = insurer(side);
  }

  /**
   * Adds a record.
   * @param day of the event; `meta.lastUpdated` is some days later, never after `until`
   * @param options.name fixed name in the id instead of the next number of the type; `options.id` replaces it whole
   */
  add(
    type: string,
    profile: string | readonly string[],
    day: number,
    body: JsonObject,
    options: { name?: string; id?: string; label?: Label | undefined } = {},
  ): Added {
    const stem = STEM[type] ?? type.toLowerCase();
    const number = (this.#counts.get(type) ?? 0) + 1;
    if (options.name === undefined) this.#counts.set(type, number);
    const id = options.id ?? recordId(this.side, this.index, options.name ?? `${stem}-${number}`);
    const updated = Math.min(day + this.draw.between(1, 20), this.until);
    this.records.push({
      resourceType: type,
      id,
      meta: {
        lastUpdated: isoInstant(updated, this.draw.int(79_200)),
        profile: typeof profile === 'string' ? [profile] : [...profile],
        ...(options.label ? { security: securityLabels(options.label) } : {}),
      },
      ...body,
    });
    return { id, reference: `${type}/${id}` };
  }
}

/** A Reference to something added. */
export const to = (added: { reference: string }): JsonObject => ({ reference: added.reference });
