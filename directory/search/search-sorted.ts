// A page in the order of `_sort`. Few matches are sorted; many are found by walking an index that has the order already.
// Positions are rows: the names by which they are sorted are read from the row of the cursor, or from the version of it that the page
// before showed, when it has another one now. Nothing comes last.

import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { type SearchRequest, sortCriterion } from '../../src/fhir/search/request.ts';
import type { SortKey } from '../../src/fhir/search/sort.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { nearestIn } from './additional-conditions.ts';
import { conditions, nearRows, rows } from './search-condition.ts';
import { time } from './search-date.ts';
import type { Bind } from './search-set.ts';

/**
 * The page: `page` selects the columns `rk, key, body` of its rows and of one row more, in the order of the page (the row
 * too many is first when the page looks back), and `measure` where matches have one. `tables` come before it.
 */
export type Found = {
  tables: string[];
  page: string;
  /** keeps of the table `page` what is shown, without the row too many */
  shown: string;
  /** `order by …` of the table `page` */
  order: string;
  /** positions of the first and the last row as JSON; without it they are the rows themselves */
  edges: string | undefined;
  /** number of matches when the tables know it */
  counted: string | undefined;
  /** a column of the page: the distance of a match, or how well it answers */
  measure: string | undefined;
  /** its rows hold all that it tells: there is no row of numbers, which would be a sixth of its work */
  plain: boolean;
};

/** Of a statement: how many rows it looks at, how many it sends, and what they carry. */
export type Parts = { size: string; limit: string; carried: string };

/** A key as SQL: its value on a row, and its value at the cursor. */
type Key = {
  value: string;
  at: string;
  nullable: boolean;
  descending: boolean;
  as: 'time' | 'number' | 'version' | 'none';
};

const held = (place: number, row: string) => `nullif(split_part(${row}sort, E'\\x01', ${place}), '')`;

function keyOf(key: SortKey, i: number, request: SearchRequest, bind: Bind): Key {
  const { after } = request;
  const { descending } = key;
  const row = (expression: string) =>
    after === undefined
      ? ''
      : `(select ${expression} from directory.resource where rk = ${bind(String(after.rk), 'bigint')})`;
  switch (key.by) {
    case 'id':
      return { value: 'd.key collate "C"', at: row('key collate "C"'), nullable: false, descending, as: 'none' };
    case 'key': {
      const name = after?.names?.[key.place - 1] ?? '';
      const at = after?.names === undefined ? row(held(key.place, '')) : `nullif(${bind(name, 'text')}, '')`;
      return { value: held(key.place, 'd.'), at, nullable: true, descending, as: 'version' };
    }
    case 'last-updated': {
      const at = after === undefined ? '' : time(after.keys[i] ?? 0, bind);
      return { value: 'd.last_updated', at, nullable: false, descending, as: 'time' };
    }
    case 'near': {
      const at = after === undefined ? '' : bind(String(after.keys[i] ?? 0), 'float8');
      return { value: 'n.distance', at, nullable: false, descending, as: 'number' };
    }
  }
}

type Order = { keys: Key[]; back: boolean; rk: string; down: boolean };

/** Rows beyond the cursor in the order of the keys; `rk` ends it, in the direction of the first key. */
function beyond(o: Order, i = 0): string {
  const key = o.keys[i];
  if (key === undefined) return `d.rk ${o.down !== o.back ? '<' : '>'} ${o.rk}`;
  const { value, at } = key;
  const past = `${value} ${key.descending !== o.back ? '<' : '>'} ${at}`;
  const same = key.nullable ? `${value} is not distinct from ${at}` : `${value} = ${at}`;
  const none = !key.nullable
    ? ''
    : o.back
      ? ` or (${value} is not null and ${at} is null)`
      : ` or (${value} is null and ${at} is not null)`;
  return `(${past}${none} or (${same} and ${beyond(o, i + 1)}))`;
}

