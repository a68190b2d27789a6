-- breaking
-- The keys under which a member's record is found again stand with the record: hashes of their texts, whose first letter is their
-- kind. What was a row and an entry of an index for each key is a few bytes of a row that is written anyway; the records of a member
-- are read by the member and the type. Keys of directory records are asked without either, and have a table of their own.
alter table exchange.resource add column keys bigint[];
--> statement-breakpoint
update exchange.resource r set keys = k.keys
from (select member_id, type, id, array_agg(hash order by hash) as keys from exchange.record_key where member_id <> '*' group by member_id, type, id) k
where r.member_id = k.member_id and r.type = k.type and r.id = k.id;
--> statement-breakpoint
create table exchange.shared_key (
  type text not null,
  kind smallint not null,
  hash bigint not null,
  id text not null,
  origin text not null,
  primary key (type, kind, hash, id)
);
--> statement-breakpoint
insert into exchange.shared_key (type, kind, hash, id, origin)
select type, kind, hash, id, origin from exchange.record_key where member_id = '*';
--> statement-breakpoint
drop table exchange.record_key;
--> statement-breakpoint
-- Texts of records are compressed by lz4 where the server has it. pglz costs more than all else that writing a record does: where
-- there is nothing else, they stay as they are. What is stored already stays as it was.
do $$
declare part text; how text;
begin
  if exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any(enumvals)) then how := 'compression lz4'; else how := 'storage external'; end if;
  for part in select c.relid::regclass::text from pg_partition_tree('exchange.resource') c where c.isleaf loop
    execute format('alter table %1$s alter column body set %2$s, alter column shared set %2$s, alter column targets set %2$s', part, how);
    if how = 'storage external' then
      execute format('alter table %s set (toast_tuple_target = 8160)', part);
    end if;
  end loop;
end
$$;
