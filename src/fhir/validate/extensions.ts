// The content of Plan-Net's extensions (PDex Plan-Net 1.2.0), checked wherever an extension with a known URL stands.
import { hasCoding, type JsonObject, objects } from '../resource.ts';
import {
  AcceptingPatients,
  Accessibility,
  DeliveryMethod,
  EndpointUsecase,
  isBound,
  LanguageProficiency,
  PLAN_NET,
  UsStates,
  type ValueSet,
  VirtualModalities,
} from './plan-net-codes.ts';
import { report, type Walk } from './report.ts';

type Value = {
  /** allowed members: `valueString`, or two of them */
  as: readonly string[];
  set?: ValueSet;
  /** required: a coding of the set must be there; extensible: codes of the set's own systems must be in it */
  strength?: 'required' | 'extensible';
  fixed?: string;
};
type Part = Value & { min: 0 | 1; many: boolean };
type Content = { value: Value } | { parts: Readonly<Record<string, Part>> };

const value = (as: string, set?: ValueSet, strength: 'required' | 'extensible' = 'required'): Value => ({
  as: as.split(' '),
  ...(set === undefined ? {} : { set, strength }),
});
const once = (v: Value): Part => ({ ...v, min: 1, many: false });
const atMostOnce = (v: Value): Part => ({ ...v, min: 0, many: false });
const often = (v: Value): Part => ({ ...v, min: 0, many: true });

const whereValid = often(value('valueCodeableConcept valueReference', UsStates));
const activeStatus = once({ as: ['valueCode'], fixed: 'active' });

const CONTENT: Readonly<Record<string, Content>> = {
  newpatients: {
    parts: {
      acceptingPatients: once(value('valueCodeableConcept', AcceptingPatients)),
      fromNetwork: atMostOnce(value('valueReference')),
      characteristics: often(value('valueString')),
    },
  },
  'delivery-method': {
    parts: {
      type: once(value('valueCodeableConcept', DeliveryMethod)),
      virtualModalities: often(value('valueCodeableConcept', VirtualModalities, 'extensible')),
    },
  },
  qualification: {
    parts: {
      identifier: often(value('valueIdentifier')),
      code: once(value('valueCodeableConcept')),
      issuer: atMostOnce(value('valueReference')),
      status: activeStatus,
      period: atMostOnce(value('valuePeriod')),
      whereValid,
    },
  },
  'practitioner-qualification': { parts: { status: activeStatus, whereValid } },
  'endpoint-usecase': {
    parts: {
      type: once(value('valueCodeableConcept', EndpointUsecase, 'extensible')),
      standard: atMostOnce(value('valueUri')),
    },
  },
  'contactpoint-availabletime': {
    parts: {
      daysOfWeek: often(value('valueCode')),
      allDay: atMostOnce(value('valueBoolean')),
      availableStartTime: atMostOnce(value('valueTime')),
      availableEndTime: atMostOnce(value('valueTime')),
    },
  },
  'network-reference': { value: value('valueReference') },
  'via-intermediary': { value: value('valueReference') },
  'location-reference': { value: value('valueReference') },
  accessibility: { value: value('valueCodeableConcept', Accessibility, 'extensible') },
  'communication-proficiency': { value: value('valueCodeableConcept', LanguageProficiency) },
  'org-description': { value: value('valueString') },
  'practitioner-period': { value: value('valuePeriod') },
};

const BY_URL: ReadonlyMap<string, Content> = new Map([
  ...Object.entries(CONTENT).map(([name, c]): [string, Content] => [`${PLAN_NET}/StructureDefinition/${name}`, c]),
  ['http://hl7.org/fhir/StructureDefinition/organization-period', { value: value('valuePeriod') }],
  ['http://hl7.org/fhir/StructureDefinition/location-boundary-geojson', { value: value('valueAttachment') }],
  [
    'http://hl7.org/fhir/StructureDefinition/geolocation',
    { parts: { latitude: once(value('valueDecimal')), longitude: once(value('valueDecimal')) } },
  ],
]);

const NEW_PATIENTS = BY_URL.get(`${PLAN_NET}/StructureDefinition/newpatients`);
const ACCEPTING = `${PLAN_NET}/CodeSystem/AcceptingPatientsCS`;

/** Findings about the content of one extension; nothing for an unknown URL. The path ends at the extension. */
export function checkExtensionContent(walk: Walk, extension: JsonObject): void {
  const url = extension['url'];
  const content = typeof url === 'string' ? BY_URL.get(url) : undefined;
  if (content === undefined) return;
  if ('value' in content) {
    checkValue(walk, extension, content.value);
    return;
  }
  const counts = new Map<string, number>();
  for (const part of objects(extension['extension'])) {
    const name = part['url'];
    const known = typeof name === 'string' && Object.hasOwn(content.parts, name) ? content.parts[name] : undefined;
    if (known === undefined || typeof name !== 'string') {
      report(walk, 'profile-extension', 'a part that the extension does not define', 'extension');
      continue;
    }
    counts.set(name, (counts.get(name) ?? 0) + 1);
    checkValue(walk, part, known);
  }
  for (const name in content.parts) {
    const part = content.parts[name];
    const count = counts.get(name) ?? 0;
    if (part && count < part.min) report(walk, 'profile-extension', `the part ${name} is missing`, 'extension');
    if (part && count > 1 && !part.many) report(walk, 'profile-extension', `the part ${name} repeats`, 'extension');
  }
  if (content === NEW_PATIENTS) checkCharacteristics(walk, extension);
}

function checkValue(walk: Walk, extension: JsonObject, expected: Value): void {
  const name = expected.as.find((n) => extension[n] !== undefined || extension[`_${n}`] !== undefined);
  if (name === undefined) {
    report(walk, 'profile-extension', `must have ${expected.as.join(' or ')}`);
    return;
  }
  if (expected.fixed !== undefined && extension[name] !== expected.fixed)
    report(walk, 'profile-fixed', `must be "${expected.fixed}"`, name);
  const set = expected.set;
  if (set === undefined || name !== 'valueCodeableConcept') return;
  if (!isBound(extension[name], set, expected.strength ?? 'required', walk.taxonomy))
    report(walk, 'profile-binding', 'not in the value set of the extension', name);
}

function checkCharacteristics(walk: Walk, extension: JsonObject): void {
  const parts = objects(extension['extension']);
  const closed = parts.some(
    (p) => p['url'] === 'acceptingPatients' && hasCoding(p['valueCodeableConcept'], ACCEPTING, 'nopt'),
  );
  if (closed && parts.some((p) => p['url'] === 'characteristics'))
    report(walk, 'new-patients-characteristics', 'characteristics although not accepting', 'extension');
}
