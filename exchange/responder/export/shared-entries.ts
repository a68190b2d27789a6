// Directory-type records that leave with what names them.
import type { Queryable } from '../../../src/db/database.ts';
import { type ExportConditions, namedByShared, sharedRows } from './export-rows.ts';
import type { Shape } from './output-form.ts';

/**
 * The directory-type records that leaving records name. A record that stays gives no one away: whom it alone names stays too. They are as
 * many as the directory has at most, however much an export holds.
 */
export class Named {
  /** `Type/id`, and whether it is new to the peer by what names it */
  readonly keys = new Map<string, boolean>();
  /** those that were read as they leave */
  readonly left = new Set<string>();
  /** what each names in turn, as far as it was looked up */
  readonly inTurn = new Map<string, string[]>();
  /** for the account of each member */
  readonly leaving = new Leaving();

  /** @param links `Type/id` with a blank between them */
  add(links: string, isNews: boolean): void {
    if (links !== '') for (const key of links.split(' ')) this.addOne(key, isNews);
  }

  addOne(key: string, isNews: boolean): void {
    const known = this.keys.get(key);
    if (known === undefined || (isNews && !known)) this.keys.set(key, isNews);
  }

  addAll(others: Named): void {
    for (const [key, isNews] of others.keys) this.addOne(key, isNews);
    for (const key of others.left) this.left.add(key);
  }
}

/** A directory-type record as it leaves. */
export type NamedRecord = { key: string; type: string; text: string | Uint8Array; lastUpdated: Date };

/** Directory-type records asked about by one statement. */
const SLICE = 5000;

/** Those that may leave and are asked for, and those that they name in turn, which are added to `named`, as is what leaves. */
export async function* namedRecords(
  tx: Queryable,
  shape: Shape,
  conditions: Pick<ExportConditions, 'types' | 'since' | 'until' | 'before'>,
  named: Named,
): AsyncGenerator<NamedRecord, void, void> {
  const first = [...named.keys.keys()];
  for (let i = 0; i < first.length; i += SLICE)
    for (const { key, by, isNews } of await namedByShared(tx, first.slice(i, i + SLICE), conditions.since)) {
      named.addOne(key, isNews || (named.keys.get(by) ?? false));
      const others = named.inTurn.get(by);
      if (others) others.push(key);
      else named.inTurn.set(by, [key]);
    }
  const all = [...named.keys];
  for (let i = 0; i < all.length; i += SLICE) {
    const some = all.slice(i, i + SLICE);
    const rows = await sharedRows(
      tx,
      conditions,
      some.map(([key]) => key),
      some.map(([, isNews]) => isNews),
    );
    for (const row of rows) {
      const text = shape.of(row.type, row.text);
      if (text === undefined) continue;
      const key = `${row.type}/${row.id}`;
      named.left.add(key);
      yield { key, type: row.type, text, lastUpdated: row.lastUpdated };
    }
  }
}

/**
 * What leaves with a directory-type record that is new to the peer: itself and what it names in turn, if they are
 * there, asked for and pass the filters. Each is looked up once in an export, when the first member names it.
 */
export class Leaving {
  readonly #with = new Map<string, readonly string[]>();

  async lookUp(
    tx: Queryable,
    shape: Shape,
    conditions: Pick<ExportConditions, 'types' | 'since' | 'until' | 'before'>,
    keys: Iterable<string>,
  ): Promise<void> {
    const some = new Named();
    for (const key of keys) if (!this.#with.has(key)) some.addOne(key, true);
    const asked = [...some.keys.keys()];
    const records = namedRecords(tx, shape, conditions, some);
    while (asked.length > 0 && (await records.next()).done !== true);
    for (const key of asked)
      this.#with.set(
        key,
        [key, ...(some.inTurn.get(key) ?? [])].filter((k) => some.left.has(k)),
      );
  }

  /** Each once, however often it is named. */
  with(keys: Iterable<string>): Set<string> {
    const all = new Set<string>();
    for (const key of keys) for (const one of this.#with.get(key) ?? []) all.add(one);
    return all;
  }
}
