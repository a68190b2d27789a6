// Reading generated records in tests without casts.
import { isObject, type Json, type JsonObject } from '../../src/fhir/resource.ts';

/** The text or number at a path, the first entry of arrays; empty when there is none. */
export function read(node: JsonObject | undefined, ...path: string[]): string {
  let here: Json | undefined = node;
  for (const step of path) {
    if (Array.isArray(here)) here = here[0];
    here = isObject(here) ? here[step] : undefined;
  }
  return typeof here === 'string' || typeof here === 'number' ? String(here) : '';
}
