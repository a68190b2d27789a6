// The fifteen searches of the bench: how clients ask for them, and the statement that a careful person would write by hand
// for the same entries. Values are taken from the directory that was filled.

import type { Sql } from '../src/db/database.ts';
import { referenceToken } from '../src/db/reference-token.ts';
import { NPI_SYSTEM } from '../src/fhir/npi.ts';
import { encodeCursor } from '../src/fhir/search/cursor.ts';
import { parameter } from '../src/fhir/search/parameters.ts';
import type { DirectoryType } from '../src/fhir/search/types.ts';
import { PLAN_NET, TYPE_IDS } from '../src/fhir/search/types.ts';

export type Kind = {
  name: string;
  /** rows of values, one for each request */
  sample: (sql: Sql) => Promise<string[][]>;
  /** path and query under the FHIR base */
  ask: (values: readonly string[]) => string;
  /** gives key, body and `match` or `include`; `$n` are the values */
  raw: string;
  /** can it be asked of people and roles alone? */
  compact?: true;
};

const id = (type: DirectoryType, code: string) => {
  const p = parameter(type, code);
  if (!p) throw new Error(`${type} has no ${code}.`);
  return p.id;
};
const COUNT = 20;
const SAMPLES = 200;
const enc = encodeURIComponent;
const NUCC = 'http://nucc.org/provider-taxonomy';

/** Token of a value `$n`, and of a reference to the key `$n`. */
const token = (type: DirectoryType, code: string, n: number) => `hashtextextended($${n}::text, ${id(type, code)})`;
const refTo = (type: DirectoryType, code: string, n: number) =>
  referenceToken(`hashtextextended($${n}::text, 0)`, id(type, code));
const begins = (type: DirectoryType, code: string, n: number) =>
  `param = ${id(type, code)} and folded >= $${n}::text collate "C" and folded < ($${n}::text || '\u{10FFFF}') collate "C"`;
/** Bodies of the first rows of a set. */
const bodies = (rows: string) =>
  `select r.key, r.body, 'match' from (${rows} order by 1 limit ${COUNT}) m(rk) join directory.resource r using (rk) order by r.rk`;
const has = (t: string) => `exists (select from directory.lookup x where x.token = ${t} and x.rk = l.rk)`;

/** Values at even distances of the key, so that they come from everywhere. */
const spread = (sql: Sql, type: DirectoryType, columns: string, where = 'true') =>
  sql
    .unsafe<Record<string, string>[]>(
      `select ${columns} from directory.resource r where r.type = ${TYPE_IDS[type]} and not r.deleted and ${where} order by rk limit ${SAMPLES}`,
    )
    .then((rows) => rows.map((row) => Object.values(row)));

/** Roles with their specialty, network and the place of their location. */
const roles = (sql: Sql) =>
  sql
    .unsafe<Record<string, string>[]>(
      `select b->'specialty'->0->'coding'->0->>'code' as code, n.value->'valueReference'->>'reference' as network,
         p.at[1]::text as lat, p.at[0]::text as lon, lower(l.body::jsonb->'address'->>'city') as city
       from (select rk, body::jsonb as b from directory.resource where type = ${TYPE_IDS.PractitionerRole} and not deleted order by rk limit 2000) r
       cross join lateral jsonb_array_elements(r.b->'extension') n(value)
       left join directory.resource l on l.key = r.b->'location'->0->>'reference' and l.rk = hashtextextended(r.b->'location'->0->>'reference', 0)
       left join directory.place p on p.rk = l.rk
       where n.value->>'url' like '%network-reference' and b->'specialty' is not null limit ${SAMPLES}`,
    )
    .then((rows) =>
      rows.map((r) => [r['code'] ?? '', r['network'] ?? '', r['lat'] ?? '', r['lon'] ?? '', r['city'] ?? '']),
    );

/** Those that stand on the map. */
const placed = (sql: Sql) => roles(sql).then((rows) => rows.filter(([, , lat]) => lat !== ''));

const KM = 25;
/** Corners of a square around a point. */
function square(lat: number, lon: number): string[] {
  const dy = KM / 111.2;
  const dx = dy / Math.cos((lat * Math.PI) / 180);
  return [lon - dx, lat - dy, lon + dx, lat + dy].map(String);
}

