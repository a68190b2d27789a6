-- safe
-- The merged view publishes in bulk: the tables of publications once more, as the others of the directory (merged).
do $$
declare t text;
begin
  foreach t in array array['publication', 'file_set', 'set_file', 'current_set', 'publish_lease']
  loop
    execute format('create table merged.%I (like directory.%I including all)', t, t);
  end loop;
end
$$;
--> statement-breakpoint
alter table merged.set_file add foreign key (set_id) references merged.file_set on delete cascade;
--> statement-breakpoint
alter table merged.current_set add foreign key (set_id) references merged.file_set;
--> statement-breakpoint
insert into merged.publish_lease default values;
