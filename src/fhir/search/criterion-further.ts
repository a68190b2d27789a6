// Values of parameters that are read in a way of their own, as criteria. Combinations of criteria stand for what one
// entry of the index cannot tell: the NPI of a role or of its practitioner, the state of a verification.
import { isValidNpi, NPI_SYSTEM } from '../npi.ts';
import type { Criterion, CriterionOptions } from './criterion.ts';
import { inPlaces } from './criterion-place.ts';
import { referenceKeys, tokenValue, word } from './criterion-values.ts';
import type { Modifier } from './draft.ts';
import { readNear, readNearZip, readPoint } from './near.ts';
import { indexed, type Parameter, parameter, SEEDS } from './parameters.ts';
import { tokenForm } from './token.ts';
import { PLAN_NET } from './types.ts';
import { usualSystem } from './usual-system.ts';
import { type DateTest, dateTest, invalid, split, unescaped } from './values.ts';
import { CONTACT_SYSTEMS, contactForm, DAYS, minuteOf, phoneDigits, statementForm } from './values-further.ts';

const MINUTES_A_DAY = 1440;
const DAY = 86_400_000;

/** undefined: the parameter is read by its kind. @throws Outcome invalid-parameter */
export function readFurther(
  p: Parameter,
  modifier: Modifier | undefined,
  values: string[],
  options: CriterionOptions,
): Criterion | undefined {
  if (p.usual !== undefined && p.kind === 'token' && (modifier === undefined || modifier === 'not'))
    return usual(p, values, modifier === 'not');
  if (p.kind === 'uri') return uri(p, modifier, values);
  if (modifier === 'text') return undefined;
  switch (p.reading) {
    case undefined:
      return undefined;
    case 'near':
      return { kind: 'near', circles: values.map((v) => readNear(p.code, v)) };
    case 'place':
      return inPlaces(values.flatMap((v) => referenceKeys(p, unescaped(v), undefined, options.base)));
    case 'near-zip':
      return { kind: 'near', circles: values.map((v) => readNearZip(p.code, v)) };
    case 'contains':
      return { kind: 'contains', points: values.map((v) => readPoint(p.code, v)) };
    case 'open-at':
      return openAt(
        p,
        values.map((v) => spanOfWeek(p, v)),
      );
    case 'active-on':
      return { kind: 'active-on', param: indexed(p).id, days: values.map((v) => day(p, v, options.now)) };
    case 'last-verified':
      return { kind: 'last-verified', tests: values.map((v) => dateTest(p.code, v, options.now)), missing: false };
    case 'stale':
      return anyOf(values.map((v) => stale(p, v, options)));
    case 'verification-status': {
      const found = anyOf(values.map((v) => verificationStatus(p, v, options)));
      return modifier === 'not' ? { kind: 'none', of: found } : found;
    }
    case 'npi':
      return npi(p, values);
    case 'statement':
      return { kind: 'token', seed: p.id, forms: values.flatMap((v) => statement(p, v, options)), negated: false };
    case 'phone':
    case 'email':
    case 'telecom':
      return {
        kind: 'token',
        seed: indexed(p).id,
        forms: values.flatMap((v) => contact(p, v)),
        negated: modifier === 'not',
      };
  }
}

function anyOf(of: Criterion[]): Criterion {
  const [only] = of;
  return only !== undefined && of.length === 1 ? only : { kind: 'any', of };
}

function usual(p: Parameter, values: string[], negated: boolean): Criterion | undefined {
  const forms = values.map((v) => tokenValue(p, v));
  if (p.usual === undefined || !forms.includes(p.usual)) return undefined;
  const others = forms.filter((f) => f !== p.usual);
  const mark: Criterion = { kind: 'mark', param: p.id + SEEDS.usual };
  const found =
    others.length === 0 ? mark : anyOf([mark, { kind: 'token', seed: p.id, forms: others, negated: false }]);
  return negated ? { kind: 'none', of: found } : found;
}

/** URIs are compared whole, `:below` by their beginning up to a slash, and of a version up to a dot. */
function uri(p: Parameter, modifier: Modifier | undefined, values: string[]): Criterion {
  return anyOf(
    values.flatMap((v): Criterion[] => {
      const text = unescaped(v);
      const end = p.canonical && text.includes('|') ? '.' : '/';
      const below = modifier === 'below' ? (text.endsWith(end) ? text : `${text}${end}`) : undefined;
      const marked = p.usual === text || (below !== undefined && p.usual?.startsWith(below) === true);
      const params = [p.id];
      return [
        ...(marked ? [{ kind: 'mark' as const, param: p.id + SEEDS.usual }] : []),
        { kind: 'string' as const, params, match: 'exact' as const, words: [word(v, true)] },
        ...(below === undefined
          ? []
          : [{ kind: 'string' as const, params, match: 'starts' as const, words: [word(below, false)] }]),
      ];
    }),
  );
}

/** A service that tells no hours has those of its places. */
function openAt(p: Parameter, spans: [number, number][]): Criterion {
  const own: Criterion = { kind: 'open-at', spans };
  const place = p.type === 'HealthcareService' ? parameter(p.type, 'location') : undefined;
  if (place === undefined) return own;
  const there: Criterion = { kind: 'chain', seed: place.id, target: 'Location', of: own };
  return { kind: 'any', of: [own, { kind: 'all', type: p.type, of: [{ kind: 'open-at', spans: undefined }, there] }] };
}

/** A minute of the week, or a whole day. */
function spanOfWeek(p: Parameter, value: string): [number, number] {
  const [name = '', time, ...more] = split(value, '|').map(unescaped);
  const weekday = DAYS.indexOf(name.toLowerCase());
  const minute = time === undefined ? 0 : minuteOf(time);
  if (weekday === -1 || minute === undefined || minute === MINUTES_A_DAY || more.length > 0)
    throw invalid(p.code, 'is not day|time or day, such as mon|18:30 or sun');
  const from = weekday * MINUTES_A_DAY + minute;
  return [from, from + (time === undefined ? MINUTES_A_DAY : 1)];
}

