// What the product is compared with: hand-written prepared statements behind a bare Hono route, no checks, no log.
import { Hono } from 'hono';
import type { Sql } from 'postgres';
import { parameter } from '../src/fhir/search/parameters.ts';

const id = (type: 'PractitionerRole', code: string) => parameter(type, code)?.id ?? 0;

const empty = new Uint8Array(0);
const open = Buffer.from('{"fullUrl":"http://localhost:8080/directory/fhir/');
const next = Buffer.from(',{"fullUrl":"http://localhost:8080/directory/fhir/');
const middle = Buffer.from('","resource":');
const close = Buffer.from(',"search":{"mode":');
const end = Buffer.from(']}');

export function rawRoutes(sql: Sql): Hono {
  const app = new Hono();
  const headers = { 'content-type': 'application/fhir+json' };
  app.get('/directory/fhir/PractitionerRole', async (c) => {
    const token = c.req.query('specialty') ?? '';
    const [...found] = (await sql
      .unsafe(
        `with m as materialized (
           select r.key, r.body, r.refs, r.ref_params from directory.lookup l join directory.resource r on r.rk = l.rk
           where l.token = hashtextextended($1, ${id('PractitionerRole', 'specialty')}) order by l.rk limit 20),
         i as (select distinct u.ref from m, unnest(m.refs, m.ref_params) u(ref, p) where u.p = ${id('PractitionerRole', 'practitioner')})
         select key, body, '"match"}}' from m union all select key, body, '"include"}}' from i join directory.resource r on r.rk = i.ref`,
        [token.toLowerCase()],
        { prepare: true },
      )
      .raw()) as unknown as Uint8Array[][];
    const parts: Uint8Array[] = [Buffer.from('{"resourceType":"Bundle","type":"searchset","entry":[')];
    found.forEach(([key = empty, body = empty, mode = empty], i) => {
      parts.push(i === 0 ? open : next, key, middle, body, close, mode);
    });
    parts.push(end);
    return c.body(Buffer.concat(parts), 200, headers);
  });
  app.get('/directory/fhir/:type/:id', async (c) => {
    const key = `${c.req.param('type')}/${c.req.param('id')}`;
    const [row] = await sql<
      { body: string }[]
    >`select body from directory.resource where rk = hashtextextended(${key}, 0)`;
    return row ? c.body(row.body, 200, headers) : c.body(null, 404);
  });
  return app;
}
