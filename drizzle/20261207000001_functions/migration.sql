-- What the typed schema cannot express: roles, partitions, storage, covering indexes, functions and triggers, and first rows.

-- The directory service has a role of its own, which reads the directory and federation and nothing of the exchange.
do $$
begin
  -- whoever may not create roles has it from an administrator
  if not exists (select from pg_roles where rolname = 'payer_node_directory') then
    create role payer_node_directory nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
end
$$;
--> statement-breakpoint
-- An owner without superuser rights must be a member of the role to connect as it.
do $$
begin
  if not pg_has_role(current_user, 'payer_node_directory',
    case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end) then
    execute format('grant payer_node_directory to %I', current_user);
  end if;
end
$$;
--> statement-breakpoint
grant usage on schema directory, merged, federation to payer_node_directory;
--> statement-breakpoint
grant select on all tables in schema directory, merged, federation to payer_node_directory;
--> statement-breakpoint
alter default privileges in schema directory, merged, federation grant select on tables to payer_node_directory;
--> statement-breakpoint
revoke select on federation.signal, federation.npi_deactivated, federation.registry, federation.attest_link, federation.correction
from payer_node_directory;
--> statement-breakpoint
-- Clinical tables are hash-partitioned by member, with the columns, indexes and constraints of the schema. Texts of records are
-- compressed by lz4 where the server has it: pglz costs more than everything else in writing a record.
do $$
declare
  name text;
  definitions text[];
  definition text;
  storage text := 'storage external';
begin
  foreach name in array array['resource', 'resource_version', 'link'] loop
    definitions := array(
      select format('alter table exchange.%I add constraint %I %s', name, conname, pg_get_constraintdef(oid))
      from pg_constraint where conrelid = format('exchange.%I', name)::regclass and contype in ('p', 'u'))
      || array(
      select pg_get_indexdef(indexrelid) from pg_index i
      where indrelid = format('exchange.%I', name)::regclass and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
      order by indexrelid);
    execute format('create table exchange.partitioned (like exchange.%I including all excluding indexes)
      partition by hash (member_id)', name);
    execute format('drop table exchange.%I', name);
    execute format('alter table exchange.partitioned rename to %I', name);
    for part in 0..7 loop
      execute format('create table exchange.%I partition of exchange.%I for values with (modulus 8, remainder %s)',
        name || '_' || part, name, part);
    end loop;
    foreach definition in array definitions loop
      execute definition;
    end loop;
  end loop;
  if exists (select from pg_settings where pg_settings.name = 'default_toast_compression' and 'lz4' = any(enumvals)) then
    storage := 'compression lz4';
  end if;
  for part in 0..7 loop
    name := 'resource_' || part;
    execute format('alter table exchange.%1$I alter body set %2$s, alter shared set %2$s, alter targets set %2$s', name, storage);
    if storage = 'storage external' then
      execute format('alter table exchange.%I set (toast_tuple_target = 8160)', name);
    end if;
  end loop;
end
$$;
--> statement-breakpoint
-- Storage of the directory: bodies stay inline up to a page, and only what search reads has statistics.
alter table directory.resource set (toast_tuple_target = 8160), alter key set statistics 0, alter content_hash set statistics 0,
  alter params set statistics 100, alter refs set statistics 0, alter ref_params set statistics 0, alter findings set statistics 0,
  alter body set statistics 0, alter hours set statistics 0, alter sort set statistics 0;
--> statement-breakpoint
alter table directory.lookup set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05),
  alter token set statistics 1000, alter token set (n_distinct = -0.15);
--> statement-breakpoint
alter index directory.lookup_pkey set (fillfactor = 95);
--> statement-breakpoint
alter table directory.words set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05),
  alter folded set statistics 1000;
--> statement-breakpoint
alter table directory.care_at set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
--> statement-breakpoint
create statistics directory.words_values (mcv) on param, folded from directory.words;
--> statement-breakpoint
create index place_at on directory.place using gist (at) include (rk);
--> statement-breakpoint
create index place_positioned on directory.place using gist (at) include (rk) where not approximate;
--> statement-breakpoint
create function directory.frequent_words(out words text, out portions text, out entries real)
returns record language sql stable security definer set search_path = 'pg_catalog' as $$
  select to_json(v.most_common_vals)::text, array_to_string(v.most_common_freqs, ','), greatest(c.reltuples, 0)
  from pg_class c left join pg_stats_ext v on v.schemaname = 'directory' and v.tablename = c.relname and v.most_common_vals is not null
  where c.relname = 'words' and c.relnamespace = 'directory'::regnamespace
  limit 1
