// What breaks the structure of its type in a peer's record is left out, so that the rest of it can be shown: a directory with an
// element of its own making in every record is still a directory. What was sent stays in the source record, and what was left out is a
// finding. A statement goes as a whole (a telephone without its period would be another statement); what decides whether
// the record holds at all is never left out: then nothing of it is shown.
import { isObject, type Json, type JsonObject, type Resource } from '../../src/fhir/resource.ts';
import { type Issue, validate } from '../../src/fhir/validate/validate.ts';

/** Without these another thing would be said. */
const DECIDES = new Set(['active', 'status', 'period', 'mode', 'modifierExtension', 'implicitRules']);
const ROUNDS = 5;

export type Mended = {
  record: Resource;
  /** what was left out and why; the first of each code */
  left: Issue[];
  /** of the record as it is now: an error among them keeps it out */
  issues: Issue[];
};

/** @param given is changed */
export function mend(given: Resource): Mended {
  const left = new Map<string, Issue>();
  for (let round = 0; ; round++) {
    const issues = validate(given);
    const errors = issues.filter((i) => i.severity === 'error');
    if (errors.length === 0) return { record: given, left: [...left.values()], issues };
    const paths = errors.map((e) => ({ error: e, path: toLeaveOut(e) }));
    if (round === ROUNDS || paths.some((p) => p.path === undefined)) return { record: given, left: [], issues };
    for (const { error, path } of paths) {
      if (path) remove(given, path);
      if (!left.has(error.code)) left.set(error.code, error);
    }
    compact(given);
  }
}

type Path = (string | number)[];

/** The place of an unknown element, or of the statement that holds the fault. undefined: it cannot be left out. */
function toLeaveOut(error: Issue): Path | undefined {
  const path = error.path
    .split('.')
    .slice(1)
    .flatMap((part): Path => {
      const [, name = part, index] = /^(.+?)(?:\[(\d+)\])?$/.exec(part) ?? [];
      return index === undefined ? [name] : [name, Number(index)];
    });
  const [top] = path;
  if (typeof top !== 'string' || top === 'id' || top === 'resourceType' || top === 'meta') return undefined;
  if (DECIDES.has(top.replace(/^_/, ''))) return undefined;
  if (error.code === 'unknown-element') return path;
  if (error.code === 'missing-element' && path.length === 1) return undefined;
  return path.slice(0, typeof path[1] === 'number' ? 2 : 1);
}

/** Names that no element has: the validator does not repeat them. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** An item of a list becomes a gap: its neighbours keep their places until all are out. */
const GAP = Symbol('gap');

function remove(record: Resource, path: Path): void {
  let at: unknown = record;
  for (const step of path.slice(0, -1)) at = (at as Record<string | number, unknown> | undefined)?.[step];
  const last = path.at(-1);
  if (Array.isArray(at) && typeof last === 'number') (at as unknown[])[last] = GAP;
  if (!isObject(at as Json) || typeof last !== 'string') return;
  const gone = last === '?' ? Object.keys(at as JsonObject).filter((key) => !PLAIN.test(key)) : [last];
  for (const key of gone) Reflect.deleteProperty(at as JsonObject, key);
}

/** Closes the gaps; a list without items goes. */
function compact(record: Resource): void {
  for (const [key, value] of Object.entries(record)) {
    if (!Array.isArray(value)) continue;
    const kept = value.filter((v) => (v as unknown) !== GAP);
    if (kept.length === 0) Reflect.deleteProperty(record, key);
    else if (kept.length < value.length) record[key] = kept;
  }
}
