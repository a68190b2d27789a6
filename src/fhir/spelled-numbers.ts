// Numbers that are written otherwise than a double of them would be (1.50, 1e3, more than 17 digits), through a change of the resource that
// needs it parsed. FHIR wants decimals kept as they are written: https://hl7.org/fhir/R4/datatypes.html#decimal
import type { Json, JsonObject } from './resource.ts';

/** How the numbers of an object are written, by member. Spread and rest keep it; what reassembles an object has to carry it over. */
const SPELLED = Symbol('spelled');
type Spelled = { [SPELLED]?: Record<string, string> };

type Reviver = (this: object, key: string, value: unknown, context: { source?: string }) => unknown;
const source = JSON as unknown as {
  parse(text: string, reviver: Reviver): Json;
  rawJSON(text: string): unknown;
};

/** May a minified text hold such numbers? What stands in its strings is not distinguished. */
export const mayBeSpelled = (json: string): boolean => /\.\d*0[,}\]]|-0[,}\]]|\d[eE][+-]?\d|[\d.]{16}/.test(json);

/** As JSON.parse; objects remember how their numbers are written where that is not how JSON.stringify would. */
export function parseSpelled(json: string): Json {
  return source.parse(json, function (this: object, key, value, context) {
    if (typeof value === 'number' && context.source !== undefined && context.source !== JSON.stringify(value)) {
      const holder = this as Spelled;
      holder[SPELLED] ??= Object.create(null) as Record<string, string>;
      holder[SPELLED][key] = context.source;
    }
    return value;
  });
}

/** As JSON.stringify, numbers as they are remembered to be written, unless they are others now. */
export function stringifySpelled(value: Json): string {
  return JSON.stringify(value, function (this: object, key: string, one: unknown) {
    const written = typeof one === 'number' ? (this as Spelled)[SPELLED]?.[key] : undefined;
    return written !== undefined && Object.is(Number(written), one) ? source.rawJSON(written) : one;
  });
}

/** An object that was put together of parts of another one remembers what that does. */
export function spelledAs(made: JsonObject, from: JsonObject): JsonObject {
  const written = (from as Spelled)[SPELLED];
  if (written !== undefined) (made as Spelled)[SPELLED] = written;
  return made;
}
