// The part of FHIRPath that our search parameters use, compiled once: `a.b`, `extension[name].value`,
// `telecom[system=phone]`. `extension[name]` selects by the last part of the url, or by the whole url if it has a colon.
import { isObject, type Json, type JsonObject } from '../resource.ts';
import { PLAN_NET } from './types.ts';

export type Path = (resource: JsonObject) => Json[];

type Step = (from: JsonObject, out: Json[]) => void;

function push(value: Json | undefined, out: Json[]): void {
  if (value === undefined || value === null) return;
  if (Array.isArray(value)) for (const v of value) push(v, out);
  else out.push(value);
}

/** Values of `value[x]`: an extension has exactly one. */
function anyValue(from: JsonObject, out: Json[]): void {
  for (const key in from) if (key.startsWith('value')) push(from[key], out);
}

function step(text: string, first: boolean): Step {
  const m = /^([A-Za-z]+)(?:\[([^\]=]+)(?:=([^\]]+))?\])?$/.exec(text);
  const name = m?.[1];
  if (!m || name === undefined) throw new Error(`"${text}" is not a step of a search path.`);
  if (name === 'value') return anyValue;
  const member = m[2];
  if (member === undefined) return (from, out) => push(from[name], out);
  const wanted = m[3] ?? extensionUrl(member, first);
  const by = m[3] === undefined ? 'url' : member;
  return (from, out) => {
    const list = from[name];
    if (!Array.isArray(list)) return;
    for (const item of list) if (isObject(item) && item[by] === wanted) out.push(item);
  };
}

/** A top-level extension has an absolute url, one inside another extension a bare name. */
function extensionUrl(name: string, first: boolean): string {
  return name.includes(':') || !first ? name : `${PLAN_NET}/StructureDefinition/${name}`;
}

/** Compiles a path. The result gives the values at its end, arrays flattened, absent ones left out. */
export function compilePath(text: string): Path {
  const steps = splitSteps(text).map((part, i) => step(part, i === 0));
  const [only] = steps;
  if (only && steps.length === 1)
    return (resource) => {
      const out: Json[] = [];
      only(resource, out);
      return out;
    };
  return (resource) => {
    let from: Json[] = [resource];
    for (const one of steps) {
      const out: Json[] = [];
      for (const value of from) if (isObject(value)) one(value, out);
      if (out.length === 0) return out;
      from = out;
    }
    return from;
  };
}

/** Steps are parted by dots outside brackets. */
function splitSteps(text: string): string[] {
  return text.match(/[^.[]+(?:\[[^\]]*\])?/g) ?? [];
}
