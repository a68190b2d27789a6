// The two statements of $in-network: the records a question names, and the records that answer it.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import { parameter, SEEDS } from '../../src/fhir/search/parameters.ts';
import type { DirectoryType } from '../../src/fhir/search/types.ts';
import { storedForms } from '../../src/fhir/search/usual-system.ts';

/** A record as the database holds it; `body` is its JSON, empty when it was deleted. */
export type Row = { part: string; ord: number; key: string; deleted: boolean; body: string };
/** The state of the directory that a statement saw. */
export type Seen = { change: string; changedAt: Date | undefined };

/** The most roles, and the most affiliations, that are looked at for one question. */
const CANDIDATES_MAX = 500;
/** Index entries read for one person or organization. */
const REACH_MAX = 5000;
const NAMED_MAX = 200;

function id(type: DirectoryType, code: string): number {
  const found = parameter(type, code);
  if (!found) throw new Error(`There is no parameter ${type}.${code}.`);
  return found.id;
}

/** What to find: `part` and `ord` come back with each row. `identifier` is a token form, `type` whose identifiers are meant. */
export type Wanted = { part: string; ord: number; key: string } | IdentifiedBy;
type IdentifiedBy = { part: string; ord: number; identifier: string; type: DirectoryType };

const STATE = `select change::text as change, changed_at as "changedAt" from directory.state`;
const stateOf = (row: { change?: string; changedAt?: Date | null } | undefined): Seen => ({
  change: row?.change ?? '0',
  changedAt: row?.changedAt ?? undefined,
});

/** Records by key and by identifier. resource_pkey, lookup_pkey. */
export async function findNamed(sql: Queryable, wanted: readonly Wanted[]): Promise<{ rows: Row[]; seen: Seen }> {
  const keys = wanted.filter((w) => 'key' in w);
  const tokens = wanted
    .filter((w): w is IdentifiedBy => 'identifier' in w)
    .flatMap((w) => storedForms(id(w.type, 'identifier'), w.identifier).map((identifier) => ({ ...w, identifier })));
  const rows = await sql.unsafe<(Row & { change: string; changedAt: Date | null })[]>(
    `with state as (${STATE}), asked as (
      select part, ord, hashtextextended(key, 0) as rk, key from unnest($1::text[], $2::int[], $3::text[]) k(part, ord, key)
      union all
      (select t.part, t.ord, l.rk, null from unnest($4::text[], $5::int[], $6::text[], $7::bigint[]) t(part, ord, form, seed)
        cross join lateral (select rk from directory.lookup where token = hashtextextended(t.form, t.seed) limit ${NAMED_MAX}) l))
    select a.part, a.ord, r.key, r.deleted, r.body, s.change, s."changedAt" from state s
      left join (asked a join directory.resource r on r.rk = a.rk and (a.key is null or a.key = r.key)) on true
      limit ${NAMED_MAX}`,
    [
      arrayLiteral(keys.map((w) => w.part)),
      arrayLiteral(keys.map((w) => w.ord)),
      arrayLiteral(keys.map((w) => w.key)),
      arrayLiteral(tokens.map((w) => w.part)),
      arrayLiteral(tokens.map((w) => w.ord)),
      arrayLiteral(tokens.map((w) => w.identifier)),
      arrayLiteral(tokens.map((w) => id(w.type, 'identifier'))),
    ],
    { prepare: true },
  );
  return { rows: rows.filter((r) => r.key !== null), seen: stateOf(rows[0]) };
}

export type Candidates = {
  /** JSON of PractitionerRoles and OrganizationAffiliations that may be matches */
  roles: string[];
  affiliations: string[];
  /** JSON of organizations, networks and locations that they and the question name */
  around: string[];
  /** JSON of their verifications */
  verifications: string[];
  /** more were there than were looked at */
  cut: boolean;
  seen: Seen;
};

const ROLE = {
  practitioner: id('PractitionerRole', 'practitioner'),
  organization: id('PractitionerRole', 'organization'),
  network: id('PractitionerRole', 'network'),
  location: id('PractitionerRole', 'location'),
};
const AFFILIATION = {
  participating: id('OrganizationAffiliation', 'participating-organization'),
  primary: id('OrganizationAffiliation', 'primary-organization'),
  network: id('OrganizationAffiliation', 'network'),
  location: id('OrganizationAffiliation', 'location'),
};
const VERIFIED = id('VerificationResult', 'target');
/** Verifications that are looked at for one record. */
const VERIFICATIONS_MAX = 50;
const AROUND = [...Object.values(ROLE), ...Object.values(AFFILIATION)].filter((p) => p !== ROLE.practitioner);

