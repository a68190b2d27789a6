// _elements: a record with only some of its root elements, on its text. What R4 requires stays, and the tag SUBSETTED says
// that the rest is missing. https://hl7.org/fhir/uv/bulkdata/STU2/export.html#_elements-query-parameter
import { members } from '../../../src/fhir/json-text.ts';
import { tagged } from '../../../src/fhir/search/subset.ts';

const list = (text: string) => text.split(' ');
const ALWAYS = list('resourceType id meta implicitRules modifierExtension');

/** Elements with a minimum of one in R4. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  AdverseEvent: list('actuality subject'),
  AllergyIntolerance: list('patient'),
  BodyStructure: list('patient'),
  CarePlan: list('status intent subject'),
  CareTeam: list('subject'),
  ClinicalImpression: list('status subject'),
  Communication: list('status'),
  Condition: list('subject'),
  Coverage: list('status beneficiary payor'),
  DetectedIssue: list('status'),
  Device: list('patient'),
  DeviceRequest: list('intent code subject'),
  DeviceUseStatement: list('status subject device'),
  DiagnosticReport: list('status code'),
  DocumentReference: list('status content'),
  Encounter: list('status class'),
  EpisodeOfCare: list('status patient'),
  ExplanationOfBenefit: list('status type use patient created insurer provider outcome insurance'),
  FamilyMemberHistory: list('status patient relationship'),
  Flag: list('status code subject'),
  Goal: list('lifecycleStatus description subject'),
  ImagingStudy: list('status subject'),
  Immunization: list('status vaccineCode patient occurrence'),
  ImmunizationEvaluation: list('status patient targetDisease immunizationEvent doseStatus'),
  ImmunizationRecommendation: list('patient date recommendation'),
  Media: list('status content'),
  MedicationAdministration: list('status medication subject'),
  MedicationDispense: list('status medication'),
  MedicationRequest: list('status intent medication subject'),
  MedicationStatement: list('status medication subject'),
  MolecularSequence: list('coordinateSystem'),
  NutritionOrder: list('status intent patient dateTime'),
  Observation: list('status code'),
  Procedure: list('status subject'),
  Provenance: list('target recorded agent'),
  QuestionnaireResponse: list('status'),
  RelatedPerson: list('patient'),
  RiskAssessment: list('status subject'),
  ServiceRequest: list('status intent subject'),
  VisionPrescription: list('status created patient dateWritten prescriber lensSpecification'),
};

/** Stems of the choice elements of R4: `medication` names `medicationCodeableConcept` too. */
const CHOICES = new Set(
  list(
    'abatement age asNeeded born code created deceased doseNumber effective identified medication multipleBirth occurred occurrence onset performed quantity reported seriesDoses start statusReason timing value',
  ),
);
const stemOf = (key: string): string => {
  const stem = /^[a-z]+?(?=[A-Z])/.exec(key)?.[0];
  if (stem !== undefined && CHOICES.has(stem)) return stem;
  const longer = /^(?:multipleBirth|asNeeded|statusReason|doseNumber|seriesDoses)(?=[A-Z])/.exec(key)?.[0];
  return longer ?? key;
};

export const ELEMENT = /^(?:[A-Z][A-Za-z]*\.)?[a-z][A-Za-z]*$/;

/** The elements asked for of a type; undefined when the whole record leaves. */
export function elementsOf(type: string, asked: readonly string[]): ReadonlySet<string> | undefined {
  const own = asked.flatMap((e) =>
    e.startsWith(`${type}.`) ? [e.slice(type.length + 1)] : e.includes('.') ? [] : [e],
  );
  return own.length === 0 ? undefined : new Set([...ALWAYS, ...(REQUIRED[type] ?? []), ...own]);
}

/** The text with the elements that stay, tagged. */
export function withElements(json: string, stay: ReadonlySet<string>): string {
  const parts: string[] = [];
  let hasMeta = false;
  for (const m of members(json)) {
    const key = m.key.replace(/^_/, '');
    if (!stay.has(key) && !stay.has(stemOf(key))) continue;
    hasMeta ||= key === 'meta';
    parts.push(key === 'meta' ? `"meta":${tagged(json, m.valueStart)}` : json.slice(m.start, m.end));
  }
  if (!hasMeta) parts.push(`"meta":${tagged('{}', 0)}`);
  return `{${parts.join(',')}}`;
}