function orderBy(o: Order, column: (i: number) => string, rk: string): string {
  const direction = (down: boolean) => (down !== o.back ? ' desc' : '');
  const parts = o.keys.map(
    (key, i) =>
      `${column(i)}${direction(key.descending)}${key.nullable ? (o.back ? ' nulls first' : ' nulls last') : ''}`,
  );
  return [...parts, `${rk}${direction(o.down)}`].join(', ');
}

export function sortedHits(request: SearchRequest, bind: Bind, parts: Parts & { cap: number }): Found {
  const { size, limit, carried, cap } = parts;
  const { after, criteria } = request;
  const order: Order = {
    keys: request.sort.map((key, i) => keyOf(key, i, request, bind)),
    back: after?.back === true,
    rk: after === undefined ? '' : bind(String(after.rk), 'bigint'),
    down: request.sort[0]?.descending === true,
  };
  const near = request.sort.some((key) => key.by === 'near') ? sortCriterion(request) : undefined;
  const tables: string[] = [];
  const branches: string[] = [];
  const columns = order.keys.map((key, i) => `, ${key.value} as k${i}`).join('');
  const past = after === undefined ? 'true' : beyond(order);
  const nearest = nearestOnly(request, order, near, limit, bind);
  // back among the farthest first, the nearest come last on the page
  if (nearest !== undefined && request.includes.length === 0 && !order.back) return nearestHits(nearest, parts);
  const isCounted = criteria.length > 0 && (near !== undefined || request.many !== true);
  if (isCounted) {
    const found = near
      ? (nearest ??
        nearRows(
          request.type,
          near,
          criteria.filter((c) => c !== near),
          bind,
        ))
      : `${rows(request.type, criteria, bind)} limit ${cap + 1}`;
    tables.push(`matched as materialized (${found})`);
    branches.push(
      `(select d.rk${columns} from matched n ${
        order.keys.every((key) => key.as === 'number')
          ? 'cross join lateral (select n.rk) d' // distances are all that it is sorted by
          : 'join directory.resource d on d.rk = n.rk'
      } where ${
        near ? 'true' : `(select count(*) from matched) <= ${cap}`
      } and ${past} order by ${orderBy(order, (i) => order.keys[i]?.value ?? '', 'd.rk')} limit ${limit})`,
    );
  }
  if (!near) {
    const guard = isCounted ? [`(select count(*) from matched) > ${cap}`] : [];
    const walk = walks(request, order, bind, [...guard, ...conditions(criteria, bind), past], columns, limit);
    tables.push(...walk.tables);
    branches.push(...walk.branches);
  }
  const ordered = orderBy(order, (i) => `k${i}`, 'rk');
  const edge = (which: 'min' | 'max') =>
    `(select json_build_array(rk::text${order.keys.map((key, i) => `, ${edgeKey(key, i)}`).join('')}) from hits where pos = (select ${which}(pos) from hits where pos <= ${size}))`;
  const [first, last] = order.back ? (['max', 'min'] as const) : (['min', 'max'] as const);
  const distance = request.sort.findIndex((key) => key.by === 'near');
  const back = order.back ? ' desc' : '';
  return {
    tables: [
      ...tables,
      `hits as materialized (select h.*, row_number() over (order by ${ordered}) as pos from (${branches.join(' union all ')}) h order by ${ordered} limit ${limit})`,
    ],
    page: `select r.rk, r.key, r.body, h.pos${distance === -1 ? '' : `, h.k${distance} as away`}${carried} from hits h join directory.resource r on r.rk = h.rk order by pos${back}`,
    shown: `where pos <= ${size}`,
    order: `order by pos${back}`,
    edges: `select json_build_array(${edge(first)}, ${edge(last)})`,
    counted: isCounted && nearest === undefined ? `(select count(*) from matched)` : undefined,
    measure: distance === -1 ? undefined : 'away',
    plain: false,
  };
}

