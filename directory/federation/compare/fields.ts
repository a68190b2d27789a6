// The fields that are compared, and how each is read out of a record. `same` is the form in which two values are equal. Pure.

import {
  codings,
  extensions,
  isObject,
  type JsonObject,
  objects,
  type Resource,
  strings,
  text,
} from '../../../src/fhir/resource.ts';
import { isApproximate } from '../../../src/fhir/search/approximate.ts';
import { PLAN_NET } from '../../../src/fhir/search/types.ts';
import { addressKey, humanName, phoneDigits, plain } from '../features.ts';

export type Value = { shown: string; same: string };
export type FieldName = keyof typeof FIELDS;

const said = (shown: string | undefined, same = shown): Value[] =>
  shown === undefined || shown === '' ? [] : [{ shown, same: plain(same ?? shown) }];

/** A code with its text; two that have the same code say the same. */
const concepts = (value: Resource[string]): Value[] =>
  objects(value).flatMap((c) => {
    const [coding] = codings(c);
    const code = text(coding?.['code']);
    const shown = text(c['text']) ?? text(coding?.['display']) ?? code;
    return said(shown, code ?? shown);
  });

const ENGLISH = new Intl.DisplayNames('en', { type: 'language' });

/** A language that is only a code is shown in words. */
const inWords = (v: Value): Value => {
  try {
    return v.shown === v.same ? { ...v, shown: ENGLISH.of(v.same) ?? v.shown } : v;
  } catch {
    return v; // no language tag
  }
};

const address = (a: JsonObject): Value[] => {
  const key = addressKey(a);
  const shown = [
    strings(a['line']).join(', '),
    text(a['city']),
    [text(a['state']), text(a['postalCode'])].filter(Boolean).join(' '),
  ]
    .filter(Boolean)
    .join(', ');
  return said(shown, key ? `${key.street} ${key.unit} ${key.zip}` : shown);
};

const telecom = (r: JsonObject, system: string): Value[] =>
  objects(r['telecom']).flatMap((t) =>
    t['system'] === system
      ? said(
          text(t['value']),
          system === 'email'
            ? text(t['value'])?.toLowerCase()
            : (phoneDigits(text(t['value']) ?? '') ?? text(t['value'])),
        )
      : [],
  );

const hours = (r: JsonObject): Value[] => {
  const list = [...objects(r['availableTime']), ...objects(r['hoursOfOperation'])].map((h) => {
    const from = text(h['availableStartTime']) ?? text(h['openingTime']);
    const to = text(h['availableEndTime']) ?? text(h['closingTime']);
    const times = h['allDay'] === true ? 'all day' : `${from?.slice(0, 5) ?? '?'}–${to?.slice(0, 5) ?? '?'}`;
    return `${strings(h['daysOfWeek']).join(' ')} ${times}`.trim();
  });
  return list.length === 0 ? [] : said(list.join('; '), [...list].sort().join(' '));
};

const accepting = (r: JsonObject): Value[] =>
  extensions(r, `${PLAN_NET}/StructureDefinition/newpatients`).flatMap((e) =>
    objects(e['extension']).flatMap((x) =>
      x['url'] === 'acceptingPatients' ? concepts(x['valueCodeableConcept'] ?? null) : [],
    ),
  );

/** `one`: the values of a record are one statement together. `owner`: each payer speaks for itself. `of`: which type holds it. */
type Field = { label: string; of: readonly string[]; one?: true; owner?: true; read: (r: Resource) => Value[] };

export const FIELDS = {
  name: {
    label: 'Name',
    of: ['Practitioner', 'Organization', 'Location'],
    read: (r) => {
      if (typeof r['name'] === 'string') return said(r['name']);
      const [n] = objects(r['name']);
      if (!n) return [];
      const { family, given } = humanName(n);
      return said(
        text(n['text']) ??
          [...strings(n['prefix']), ...strings(n['given']), text(n['family']), ...strings(n['suffix'])]
            .filter(Boolean)
            .join(' '),
        `${given} ${family}`,
      );
    },
  },
  gender: { label: 'Gender', of: ['Practitioner'], read: (r) => said(text(r['gender'])) },
  credentials: {
    label: 'Credentials',
    of: ['Practitioner'],
    one: true,
    read: (r) => objects(r['qualification']).flatMap((q) => concepts(q['code'] ?? null)),
  },
  languages: {
    label: 'Languages',
    of: ['Practitioner'],
    one: true,
    read: (r) => concepts(r['communication']).map(inWords),
  },
  organization: { label: 'Practice', of: ['PractitionerRole'], read: () => [] },
  specialty: { label: 'Specialties', of: ['PractitionerRole'], one: true, read: (r) => concepts(r['specialty']) },
  address: {
    label: 'Address',
    of: ['Practitioner', 'Organization', 'Location'],
    read: (r) => objects(r['address']).flatMap(address).slice(0, 1),
  },
  phone: {
    label: 'Phone',
    of: ['Practitioner', 'PractitionerRole', 'Organization', 'Location'],
    read: (r) => telecom(r, 'phone').slice(0, 1),
  },
  fax: {
    label: 'Fax',
    of: ['Practitioner', 'PractitionerRole', 'Organization', 'Location'],
    read: (r) => telecom(r, 'fax').slice(0, 1),
  },
  email: {
    label: 'E-mail',
    of: ['Practitioner', 'PractitionerRole', 'Organization', 'Location'],
    read: (r) => telecom(r, 'email').slice(0, 1),
  },
  hours: { label: 'Hours', of: ['PractitionerRole', 'Location'], read: hours },
  accessibility: {
    label: 'Accessibility',
    of: ['Location'],
    one: true,
    read: (r) =>
      extensions(r, `${PLAN_NET}/StructureDefinition/accessibility`).flatMap((e) =>
        concepts(e['valueCodeableConcept'] ?? null),
      ),
  },
  position: {
    label: 'Position',
    of: ['Location'],
    read: (r) =>
      isObject(r['position']) && !isApproximate(r)
        ? said(`${Number(r['position']['latitude']).toFixed(4)}, ${Number(r['position']['longitude']).toFixed(4)}`)
        : [],
  },
  'new-patients': { label: 'New patients', of: ['PractitionerRole'], owner: true, read: accepting },
  networks: { label: 'Networks', of: ['PractitionerRole'], owner: true, read: () => [] },
} as const satisfies Record<string, Field>;

/** The statements of one record, field by field. `names` gives the name of a referenced record. */
export function readFields(
  r: Resource,
  names: (reference: string) => string | undefined,
): { field: FieldName; value: Value }[] {
  return (Object.entries(FIELDS) as [FieldName, Field][]).flatMap(([field, f]) => {
    if (!f.of.includes(r.resourceType)) return [];
    const values =
      field === 'organization'
        ? named([r['organization']], names)
        : field === 'networks'
          ? named(networksOf(r), names)
          : f.read(r);
    if (values.length === 0) return [];
    if (f.one || field === 'networks') {
      const shown = [...new Set(values.map((v) => v.shown))].join(', ');
      return [{ field, value: { shown, same: [...new Set(values.map((v) => v.same))].sort().join('|') } }];
    }
    return values.slice(0, 1).map((value) => ({ field, value }));
  });
}

const networksOf = (r: Resource) =>
  extensions(r, `${PLAN_NET}/StructureDefinition/network-reference`).map((e) => e['valueReference']);

function named(references: readonly Resource[string][], names: (reference: string) => string | undefined): Value[] {
  return references.flatMap((x) =>
    isObject(x) ? said(names(text(x['reference']) ?? '') ?? text(x['display']) ?? text(x['reference'])) : [],
  );
}
