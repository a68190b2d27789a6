// What goes wrong between payers of a simulated world, by chance: payers that are away, that lose jobs, cut files off, take days, take fewer at once, and programs that die
// amid their work and begin again.
import type { Blobs } from '../../src/deps.ts';
import { numbers } from '../support/numbers.ts';

const KINDS = ['away', 'broken', 'unreachable', 'cut', 'lost', 'gone', 'slow', 'small', 'busy'] as const;
type Kind = (typeof KINDS)[number];
/** What a payer answers instead: nothing of the request reaches it. */
const answer = (status: number, headers: Record<string, string> = {}) =>
  new Response(
    JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'transient' }] }),
    {
      status,
      headers: { 'content-type': 'application/fhir+json', ...headers },
    },
  );

/** A program that stops in the middle, for good as far as others know. */
class Doom {
  #left = 0;
  #held: (() => void)[] = [];
  #told = Promise.withResolvers<'dead'>();

  /** It dies at the n-th thing that it does. */
  in(n: number): void {
    this.#left = n;
  }
  /** Nothing dooms it any more. */
  off(): void {
    this.#left = 0;
  }
  get died(): Promise<'dead'> {
    return this.#told.promise;
  }
  /** A thing that it does. Does not return when it dies by it, until it is woken. */
  async pass(): Promise<void> {
    if (this.#left === 0 || --this.#left > 0) return;
    this.#told.resolve('dead');
    await new Promise<void>((wake) => this.#held.push(wake));
    throw new TypeError('slept too long');
  }
  /** Another program does its work. */
  rest(): void {
    this.#told = Promise.withResolvers();
  }
  /** What slept goes on, and finds that others have taken its work over. */
  wake(): void {
    for (const wake of this.#held) wake();
    this.#held = [];
  }
}

export class Weather {
  readonly #roll: () => number;
  readonly #is = new Map<number, { kind: Kind; days: number }>();
  /** what was cut off, lost or gone once */
  readonly #once = new Set<string>();
  readonly dooms: readonly Doom[];
  /** how often what happened */
  readonly seen = new Map<string, number>();

  constructor(seed: number, plans: number) {
    this.#roll = numbers(seed);
    this.dooms = Array.from({ length: plans }, () => new Doom());
  }

  /** Another day. @returns what begins on it, in words */
  turn(): string[] {
    return this.dooms.flatMap((doom, plan) => {
      const now = this.#is.get(plan);
      if (now && --now.days === 0) this.#is.delete(plan);
      if (this.#roll() < 0.12) doom.in(1 + Math.floor(this.#roll() * 25));
      if (now || this.#roll() > 0.2) return [];
      const kind = KINDS[Math.floor(this.#roll() * KINDS.length)] as Kind;
      const days = 1 + Math.floor(this.#roll() * 5);
      this.#is.set(plan, { kind, days });
      return [`plan ${plan} is ${kind} for ${days} days`];
    });
  }

  clear(): void {
    this.#is.clear();
    for (const doom of this.dooms) doom.off();
  }

  #note(kind: string): void {
    this.seen.set(kind, (this.seen.get(kind) ?? 0) + 1);
  }
  #first(kind: string, path: string): boolean {
    if (this.#once.has(`${kind} ${path}`)) return false;
    this.#once.add(`${kind} ${path}`);
    this.#note(kind);
    return true;
  }

  /** The way from one payer to the others. @param placeOf of a payer, by origin */
  over(from: number, placeOf: (origin: string) => number | undefined, inner: typeof fetch): typeof fetch {
    return async (input, init) => {
      const { origin, pathname: path } = new URL(input instanceof Request ? input.url : input);
      // who is asked for a token looks up our keys, while we wait for it: it does not die meanwhile
      if (!path.endsWith('jwks.json')) await this.dooms[from]?.pass();
      const kind = this.#is.get(placeOf(origin) ?? -1)?.kind;
      const isFile = path.includes('$export-file');
      const isStatus = path.includes('$export-status') && (init?.method ?? 'GET') === 'GET';
      const note = (instead: Response) => {
        this.#note(kind ?? '');
        return instead;
      };
      if (kind === 'unreachable') {
        this.#note(kind);
        throw new TypeError('fetch failed');
      }
      if (kind === 'away') return note(answer(503, { 'retry-after': '3600' }));
      if (kind === 'broken' && !isStatus) return note(answer(500));
      if (kind === 'busy' && path.includes('/fhir/')) return note(answer(429, { 'retry-after': '1800' }));
      if (kind === 'slow' && isStatus)
        return note(new Response(null, { status: 202, headers: { 'retry-after': '3000' } }));
      if (
        kind === 'small' &&
        path.includes('$bulk-member-match') &&
        (String(init?.body).match(/"MemberBundle"/g)?.length ?? 0) > 1
      )
        return note(answer(413));
      if (kind === 'lost' && isStatus && this.#first(kind, path)) return answer(404);
      if (kind === 'gone' && isFile && this.#first(kind, path)) return answer(410);
      const response = await inner(input, init);
      return kind === 'cut' && isFile && this.#first(kind, path) ? cutOff(response) : response;
    };
  }

  /** Where a payer keeps its files: it may die while it writes one. */
  keeps(plan: number, blobs: Blobs): Blobs {
    return {
      ...blobs,
      put: async (key, source) => {
        if (key.endsWith('.ndjson.gz')) await this.dooms[plan]?.pass();
        return blobs.put(key, source);
      },
    };
  }
}

async function cutOff(response: Response): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  let isSent = false;
  const body = new ReadableStream<Uint8Array>({
    pull(to) {
      if (isSent) return to.error(new TypeError('terminated'));
      isSent = true;
      to.enqueue(bytes.subarray(0, Math.ceil(bytes.length / 2)));
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}
