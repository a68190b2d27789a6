// What a reader makes of a row: resources, and what it had to leave out.
import { isValidNpi } from '../../fhir/npi.ts';
import type { Resource } from '../../fhir/resource.ts';
import type { Left } from './values.ts';

export type Made = {
  resources: Resource[];
  /** `Type/id` of what is gone */
  deleted?: string[];
  /** parts of the row that could not be read; the rest is imported */
  left: Left[];
  /** why nothing is made of the row */
  refused?: Left;
};

export const refused = (column: string, why: string): Made => ({ resources: [], left: [], refused: { column, why } });

export const npiFault = (npi: string): string | undefined =>
  isValidNpi(npi) ? undefined : 'is not an NPI: ten digits of which the last is a check digit';
