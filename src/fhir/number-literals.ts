// Numbers as they were written, through a record that is parsed, changed and written again: a decimal 10.0 is not 10
// (https://hl7.org/fhir/R4/json.html#decimal). A copy has no places in the text, so a number is known by its name and its value.
// https://tc39.es/proposal-json-parse-with-source/
import type { Json, Resource } from './resource.ts';

/** By name and value; undefined where one name has one value in two spellings. */
export type WrittenNumbers = ReadonlyMap<string, string | undefined>;

/** A value that JSON.stringify writes as this text. */
export const rawJson = (JSON as unknown as { rawJSON: (text: string) => number }).rawJSON;

/** A number that JavaScript might write in another way; what looks like one in a string costs a second look only. */
const ODD = /[:[,]\s*(?:-0(?![.\d])|-?(?:\d+\.\d*0(?!\d)|\d[\d.]*[eE]|0\.0{6}|\d[\d.]{15}))/;

const named = (key: string, value: number): string => `${value} ${key}`;

/** @returns undefined when JSON.stringify writes all of them as they are */
export function writtenNumbers(text: string): WrittenNumbers | undefined {
  if (!ODD.test(text)) return undefined;
  const found = new Map<string, string | undefined>();
  let isOdd = false;
  JSON.parse(text, (key, value: Json, context?: { source?: string }) => {
    const source = context?.source;
    if (typeof value === 'number' && source !== undefined) {
      const name = named(key, value);
      found.set(name, !found.has(name) || found.get(name) === source ? source : undefined);
      isOdd ||= source !== JSON.stringify(value);
    }
    return value;
  });
  return isOdd ? found : undefined;
}

/** Parsed, with numbers that JavaScript might write in another way as strings: as they stand in the text. */
export function parseAsWritten(text: string): Json {
  if (!ODD.test(text)) return JSON.parse(text) as Json;
  return JSON.parse(text, (_, value: Json, context?: { source?: string }) =>
    typeof value === 'number' ? (context?.source ?? value) : value,
  ) as Json;
}

/** The record as text, its numbers as they were written. */
export function withWrittenNumbers(record: Resource, written: WrittenNumbers | undefined): string {
  if (written === undefined) return JSON.stringify(record);
  return JSON.stringify(record, (key, value: unknown) => {
    const source = typeof value === 'number' ? written.get(named(key, value)) : undefined;
    return source === undefined ? value : rawJson(source);
  });
}
