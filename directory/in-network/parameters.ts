// The answer of $in-network as a Parameters resource, complete enough to be kept and shown by itself.
// https://hl7.org/fhir/R4/parameters.html
import type { OperationOutcome, OperationOutcomeIssue, ParametersParameter } from 'fhir/r4.js';
import { operationOutcome } from '../../src/fhir/outcome.ts';
import { type JsonObject, text } from '../../src/fhir/resource.ts';
import { type Decision, type Match, type Place, REMARKS } from './decide.ts';

type Asked = {
  plans: Place[];
  networks: Place[];
  providers: Place[];
  npi: string | undefined;
  date: string;
};

export type Answer = Decision & {
  asked: Asked;
  /** when the directory last changed; undefined when it is empty */
  asOf: Date | undefined;
  /** change counter of the directory */
  change: string;
  /** public FHIR base of the directory */
  base: string;
  plan: string;
};

const code = (name: string, valueCode: string): ParametersParameter => ({ name, valueCode });
const string = (name: string, valueString: string): ParametersParameter => ({ name, valueString });
const reference = (name: string, place: Place): ParametersParameter => ({
  name,
  valueReference: { reference: place.key, ...(place.name === '' ? {} : { display: place.name }) },
});

export function toParameters(answer: Answer): string {
  const { asked } = answer;
  const issue = answer.remarks.flatMap((r): OperationOutcomeIssue[] => {
    const { issue: kind, text: said } = REMARKS[r];
    return operationOutcome(kind === 'informational' ? 'information' : 'warning', kind, said, r).issue;
  });
  const outcome: OperationOutcome = { resourceType: 'OperationOutcome', issue };
  const parameter: ParametersParameter[] = [
    code('result', answer.result),
    ...(answer.asOf === undefined ? [] : [{ name: 'asOf', valueInstant: answer.asOf.toISOString() }]),
    string('release', answer.change),
    { name: 'date', valueDate: asked.date },
    { name: 'directory', valueUri: answer.base },
    string('directoryName', answer.plan),
    ...asked.plans.map((p) => reference('plan', p)),
    ...asked.networks.map((p) => reference('network', p)),
    ...(asked.npi === undefined ? [] : [string('npi', asked.npi)]),
    ...asked.providers.map((p) => reference('provider', p)),
    ...answer.matches.map((m) => matchPart('match', m)),
    ...answer.notActive.map((m) => matchPart('notActive', m)),
    ...(issue.length === 0 ? [] : [{ name: 'outcome', resource: outcome }]),
  ];
  return JSON.stringify({ resourceType: 'Parameters', parameter });
}

function matchPart(name: 'match' | 'notActive', m: Match): ParametersParameter {
  const isRole = m.by.startsWith('PractitionerRole/');
  return {
    name,
    part: [
      code('kind', m.kind),
      ...(m.when === 'active' ? [] : [code('status', m.when)]),
      ...(m.role === undefined ? [] : [reference('role', { key: m.role, name: '' })]),
      reference(isRole ? 'role' : 'affiliation', { key: m.by, name: '' }),
      reference('provider', m.provider),
      ...(m.organization === undefined ? [] : [reference('organization', m.organization)]),
      reference('network', m.network),
      ...m.plans.map((p) => reference('plan', p)),
      ...m.locations.map((p) => reference('location', p)),
      ...m.specialties.map((s) => ({ name: 'specialty', valueCodeableConcept: conceptOf(s) })),
      ...(m.newPatients === undefined
        ? []
        : [code('newPatients', m.newPatients.code), code('newPatientsScope', m.newPatients.scope)]),
      ...(m.period === undefined ? [] : [{ name: 'period', valuePeriod: periodOf(m.period) }]),
      ...(m.lastUpdated === undefined ? [] : [{ name: 'lastUpdated', valueInstant: m.lastUpdated }]),
      ...(m.lastVerified === undefined ? [] : [{ name: 'lastVerified', valueDate: m.lastVerified }]),
      ...(m.verificationStatus === undefined ? [] : [code('verificationStatus', m.verificationStatus)]),
      ...(m.source === undefined ? [] : [{ name: 'source', valueUri: m.source }]),
    ],
  };
}

function periodOf(period: JsonObject) {
  const start = text(period['start']);
  const end = text(period['end']);
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}

/** A concept as it was sent; imports have checked its structure. */
function conceptOf(concept: JsonObject): NonNullable<ParametersParameter['valueCodeableConcept']> {
  return concept;
}
