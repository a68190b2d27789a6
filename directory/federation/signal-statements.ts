// Signals about our own directory: each one statement over the whole set. federation.md 11, 12.

/** Days after which a verification is due again: individuals and groups; hospitals and facilities. */
export const DUE_DAYS = { person: 90, facility: 365 } as const;
const DUE_SOON_DAYS = 14;
const SHARED_PHONE = 20;
/** No one practises at so many places so far apart. */
const PLACES = { more: 10, miles: 100 } as const;
/** A position so far from the middle of its ZIP code area lies elsewhere. */
const ZIP_MILES = 60;
/** Who has ended is taken away within five business days: seven days hold five of them, holidays aside. */
const REMOVAL_DAYS = 7;

const OWN = `f.peer = '' and not f.is_network`;

/** Each gives rk, key and evidence. Names and weights are the table of federation/signals.ts. */
export const STATEMENTS = {
  // lookup of NPIs that fail the check digit: features hold valid ones only, so the body is asked
  'npi-check-digit': `select r.rk, r.key, 'NPI ' || (i ->> 'value') || ' fails its check digit' as evidence
    from directory.resource r, json_array_elements(case when json_typeof(r.body::json -> 'identifier') = 'array' then r.body::json -> 'identifier' else '[]' end) i
    where r.type in (5, 7) and not r.deleted and i ->> 'system' = 'http://hl7.org/fhir/sid/us-npi'
      and not exists (select from federation.feature f where f.rk = r.rk and f.npi is not null)`,
  'npi-deactivated': `select f.rk, f.key, 'NPI ' || f.npi || ' deactivated' || coalesce(' ' || d.since, '') || ' by the extract of ' || d.as_of as evidence
    from federation.feature f join federation.npi_deactivated d on d.npi = f.npi
    join directory.resource r on r.rk = f.rk where ${OWN} and r.last_updated::date <= d.as_of`,
  'registry-deactivated': `select f.rk, f.key, 'NPI ' || f.npi || ' deactivated ' || g.deactivated || ' by the registry of ' || g.as_of as evidence
    from federation.feature f join federation.registry g on g.npi = f.npi and g.deactivated is not null
    join directory.resource r on r.rk = f.rk where ${OWN} and r.last_updated::date <= g.as_of`,
  // an older extract would not know the newest numbers
  'registry-unknown': `select f.rk, f.key, 'NPI ' || f.npi || ' is not in the registry of ' || a.as_of as evidence
    from (select max(as_of) as as_of from federation.registry) a, federation.feature f
    join directory.resource r on r.rk = f.rk
    where ${OWN} and f.npi is not null and r.last_updated::date <= a.as_of
      and not exists (select from federation.registry g where g.npi = f.npi)`,
  'registry-type': `select f.rk, f.key, 'NPI ' || f.npi || ' is that of ' || case g.type when 7 then 'a person' else 'an organization' end as evidence
    from federation.feature f join federation.registry g on g.npi = f.npi where ${OWN} and f.type in (5, 7) and g.type <> f.type`,
  'registry-name': `select f.rk, f.key, 'the registry has another family name for NPI ' || f.npi as evidence
    from federation.feature f join federation.registry g on g.npi = f.npi and g.type = 7
    where ${OWN} and f.type = 7 and f.family <> '' and g.name <> '' and position(f.family in g.name) = 0 and position(g.name in f.family) = 0`,
  'registry-state': `select f.rk, f.key, 'practises in ' || g.state || ' by the registry of ' || g.as_of as evidence
    from federation.feature f join federation.registry g on g.npi = f.npi
    where ${OWN} and f.state <> '' and g.state <> '' and upper(f.state) <> g.state`,
  // places of a person by the roles of all directories; those who read images or slides do so for many places
  'far-places': `with at as (
      select distinct p.rk, p.key, l.lat, l.lon from merged.resource r cross join unnest(r.refs) a(ref)
      join federation.feature p on p.rk = a.ref and p.type = 7 and p.peer = ''
      cross join unnest(r.refs) b(ref) join federation.feature l on l.rk = b.ref and l.type = 4 and l.lat is not null
      where r.type = 8 and not r.deleted and r.body !~ '"code":"(207Z|2085|246)')
    select rk, key, count(*) || ' places, ' || round((69 * (max(lat) - min(lat)))::numeric) || ' miles from south to north and '
      || round((69 * (max(lon) - min(lon)) * cos(radians(avg(lat))))::numeric) || ' from west to east' as evidence
    from at group by 1, 2 having count(*) > ${PLACES.more}
      and greatest(max(lat) - min(lat), (max(lon) - min(lon)) * cos(radians(avg(lat)))) * 69 > ${PLACES.miles}`,
  'outside-zip': `select f.rk, f.key, 'its position is ' || round(d.miles::numeric) || ' miles from the middle of ZIP ' || f.zip as evidence
    from federation.feature f join zip_centre z on z.zip = f.zip
    cross join lateral (select 69 * sqrt((f.lat - z.lat) ^ 2 + ((f.lon - z.lon) * cos(radians(z.lat))) ^ 2) as miles) d
    where ${OWN} and f.type = 4 and f.lat is not null and d.miles > ${ZIP_MILES}`,
  'left-not-removed': `select r.rk, r.key, 'its period ended on ' || left(r.body::json -> 'period' ->> 'end', 10) as evidence from directory.resource r
    where r.type in (6, 8) and not r.deleted and r.body like '%"end":"%'
      and left(r.body::json -> 'period' ->> 'end', 10) < to_char($1::timestamptz - interval '${REMOVAL_DAYS} days', 'YYYY-MM-DD')`,
  'shared-phone': `select f.rk, f.key, 'the phone is that of ' || p.n || ' organizations' as evidence from federation.feature f join (
      select phone, count(distinct name) as n from federation.feature where type = 5 and phone is not null and name <> '' group by 1 having count(distinct name) > ${SHARED_PHONE}) p on p.phone = f.phone
    where ${OWN} and f.type = 5`,
  // ended records are in no index of their own; they are few
  'ended-elsewhere': `with e as (
      select s.peer, i ->> 'value' as npi from federation.source s join federation.content t on t.id = s.content,
        json_array_elements(case when json_typeof(t.raw::json -> 'identifier') = 'array' then t.raw::json -> 'identifier' else '[]' end) i
      where s.type = 7 and s.state = 'e' and s.flags & 1 > 0 and i ->> 'value' ~ '^[0-9]{10}$')
    select f.rk, f.key, 'listed as ended by ' || string_agg(distinct e.peer, ', ') as evidence
    from e join federation.feature f on f.npi = e.npi::bigint and f.type = 7 where ${OWN} group by 1, 2`,
  'never-verified': `select f.rk, f.key, 'no successful verification is known' as evidence from federation.feature f
    where ${OWN} and f.type in (5, 7) and not exists (select from directory.verification v where v.target = f.rk)`,
  'verify-overdue': `select f.rk, f.key, 'verified last on ' || max(v.lo)::date as evidence from federation.feature f join directory.verification v on v.target = f.rk
    where ${OWN} and f.type in (5, 7) group by 1, 2, f.type
    having max(v.lo) < $1::timestamptz - case when f.type = 5 then interval '${DUE_DAYS.facility} days' else interval '${DUE_DAYS.person} days' end`,
  'verify-due': `select f.rk, f.key, 'verified last on ' || max(v.lo)::date as evidence from federation.feature f join directory.verification v on v.target = f.rk
    where ${OWN} and f.type in (5, 7) group by 1, 2, f.type
    having max(v.lo) between $1::timestamptz - case when f.type = 5 then interval '${DUE_DAYS.facility} days' else interval '${DUE_DAYS.person} days' end
      and $1::timestamptz - case when f.type = 5 then interval '${DUE_DAYS.facility - DUE_SOON_DAYS} days' else interval '${DUE_DAYS.person - DUE_SOON_DAYS} days' end`,
  'address-differs': `select f.rk, f.key, 'the address differs from ' || string_agg(distinct g.peer, ', ') as evidence from federation.feature f
    join federation.cluster c on c.rk = f.rk join federation.cluster d on d.cluster = c.cluster join federation.feature g on g.rk = d.rk
    where ${OWN} and g.peer <> '' and f.type in (5, 7) and f.street is not null and g.street is not null and g.street <> f.street group by 1, 2`,
  'phone-differs': `select f.rk, f.key, 'phone differs from ' || string_agg(distinct g.peer, ', ') as evidence from federation.feature f
    join federation.cluster c on c.rk = f.rk join federation.cluster d on d.cluster = c.cluster join federation.feature g on g.rk = d.rk
    where ${OWN} and g.peer <> '' and f.phone is not null and g.phone is not null and g.phone <> f.phone group by 1, 2`,
} as const;
