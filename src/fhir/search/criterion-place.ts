// Where a role is: at its own places, or where it names none, at those of its services. FHIR's `location` is its own places alone.
import type { Criterion } from './criterion.ts';
import type { Entries } from './entries.ts';
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
const SPECIALTY = number('PractitionerRole', 'specialty');

/** The token of roles that name services and no place. Most directories have none. */
export const SITED = { seed: number('PractitionerRole', 'place'), form: 'service' };

/** Kinds of care that a role means without having their codes: said-specialty.ts. */
export const SAID = { seed: number('PractitionerRole', 'specialty-like') };

/** Where the references of a role at its services lead. */
export const BY_SERVICE = { service: SERVICE, location: OF_SERVICE };

/** Does a role with references by these parameters name services and no place? */
export const isSited = (refParams: readonly number[]): boolean =>
  refParams.includes(SERVICE) && !refParams.includes(LOCATION);

/** A kind of care in words, which a search for its code alone does not find. */
export const saidForm = (code: string): string => `said ${code}`;

/**
 * What a role at the places of its services is looked for by: that it is one, and each kind of care that it has or means, so that the few of
 * a kind are found by themselves.
 */
export function sitedForms({ tokens, tokenSeeds }: Pick<Entries, 'tokens' | 'tokenSeeds'>): Set<string> {
  const forms = new Set([SITED.form]);
  for (const [i, token] of tokens.entries()) {
    if (tokenSeeds[i] === SPECIALTY) forms.add(token);
    if (tokenSeeds[i] === SAID.seed) forms.add(saidForm(token));
  }
  return forms;
}

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
