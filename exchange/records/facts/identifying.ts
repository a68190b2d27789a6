// What in a record identifies a person: numbers, birth date, address lines, telephone and mail. Pure.
import { isObject, type Json, type JsonObject, objects, strings, text } from '../../../src/fhir/resource.ts';
import { hidden, type Known } from '../../../src/ui/hidden.ts';
import { dayText } from '../../../src/ui/time.ts';

/** Records that are about a person, and all of whose numbers are the person's. */
const OF_PERSONS = ['Patient', 'RelatedPerson', 'Person', 'Coverage'];
/** Who is meant, where a record names the member by a number. */
const MEANS_MEMBER = ['subject', 'patient', 'beneficiary', 'subscriber', 'policyHolder'];
/** Members of these records that are about another person. */
const OF_OTHERS = ['payor', 'managingOrganization', 'generalPractitioner', 'assigner', 'organization', 'meta'];
/** Deeper no record is. */
const DEEPEST = 60;

function ofPerson(o: JsonObject, add: (kind: Known['kind'], value: Json | undefined) => void): void {
  for (const one of objects(o['identifier'])) add('number', one['value']);
  for (const one of objects(o['telecom'])) add(text(one['value'])?.includes('@') ? 'text' : 'number', one['value']);
  for (const key of ['address', 'valueAddress'])
    for (const one of objects(o[key]))
      for (const line of [...strings(one['line']), text(one['text'])]) add('text', line);
}

/**
 * Values in a record, or in a Bundle of them, that identify a person.
 * @param isTheirs the record is as another payer sent it: ids of its Patients are numbers of that payer
 */
export function identifyingIn(value: Json | undefined, isTheirs = false): Known[] {
  const found = new Map<string, Known>();
  const add = (kind: Known['kind'], v: Json | undefined) => {
    if (typeof v === 'string' && v.trim() !== '') found.set(v, { kind, value: v });
  };
  const walk = (v: Json | undefined, within: boolean, depth: number): void => {
    if (depth > DEEPEST) return;
    if (Array.isArray(v)) for (const one of v) walk(one, within, depth + 1);
    if (!isObject(v)) return;
    const type = text(v['resourceType']);
    const isPerson = type === undefined ? within : OF_PERSONS.includes(type);
    if (isPerson) ofPerson(v, add);
    if (type !== undefined && isPerson) add('text', isObject(v['text']) ? v['text']['div'] : undefined);
    if (type === 'Patient' && isTheirs) add('number', v['id']);
    add('day', v['birthDate']);
    add('number', v['subscriberId']);
    for (const key of MEANS_MEMBER)
      for (const one of objects(v[key])) if (isObject(one['identifier'])) add('number', one['identifier']['value']);
    for (const [key, one] of Object.entries(v)) walk(one, isPerson && !OF_OTHERS.includes(key), depth + 1);
  };
  walk(value, false, 0);
  return [...found.values()];
}

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;
const PHONE = /^\+?1?(\d{3})(\d{3})(\d{4})$/;
const SSN = /^\d{3}-\d\d-\d{4}$/;
const LONG_DAY = new Intl.DateTimeFormat('en-US', { timeZone: 'UTC', year: 'numeric', month: 'long', day: 'numeric' });

/** A value as else it is written in the words of our pages and of others. */
function formsOf({ kind, value }: Known): string[] {
  const [, year = '', month = '', day = ''] = DAY.exec(value) ?? [];
  if (kind === 'day' && year !== '') {
    const words = dayText(value);
    // no day that there is
    if (words === value) return [];
    return [
      words,
      LONG_DAY.format(new Date(value)),
      `${month}/${day}/${year}`,
      `${Number(month)}/${Number(day)}/${year}`,
      `${month}-${day}-${year}`,
      `${year}${month}${day}`,
    ];
  }
  if (kind !== 'number') return [];
  if (SSN.test(value)) return [value.replaceAll('-', '')];
  const [, area, office, line] = PHONE.exec(value.replaceAll(/[\s().-]/g, '')) ?? [];
  return area === undefined
    ? []
    : [...['-', '.', ' ', ''].map((sign) => [area, office, line].join(sign)), `(${area}) ${office}-${line}`];
}

/** What is known, and the other ways to write it. */
export const otherForms = (known: readonly Known[]): Known[] =>
  known.flatMap((k) => [k, ...formsOf(k).map((value): Known => ({ kind: k.kind, value }))]);

/** A picture, document or signature within a record, in base64: anyone who decodes it reads what is hidden elsewhere. */
function embeddedIn(value: Json | undefined, depth = 0): string[] {
  if (depth > DEEPEST) return [];
  if (Array.isArray(value)) return value.flatMap((one) => embeddedIn(one, depth + 1));
  if (!isObject(value)) return [];
  const data = text(value['data']);
  // of SampledData they are figures
  const own = data === undefined || value['origin'] !== undefined ? [] : [data];
  return [...own, ...Object.values(value).flatMap((one) => embeddedIn(one, depth + 1))];
}

const LITERALS = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/**
 * The text of a record with what identifies a person marked, however it is escaped there; and what was found, which may stand
 * elsewhere on the page, too. Text that cannot be read is marked as a whole: anything may stand in it.
 */
export function markRecord(record: string, ours: ReadonlySet<string>): { text: string; known: Known[] } {
  let parsed: Json;
  try {
    parsed = JSON.parse(record) as Json;
  } catch {
    return { text: hidden('text', record), known: [] };
  }
  const known = identifyingIn(parsed, true).filter((k) => !ours.has(k.value));
  const kinds = new Map(known.map((k) => [k.value, k.kind]));
  for (const data of embeddedIn(parsed)) kinds.set(data, 'text');
  const marked = record.replaceAll(LITERALS, (all: string, isKey: string | undefined) => {
    if (isKey !== undefined) return all;
    const value = JSON.parse(all) as string;
    const kind = kinds.get(value);
    return kind === undefined ? all : `"${hidden(kind, value)}"`;
  });
  return { text: marked, known };
}
