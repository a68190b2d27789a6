// What the kinds of criteria allow: whether a statement can begin with one, and how it can be asked of a row.
import type { Criterion } from '../../src/fhir/search/criterion.ts';

/** Is it of few rows, by their shape? */
export const isFew = (c: Criterion): boolean => 'few' in c && c.few === true;

/** Can a criterion be judged on one row by look-ups, without a set of all rows that meet it, unless such a set is what is to be? */
export function isRowwise(c: Criterion): boolean {
  switch (c.kind) {
    case 'chain':
      return isRowwise(c.of) || c.many === true;
    case 'none':
    case 'reverse-chain':
      return isRowwise(c.of);
    case 'all':
    case 'any':
      return c.of.every(isRowwise);
    case 'near':
      return c.found === undefined;
    case 'last-verified':
      return c.tests === undefined;
    case 'string':
    case 'date':
      return c.whole === true;
    default:
      return ['token', 'reference', 'mark', 'missing', 'last-updated', 'active-on', 'open-at', 'fresh'].includes(
        c.kind,
      );
  }
}

/** Is the condition one on the row of the resource? */
export function needsResource(c: Criterion): boolean {
  if (c.kind === 'any' || c.kind === 'all') return (!isSource(c) || isRowwise(c)) && c.of.some(needsResource);
  if (c.kind === 'none') return needsResource(c.of);
  return c.kind === 'last-updated' || c.kind === 'missing' || c.kind === 'mark' || c.kind === 'open-at';
}

/** Can a statement begin with it? */
export function isSource(c: Criterion): boolean {
  if (isFew(c)) return true;
  switch (c.kind) {
    case 'token':
      return !c.negated;
    case 'any':
      return c.of.every(isSource);
    case 'all':
      return c.of.some(isSource);
    case 'last-verified':
      return c.tests !== undefined;
    case 'chain':
      return c.many !== true;
    case 'reverse-chain':
      return c.many !== true || !isRowwise(c.of);
    case 'none':
    case 'mark':
    case 'active-on':
    case 'open-at':
    case 'last-updated':
    case 'missing':
      return false;
    default:
      return true;
  }
}

/** Index entries belong to live rows of the parameter's own type; references may lead to deleted or missing ones. */
export function mayLeaveType(c: Criterion | undefined): boolean {
  return (
    c?.kind === 'reverse-chain' ||
    c?.kind === 'last-verified' ||
    c?.kind === 'fresh' ||
    (c?.kind === 'any' && c.of.some(mayLeaveType))
  );
}

/** Is it met by what is found from places that have been looked up? */
export function isFromPlaces(c: Criterion): boolean {
  if (c.kind === 'any' || c.kind === 'all') return c.of.some(isFromPlaces);
  if (c.kind === 'chain' || c.kind === 'reverse-chain') return isFromPlaces(c.of);
  return c.kind === 'near' && c.found !== undefined;
}

/**
 * Is it met by what others refer to, found from them? What they refer to stands in their rows, so that a join has to find all of it again
 * for every row that it is asked of.
 */
const isReferred = (c: Criterion): boolean => c.kind === 'reverse-chain' || (c.kind === 'any' && c.of.some(isReferred));

/** Is it of several tokens whose rows are read once, or found from known places by two steps or more, or from what refers to it? */
export const isWhole = (c: Criterion): boolean =>
  ('whole' in c && c.whole === true) ||
  isReferred(c) ||
  ((c.kind === 'chain' || c.kind === 'reverse-chain') && c.of.kind !== 'near' && isFromPlaces(c));

/** Does a criterion lead to places? */
export function hasDistance(c: Criterion): boolean {
  switch (c.kind) {
    case 'near':
    case 'care-at':
      return true;
    case 'chain':
    case 'reverse-chain':
      return hasDistance(c.of);
    default:
      return false;
  }
}
