// The question of $in-network as plain data, from a query, a form or a Parameters resource. docs/in-network.md.
import { isValidNpi } from '../../src/fhir/npi.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { referenceTarget } from '../../src/fhir/reference.ts';
import { ID_PATTERN, type Json, objects, type Resource } from '../../src/fhir/resource.ts';
import { tokenForm } from '../../src/fhir/search/token.ts';
import { checkText, invalid, split, unescaped } from '../../src/fhir/search/values.ts';

/** A record the question names: by `Type/id`, or by an identifier; a bare text may be either. */
export type Named = { key: string | undefined; identifier: string | undefined };

export type Question = {
  plans: Named[];
  networks: Named[];
  npi: string | undefined;
  /** `Practitioner/id` or `Organization/id` */
  providers: string[];
  /** `Location/id`; empty: everywhere */
  locations: string[];
  /** token forms; empty: any */
  specialties: string[];
  /** YYYY-MM-DD */
  date: string;
};

const NAMES = ['plan', 'network', 'npi', 'provider', 'location', 'specialty', 'date'] as const;
type Name = (typeof NAMES)[number];
const MAX_VALUES = 20;

const isName = (text: string): text is Name => NAMES.some((n) => n === text);

/**
 * Reads name-value pairs. Commas separate alternatives, as in a search.
 * @param base public FHIR base, for absolute references
 * @throws Outcome invalid-parameter, unknown-parameter or missing-parameter
 */
export function readQuestion(pairs: Iterable<readonly [string, string]>, base: string, now: Date): Question {
  const given = new Map<Name, string[]>();
  for (const [name, value] of pairs) {
    if (value === '' || name === '_format' || name === '_pretty') continue;
    if (!isName(name)) throw new Outcome('unknown-parameter', 'A parameter is not one of $in-network.');
    checkText(name, value);
    const values = [...(given.get(name) ?? []), ...split(value, ',').filter((v) => v !== '')];
    if (values.length > MAX_VALUES) throw invalid(name, `has more than ${MAX_VALUES} alternatives`);
    given.set(name, values);
  }
  const all = (name: Name) => given.get(name) ?? [];
  const reference = (name: Name, ...types: string[]) =>
    all(name).map((value) => {
      const key = referenceTarget(unescaped(value), base);
      if (key === undefined || !types.some((t) => key.startsWith(`${t}/`)))
        throw invalid(name, `is not a reference to ${types.join(' or ')}`);
      return key;
    });
  const question: Question = {
    plans: all('plan').map((v) => named('plan', 'InsurancePlan', v, base)),
    networks: all('network').map((v) => named('network', 'Organization', v, base)),
    npi: one('npi', all('npi')),
    providers: reference('provider', 'Practitioner', 'Organization'),
    locations: reference('location', 'Location'),
    specialties: all('specialty').map((v) => token('specialty', v)),
    date: dateOf(one('date', all('date')), now),
  };
  if (question.npi !== undefined && !isValidNpi(question.npi))
    throw invalid('npi', 'is not an NPI: ten digits of which the last is a check digit');
  if (question.plans.length + question.networks.length === 0)
    throw new Outcome('missing-parameter', 'Name a plan or a network.');
  if ((question.npi === undefined) === (question.providers.length === 0))
    throw new Outcome('missing-parameter', 'Name the provider by "npi" or by "provider", not by both.');
  return question;
}

function one(name: Name, values: string[]): string | undefined {
  if (values.length > 1) throw invalid(name, 'may be given once');
  return values[0];
}

function dateOf(text: string | undefined, now: Date): string {
  if (text === undefined) return now.toISOString().slice(0, 10);
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== text)
    throw invalid('date', 'is not a day, YYYY-MM-DD');
  return text;
}

function token(name: Name, value: string): string {
  const [first = '', second, ...more] = split(value, '|').map(unescaped);
  if (more.length > 0 || (second === undefined ? first : second) === '') throw invalid(name, 'is not a token');
  return second === undefined ? tokenForm(undefined, first) : tokenForm(first, second);
}

function named(name: Name, type: string, value: string, base: string): Named {
  const text = unescaped(value);
  if (!value.includes('|')) {
    const key = referenceTarget(text, base);
    if (key?.startsWith(`${type}/`)) return { key, identifier: undefined };
    if (key !== undefined && /^[A-Z]\w+\//.test(key)) throw invalid(name, `is not a reference to ${type}`);
  }
  return { key: ID_PATTERN.test(text) ? `${type}/${text}` : undefined, identifier: token(name, value) };
}

/**
 * The pairs of a Parameters resource. Tokens may be written as text, Coding or Identifier, references as Reference or text.
 * @throws Outcome unprocessable
 */
export function pairsOf(resource: Resource): [string, string][] {
  if (resource.resourceType !== 'Parameters') throw new Outcome('unprocessable', 'Send a Parameters resource.');
  return objects(resource['parameter']).map((part) => {
    const name = part['name'];
    const [entry, ...more] = Object.entries(part).filter(([key]) => key.startsWith('value'));
    if (typeof name !== 'string' || entry === undefined || more.length > 0)
      throw new Outcome('unprocessable', 'Each parameter has a name and one value.');
    return [name, textOf(entry[1])];
  });
}

const escaped = (text: string) => text.replace(/[\\,|$]/g, '\\$&');

function textOf(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  const [object] = objects(value);
  const reference = object?.['reference'];
  if (typeof reference === 'string') return escaped(reference);
  const code = object?.['value'] ?? object?.['code'];
  const system = object?.['system'];
  if (typeof code === 'string')
    return typeof system === 'string' ? `${escaped(system)}|${escaped(code)}` : escaped(code);
  throw new Outcome('unprocessable', 'A value is not a text, a reference, a Coding or an Identifier.');
}
