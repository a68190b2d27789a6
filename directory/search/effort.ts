// How long a search takes the database is not known before it has run; how long others of its kind took is. A kind is what is asked and
// how much of it, without any value: the parameters by name, how many alternatives, how wide a circle. Searches that take long wait for
// places of their own, so that all the others are answered beside them. What is kept is times by kind, and nothing of who asked.
import { circlesOf, type SearchRequest } from '../../src/fhir/search/request.ts';
import { isShort } from './search-page.ts';

/**
 * Levels of places: what is soon done whatever is asked (a read, one look into one index), what was soon done so far, what has not been
 * asked yet, and what takes long.
 */
export const LEVELS = { short: 0, quick: 1, unknown: 2, long: 3 } as const;
type Level = (typeof LEVELS)[keyof typeof LEVELS];

/** Milliseconds of the server from which a search takes long. */
const LONG_MS = 100;
/** Of so many searches back the times count. */
const REMEMBERED = 8;
/** Kinds that are remembered; the one that was not asked for longest is forgotten. */
const MOST = 1000;
/** A longer kind is described by its beginning and its length. */
const LONGEST = 300;

type Effort = {
  /** what is known of it by now: others of its kind may have ended meanwhile */
  level: () => Level;
  /** milliseconds that one of its kind takes; 0 when that is not known */
  expected: number;
  /** @param ms that it took the server. `whole` is false when it was broken off: then it takes at least that long */
  took(ms: number, whole: boolean): void;
};

export type Efforts = { of(request: SearchRequest): Effort };

/** So many, roughly: 1, 2, 3 to 4, 5 to 8 … */
const roughly = (n: number): number => Math.ceil(Math.log2(Math.max(1, n)));

/** What is asked, without its values. */
function kindOf(request: SearchRequest): string {
  const parts = request.applied.map(([name, value]) => {
    if (/^_(sort|total|summary|(rev)?include)/.test(name)) return `${name}=${value}`;
    return `${name} ${roughly(name === '_count' ? Number(value) : value.split(',').length)}`;
  });
  const widest = Math.max(0, ...request.criteria.flatMap(circlesOf).map((circle) => circle.meters));
  const kind = [request.type, roughly(widest), request.after === undefined ? '' : 'further', ...parts.sort()].join('&');
  return kind.length <= LONGEST ? kind : `${kind.slice(0, LONGEST)}${kind.length}`;
}

/** Is it soon done whatever is asked? A total that is counted to the end is not. */
const isAlwaysShort = (request: SearchRequest): boolean =>
  isShort(request) && request.total !== 'accurate' && request.summary !== 'count' && !request.explain;

const SHORT: Effort = { level: () => LEVELS.short, expected: 0, took: () => {} };

type Known = { ms: number; times: number };
const levelOf = (found: Known | undefined): Level =>
  found === undefined ? LEVELS.unknown : found.ms < LONG_MS ? LEVELS.quick : LEVELS.long;

export function efforts(): Efforts {
  const known = new Map<string, Known>();
  return {
    of(request) {
      if (isAlwaysShort(request)) return SHORT;
      const kind = kindOf(request);
      return {
        level: () => levelOf(known.get(kind)),
        expected: known.get(kind)?.ms ?? 0,
        took(ms, whole) {
          const { ms: before, times } = known.get(kind) ?? { ms: 0, times: 0 };
          if (!whole && ms <= before) return;
          const now = Math.min(times + 1, REMEMBERED);
          // the one asked for last stands at the end
          known.delete(kind);
          known.set(kind, { ms: before + (ms - before) / now, times: now });
          if (known.size <= MOST) return;
          for (const oldest of known.keys()) {
            known.delete(oldest);
            break;
          }
        },
      };
    },
  };
}