export const MIX: readonly Kind[] = [
  {
    name: 'read',
    compact: true,
    sample: (sql) => spread(sql, 'Practitioner', 'key'),
    ask: ([key = '']) => key,
    raw: `select key, body, 'match' from directory.resource where rk = hashtextextended($1, 0)`,
  },
  {
    name: 'name',
    compact: true,
    sample: (sql) =>
      spread(
        sql,
        'Practitioner',
        `lower(body::jsonb->'name'->0->>'family'), lower(left(body::jsonb->'name'->0->'given'->>0, 3)) as g`,
        `body::jsonb->'name'->0->>'family' ~ '^[A-Za-z]+$' and body::jsonb->'name'->0->'given'->>0 ~ '^[A-Za-z]+$'`,
      ),
    ask: ([family = '', given = '']) => `Practitioner?family=${enc(family)}&given=${enc(given)}&_count=${COUNT}`,
    raw: bodies(
      `select distinct a.rk from (select rk from directory.words where ${begins('Practitioner', 'family', 1)}) a join (select rk from directory.words where ${begins('Practitioner', 'given', 2)}) b using (rk)`,
    ),
  },
  {
    name: 'npi',
    compact: true,
    sample: (sql) =>
      spread(
        sql,
        'Practitioner',
        `body::jsonb->'identifier'->0->>'value' as npi`,
        `body::jsonb->'identifier'->0->>'system' = '${NPI_SYSTEM}'`,
      ),
    ask: ([npi = '']) => `Practitioner?identifier=${enc(`${NPI_SYSTEM}|${npi}`)}`,
    raw: bodies(
      `select rk from directory.lookup where token = hashtextextended('${NPI_SYSTEM}|' || $1, ${id('Practitioner', 'identifier')})`,
    ),
  },
  {
    name: 'specialty+include',
    compact: true,
    sample: (sql) => roles(sql).then((rows) => rows.map(([code = '']) => [`${NUCC}|${code.toLowerCase()}`])),
    ask: ([form = '']) =>
      `PractitionerRole?specialty=${enc(form)}&_count=${COUNT}&_include=PractitionerRole:practitioner`,
    raw: `with m as materialized (
        select r.key, r.body, r.refs, r.ref_params from directory.lookup l join directory.resource r on r.rk = l.rk
        where l.token = ${token('PractitionerRole', 'specialty', 1)} order by l.rk limit ${COUNT}),
      i as (select distinct u.ref from m, unnest(m.refs, m.ref_params) u(ref, p) where u.p = ${id('PractitionerRole', 'practitioner')})
      select key, body, 'match' from m union all select key, body, 'include' from i join directory.resource r on r.rk = i.ref`,
  },
  {
    name: 'specialty+near+network+new',
    sample: (sql) =>
      placed(sql).then((rows) =>
        rows.map(([code = '', network = '', lat = '', lon = '']) => [
          `${NUCC}|${code.toLowerCase()}`,
          network,
          ...square(Number(lat), Number(lon)),
          lat,
          lon,
        ]),
      ),
    ask: ([form = '', network = '', , , , , lat = '', lon = '']) =>
      `PractitionerRole?specialty=${enc(form)}&network=${enc(network)}&location.near=${enc(`${lat}|${lon}|${KM}|km`)}&new-patient=newpt&_count=${COUNT}`,
    raw: bodies(
      `select l.rk from directory.lookup l where l.token = ${token('PractitionerRole', 'specialty', 1)} and ${has(refTo('PractitionerRole', 'network', 2))}
        and ${has(`hashtextextended('${PLAN_NET}/CodeSystem/AcceptingPatientsCS|newpt', ${id('PractitionerRole', 'new-patient')})`)} and ($7::text || $8::text) is not null
        and l.rk in (select n.rk from directory.place p join directory.lookup n on n.token = ${referenceToken('p.rk', id('PractitionerRole', 'location'))}
          where p.at <@ box(point($3::text::float8, $4::text::float8), point($5::text::float8, $6::text::float8)))`,
    ),
  },
  {
    name: 'chain',
    sample: (sql) =>
      placed(sql).then((rows) => rows.map(([code = '', , , , city = '']) => [`${NUCC}|${code.toLowerCase()}`, city])),
    ask: ([form = '', city = '']) =>
      `PractitionerRole?specialty=${enc(form)}&location.address-city=${enc(city)}&_count=${COUNT}`,
    raw: bodies(
      `select distinct l.rk from directory.lookup l where l.token = ${token('PractitionerRole', 'specialty', 1)}
        and l.rk in (select n.rk from directory.words w join directory.lookup n on n.token = ${referenceToken('w.rk', id('PractitionerRole', 'location'))}
          where ${begins('Location', 'address-city', 2).replaceAll('param', 'w.param').replaceAll('folded', 'w.folded')})`,
    ),
  },
  {
    name: '_has',
    compact: true,
    sample: (sql) =>
      Promise.all([
        roles(sql),
        spread(
          sql,
          'Practitioner',
          `lower(body::jsonb->'name'->0->>'family')`,
          `body::jsonb->'name'->0->>'family' ~ '^[A-Za-z]+$'`,
        ),
      ]).then(([r, p]) => r.map(([, network = ''], i) => [network, p[i % p.length]?.[0] ?? ''])),
    ask: ([network = '', family = '']) =>
      `Practitioner?_has:PractitionerRole:practitioner:network=${enc(network)}&family=${enc(family)}&_count=${COUNT}`,
    raw: bodies(
      `select distinct w.rk from directory.words w where ${begins('Practitioner', 'family', 2).replaceAll('param', 'w.param').replaceAll('folded', 'w.folded')}
        and exists (select from directory.lookup n join directory.lookup o on o.rk = n.rk and o.token = ${refTo('PractitionerRole', 'network', 1)}
          where n.token = ${referenceToken('w.rk', id('PractitionerRole', 'practitioner'))})`,
    ),
  },
  {
    name: 'city',
    sample: (sql) => placed(sql).then((rows) => rows.map((r) => [r[4] ?? ''])),
    ask: ([city = '']) => `Location?address-city=${enc(city)}&_count=${COUNT}`,
    raw: bodies(`select distinct rk from directory.words where ${begins('Location', 'address-city', 1)}`),
  },
  {
    name: 'deep page',
    compact: true,
    sample: (sql) =>
      sql
        .unsafe<{ rk: string }[]>(
          `select rk::text as rk from directory.resource where type = ${TYPE_IDS.PractitionerRole} and not deleted and rk > 4000000000000000000 order by rk limit ${SAMPLES}`,
        )
        .then((rows) => rows.map((r) => [r.rk])),
    ask: ([rk = '0']) =>
      `PractitionerRole?_count=${COUNT}&_cursor=${encodeCursor({ rk: BigInt(rk), keys: [], back: false })}`,
    raw: bodies(
      `select rk from directory.resource where type = ${TYPE_IDS.PractitionerRole} and not deleted and rk > $1::text::bigint`,
    ),
  },
  {
    name: '_lastUpdated',
    compact: true,
    sample: async () => [['2015-01-01']],
    ask: ([since = '']) => `Practitioner?_lastUpdated=gt${since}&_count=${COUNT}`,
    raw: bodies(
      `select rk from directory.resource where type = ${TYPE_IDS.Practitioner} and not deleted and last_updated > $1::text::timestamptz`,
    ),
  },
  {
    name: 'organization name+type',
    sample: (sql) =>
      spread(
        sql,
        'Organization',
        `lower(left(body::jsonb->>'name', 8)) as n, '${PLAN_NET}/CodeSystem/OrgTypeCS|' || (body::jsonb->'type'->0->'coding'->0->>'code') as t`,
      ),
    ask: ([name = '', type = '']) => `Organization?name=${enc(name)}&type=${enc(type)}&_count=${COUNT}`,
    raw: bodies(
      `select distinct l.rk from directory.words l where ${begins('Organization', 'name', 1)} and ${has(token('Organization', 'type', 2))}`,
    ),
  },
  {
    name: 'location+revinclude',
    sample: (sql) => spread(sql, 'Location', 'key', `exists (select from directory.place p where p.rk = r.rk)`),
    ask: ([key = '']) => `Location?_id=${enc(key.replace('Location/', ''))}&_revinclude=PractitionerRole:location`,
    raw: `select key, body, 'match' from directory.resource where rk = hashtextextended($1, 0)
      union all (select r.key, r.body, 'include' from directory.lookup l join directory.resource r on r.rk = l.rk where l.token = ${refTo('PractitionerRole', 'location', 1)} limit 1000)`,
  },
  {
    name: 'plan+include',
    sample: (sql) => spread(sql, 'InsurancePlan', `body::jsonb->'identifier'->0->>'value' as v`),
    ask: ([value = '']) => `InsurancePlan?identifier=${enc(value)}&_include=InsurancePlan:owned-by`,
    raw: `with m as materialized (select r.* from directory.lookup l join directory.resource r on r.rk = l.rk where l.token = hashtextextended(lower($1), ${id('InsurancePlan', 'identifier')}) limit ${COUNT})
      select key, body, 'match' from m union all select r.key, r.body, 'include' from (select distinct u.ref from m, unnest(m.refs, m.ref_params) u(ref, p) where u.p = ${id('InsurancePlan', 'owned-by')}) i join directory.resource r on r.rk = i.ref`,
  },
  {
    name: 'affiliations of a network',
    sample: (sql) => roles(sql).then((rows) => rows.map((r) => [r[1] ?? ''])),
    ask: ([network = '']) => `OrganizationAffiliation?network=${enc(network)}&_count=${COUNT}`,
    raw: bodies(`select rk from directory.lookup where token = ${refTo('OrganizationAffiliation', 'network', 1)}`),
  },
  {
    name: 'nearest places',
    sample: (sql) =>
      placed(sql).then((rows) =>
        rows.map(([, , lat = '', lon = '']) => [...square(Number(lat), Number(lon)), lat, lon]),
      ),
    ask: ([, , , , lat = '', lon = '']) => `Location?near=${enc(`${lat}|${lon}|${KM}|km`)}&_sort=near&_count=${COUNT}`,
    raw: `select r.key, r.body, 'match' from (select rk from directory.place
        where at <@ box(point($1::text::float8, $2::text::float8), point($3::text::float8, $4::text::float8))
        order by at <-> point($6::text::float8, $5::text::float8) limit ${COUNT}) m join directory.resource r using (rk)`,
  },
];