/** An index that an older program made does not mark what is named by words alone: until it is made again all records are looked at. */
const WORDS_SINCE = 14;

const reach = (from: string, param: number) =>
  `select l.rk from ${from} f cross join lateral (select rk from directory.lookup where token = ${referenceToken('f.rk', param)} limit ${REACH_MAX}) l`;

const CANDIDATES = `with state as (${STATE}),
  net as materialized (select hashtextextended(k, 0) as rk from unnest($3::text[]) k),
  nets as materialized (select coalesce(array_agg(rk), '{}') as rks, (select extraction_version < ${WORDS_SINCE} from directory.state) as unmarked from net),
  person as materialized (select hashtextextended(k, 0) as rk from unnest($1::text[]) k),
  role as materialized (select r.rk, r.body, r.refs, r.ref_params, r.params from (${reach('person', ROLE.practitioner)}) c
    join directory.resource r on r.rk = c.rk and not r.deleted, nets n
    where r.refs && n.rks or not ${ROLE.network} = any(r.ref_params) or ${ROLE.network + SEEDS.words} = any(r.params) or n.unmarked limit ${CANDIDATES_MAX + 1}),
  org as materialized (select hashtextextended(k, 0) as rk from unnest($2::text[]) k
    union select u.ref from role s, unnest(s.refs, s.ref_params) u(ref, p)
      where u.p = ${ROLE.organization} and not ${ROLE.network} = any(s.params)),
  affiliation as materialized (select r.rk, r.body, r.refs, r.ref_params from (
      select c.rk, false as alone from (${reach('org', AFFILIATION.participating)}) c
      union all select c.rk, true from (${reach('org', AFFILIATION.primary)}) c) c
    join directory.resource r on r.rk = c.rk and not r.deleted, nets n
    where (r.refs && n.rks or ${AFFILIATION.network + SEEDS.words} = any(r.params) or n.unmarked)
      and (not c.alone or not ${AFFILIATION.participating} = any(r.params)) limit ${CANDIDATES_MAX + 1}),
  around as materialized (select rk from net
    union select u.ref from role s, unnest(s.refs, s.ref_params) u(ref, p) where u.p in (${AROUND.join(', ')})
    union select u.ref from affiliation s, unnest(s.refs, s.ref_params) u(ref, p) where u.p in (${AROUND.join(', ')}))
  select 'state' as part, change || ' ' || coalesce((extract(epoch from "changedAt") * 1000)::bigint::text, '') as body from state
  union all select 'role', body from role
  union all select 'affiliation', body from affiliation
  union all select 'verification', r.body from (select rk from role union select rk from affiliation) c
    cross join lateral (select rk from directory.lookup where token = ${referenceToken('c.rk', VERIFIED)} limit ${VERIFICATIONS_MAX}) l
    join directory.resource r on r.rk = l.rk and not r.deleted
  union all select 'around', r.body from around a join directory.resource r on r.rk = a.rk and not r.deleted`;

/** Roles of people, affiliations of organizations, and what they refer to. lookup_pkey, resource_pkey. */
export async function findCandidates(
  sql: Queryable,
  ask: { practitioners: readonly string[]; organizations: readonly string[]; networks: readonly string[] },
): Promise<Candidates> {
  const rows = await sql.unsafe<{ part: string; body: string }[]>(
    CANDIDATES,
    [arrayLiteral(ask.practitioners), arrayLiteral(ask.organizations), arrayLiteral(ask.networks)],
    { prepare: true },
  );
  // in the order of their ids, with which the texts begin: that of the plan may be another one tomorrow
  const of = (part: string) =>
    rows
      .filter((r) => r.part === part)
      .map((r) => r.body)
      .sort();
  const roles = of('role');
  const affiliations = of('affiliation');
  const [change = '0', at = ''] = (of('state')[0] ?? '').split(' ');
  return {
    roles: roles.slice(0, CANDIDATES_MAX),
    affiliations: affiliations.slice(0, CANDIDATES_MAX),
    around: of('around'),
    verifications: of('verification'),
    cut: roles.length > CANDIDATES_MAX || affiliations.length > CANDIDATES_MAX,
    seen: { change, changedAt: at === '' ? undefined : new Date(Number(at)) },
  };
}
