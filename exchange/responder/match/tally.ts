// What was tried before of each question, counted from the rows that were found and from the questions that came beside it. Pure.
import { type Attempt, KEY_OF_PERSON, type Tried } from './attempt.ts';

/** A question with the peer that asked it. */
export type AskedAttempt = Omit<Attempt, 'isTrying'> & { peerId: string };

/**
 * Rows that stand in the database of one question. `cards`: of its person, those of other peers with a star behind; `persons`: keys that
 * were tried with its card by its peer; `near`: `range:card` of its peer.
 */
export type FoundRows = { position: number; cards: string[]; persons: string[]; near: string[] };

const KIND = 3n;
const WIDTH = 24n;

function add(map: Map<string, Set<string>>, name: string, value: string): void {
  const known = map.get(name);
  if (known) known.add(value);
  else map.set(name, new Set([value]));
}

/** What the questions of one moment bring themselves, looked up as the table is. */
class Beside {
  readonly #ofPerson = new Map<string, AskedAttempt[]>();
  readonly #ofCard = new Map<string, Set<string>>();
  readonly #ofStretch = new Map<string, Set<string>>();

  constructor(asked: readonly AskedAttempt[]) {
    for (const a of asked)
      for (const key of a.stored) {
        const others = this.#ofPerson.get(key);
        if (others) others.push(a);
        else this.#ofPerson.set(key, [a]);
        add(this.#ofCard, `${a.card} ${a.peerId}`, key);
        add(this.#ofStretch, `${BigInt(key) >> WIDTH} ${a.peerId}`, a.card);
      }
  }

  person(key: string): readonly AskedAttempt[] {
    return this.#ofPerson.get(key) ?? [];
  }

  persons(a: AskedAttempt): Iterable<string> {
    return this.#ofCard.get(`${a.card} ${a.peerId}`) ?? [];
  }

  cardsNear(low: string, peerId: string): Iterable<string> {
    return this.#ofStretch.get(`${BigInt(low) >> WIDTH} ${peerId}`) ?? [];
  }
}

/** @returns in the order of the questions */
export function tally(asked: readonly AskedAttempt[], found: readonly FoundRows[]): Tried[] {
  const beside = new Beside(asked);
  const rows = new Map(found.map((f) => [f.position, f]));
  return asked.map((a) => {
    const { cards = [], persons = [], near = [] } = rows.get(a.position) ?? {};
    const mine = new Set<string>();
    const everybodys = new Set<string>();
    for (const card of cards) {
      const isMine = !card.endsWith('*');
      const number = isMine ? card : card.slice(0, -1);
      everybodys.add(number);
      if (isMine) mine.add(number);
    }
    for (const key of a.sought)
      for (const other of beside.person(key)) {
        everybodys.add(other.card);
        if (other.peerId === a.peerId) mine.add(other.card);
      }
    const people = new Set<string>();
    for (const key of [...persons, ...beside.persons(a)])
      if (Number(BigInt(key) & KIND) === KEY_OF_PERSON) people.add(key);
    const ranges = new Map<string, Set<string>>(a.near.map((low) => [low, new Set(beside.cardsNear(low, a.peerId))]));
    for (const one of near) {
      const colon = one.indexOf(':');
      ranges.get(one.slice(0, colon))?.add(one.slice(colon + 1));
    }
    return {
      position: a.position,
      cards: mine.size,
      cardsOfAll: everybodys.size,
      persons: people.size,
      near: Math.max(0, ...[...ranges.values()].map((s) => s.size)),
    };
  });
}
