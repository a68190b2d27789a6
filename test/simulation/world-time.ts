// A clock that is moved, of programs and of their databases: what a database dates by itself (`now()`) is of the same day as what a program dates.
import type { Sql } from '../../src/db/database.ts';

const DAY = 86_400_000;

export class WorldTime {
  #ahead = 0;
  readonly #databases: Sql[] = [];
  readonly clock = (): Date => new Date(Date.now() + this.#ahead);

  /** From now on a database goes by it. To be called before anything else connects to it. */
  async goesFor(sql: Sql): Promise<void> {
    await sql.unsafe(`
      create schema world_time;
      create table world_time.ahead (ahead interval not null);
      insert into world_time.ahead values ('0');
      create function world_time.now() returns timestamptz language sql stable as 'select pg_catalog.now() + (select ahead from world_time.ahead)';
      create function world_time.statement_timestamp() returns timestamptz language sql stable as 'select pg_catalog.statement_timestamp() + (select ahead from world_time.ahead)';
      create function world_time.clock_timestamp() returns timestamptz language sql volatile as 'select pg_catalog.clock_timestamp() + (select ahead from world_time.ahead)';
      -- beside times of it
      create view world_time.pg_stat_activity as select datname, pid, usename, application_name, backend_type, state, query, backend_start,
        xact_start + (select ahead from world_time.ahead) as xact_start from pg_catalog.pg_stat_activity;
      do $$
      declare d record;
      begin
        execute format('alter database %I set search_path = world_time, pg_catalog, public', current_database());
        for d in select a.attrelid::regclass as t, a.attname as c, pg_get_expr(x.adbin, x.adrelid) as e
          from pg_attrdef x join pg_attribute a on a.attrelid = x.adrelid and a.attnum = x.adnum where pg_get_expr(x.adbin, x.adrelid) ~ '(now|clock_timestamp)\\(\\)'
        loop
          execute format('alter table %s alter column %I set default %s', d.t, d.c, regexp_replace(d.e, '(now|clock_timestamp)\\(\\)', 'world_time.\\1()'));
        end loop;
      end $$;
      set search_path = world_time, pg_catalog, public`);
    this.#databases.push(sql);
  }

  async pass(days: number): Promise<void> {
    this.#ahead += days * DAY;
    for (const sql of this.#databases) {
      const set = () => sql`update world_time.ahead set ahead = make_interval(secs => ${this.#ahead / 1000})`;
      // a program that dies may have taken the connection with it
      await set().catch(set);
    }
  }
}
