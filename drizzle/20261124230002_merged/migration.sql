-- safe
-- The merged base: the tables of the directory once more, for our own records beside those of peers. Whoever changes a
-- table of the directory changes it here too; test/federation/merged.test.ts compares them.
create schema merged;
--> statement-breakpoint
do $$
declare
  t text;
  options text;
  parts text;
begin
  foreach t in array array['resource', 'history', 'lookup', 'words', 'dates', 'state', 'place', 'boundary', 'verification', 'opening', 'vocabulary']
  loop
    execute format('create table merged.%I (like directory.%I including all)', t, t);
    select array_to_string(reloptions, ', ') into options from pg_class where oid = format('directory.%I', t)::regclass;
    if options is not null then execute format('alter table merged.%I set (%s)', t, options); end if;
    select string_agg(format('alter column %I set statistics %s', attname, attstattarget), ', ') into parts from pg_attribute
      where attrelid = format('directory.%I', t)::regclass and attnum > 0 and not attisdropped and attstattarget >= 0;
    if parts is not null then execute format('alter table merged.%I %s', t, parts); end if;
    select string_agg(format('alter column %I set (%s)', attname, array_to_string(attoptions, ', ')), ', ') into parts from pg_attribute
      where attrelid = format('directory.%I', t)::regclass and attnum > 0 and not attisdropped and attoptions is not null;
    if parts is not null then execute format('alter table merged.%I %s', t, parts); end if;
  end loop;
end
$$;
--> statement-breakpoint
insert into merged.state default values;
--> statement-breakpoint
grant usage on schema merged to payer_node_directory;
--> statement-breakpoint
grant select on all tables in schema merged to payer_node_directory;
--> statement-breakpoint
alter default privileges in schema merged grant select on tables to payer_node_directory;
