// Answers already made, good until the directory changes. The change counter is their key: it is asked for at most every
// quarter of a second, so a write shows within that. What is held is the question and the bytes, never who asked.
import { isLent } from '../src/fhir/lent-bytes.ts';
import type { Queryable } from '../src/store/database.ts';
import { readChange } from '../src/store/resource/resource.ts';

/** Bytes and headers of an answer with status 200. */
export type Answer = { body: Uint8Array<ArrayBuffer> | string; headers: Record<string, string> };

export type Answers = {
  /** The change counter and its time, at most a quarter of a second old; somewhat older while another request asks for it. */
  change(sql: Queryable): Promise<string>;
  /** the counter without asking, while it is fresh */
  fresh(): string | undefined;
  get(question: string, change: string): Answer | undefined;
  set(question: string, change: string, answer: Answer): void;
};

const FRESH_MS = 250;
/** While one request asks, others take the old counter so long; one that is never answered blocks nobody. */
const PATIENT_MS = 750;
/** Of the memory an answer may take this part. */
const LARGEST = 1 / 16;
/** What an entry costs beside its bytes. */
const OVERHEAD = 500;

/** Bytes without the memory that they share with others. */
const alone = (body: Answer['body']): Answer['body'] =>
  typeof body === 'string' || (body.buffer.byteLength === body.length && !isLent(body)) ? body : new Uint8Array(body);

/** The counter of `counter.time`. */
const counter = (change: string): bigint => BigInt(change.split('.', 1)[0] ?? '0');

/**
 * @param bytes memory for answers; 0 keeps none
 * @param now milliseconds, for tests
 */
export function answers(bytes: number, now: () => number = () => performance.now()): Answers {
  let held = new Map<string, Answer>();
  let size = 0;
  let of = '';
  let known: { change: string; at: number } | undefined;
  let asking = false;
  const sizeOf = (question: string, answer: Answer) => question.length * 2 + answer.body.length + OVERHEAD;
  return {
    async change(sql) {
      const age = known === undefined ? Number.POSITIVE_INFINITY : now() - known.at;
      if (known !== undefined && (age < FRESH_MS || (asking && age < PATIENT_MS))) return known.change;
      asking = true;
      try {
        const at = now();
        known = { change: await readChange(sql), at };
        return known.change;
      } finally {
        asking = false;
      }
    },
    fresh: () => (known !== undefined && now() - known.at < FRESH_MS ? known.change : undefined),
    get(question, change) {
      if (change !== of) return undefined;
      const answer = held.get(question);
      if (answer === undefined) return undefined;
      held.delete(question); // the map keeps the order of use
      held.set(question, answer);
      return answer;
    },
    set(question, change, answer) {
      const more = sizeOf(question, answer);
      if (more > bytes * LARGEST) return;
      if (change !== of) {
        if (of !== '' && counter(change) < counter(of)) return; // made before the change that is known by now
        held = new Map();
        size = 0;
        of = change;
      }
      const before = held.get(question);
      if (before !== undefined) {
        size -= sizeOf(question, before);
        held.delete(question);
      }
      held.set(question, { ...answer, body: alone(answer.body) });
      size += more;
      for (const [oldest, one] of held) {
        if (size <= bytes) break;
        held.delete(oldest);
        size -= sizeOf(oldest, one);
      }
    },
  };
}
