// Values of a query in the forms under which entries are kept.
import { foldCase, hasAccents, searchForm } from '../fold.ts';
import { isValidNpi, NPI_SYSTEM } from '../npi.ts';
import { Outcome } from '../outcome.ts';
import { referenceTarget } from '../reference.ts';
import { ID_PATTERN } from '../resource.ts';
import type { Word } from './criterion.ts';
import { MAX_WORD } from './draft.ts';
import type { Parameter } from './parameters.ts';
import { tokenForm } from './token.ts';
import type { DirectoryType } from './types.ts';
import { invalid, split, unescaped } from './values.ts';

export const unknownModifier = (code: string) =>
  new Outcome('invalid-parameter', `"${code}" does not have this modifier here.`);

export function referenceKeys(p: Parameter, text: string, wanted: DirectoryType | undefined, base: string): string[] {
  const types = wanted === undefined ? p.targets : [wanted];
  if (ID_PATTERN.test(text)) return types.map((t) => `${t}/${text}`);
  const key = referenceTarget(text, base);
  if (key === undefined || !/\/|^urn:/.test(key)) throw invalid(p.code, 'is not a reference');
  return wanted !== undefined && !key.startsWith(`${wanted}/`) ? [] : [key];
}

/** The form of `code`, `system|code`, `system|` or `|code`. */
export function tokenValue(p: Parameter, value: string): string {
  const parts = split(value, '|').map(unescaped);
  if (parts.length > 2) throw invalid(p.code, 'is not a token');
  const [first = '', second] = parts;
  if (p.alias === 'npi') return npiForm(p, second ?? first);
  if (second === undefined) return tokenForm(undefined, first);
  if (p.plain) return tokenForm(undefined, second); // codes and booleans are stored without their implied system
  if (first === '' && second === '') throw invalid(p.code, 'is not a token');
  return tokenForm(first, second);
}

function npiForm(p: Parameter, npi: string): string {
  if (!isValidNpi(npi)) throw invalid(p.code, 'is not an NPI: ten digits of which the last is a check digit');
  return tokenForm(NPI_SYSTEM, npi);
}

export function word(value: string, exact: boolean): Word {
  const text = unescaped(value).slice(0, MAX_WORD);
  return { folded: searchForm(text), raw: exact ? text : hasAccents(text) ? foldCase(text) : undefined };
}
