-- breaking
-- Words of names that no name has any more are taken out of the vocabulary. An import that goes on meanwhile sees it by this number, and
-- enters its words once more; an older program would not, nor would it enter family and given names together.
alter table directory.state add column pruned bigint not null default 0;
--> statement-breakpoint
alter table merged.state add column pruned bigint not null default 0;
--> statement-breakpoint
-- A load leaves a twentieth of the largest indexes free instead of a tenth: names in pairs take as much.
do $$
declare
  held regclass;
begin
  for held in select indexrelid from pg_index
    where indrelid in ('directory.lookup'::regclass, 'directory.words'::regclass, 'merged.lookup'::regclass, 'merged.words'::regclass)
  loop
    execute format('alter index %s set (fillfactor = 95)', held);
  end loop;
end
$$;
