// The few kinds of rules that profiles are made of, as functions of an element. Profiles are lists of them.
import { type Json, type JsonObject, objects } from '../resource.ts';
import type { IssueCode } from './issue.ts';
import { isBound, type Strength, type ValueSet } from './plan-net-codes.ts';
import { report, type Walk } from './report.ts';

/** Reports what the element lacks. The path of the walk ends at the element. */
export type Rule = (walk: Walk, element: JsonObject) => void;

export type Profile = { type: string; rules: readonly Rule[] };

const has = (element: JsonObject, name: string) => element[name] !== undefined || element[`_${name}`] !== undefined;

/** The elements must be there. A name ending in `[x]` stands for any type of a choice. */
export function required(...names: string[]): Rule {
  return (walk, element) => {
    for (const name of names) {
      const present = name.endsWith('[x]')
        ? Object.keys(element).some((key) => key.replace(/^_/, '').startsWith(name.slice(0, -3)))
        : has(element, name);
      if (!present) report(walk, 'profile-required', `${name} is mandatory in the profile`, name);
    }
  };
}

export function prohibited(name: string): Rule {
  return (walk, element) => {
    if (has(element, name)) report(walk, 'profile-prohibited', `${name} is not allowed in the profile`, name);
  };
}

export function atMost(name: string, count: number): Rule {
  return (walk, element) => {
    const value = element[name];
    if (Array.isArray(value) && value.length > count)
      report(walk, 'profile-max', `at most ${count} in the profile`, name);
  };
}

/** A primitive with one allowed value. A missing element is `required`'s matter. */
export function fixed(name: string, value: string | boolean): Rule {
  return (walk, element) => {
    const actual = element[name];
    if (actual !== undefined && actual !== value)
      report(walk, 'profile-fixed', `must be ${JSON.stringify(value)} in the profile`, name);
  };
}

export function bound(name: string, set: ValueSet, strength: Strength): Rule {
  return (walk, element) => {
    if (!isBound(element[name], set, strength, walk.taxonomy))
      report(walk, 'profile-binding', 'not in the value set of the profile', name);
  };
}

/** Some value of an element has a coding with this system and code. */
export function someCoding(name: string, system: string, code: string): Rule {
  const set: ValueSet = { systems: { [system]: new Set([code]) } };
  return (walk, element) => {
    const values = objects(element[name]);
    if (values.length > 0 && !values.some((v) => isBound(v, set, 'required', undefined)))
      report(walk, 'profile-required', `a coding ${code} is mandatory in the profile`, name);
  };
}

/** The rules for every value of an element. */
export function each(name: string, ...rules: Rule[]): Rule {
  return (walk, element) => {
    const value: Json | undefined = element[name];
    const isArray = Array.isArray(value);
    walk.path.push(name);
    for (const [i, item] of objects(value).entries()) {
      if (isArray) walk.path.push(i);
      for (const rule of rules) rule(walk, item);
      if (isArray) walk.path.pop();
    }
    walk.path.pop();
  };
}

/** An invariant with a code of its own. */
export function invariant(code: IssueCode, holds: (element: JsonObject) => boolean, message: string): Rule {
  return (walk, element) => {
    if (!holds(element)) report(walk, code, message);
  };
}

/** At most `count` extensions with this URL. */
export function atMostExtensions(url: string, count: number): Rule {
  return (walk, element) => {
    const found = objects(element['extension']).filter((e) => e['url'] === url).length;
    if (found > count) report(walk, 'profile-max', `at most ${count} of an extension in the profile`, 'extension');
  };
}
