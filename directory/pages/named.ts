// Whom or what a record names: another record, one that it contains, or words alone. Plain data in and out.

import { referenceTarget } from '../../src/fhir/reference.ts';
import {
  extensions,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import type { Part } from '../../src/ui/html.ts';
import { keyOf } from '../in-network/decide.ts';
import { newPatientsOf, titleOf } from '../in-network/evidence.ts';
import { recordLink } from './frame.ts';
import type { Language } from './language.ts';
import type { Listed } from './listed.ts';

export type Named = {
  /** `Type/id` of a record that is here */
  key: string | undefined;
  /** what it is called; empty when nothing tells */
  name: string;
  /** the record, or the contained one */
  resource: Resource | undefined;
};

const isType = (value: JsonObject): value is Resource => typeof value['resourceType'] === 'string';

/** What the references in an element of `holder` name, in their order; one that tells nothing has no name. */
export function namedIn(
  holder: Resource,
  value: Json | undefined,
  all: ReadonlyMap<string, Resource>,
  base: string,
): Named[] {
  return objects(value).map((reference): Named => {
    const written = text(reference['reference']) ?? '';
    const said = text(reference['display']) ?? '';
    const found = all.get(referenceTarget(written, base) ?? '');
    if (found) return { key: keyOf(found), name: titleOf(found), resource: found };
    const contained = objects(holder['contained']).find((r) => written === `#${text(r['id']) ?? ''}`);
    const resource = contained && isType(contained) ? contained : undefined;
    return { key: undefined, name: (resource && titleOf(resource)) || said, resource };
  });
}

/** The name, with a link to the page of a record that is here. */
export const namedPart = (l: Language, { key, name }: Pick<Named, 'key' | 'name'>): Part =>
  key === undefined ? name : recordLink(l, key, name);

/** For which networks a role lists someone. Where it names some and nothing tells what they are called, that is said. */
export function listedIn(
  role: Resource,
  all: ReadonlyMap<string, Resource>,
  base: string,
  l: Language,
  later?: string,
): Listed[] {
  const references = extensions(role, `${PLAN_NET}/StructureDefinition/network-reference`).map(
    (e) => e['valueReference'] ?? {},
  );
  const named = namedIn(role, references.filter(isObject), all, base);
  const listed = named.map(({ key, name }) => ({ name, code: newPatientsOf(role, key ?? '', base)?.code, later }));
  const withName = listed.filter(({ name }) => name !== '');
  return withName.length > 0
    ? withName
    : listed.slice(0, 1).map((one) => ({ ...one, name: l.texts.find.otherNetwork }));
}