$$;
--> statement-breakpoint
grant execute on function directory.frequent_words() to payer_node_directory;
--> statement-breakpoint
alter table merged.resource set (toast_tuple_target = 8160), alter key set statistics 0, alter content_hash set statistics 0,
  alter params set statistics 100, alter refs set statistics 0, alter ref_params set statistics 0, alter findings set statistics 0,
  alter body set statistics 0, alter hours set statistics 0, alter sort set statistics 0;
--> statement-breakpoint
alter table merged.lookup set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05),
  alter token set statistics 1000, alter token set (n_distinct = -0.15);
--> statement-breakpoint
alter index merged.lookup_pkey set (fillfactor = 95);
--> statement-breakpoint
alter table merged.words set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05),
  alter folded set statistics 1000;
--> statement-breakpoint
alter table merged.care_at set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
--> statement-breakpoint
create statistics merged.words_values (mcv) on param, folded from merged.words;
--> statement-breakpoint
create index place_at on merged.place using gist (at) include (rk);
--> statement-breakpoint
create index place_positioned on merged.place using gist (at) include (rk) where not approximate;
--> statement-breakpoint
create function merged.frequent_words(out words text, out portions text, out entries real)
returns record language sql stable security definer set search_path = 'pg_catalog' as $$
  select to_json(v.most_common_vals)::text, array_to_string(v.most_common_freqs, ','), greatest(c.reltuples, 0)
  from pg_class c left join pg_stats_ext v on v.schemaname = 'merged' and v.tablename = c.relname and v.most_common_vals is not null
  where c.relname = 'words' and c.relnamespace = 'merged'::regnamespace
  limit 1
$$;
--> statement-breakpoint
grant execute on function merged.frequent_words() to payer_node_directory;
--> statement-breakpoint
create function directory.request_export(p_key text, p_publication integer, p_parameters jsonb, p_now timestamptz,
  p_alive_since timestamptz, p_open integer, p_sets integer)
returns text language plpgsql security definer set search_path = '' as $$
begin
  if length(p_key) > 64 or length(p_parameters::text) > 16384 then return 'full'; end if;
  perform pg_catalog.pg_advisory_xact_lock(7206011);
  if exists (select from directory.file_set where channel = 'export' and key = p_key and state <> 'failed'
    and (unlisted_at is null or unlisted_at > p_alive_since)) then return 'known'; end if;
  if (select count(*) from directory.file_set where channel = 'export' and state in ('wanted', 'making')) >= least(p_open, 100)
    or (select count(*) from directory.file_set where channel = 'export') >= least(p_sets, 10000) then return 'full'; end if;
  insert into directory.file_set (publication, channel, key, state, parameters, asked_at)
  values (p_publication, 'export', p_key, 'wanted', p_parameters, p_now);
  return 'asked';
end $$;
--> statement-breakpoint
create function directory.release_export(p_ticket text, p_now timestamptz)
returns void language plpgsql security definer set search_path = '' as $$
begin
  if length(p_ticket) > 64 then return; end if;
  insert into directory.export_released (ticket, at) values (p_ticket, p_now) on conflict do nothing;
  delete from directory.export_released where ticket in (select ticket from directory.export_released order by at desc offset 10000);
