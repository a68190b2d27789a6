// Names that may be misspelt, and specialties in plain words, as criteria.
import { queryWords } from '../../names/name-words.ts';
import { meantBy } from '../../names/plain-specialty.ts';
import type { Criterion } from './criterion.ts';
import { word } from './criterion-values.ts';
import { type Parameter, parameter, SEEDS } from './parameters.ts';
import { SORT_KEYS } from './sort.ts';
import { tokenForm } from './token.ts';
import { invalid, unescaped } from './values.ts';

/** One name: a comma is part of it. */
export function readNameLike(p: Parameter, values: string[]): Criterion {
  const text = values.map(unescaped).join(' ');
  if (text.length > 200) throw invalid(p.code, 'is longer than 200 characters');
  const family = parameter(p.type, 'family')?.id;
  const query = queryWords(text, family !== undefined);
  if (query.count === 0) throw invalid(p.code, 'has no letters');
  const params = p.alsoReads.flatMap((c) => parameter(p.type, c)?.id ?? []);
  const given = parameter(p.type, 'given')?.id;
  const givenPlace = SORT_KEYS[p.type].indexOf('given') + 1;
  return { kind: 'like', seed: p.id, params, family, given, givenPlace, ...query, found: undefined };
}

/** Of the plain words of one parameter, codes aside. */
const MAX_PLAIN = 1000;

/** Plain words as codes; what says more, or is not known, is looked for at the beginning of what the specialty is called. */
export function readSpecialtyLike(p: Parameter, values: string[]): Criterion {
  const specialty = parameter(p.type, 'specialty') ?? p;
  const codes = new Set<string>();
  const called: string[] = [];
  let length = 0;
  for (const value of values) {
    const text = unescaped(value);
    if (/^[0-9]{3}[0-9A-Z]{6}X$/i.test(text)) {
      codes.add(text.toLowerCase());
      continue;
    }
    length += text.length;
    if (length > MAX_PLAIN) throw invalid(p.code, `has more than ${MAX_PLAIN} characters of words`);
    const { entries, whole } = meantBy(text);
    for (const { codes: own, kin } of entries) for (const code of [...own, ...kin]) codes.add(code);
    if (entries.length === 0 || !whole) called.push(value);
  }
  const forms = [...codes].map((code) => tokenForm('http://nucc.org/provider-taxonomy', code));
  const token: Criterion = { kind: 'token', seed: specialty.id, forms, negated: false };
  // who has none of the codes, and says what they mean
  const said: Criterion = {
    kind: 'token',
    seed: p.id,
    forms: [...codes].map((code) => code.toLowerCase()),
    negated: false,
    scarce: true,
  };
  if (called.length === 0) return { kind: 'any', of: [token, said] };
  const words = called.map((v) => word(v, false));
  const text: Criterion = { kind: 'string', params: [specialty.id + SEEDS.text], match: 'starts', words };
  return forms.length === 0 ? text : { kind: 'any', of: [token, said, text] };
}
