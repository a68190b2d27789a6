// Values that the index holds beyond plain FHIR search: languages with their base, statements on new patients, contact
// points, opening hours, and the keys by which pages are sorted.
import { askedCode, languagesIn } from '../../names/language-codes.ts';
import { isObject, type Json, type JsonObject, objects, strings, text } from '../resource.ts';
import { canonicalSystem } from './token.ts';
import { PLAN_NET } from './types.ts';

const extensionsOf = (element: JsonObject, name: string): JsonObject[] =>
  objects(element['extension']).filter((e) => e['url'] === name);
const NEW_PATIENTS = `${PLAN_NET}/StructureDefinition/newpatients`;
const NETWORK = `${PLAN_NET}/StructureDefinition/network-reference`;

/** Languages of a person: `es-US` and `spa` count as `es` too, and where there is no code the names in the text. */
export function languages(practitioner: JsonObject): Json[] {
  return objects(practitioner['communication']).flatMap((concept) => {
    const coding = objects(concept['coding']);
    const coded = coding.filter((c) => text(c['code']) !== undefined);
    const bases: JsonObject[] = coded.flatMap((c) => {
      const asked = askedCode(text(c['code']) ?? '');
      return asked === undefined || asked === c['code'] ? [] : [{ ...c, code: asked }];
    });
    if (coded.length === 0)
      for (const said of [text(concept['text']), ...coding.map((c) => text(c['display']))])
        for (const code of languagesIn(said ?? ''))
          bases.push({ system: 'urn:ietf:bcp:47', code: askedCode(code) ?? code });
    return bases.length === 0 ? [concept] : [concept, { coding: bases }];
  });
}

/** Networks for which a role says something of new patients: those named, or else all of its own. */
export function newPatientNetworks(role: JsonObject): JsonObject[] {
  return extensionsOf(role, NEW_PATIENTS).flatMap((statement) => networksOf(role, statement));
}

function networksOf(resource: JsonObject, statement: JsonObject): JsonObject[] {
  const named = extensionsOf(statement, 'fromNetwork').flatMap((e) => objects(e['valueReference']));
  if (named.length > 0 || resource['resourceType'] !== 'PractitionerRole') return named;
  return extensionsOf(resource, NETWORK).flatMap((e) => objects(e['valueReference']));
}

const ACCEPTING = `${PLAN_NET}/CodeSystem/AcceptingPatientsCS`;

/** The form of a code with a network: the usual system is left out, another is written before the code. */
export function statementForm(system: string | undefined, code: string, network: string): string {
  const known = system === undefined ? undefined : canonicalSystem(system);
  return `${known === undefined || known === ACCEPTING ? '' : `${known}|`}${code.toLowerCase()}$${network}`;
}

/** Forms of each statement on new patients with each network it holds for. `target` gives `Type/id` of a reference. */
export function statementForms(resource: JsonObject, target: (reference: JsonObject) => string | undefined): string[] {
  const forms = new Set<string>();
  for (const statement of extensionsOf(resource, NEW_PATIENTS)) {
    const networks = networksOf(resource, statement).flatMap((r) => target(r) ?? []);
    for (const e of extensionsOf(statement, 'acceptingPatients'))
      for (const concept of objects(e['valueCodeableConcept']))
        for (const c of objects(concept['coding'])) {
          const code = text(c['code']);
          if (code === undefined) continue;
          const system = text(c['system']);
          for (const network of networks) {
            const form = statementForm(system ?? '', code, network);
            forms.add(form);
            // a query without system finds it too
            if (!form.startsWith(code.toLowerCase())) forms.add(statementForm(undefined, code, network));
          }
        }
  }
  return [...forms];
}

/** Digits of a telephone number, without the country code 1 and without an extension; undefined when there are none. */
export function phoneDigits(value: string): string | undefined {
  const digits = value
    .replace(/^tel:/i, '')
    .replace(/(?:;?ext|x|#)[\s.=:]*\d.*$/i, '')
    .replace(/\D/g, '');
  const national = digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
  return national === '' ? undefined : national;
}

const NUMBERS = ['phone', 'fax', 'sms', 'pager'];
export const CONTACT_SYSTEMS = [...NUMBERS, 'email', 'url', 'other', ''];

/** The one form of a contact point. */
export function contactForm(system: string, value: string): string {
  const held = NUMBERS.includes(system) ? (phoneDigits(value) ?? value.toLowerCase()) : value.toLowerCase();
  return `${system}|${held}`;
}

export function contactForms(value: Json): string[] {
  if (!isObject(value)) return [];
  const held = text(value['value']);
  return held === undefined ? [] : [contactForm(text(value['system']) ?? '', held)];
}

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const DAY = 1440;
const WEEK = 7 * DAY;

/** Minutes since midnight of `18:30` or `18:30:00`. */
export function minuteOf(time: string): number | undefined {
  const m = /^([01]\d|2[0-4]):([0-5]\d)(?::[0-5]\d(?:\.\d+)?)?$/.exec(time);
  const minute = m ? Number(m[1]) * 60 + Number(m[2]) : DAY + 1;
  return minute <= DAY ? minute : undefined;
}

/**
 * Opening hours as a set of minutes of the week, counted from Monday 00:00, in the form of PostgreSQL's int4multirange.
 * A closing time that is not after the opening time lies on the next day; no days means every day.
 * @returns undefined when there are none
 */
export function openingHours(resource: JsonObject): string | undefined {
  const blocks = [...objects(resource['hoursOfOperation']), ...objects(resource['availableTime'])];
  const spans: [number, number][] = [];
  for (const block of blocks) {
    const opens = text(block['openingTime']) ?? text(block['availableStartTime']);
    const closes = text(block['closingTime']) ?? text(block['availableEndTime']);
    const allDay = block['allDay'] === true;
    if (!allDay && opens === undefined && closes === undefined) continue;
    const from = allDay || opens === undefined ? 0 : minuteOf(opens);
    const to = allDay || closes === undefined ? DAY : minuteOf(closes);
    if (from === undefined || to === undefined) continue;
    const named = strings(block['daysOfWeek']).filter((d) => DAYS.includes(d));
    for (const day of named.length > 0 ? named : DAYS) {
      const start = DAYS.indexOf(day) * DAY + from;
      const end = start - from + (to > from ? to : to + DAY);
      spans.push([start, Math.min(end, WEEK)]);
      if (end > WEEK) spans.push([0, end - WEEK]);
    }
  }
  return spans.length === 0
    ? undefined
    : `{${joined(spans)
        .map(([from, to]) => `[${from},${to})`)
        .join(',')}}`;
}

/** Spans in order, those that touch as one. */
function joined(spans: [number, number][]): [number, number][] {
  const out: [number, number][] = [];
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const last = out.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}
