-- safe
-- Exports of the directory that must be made first. The directory's role reads only; what it may ask for goes through two
-- functions (docs/decisions/010-a-reader-asks-through-a-function.md).
alter table directory.file_set add column lease_owner uuid, add column lease_until timestamptz(3);
--> statement-breakpoint
create index file_set_open on directory.file_set (id) where channel = 'export' and state in ('wanted', 'making');
--> statement-breakpoint
-- status URLs that their holder gave back; random, of nobody
create table directory.export_released (
  ticket text primary key,
  at timestamptz(3) not null
);
--> statement-breakpoint
-- Asks for a set, once for all who ask the same. 'known', 'asked' or 'full'.
create function directory.request_export(p_key text, p_publication integer, p_parameters jsonb, p_now timestamptz, p_alive_since timestamptz,
  p_open integer, p_sets integer) returns text language plpgsql security definer set search_path = '' as $$
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
-- Forgets a status URL. Of very many the oldest are forgotten.
create function directory.release_export(p_ticket text, p_now timestamptz) returns void language plpgsql security definer set search_path = '' as $$
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
grant select on directory.publication, directory.file_set, directory.set_file, directory.current_set, directory.publish_lease, directory.export_released to payer_node_directory;
