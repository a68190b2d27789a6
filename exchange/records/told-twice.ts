// Directory-type records that one answer tells several times, under ids of its own: by their NPI, else by another number or by name and place, they are one
// entry, as they are when they come in several answers (reconcile.ts, sharedUnits). Whoever tells two at once may have given both one number (that of a practice
// to its clinicians, of a company to its places): what such two are called speaks against it. What somebody does where, and for whom, is no number's alone.
import type { Queryable } from '../../src/db/database.ts';
import { isByCode } from './turned-drugs.ts';

/** What is written first is what was changed last where it comes from. */
const NEWEST = `last_updated desc nulls last, local_id collate "C"`;
const ALONE = ['Practitioner', 'Organization', 'Location', 'Medication'].map((t) => `'${t}'`).join(', ');
/** What a record is called, in its text; of a drug nothing, which is known by its codes. */
const CALLED = `
  case t.type when 'Medication' then '' else lower(regexp_replace(case t.type
    when 'Practitioner' then concat_ws(' ', t.body::jsonb #>> '{name,0,given}', t.body::jsonb #>> '{name,0,family}', t.body::jsonb #>> '{name,0,text}')
    else t.body::jsonb ->> 'name' end, '[^[:alnum:]]+', ' ', 'g')) end`;

/**
 * New units of which the same answer tells another one as the same are that one (`shared`). Two NPIs are two entries, whatever else they share; so are two places of one NPI
 * that are not called alike or are elsewhere, and two of one other number that are not called alike. After what is here already was looked for;
 * by sorting, since nobody can say beforehand how many have one name. staging_bucket, staged_text_pkey.
 * @param open is a staged unit not decided otherwise, by its alias
 */
export async function toldTwice(tx: Queryable, pull: string, open: (s: string) => string): Promise<void> {
  const isNew = `s.pull_id = $1 and s.is_shared and s.has_body and s.local_id is not null and s.type in (${ALONE})`;
  await tx.unsafe(
    `update exchange.staging s set outcome = 'shared', made_id = coalesce(s.made_id, s.local_id), local_id = f.first_id
     from (
       select file, line, entry, outcome, local_id, first_value(local_id) over (partition by type, npi, place order by outcome <> 'updated', ${NEWEST}) as first_id
       from (
         select *, case type when 'Location' then array(select k from unnest(keys) k where starts_with(k, 'e:') order by 1) end as place
         from exchange.staging s where ${isNew} and s.npi is not null and (s.outcome = 'updated' or ${open('s')})
       ) n
     ) f
     where s.pull_id = $1 and s.file = f.file and s.line = f.line and s.entry = f.entry and ${open('s')} and f.first_id <> f.local_id`,
    [pull],
  );
  await tx.unsafe(
    `with keyed as (
       select s.file, s.line, s.entry, s.type, s.npi, s.outcome, s.local_id, s.last_updated, k as name, count(*) over (partition by s.type, k) as n
       from exchange.staging s cross join unnest(s.keys) k where ${isNew} and (s.outcome in ('updated', 'shared') or ${open('s')}) and ${isByCode('s', 'k')}
     ), several as materialized (
       select * from keyed where n > 1
     ), called as materialized (
       select t.file, t.line, t.entry, ${CALLED} as called
       from (select distinct u.type, u.file, u.line, u.entry, x.body from several u
         join exchange.staged_text x on x.pull_id = $1 and x.file = u.file and x.line = u.line and x.entry = u.entry where starts_with(u.name, 's:')) t
     ), named as (
       select s.*, case when starts_with(s.name, 's:') then coalesce(c.called, s.local_id) end as called
       from several s left join called c using (file, line, entry)
     ), led as materialized (
       -- who has an NPI, or is an entry already, leads who has none; by a number before a name
       select distinct on (file, line, entry) file, line, entry, local_id, first_id
       from (
         select *, first_value(local_id) over (partition by type, name, called order by outcome = 'created' and npi is null, npi is null, ${NEWEST}) as first_id from named
       ) n where outcome = 'created' and npi is null and first_id <> local_id
       order by file, line, entry, left(name, 1) <> 's', first_id
     )
     update exchange.staging s set outcome = 'shared', made_id = coalesce(s.made_id, s.local_id), local_id = l.first_id
     from led l
     where s.pull_id = $1 and s.file = l.file and s.line = l.line and s.entry = l.entry and ${open('s')}
       -- one that is led elsewhere itself leads nobody
       and not exists (select from led x where x.local_id = l.first_id)`,
    [pull],
  );
}