end $$;
--> statement-breakpoint
revoke all on function directory.request_export, directory.release_export from public;
--> statement-breakpoint
grant execute on function directory.request_export, directory.release_export to payer_node_directory;
--> statement-breakpoint
-- Federation: what a crawl reads is unlogged; numbers do not compress.
alter table federation.incoming set unlogged;
--> statement-breakpoint
alter table federation.seen set unlogged;
--> statement-breakpoint
alter table federation.seen_block set unlogged;
--> statement-breakpoint
alter table federation.gone set unlogged;
--> statement-breakpoint
alter table federation.change set unlogged;
--> statement-breakpoint
alter table federation.page set unlogged;
--> statement-breakpoint
alter table federation.incoming set (toast_tuple_target = 8160);
--> statement-breakpoint
alter table federation.content set (toast_tuple_target = 8160, autovacuum_vacuum_insert_threshold = -1);
--> statement-breakpoint
alter table federation.seen_block alter at set storage external, alter rks set storage external;
--> statement-breakpoint
alter table federation.outbox alter rks set storage external;
--> statement-breakpoint
create index source_line on federation.source (peer, type, line_hash) include (rk, base_rk, flags, peer_updated) where state <> 't';
--> statement-breakpoint
-- Staging is unlogged; arrays of numbers and hashes do not compress.
alter table exchange.staging set unlogged;
--> statement-breakpoint
alter table exchange.staged_text set unlogged;
--> statement-breakpoint
alter table exchange.staging_block set unlogged;
--> statement-breakpoint
alter table exchange.staged_reference set unlogged;
--> statement-breakpoint
alter table exchange.match_judgement set unlogged;
--> statement-breakpoint
alter table exchange.staging set (fillfactor = 90, toast_tuple_target = 8160),
  alter targets set storage external, alter keys set storage external,
  alter links set storage external, alter refers set storage external, alter refs set storage external, alter about set storage external;
--> statement-breakpoint
alter table exchange.staging_block set (toast_tuple_target = 8160), alter lines set storage external, alter source_ids set storage external,
  alter local_ids set storage external, alter hashes set storage external, alter updated set storage external;
--> statement-breakpoint
alter table exchange.ledger_block set (toast_tuple_target = 8160), alter lines set storage external, alter source_ids set storage external,
  alter local_ids set storage external, alter hashes set storage external, alter updated set storage external;
--> statement-breakpoint
alter table exchange.staged_text set (toast_tuple_target = 8160);
--> statement-breakpoint
alter table exchange.staged_reference set (toast_tuple_target = 8160);
--> statement-breakpoint
alter table exchange.match_single set (toast_tuple_target = 8160);
--> statement-breakpoint
create index ledger_held on exchange.ledger_unit (pull_id, file, line, entry) include (reason, type)
  where outcome in ('quarantined', 'rejected');
--> statement-breakpoint
create index match_single_at on exchange.match_single (at) include (peer_id, outcome, reason);
--> statement-breakpoint
create index match_single_throttled on exchange.match_single (at) include (peer_id) where reason = 'throttled';
--> statement-breakpoint
-- Identifiers of records as hashes, of Patients and of claims.
create function exchange.identifier_hashes(body text) returns bigint[] language plpgsql immutable strict parallel safe as $$
begin
  return array(select distinct hashtextextended(i->>'value', 0) from jsonb_array_elements(body::jsonb->'identifier') i where i->>'value' is not null);
exception when others then
  return '{0}';
end
$$;
--> statement-breakpoint
create function exchange.claim_identifier_hashes(claim jsonb, body text)
returns bigint[] language plpgsql immutable parallel safe as $$
declare
  kept jsonb := claim->'identifiers';
  hashes bigint[] := '{}';
begin
  if kept is null then
    return exchange.identifier_hashes(body);
  end if;
  for i in 0 .. jsonb_array_length(kept) - 1 loop
    hashes := hashes || hashtextextended(kept->>i, 0);
  end loop;
  return hashes;
end
$$;
--> statement-breakpoint
create index resource_patient_identifier on exchange.resource using gin (exchange.identifier_hashes(body)) where type = 'Patient';
--> statement-breakpoint
create index resource_claim_identifier on exchange.resource using gin (exchange.claim_identifier_hashes(claim, body))
  where type = 'ExplanationOfBenefit';