/** Places around one point and nothing else, the nearest first: most of the circle need not be looked at. */
function nearestOnly(
  { criteria, sort, after }: SearchRequest,
  order: Order,
  near: Criterion | undefined,
  limit: string,
  bind: Bind,
): string | undefined {
  const [key] = order.keys;
  const [circle, ...more] = near?.kind === 'near' ? near.circles : [];
  if (circle === undefined || more.length > 0 || criteria.length > 1 || sort[0]?.by !== 'near') return undefined;
  if (key === undefined || order.keys.length > 1 || key.descending !== order.back) return undefined;
  const past = `(away > ${key.at} or (away = ${key.at} and p.rk > ${order.rk}))`;
  return nearestIn(circle, after === undefined ? undefined : past, limit, bind);
}

/** A page of the nearest: its rows hold all that it tells. */
const nearestHits = (nearest: string, { limit, carried }: Parts): Found => ({
  tables: [],
  page: `select r.rk, r.key, r.body, n.distance as away${carried} from (select rk, distance from (${nearest}) n order by distance, rk limit ${limit}) n join directory.resource r on r.rk = n.rk order by n.distance, n.rk`,
  shown: '',
  order: 'order by away, rk',
  edges: undefined,
  counted: undefined,
  measure: 'away',
  plain: true,
});

function edgeKey(key: Key, i: number): string {
  if (key.as === 'time') return `(extract(epoch from k${i}) * 1000)::bigint`;
  if (key.as === 'version') return '(select v.version from directory.resource v where v.rk = hits.rk)';
  return key.as === 'number' ? `k${i}` : '0';
}

/** The walk along the first key: resource_last_updated, resource_key, or words_folded and then what has no such key. */
function walks(
  request: SearchRequest,
  order: Order,
  bind: Bind,
  where: string[],
  columns: string,
  limit: string,
): { tables: string[]; branches: string[] } {
  const [lead] = request.sort;
  const [key] = order.keys;
  if (lead === undefined || key === undefined) throw new Error('A sorted search has a key.');
  const live = `d.type = ${TYPE_IDS[request.type]} and not d.deleted`;
  const sign = key.descending !== order.back ? '<=' : '>=';
  const ordered = orderBy(order, (i) => order.keys[i]?.value ?? '', 'd.rk');
  if (lead.by !== 'key') {
    const bounds = [
      ...(request.after === undefined ? [] : [`${key.value} ${sign} ${key.at}`]),
      ...(lead.by === 'id'
        ? [`${key.value} > ${bind(`${request.type}/`, 'text')}`, `${key.value} < ${bind(`${request.type}0`, 'text')}`]
        : []),
    ];
    return {
      tables: [],
      branches: [
        `(select d.rk${columns} from directory.resource d where ${[live, ...bounds, ...where].join(' and ')} order by ${ordered} limit ${limit})`,
      ],
    };
  }
  // a row without the key stands at the cursor: forwards nothing named follows, backwards all that is named
  const within = `w.folded ${sign} ${key.at}`;
  const bound = request.after === undefined ? '' : ` and ${order.back ? `(${key.at} is null or ${within})` : within}`;
  const down = key.descending !== order.back ? ' desc' : '';
  const byName = orderBy(order, (i) => (i === 0 ? 'w.folded' : (order.keys[i]?.value ?? '')), 'd.rk');
  // a plain equality would be taken for a rare one, and the walk for a long one
  const named = (guard: string) =>
    `(select d.rk${columns} from (select distinct w.folded, w.rk from directory.words w where w.param = ${lead.param}${bound} order by w.folded${down}, w.rk${down}) w
    join directory.resource d on d.rk = w.rk and ${live} and case when ${key.value} = w.folded then true else false end where ${[guard, ...where].join(' and ')}
    order by ${byName.replace(/ nulls (first|last)/, '')} limit ${limit})`;
  const nameless = (guard: string) =>
    `(select d.rk${columns} from directory.resource d where ${[guard, live, `${key.value} is null`, ...where].join(' and ')} order by ${ordered} limit ${limit})`;
  const short = `(select count(*) from walk1) < ${limit}`;
  const [one, two] = order.back ? [nameless(`${key.at} is null`), named(short)] : [named('true'), nameless(short)];
  return {
    tables: [`walk1 as materialized ${one}`, `walk2 as materialized ${two}`],
    branches: ['(select * from walk1)', '(select * from walk2)'],
  };
}
