// Where a page begins when the row that the page before ended with has changed since: its names are those of the version that was shown.

import type { Queryable } from '../../src/db/database.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { SEPARATOR, sortText } from '../../src/fhir/search/sort.ts';

/** resource_pkey, history_pkey. A row that is as it was gives none: the statement of the page reads its names itself. */
const FORMER = `select h.body from directory.resource r left join directory.history h on h.rk = r.rk and h.version = $2::int
  where r.rk = $1::bigint and r.version <> $2::int`;

/**
 * The request with the names of its position, when they stand in a former version.
 * @throws Outcome bad-cursor when that version is not kept any more
 */
export async function positioned(sql: Queryable, request: SearchRequest): Promise<SearchRequest> {
  const { after, sort, type } = request;
  const version = after?.keys[sort.findIndex((key) => key.by === 'key')] ?? 0;
  if (after === undefined || !Number.isInteger(version) || version < 1 || version > 2 ** 31 - 1) return request;
  const rows = await rawRows(sql, FORMER, [String(after.rk), String(version)], { prepare: true, short: true });
  if (rows.length === 0) return request;
  const body = rows.text(0, 0);
  if (body === null || body === '')
    throw new Outcome(
      'bad-cursor',
      'What this page began with has changed since, and its former version is not kept any more.',
    );
  return {
    ...request,
    after: { ...after, names: (sortText(type, JSON.parse(body) as JsonObject) ?? '').split(SEPARATOR) },
  };
}
