// The records of pairs that are judged: each is read and parsed once for all its pairs, as far as there is room.

import type { Sql } from '../../src/db/database.ts';
import { referencesIn } from '../../src/fhir/json-text.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { namedDrugs } from '../records/drug.ts';
import { withDrug } from '../records/facts/drug.ts';
import type { Pair } from '../records/link.ts';
import { npisOf, textsOf, type Wanted } from '../records/link-texts.ts';
import { withNamedWithin } from './named-within.ts';

const DIRECTORY = /^(?:Practitioner|PractitionerRole|Organization|Location|Medication)\//;
/** Characters of texts whose records are kept: parsed they take several times as much. */
const ROOM = 16 * 1024 * 1024;

/** Both records of a pair, references in our ids, each as if it told its drug, and whom it contains, by itself. */
export type Both = { a: Resource; b: Resource };

const stored = (memberId: string, type: string, id: string): Wanted => ({
  key: `${memberId} ${type}/${id}`,
  memberId,
  type,
  id,
  at: null,
});
const staged = (pair: Pair, at: { file: number; line: number; entry: number }): Wanted => ({
  key: `${at.file} ${at.line} ${at.entry}`,
  memberId: pair.memberId,
  type: pair.type,
  id: pair.id,
  at: { file: at.file, line: at.line, entry: at.entry },
});
const firstOf = (pair: Pair): Wanted => staged(pair, pair);
const secondOf = (pair: Pair): Wanted =>
  pair.other === null ? stored(pair.memberId, pair.otherType, pair.otherId) : staged(pair, pair.other);

/** What pairs of a work need. Pairs come in order: those of one record follow each other, and so do those of one kind. */
export class PairRecords {
  readonly #sql: Sql;
  readonly #work: string;
  readonly #records = new Map<string, Resource>();
  readonly #npis = new Map<string, string | undefined>();
  #characters = 0;

  constructor(sql: Sql, work: string) {
    this.#sql = sql;
    this.#work = work;
  }

  /** Reads what a page of pairs needs and is not there yet. */
  async read(pairs: readonly Pair[]): Promise<void> {
    if (this.#characters > ROOM) {
      this.#records.clear();
      this.#npis.clear();
      this.#characters = 0;
    }
    const wanted = new Map<string, Wanted>();
    for (const pair of pairs)
      for (const one of [firstOf(pair), secondOf(pair)]) if (!this.#records.has(one.key)) wanted.set(one.key, one);
    const texts = await textsOf(this.#sql, this.#work, [...wanted.values()]);
    const keys = [...new Set([...texts.values()].flatMap(referencesIn))].filter((key) => DIRECTORY.test(key));
    const unknown = keys.filter((key) => !this.#npis.has(key));
    const [npis, drugs] = await Promise.all([
      npisOf(this.#sql, this.#work, unknown),
      namedDrugs(this.#sql, keys, this.#work),
    ]);
    for (const key of unknown) this.#npis.set(key, npis.get(key));
    for (const [key, body] of texts) {
      this.#records.set(key, withNamedWithin(withDrug(JSON.parse(body) as Resource, drugs)));
      this.#characters += body.length;
    }
  }

  /** undefined when one of them is no more. */
  of(pair: Pair): Both | undefined {
    const [a, b] = [this.#records.get(firstOf(pair).key), this.#records.get(secondOf(pair).key)];
    return a === undefined || b === undefined ? undefined : { a, b };
  }

  /** NPI of a directory-type record that one of these names, by our key `Type/id`. */
  npi(key: string): string | undefined {
    return this.#npis.get(key);
  }
}