--> statement-breakpoint
-- Names within one edit of each other (Damerau-Levenshtein).
create function exchange.dl1(a text, b text) returns boolean language plpgsql immutable parallel safe as $$
declare la int := length(a); lb int := length(b); p int := 0; m int;
begin
  if a is null or b is null then return false; end if;
  if a = b then return true; end if;
  if la < 5 or lb < 5 or abs(la - lb) > 1 then return false; end if;
  m := least(la, lb);
  while p < m and substr(a, p + 1, 1) = substr(b, p + 1, 1) loop p := p + 1; end loop;
  if la = lb then
    return substr(a, p + 2) = substr(b, p + 2)
        or (substr(a, p + 1, 1) = substr(b, p + 2, 1) and substr(a, p + 2, 1) = substr(b, p + 1, 1) and substr(a, p + 3) = substr(b, p + 3));
  elsif la = lb + 1 then return substr(a, p + 2) = substr(b, p + 1);
  else return substr(b, p + 2) = substr(a, p + 1);
  end if;
end
$$;
--> statement-breakpoint
create function exchange.any_dl1(x text[], y text[]) returns boolean language sql immutable parallel safe as $$
  select exists (select 1 from unnest(x) a, unnest(y) b where exchange.dl1(a, b))
$$;
--> statement-breakpoint
create function exchange.replace_all(text text, olds text[], news text[])
returns text language plpgsql immutable parallel safe as $$
begin
  for i in 1..cardinality(olds) loop text := replace(text, olds[i], news[i]); end loop;
  return text;
