// What the product is compared with: hand-written prepared statements behind a bare Hono route, no checks, no log, no total.
import { Hono } from 'hono';
import type { Sql } from '../src/db/database.ts';
import { MIX } from './search-mix.ts';

const empty = new Uint8Array(0);
const open = Buffer.from('{"fullUrl":"http://localhost:8080/directory/fhir/');
const next = Buffer.from(',{"fullUrl":"http://localhost:8080/directory/fhir/');
const middle = Buffer.from('","resource":');
const close = Buffer.from(',"search":{"mode":"');
const shut = Buffer.from('"}}');
const end = Buffer.from(']}');
const begin = Buffer.from('{"resourceType":"Bundle","type":"searchset","entry":[');
const headers = { 'content-type': 'application/fhir+json' };

/** `/raw/{index of the kind}?v=…&v=…` */
export function rawRoutes(sql: Sql): Hono {
  const app = new Hono();
  MIX.forEach((kind, i) => {
    app.get(`/raw/${i}`, async (c) => {
      const found = (await sql
        .unsafe(kind.raw, c.req.queries('v') ?? [], { prepare: true })
        .raw()) as unknown as Uint8Array[][];
      if (kind.name === 'read') return c.body(new Uint8Array(found[0]?.[1] ?? empty), 200, headers);
      const parts: Uint8Array[] = [begin];
      found.forEach(([key = empty, body = empty, mode = empty], n) => {
        parts.push(n === 0 ? open : next, key, middle, body, close, mode, shut);
      });
      parts.push(end);
      return c.body(Buffer.concat(parts), 200, headers);
    });
  });
  return app;
}
