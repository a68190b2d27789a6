// What a resource is found by though another one tells it. Steps that many searches take would otherwise be taken for every
// resource of a large set: from a person to the networks of the roles, from a role to the cities of its places and to where they are.
// The index holds entries of them, as if the resource stated it itself; the store keeps them right when the other one changes
// (directory/resource/resource-reach.ts).
import type { Criterion } from './criterion.ts';
import { parameter } from './parameters.ts';
import { SORT_KEYS } from './sort.ts';
import { type DirectoryType, TYPE_IDS } from './types.ts';
import { usualSystem } from './usual-system.ts';

const number = (type: DirectoryType, code: string): number => {
  const found = parameter(type, code);
  if (found === undefined) throw new Error(`${type} has no ${code}.`);
  return found.id;
};

/** Networks of the roles of a person: `_has:PractitionerRole:practitioner:network`, tokens. */
export const NETWORKS = {
  id: TYPE_IDS.Practitioner * 100 + 70,
  back: number('PractitionerRole', 'practitioner'),
  of: number('PractitionerRole', 'network'),
};

/** Cities of the places of a role: `location.address-city`, words. The city stands in the sort keys of a place. */
export const CITIES = {
  id: TYPE_IDS.PractitionerRole * 100 + 70,
  along: number('PractitionerRole', 'location'),
  of: number('Location', 'address-city'),
  place: SORT_KEYS.Location.indexOf('address-city') + 1,
};

/** Roles by kind of care, square of the map and network, in a table of their own: `specialty` with `location.near`, and perhaps `network`. */
export const CARE = {
  of: number('PractitionerRole', 'specialty'),
  along: number('PractitionerRole', 'location'),
  network: number('PractitionerRole', 'network'),
  system: usualSystem(number('PractitionerRole', 'specialty')) ?? '',
};

/** A chain as a criterion on the resource itself, where the index has such entries: values as written are not in them. */
export function reachedForward(seed: number, of: Criterion): Criterion | undefined {
  if (seed !== CITIES.along || of.kind !== 'string' || of.match !== 'starts') return undefined;
  if (of.params.length !== 1 || of.params[0] !== CITIES.of || of.words.some((w) => w.raw !== undefined))
    return undefined;
  return { ...of, params: [CITIES.id] };
}

/** The same of `_has`. */
export function reachedBack(param: number, of: Criterion): Criterion | undefined {
  if (param !== NETWORKS.back || of.kind !== 'reference' || of.seed !== NETWORKS.of) return undefined;
  return { ...of, seed: NETWORKS.id };
}
