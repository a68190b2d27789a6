// References that name their target by an identifier alone, https://hl7.org/fhir/R4/references.html#logical. They lead where a record of a
// type that the parameter allows has that identifier, when exactly one does. Pure: looking up is the store's.
import { isObject, type JsonObject, type Resource, text } from '../resource.ts';
import { PARAMETERS, parameter } from './parameters.ts';
import { tokenForm } from './token.ts';
import { DIRECTORY_TYPES, type DirectoryType, isDirectoryType } from './types.ts';
import { storedForms } from './usual-system.ts';

/** A token under which the target stands in the index. */
export type TargetToken = { seed: number; form: string };

export type Logical = {
  /** number of the parameter */
  param: number;
  /** what stands before `Type/id` of the target in a form of the index; undefined for a reference itself */
  before?: string;
  targets: TargetToken[];
};

const IDENTIFIERS: ReadonlyMap<DirectoryType, number> = new Map(
  DIRECTORY_TYPES.flatMap((type): [DirectoryType, number][] => {
    const id = parameter(type, 'identifier')?.id;
    return id === undefined ? [] : [[type, id]];
  }),
);

/** Numbers under which identifiers of records are hashed. */
export const IDENTIFIER_SEEDS: readonly number[] = [...IDENTIFIERS.values()];

/** `Practitioner` or its canonical URL, as `Reference.type` may be. */
const typeSaid = (said: string): string => said.slice(said.lastIndexOf('/') + 1);

/**
 * Where a reference leads by its identifier. Without a system any system will do.
 * @param allowed types to which its parameter leads
 * @returns empty when it has an address, tells no identifier, or one of a type that the parameter does not lead to
 */
export function targetsOf(allowed: readonly DirectoryType[], reference: JsonObject): TargetToken[] {
  const identifier = reference['identifier'];
  if (reference['reference'] !== undefined || !isObject(identifier)) return [];
  const value = typeof identifier['value'] === 'number' ? String(identifier['value']) : text(identifier['value']);
  if (value === undefined || value === '') return [];
  const system = text(identifier['system']);
  const form = tokenForm(system === '' ? undefined : system, value);
  const said = text(reference['type']);
  const types = said === undefined ? allowed : allowed.filter((t) => t === typeSaid(said));
  return types.flatMap((type) => {
    const seed = IDENTIFIERS.get(type);
    return seed === undefined ? [] : storedForms(seed, form).map((stored) => ({ seed, form: stored }));
  });
}

/** Each reference of a resource that names its target by an identifier alone: the element itself, and where it leads. */
export function logicalReferences(resource: Resource): { reference: JsonObject; targets: TargetToken[] }[] {
  if (!isDirectoryType(resource.resourceType)) return [];
  const found = new Map<JsonObject, TargetToken[]>();
  for (const p of PARAMETERS.get(resource.resourceType)?.values() ?? []) {
    if (p.kind !== 'reference') continue;
    for (const path of p.paths)
      for (const value of path(resource)) {
        const targets = isObject(value) && !found.has(value) ? targetsOf(p.targets, value) : [];
        if (isObject(value) && targets.length > 0) found.set(value, targets);
      }
  }
  return [...found].map(([reference, targets]) => ({ reference, targets }));
}
