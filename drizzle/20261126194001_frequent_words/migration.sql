-- safe
-- Frequencies of words under their parameters are shown to the owner of a table only; a search is asked for by another role.
create function directory.frequent_words(out words text, out portions text, out entries real) language sql stable security definer
  set search_path = pg_catalog as $$
  select to_json(v.most_common_vals)::text, array_to_string(v.most_common_freqs, ','), greatest(c.reltuples, 0)
  from pg_class c left join pg_stats_ext v on v.schemaname = 'directory' and v.tablename = c.relname and v.most_common_vals is not null
  where c.relname = 'words' and c.relnamespace = 'directory'::regnamespace
  limit 1
$$;
--> statement-breakpoint
create function merged.frequent_words(out words text, out portions text, out entries real) language sql stable security definer
  set search_path = pg_catalog as $$
  select to_json(v.most_common_vals)::text, array_to_string(v.most_common_freqs, ','), greatest(c.reltuples, 0)
  from pg_class c left join pg_stats_ext v on v.schemaname = 'merged' and v.tablename = c.relname and v.most_common_vals is not null
  where c.relname = 'words' and c.relnamespace = 'merged'::regnamespace
  limit 1
$$;
