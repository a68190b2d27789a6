// Whom a record names within itself (`contained`): what it is called there is its own affair, `#1` at every payer. Pure.
import { isNpiSystem, NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { isObject, type Json, type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';

const NAMED: ReadonlySet<string> = new Set(['Organization', 'Practitioner', 'PractitionerRole', 'Location']);

/** What tells who it is: the NPI, else the first number of a system; and the name. */
function toldBy(contained: JsonObject): JsonObject {
  const numbers = objects(contained['identifier']).filter(
    (i) => text(i['system']) !== undefined && text(i['value']) !== undefined,
  );
  const number = numbers.find((i) => isNpiSystem(i['system'])) ?? numbers[0];
  const name = text(contained['name']);
  return {
    ...(number === undefined
      ? {}
      : {
          identifier: {
            system: isNpiSystem(number['system']) ? NPI_SYSTEM : number['system'],
            value: number['value'],
          },
        }),
    ...(name === undefined ? {} : { display: name }),
  };
}

/** The record as if it told these by itself: each reference to one is its number and name. The same object where it contains none. */
export function withNamedWithin(r: Resource): Resource {
  const within = new Map(
    objects(r['contained']).flatMap((c) => (NAMED.has(String(c['resourceType'])) ? [[`#${String(c['id'])}`, c]] : [])),
  );
  if (within.size === 0) return r;
  const told = (value: Json | undefined): Json | undefined => {
    if (Array.isArray(value)) return value.map((v) => told(v) ?? null);
    if (!isObject(value)) return value;
    const { reference, ...rest } = value;
    const named = typeof reference === 'string' ? within.get(reference) : undefined;
    if (named !== undefined) return { ...toldBy(named), ...rest };
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, told(v)]));
  };
  const rest = Object.entries(r).map(([key, v]) => [key, key === 'contained' ? v : told(v)]);
  return Object.fromEntries(rest) as Resource;
}
