// The shape of a FHIR R4 resource as plain JSON. Typed views come from @types/fhir where a module builds resources.

export type Json = string | number | boolean | null | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json | undefined };

/** A parsed resource. Only `resourceType` is certain; everything else is checked where it is used. */
export type Resource = JsonObject & { resourceType: string };

/** FHIR R4 id, https://hl7.org/fhir/R4/datatypes.html#id */
export const ID_PATTERN = /^[A-Za-z0-9\-.]{1,64}$/;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isResource(value: unknown): value is Resource {
  return isObject(value) && typeof value['resourceType'] === 'string' && value['resourceType'] !== '';
}

const NONE: readonly JsonObject[] = [];

/** The objects in a value that may be one object, an array of them, or absent. Anything else is left out. An array of nothing else is returned as it is. */
export function objects(value: Json | undefined): readonly JsonObject[] {
  if (Array.isArray(value)) {
    for (const one of value) if (!isObject(one)) return value.filter(isObject);
    return value as readonly JsonObject[];
  }
  return isObject(value) ? [value] : NONE;
}

/** The strings in a value that may be one string, an array of them, or absent. */
export function strings(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.filter((v): v is string => typeof v === 'string');
  return typeof value === 'string' ? [value] : [];
}

export function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const codingsWithin = (concept: JsonObject): readonly JsonObject[] => {
  const { coding } = concept;
  return coding === undefined ? [concept] : objects(coding);
};

/** The codings of a CodeableConcept, a Coding, or an array of either. */
export function codings(value: Json | undefined): readonly JsonObject[] {
  const all = objects(value);
  const [first] = all;
  if (first === undefined) return NONE;
  return all.length === 1 ? codingsWithin(first) : all.flatMap(codingsWithin);
}

export function hasCoding(value: Json | undefined, system: string, code: string): boolean {
  return codings(value).some((c) => c['system'] === system && c['code'] === code);
}

/** The values of every extension with this url on an element. */
export function extensions(element: JsonObject, url: string): JsonObject[] {
  return objects(element['extension']).filter((e) => e['url'] === url);
}
