// People by name in tables: what is stored of who did something is the subject of an identity provider.
import type { Queryable } from '../../../src/db/database.ts';
import type { Cell, Table } from '../../../src/ui/table.ts';
import { namesOf } from './staff-person.ts';

/** A subject is `issuer|sub`. */
const mayBePerson = (cell: Cell): cell is Cell & { value: string } =>
  typeof cell.value === 'string' && cell.value.includes('|') && cell.value.length < 500;

/** For people in sentences: the name of a subject where one is known, else the subject. */
export async function peopleIn(
  sql: Queryable,
  subjects: readonly string[],
  until: Date,
): Promise<(subject: string) => string> {
  const names = await namesOf(sql, [...new Set(subjects)], until);
  return (subject) => names.get(subject) ?? subject;
}

/**
 * The same tables with names: a page shows the name, CSV and JSON hold `name (subject)`, since two may be called the same.
 * Who never signed in here, and the accounts of the sandbox, stay as they are. `until`: names are those of then.
 */
export async function withPeople(sql: Queryable, tables: readonly Table[], until: Date): Promise<Table[]> {
  const cells = tables.flatMap((t) => t.rows.flatMap((row) => row.filter(mayBePerson)));
  const names = await namesOf(sql, [...new Set(cells.map((cell) => cell.value))], until);
  if (names.size === 0) return [...tables];
  const named = (cell: Cell): Cell => {
    const name = mayBePerson(cell) ? names.get(cell.value) : undefined;
    return name === undefined ? cell : { ...cell, value: `${name} (${String(cell.value)})`, text: name };
  };
  return tables.map((t) => ({ ...t, rows: t.rows.map((row) => row.map(named)) }));
}
