// Where a role is: at its own places, or where it names none, at those of its services. FHIR's `location` is its own places alone.
import type { Criterion } from './criterion.ts';
import { parameter } from './parameters.ts';
import { reachedForward } from './reached.ts';
import type { DirectoryType } from './types.ts';

const number = (type: DirectoryType, code: string): number => {
  const found = parameter(type, code);
  if (found === undefined) throw new Error(`${type} has no ${code}.`);
  return found.id;
};

const LOCATION = number('PractitionerRole', 'location');
const SERVICE = number('PractitionerRole', 'service');
const OF_SERVICE = number('HealthcareService', 'location');

/** The token of roles that name services and no place. Most directories have none. */
export const SITED = { seed: number('PractitionerRole', 'place'), form: 'service' };

/** Does a role with references by these parameters name services and no place? */
export const isSited = (refParams: readonly number[]): boolean =>
  refParams.includes(SERVICE) && !refParams.includes(LOCATION);

const either = (own: Criterion, ofService: Criterion): Criterion => ({
  kind: 'any',
  of: [
    own,
    {
      kind: 'all',
      type: 'PractitionerRole',
      of: [
        { kind: 'token', seed: SITED.seed, forms: [SITED.form], negated: false, scarce: true },
        { kind: 'chain', seed: SERVICE, target: 'HealthcareService', of: ofService },
      ],
    },
  ],
});

const chain = (seed: number, of: Criterion): Criterion => ({ kind: 'chain', seed, target: 'Location', of });

/** `place.…`: roles at a place that meets this. */
export const atPlace = (of: Criterion): Criterion =>
  either(reachedForward(LOCATION, of) ?? chain(LOCATION, of), chain(OF_SERVICE, of));

/** `place=Location/…` */
export const inPlaces = (keys: string[]): Criterion =>
  either({ kind: 'reference', seed: LOCATION, keys }, { kind: 'reference', seed: OF_SERVICE, keys });