end
$$;
--> statement-breakpoint
-- Insert-only tables.
create function exchange.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is insert-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
--> statement-breakpoint
do $$
declare name text;
begin
  foreach name in array array[
    'audit', 'audit_check', 'audit_seal', 'deadline_note', 'consent', 'contact', 'content_check', 'document_check',
    'incident_case', 'incident_entry', 'issued_report', 'ledger_block', 'ledger_unit', 'payer_link_event', 'restore_drill',
    'review_decision', 'security_review', 'consent_text', 'unit_revision'] loop
    execute format('create trigger %1$I before update or delete or truncate on exchange.%2$I
      for each statement execute function exchange.refuse_change()', name || '_insert_only', name);
  end loop;
end
$$;
--> statement-breakpoint
-- Audit rows wait for their seal in the transaction that writes them.
create function exchange.queue_audit() returns trigger language plpgsql as $$
begin
  insert into exchange.audit_unsealed select seq from written;
  return null;
end
$$;
--> statement-breakpoint
create trigger audit_queue after insert on exchange.audit
  referencing new table as written for each statement
  execute function exchange.queue_audit();
--> statement-breakpoint
-- The ledger counts itself, and only its own triggers change its sums.
create function exchange.book(pull text, at_file integer, units bigint, lines bigint) returns void language plpgsql as $$
begin
  if not exists (select from exchange.pull p where p.id = book.pull) then
    raise exception 'the ledger has a row of pull %, which does not exist', pull using errcode = 'foreign_key_violation';
  end if;
  if exists (select from exchange.pull p where p.id = book.pull and p.state = 'reconciling')
    and exists (select from exchange.pull_slice s where s.pull_id = book.pull)
    and not exists (select from exchange.pull_slice s where s.pull_id = book.pull and s.state = 'booking') then
    raise exception 'the ledger has a row of pull % outside of its slices', pull using errcode = 'check_violation';
  end if;
  update exchange.pull_slice s set booked = s.booked + book.units where s.pull_id = book.pull and s.state = 'booking';
  insert into exchange.ledger_sum (pull_id, file, units, lines) values (book.pull, book.at_file, book.units, book.lines)
  on conflict on constraint ledger_sum_pkey do update set units = ledger_sum.units + excluded.units, lines = ledger_sum.lines + excluded.lines;
end
$$;
--> statement-breakpoint
create function exchange.hold_ledger_pulls() returns trigger language plpgsql as $$
begin
  perform exchange.book(pull_id, file, count(*), count(*) filter (where entry = 0)) from written group by pull_id, file;
  insert into exchange.ledger_tally as t (pull_id, member_id, type, outcome, units)
  select pull_id, member_id, type, outcome, count(*) from written group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (pull_id, member_id, type, outcome) do update set units = t.units + excluded.units;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.hold_ledger_blocks() returns trigger language plpgsql as $$
begin
  perform exchange.book(pull_id, file, sum(units), sum(units)) from written group by pull_id, file;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.keep_ledger_sum() returns trigger language plpgsql as $$
begin
  if tg_op in ('DELETE', 'TRUNCATE') or pg_trigger_depth() < 2 then
    raise exception 'sums of the ledger are counted by the ledger' using errcode = 'insufficient_privilege';
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger ledger_pulls after insert on exchange.ledger_unit
  referencing new table as written for each statement
  execute function exchange.hold_ledger_pulls();
--> statement-breakpoint
create trigger ledger_block_pulls after insert on exchange.ledger_block
  referencing new table as written for each statement
  execute function exchange.hold_ledger_blocks();
--> statement-breakpoint
create trigger ledger_sum_counted before insert or delete or update or truncate on exchange.ledger_sum
  for each statement
  execute function exchange.keep_ledger_sum();
--> statement-breakpoint
create trigger ledger_tally_counted before insert or delete or update or truncate on exchange.ledger_tally
  for each statement
  execute function exchange.keep_ledger_sum();
--> statement-breakpoint
-- A pull commits when every received line has one outcome.
create function exchange.hold_conservation() returns trigger language plpgsql as $$
declare bad record;
begin
  for bad in
    select f.position, f.units, f.declared, coalesce(l.units, 0) as booked, coalesce(l.lines, 0) as lines
    from exchange.pull_file f left join exchange.ledger_sum l on l.pull_id = f.pull_id and l.file = f.position
    where f.pull_id = new.id and f.kind <> 'error'
  loop
    if bad.units is null or bad.booked <> bad.units then
      raise exception 'pull %: file % has % units and % ledger rows', new.id, bad.position, bad.units, bad.booked using errcode = 'check_violation';
    end if;
    if bad.declared is not null and bad.declared <> bad.lines and new.accepted_by is null then
      raise exception 'pull %: file % has % lines and the manifest declared %', new.id, bad.position, bad.lines, bad.declared using errcode = 'check_violation';
    end if;
  end loop;
  if exists (select from exchange.ledger_block b where b.pull_id = new.id) then
    for bad in
      select file from (
        select b.file, line, true as is_block from exchange.ledger_block b cross join unnest(b.lines) line where b.pull_id = new.id
        union all
        select u.file, u.line, false from exchange.ledger_unit u
          where u.pull_id = new.id and u.file = any(array(select distinct b.file from exchange.ledger_block b where b.pull_id = new.id))) l
      group by file, line having count(*) filter (where is_block) > 1 or bool_and(is_block) <> bool_or(is_block)
    loop
      raise exception 'pull %: a line of file % stands twice in the ledger', new.id, bad.file using errcode = 'check_violation';
    end loop;
  end if;
  for bad in select s.slice from exchange.pull_slice s where s.pull_id = new.id and s.state <> 'committed'
  loop
    raise exception 'pull %: slice % is not committed', new.id, bad.slice using errcode = 'check_violation';
  end loop;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.hold_slice() returns trigger language plpgsql as $$
declare now_is exchange.pull_slice;
begin
  select * into now_is from exchange.pull_slice s where s.pull_id = new.pull_id and s.slice = new.slice;
  if now_is.state = 'booking' or (now_is.state = 'committed' and now_is.booked <> now_is.units) then
    raise exception 'pull %: slice % has % units and % ledger rows', new.pull_id, new.slice, now_is.units, now_is.booked using errcode = 'check_violation';
  end if;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.keep_committed_slices() returns trigger language plpgsql as $$
begin
  if old.state = 'committed' then
    raise exception 'pull %: slice % is committed', old.pull_id, old.slice using errcode = 'insufficient_privilege';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
--> statement-breakpoint
create function exchange.keep_booked_pulls() returns trigger language plpgsql as $$
begin
  if exists (select from exchange.ledger_unit l where l.pull_id = old.id) or exists (select from exchange.ledger_block l where l.pull_id = old.id) then
    raise exception 'pull % has rows in the ledger', old.id using errcode = 'foreign_key_violation';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
--> statement-breakpoint
create constraint trigger pull_conservation after update of state on exchange.pull deferrable initially deferred
  for each row when (new.state = 'done')
  execute function exchange.hold_conservation();
--> statement-breakpoint
create constraint trigger pull_slice_conservation after insert or update of state on exchange.pull_slice deferrable initially deferred
  for each row when (new.state <> 'open')
  execute function exchange.hold_slice();
--> statement-breakpoint
create trigger pull_slice_stays before delete or update on exchange.pull_slice
  for each row
  execute function exchange.keep_committed_slices();
--> statement-breakpoint
create trigger pull_booked before delete or update of id on exchange.pull
  for each row
  execute function exchange.keep_booked_pulls();
--> statement-breakpoint
-- Changes that may withdraw access of a peer.
create function exchange.note_choice() returns trigger language plpgsql as $$
begin
  if exists (select from told where choice <> 'opt-in') then insert into exchange.grant_change default values; end if;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.note_match_change() returns trigger language plpgsql as $$
begin
  insert into exchange.grant_change default values;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.note_matches_that_were() returns trigger language plpgsql as $$
begin
  if exists (select from was) then insert into exchange.grant_change default values; end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger consent_grants after insert on exchange.consent
  referencing new table as told for each statement
  execute function exchange.note_choice();
--> statement-breakpoint
create trigger match_group_updated after update of id, peer_id on exchange.match_group
  for each statement
  execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_group_deleted after delete on exchange.match_group
  referencing old table as was for each statement
  execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_group_truncated after truncate on exchange.match_group
  for each statement
  execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_member_updated after update on exchange.match_member
  referencing old table as was for each statement
  execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_member_deleted after delete on exchange.match_member
  referencing old table as was for each statement
  execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_member_truncated after truncate on exchange.match_member
  for each statement
  execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_single_updated after update on exchange.match_single
  referencing old table as was for each statement
  execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_single_deleted after delete on exchange.match_single
  referencing old table as was for each statement
  execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_single_truncated after truncate on exchange.match_single
  for each statement
  execute function exchange.note_match_change();
--> statement-breakpoint
-- Documents that no row names any more.
create function exchange.note_document_gone() returns trigger language plpgsql as $$
begin
  insert into exchange.orphaned_document (sha256, at) values (old.sha256, now()) on conflict (sha256) do update set at = excluded.at;
  return null;
end
$$;
--> statement-breakpoint
create trigger document_deleted after delete on exchange.attachment
  for each row when (old.sha256 is not null)
  execute function exchange.note_document_gone();
--> statement-breakpoint
create trigger document_replaced after update of sha256 on exchange.attachment
  for each row when (old.sha256 is not null and (new.sha256 is distinct from old.sha256))
  execute function exchange.note_document_gone();
--> statement-breakpoint
-- Corrected identities and recorded deaths.
create function exchange.note_identity() returns trigger language plpgsql as $$
begin
  update exchange.member set identity_corrected_at = now() where id = new.member_id;
  -- an answer that comes later is looked at when it comes
  update exchange.other_coverage o set evaluate_on = '-infinity' where o.member_id = new.member_id
    and exists (select from exchange.deadline k where k.member_id = o.member_id and k.kind = 'C2' and k.reason = 'no-unique-match');
  return null;
end
$$;
--> statement-breakpoint
create function exchange.record_death() returns trigger language plpgsql as $$
begin
  update exchange.member set deceased_recorded = true where id = new.member_id and not deceased_recorded;
  return null;
end
$$;
--> statement-breakpoint
create trigger member_profile_identity after update of family, given, suffix, dob on exchange.member_profile
  for each row when (old.family is distinct from new.family or old.given is distinct from new.given
    or old.suffix is distinct from new.suffix or old.dob is distinct from new.dob)
  execute function exchange.note_identity();
--> statement-breakpoint
create trigger member_profile_dead after insert on exchange.member_profile
  for each row when (new.died is not null)
  execute function exchange.record_death();
--> statement-breakpoint
create trigger member_profile_death after update of died on exchange.member_profile
  for each row when (old.died is distinct from new.died)
  execute function exchange.record_death();
--> statement-breakpoint
-- Other coverage is evaluated again when something that its deadlines and pulls depend on changes.
create function exchange.evaluate_members() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set evaluate_on = '-infinity', request_at = '-infinity' where o.member_id in (select n.member_id from told n);
  return null;
end
$$;
--> statement-breakpoint
create function exchange.evaluate_enrolment() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set evaluate_on = '-infinity', request_at = '-infinity' where o.member_id in (
    select c.member_id from (select member_id, member_number, starts, ends from told except select member_id, member_number, starts, ends from was) c);
  return null;
end
$$;
--> statement-breakpoint
create function exchange.evaluate_requests_of_members() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set evaluate_on = '-infinity', request_at = '-infinity' where o.id in (select n.other_coverage_id from told n);
  return null;
end
$$;
--> statement-breakpoint
create function exchange.evaluate_member() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set evaluate_on = '-infinity', request_at = '-infinity' where o.member_id = new.member_id;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.evaluate_coverage() returns trigger language plpgsql as $$
begin
  new.evaluate_on := '-infinity';
  new.request_at := '-infinity';
  return new;
end
$$;
--> statement-breakpoint
create function exchange.evaluate_peer() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set request_at = '-infinity',
    evaluate_on = case when exists (select from exchange.deadline k where k.kind = 'C2' and k.subject = o.id and k.state = 'blocked') then '-infinity' else o.evaluate_on end
  where o.peer_id = new.id;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.evaluate_met() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set evaluate_on = '-infinity', request_at = '-infinity'
  where o.id in (select split_part(n.subject, '/', 1) from told n where n.kind = 'C2' and n.state in ('met', 'met-late'));
  return null;
end
$$;
--> statement-breakpoint
create function exchange.evaluate_requested() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set request_at = '-infinity',
    evaluate_on = case when new.state in ('failed', 'refused', 'withdrawn') or m.in_vain then '-infinity' else o.evaluate_on end
  from (
    select other_coverage_id, coalesce(bool_or(outcome in ('not-matched', 'constrained')), false) as in_vain
    from exchange.pull_member where pull_id = new.id group by other_coverage_id) m
  where o.id = m.other_coverage_id;
  return null;
end
$$;
--> statement-breakpoint
create trigger consent_look after insert on exchange.consent
  referencing new table as told for each statement
  execute function exchange.evaluate_members();
--> statement-breakpoint
create trigger enrolment_look after insert on exchange.enrolment
  referencing new table as told for each statement
  execute function exchange.evaluate_members();
--> statement-breakpoint
create trigger enrolment_look_again after update on exchange.enrolment
  referencing old table as was new table as told for each statement
  execute function exchange.evaluate_enrolment();
--> statement-breakpoint
create trigger member_request_look after insert on exchange.member_request
  referencing new table as told for each statement
  execute function exchange.evaluate_requests_of_members();
--> statement-breakpoint
create trigger member_profile_look after update of died on exchange.member_profile
  for each row when (old.died is distinct from new.died)
  execute function exchange.evaluate_member();
--> statement-breakpoint
create trigger other_coverage_look before update of member_id, peer_id, starts, ends, ends_known_at, in_error_at on exchange.other_coverage
  for each row
  execute function exchange.evaluate_coverage();
--> statement-breakpoint
create trigger peer_look after update of state, fhir_base, client_id_there on exchange.peer
  for each row when (new.state = 'active' and new.fhir_base is not null
    and (old.state <> 'active' or old.fhir_base is null or (old.client_id_there is null and new.client_id_there is not null)))
  execute function exchange.evaluate_peer();
--> statement-breakpoint
create trigger deadline_look after update on exchange.deadline
  referencing new table as told for each statement
  execute function exchange.evaluate_met();
--> statement-breakpoint
create trigger pull_look after update of state on exchange.pull
  for each row when (old.state <> new.state and new.state not in
    ('due', 'discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling'))
  execute function exchange.evaluate_requested();
--> statement-breakpoint
-- First rows.
insert into directory.state default values;
--> statement-breakpoint
insert into directory.publish_lease default values;
--> statement-breakpoint
insert into merged.state default values;
--> statement-breakpoint
insert into merged.publish_lease default values;
--> statement-breakpoint
insert into federation.own_state default values;
--> statement-breakpoint
insert into exchange.deadline_check (day) values ('-infinity');
--> statement-breakpoint
insert into exchange.rekey_progress (rules, begun_at, after, done_at) values (15, now(), '{"","",""}', now());
