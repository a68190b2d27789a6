// The statements of the directory on another schema with the same tables: the merged base is searched, read and filled by the
// same code. Only the qualifier `directory.` of a statement's text changes; values are bound and never looked at.
import type { Database, Queryable, Sql } from './database.ts';
import { RUN_RAW, type RunRaw } from './raw-rows.ts';

// as the query builder writes it too
const QUALIFIER = /\bdirectory("?\.)(?=["a-z_$])/g;
const SCHEMA = Symbol('schema');

/** The schema that statements of this client name: `directory`, unless it is a view on another one. */
export function schemaOf(sql: Queryable): string {
  return (sql as { [SCHEMA]?: string })[SCHEMA] ?? 'directory';
}

/** A database whose statements name `schema` where they say `directory`. */
export function onSchema(database: Database, schema: string): Database {
  const view = viewer(schema);
  return {
    get sql() {
      return view(database.sql);
    },
    dedicated: (use) => view(database.dedicated(use)),
    lend: (count, work) => database.lend(count, (clients) => work(clients.map(view) as [Sql, ...Sql[]])),
  };
}

function viewer(schema: string): <T extends Queryable>(sql: T) => T {
  const templates = new WeakMap<TemplateStringsArray, TemplateStringsArray>();
  const renamed = (text: string) => text.replace(QUALIFIER, `${schema}$1`);
  const rewritten = (strings: TemplateStringsArray): TemplateStringsArray => {
    let found = templates.get(strings);
    if (!found) {
      found = Object.assign(strings.map(renamed), { raw: strings.raw.map(renamed) });
      templates.set(strings, found);
    }
    return found;
  };
  const isTemplate = (value: unknown): value is TemplateStringsArray => Array.isArray(value) && 'raw' in value;
  /** transactions and savepoints hand a client of their own to their last argument */
  const within = (args: unknown[]): unknown[] =>
    args.map((a) => (typeof a === 'function' ? (tx: Sql) => (a as (tx: Sql) => unknown)(view(tx)) : a));
  const views = new WeakMap<object, Queryable>();
  function view<T extends Queryable>(sql: T): T {
    const known = views.get(sql);
    if (known) return known as T;
    const made = new Proxy(sql, {
      apply: (target, self, args: unknown[]) =>
        Reflect.apply(
          target as never,
          self,
          isTemplate(args[0]) ? [rewritten(args[0]), ...args.slice(1)] : args,
        ) as unknown,
      get(target, name) {
        if (name === SCHEMA) return schema;
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name === RUN_RAW) return ((text, ...rest) => (value as RunRaw)(renamed(text), ...rest)) satisfies RunRaw;
        if (name === 'unsafe')
          return (text: string, ...rest: unknown[]) =>
            (target.unsafe as (...a: unknown[]) => unknown)(renamed(text), ...rest);
        if (name === 'begin' || name === 'savepoint')
          return (...args: unknown[]) => (value as (...a: unknown[]) => unknown).apply(target, within(args));
        return value.bind(target) as unknown;
      },
    });
    views.set(sql, made);
    return made;
  }
  return view;
}