function day(p: Parameter, value: string, now: Date): DateTest {
  if (!/^\d/.test(value)) throw invalid(p.code, 'is a date without prefix');
  return dateTest(p.code, value, now);
}

const STALE_DAYS = 90;

/** Counted in whole days, so that an answer holds until tomorrow. */
const freshNow = ({ now, staleDays = STALE_DAYS }: CriterionOptions): Criterion => ({
  kind: 'fresh',
  since: (Math.floor(now.getTime() / DAY) - staleDays) * DAY,
});

function stale(p: Parameter, value: string, options: CriterionOptions): Criterion {
  if (value !== 'true' && value !== 'false') throw invalid(p.code, 'is true or false');
  return value === 'true' ? { kind: 'none', of: freshNow(options) } : freshNow(options);
}

const STATUS_SYSTEM = 'http://hl7.org/fhir/us/ndh/CodeSystem/NdhVerificationStatusCS';

/** As the record states it; a record that states nothing is judged by its verifications. Plans and networks need none. */
function verificationStatus(p: Parameter, value: string, options: CriterionOptions): Criterion {
  const form = tokenValue(p, value);
  const stated: Criterion = { kind: 'token', seed: p.id, forms: [form], negated: false };
  const code = form.startsWith(`${STATUS_SYSTEM}|`) ? form.slice(STATUS_SYSTEM.length + 1) : form;
  const silent: Criterion = { kind: 'missing', param: p.id, missing: true };
  const network: Criterion | undefined =
    p.type === 'Organization'
      ? {
          kind: 'token',
          seed: parameter('Organization', 'type')?.id ?? 0,
          forms: [tokenForm(`${PLAN_NET}/CodeSystem/OrgTypeCS`, 'ntwk')],
          negated: false,
        }
      : undefined;
  const needed: Criterion[] = network ? [{ kind: 'none', of: network }] : [];
  const derived = (...of: Criterion[]): Criterion => ({ kind: 'any', of: [stated, { kind: 'all', type: p.type, of }] });
  if (code === 'not-required') {
    if (p.type === 'InsurancePlan') return derived(silent);
    return network ? derived(silent, network) : stated;
  }
  if (p.type === 'InsurancePlan') return stated;
  if (code === 'complete') return derived(silent, ...needed, freshNow(options));
  if (code === 'incomplete') return derived(silent, ...needed, { kind: 'none', of: freshNow(options) });
  return stated;
}

/** Whose NPI counts too, by reference parameter. */
const NPI_OF: Record<string, readonly string[]> = {
  PractitionerRole: ['practitioner'],
  OrganizationAffiliation: ['participating-organization', 'primary-organization'],
};

function npi(p: Parameter, values: string[]): Criterion {
  const forms = values.map((v) => {
    const digits = split(v, '|').map(unescaped).at(-1) ?? '';
    if (!isValidNpi(digits)) throw invalid(p.code, 'is not an NPI: ten digits of which the last is a check digit');
    return tokenForm(NPI_SYSTEM, digits);
  });
  return ofAll(p, (seed) => ({ kind: 'token', seed, forms, negated: false }));
}

/** Has it an NPI at all, its own or that of whom it names? */
export function anyNpi(p: Parameter): Criterion {
  return ofAll(p, (seed) =>
    usualSystem(seed) === NPI_SYSTEM
      ? { kind: 'mark', param: seed + SEEDS.system }
      : { kind: 'token', seed, forms: [`${NPI_SYSTEM}|`], negated: false },
  );
}

/** A criterion on the identifiers of a resource, or on those of the people or organizations whose NPI counts as well. */
function ofAll(p: Parameter, held: (seed: number) => Criterion): Criterion {
  const through = (NPI_OF[p.type] ?? []).flatMap((code): Criterion[] => {
    const link = parameter(p.type, code);
    const target = link?.targets[0];
    const identifier = target === undefined ? undefined : parameter(target, 'identifier');
    if (link === undefined || target === undefined || identifier === undefined) return [];
    return [{ kind: 'chain', seed: link.id, target, of: held(identifier.id) }];
  });
  return anyOf([held(indexed(p).id), ...through]);
}

/** `code$Organization/id` or `system|code$Organization/id`. */
function statement(p: Parameter, value: string, options: CriterionOptions): string[] {
  const [code, network, ...more] = split(value, '$');
  if (!code || !network || more.length > 0) throw invalid(p.code, 'is not code$reference');
  const [first = '', second, ...rest] = split(code, '|').map(unescaped);
  if (rest.length > 0 || (second ?? first) === '') throw invalid(p.code, 'is not code$reference');
  const targets: Parameter = { ...p, targets: ['Organization'] };
  return referenceKeys(targets, unescaped(network), undefined, options.base).map((key) =>
    second === undefined ? statementForm(undefined, first, key) : statementForm(first, second, key),
  );
}

function contact(p: Parameter, value: string): string[] {
  const [first = '', second, ...more] = split(value, '|').map(unescaped);
  if (more.length > 0) throw invalid(p.code, 'is not a token');
  const held = second ?? first;
  if (held === '') throw invalid(p.code, 'is empty');
  if (p.reading === 'phone') {
    if (phoneDigits(held) === undefined) throw invalid(p.code, 'has no digits');
    return [contactForm('phone', held)];
  }
  if (p.reading === 'email') return [contactForm('email', held)];
  return second === undefined ? CONTACT_SYSTEMS.map((s) => contactForm(s, held)) : [contactForm(first, held)];
}
