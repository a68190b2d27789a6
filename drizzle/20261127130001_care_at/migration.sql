-- breaking
-- Roles by kind of care, square of the map and network, with the position of each place (src/store/care-at.ts). Searches ask for
-- nothing else, so the entries are made here and do not wait for a reindex; an older program would not keep them right.
create table directory.care_at (
  token bigint not null,
  network bigint not null,
  rk bigint not null,
  x float8 not null,
  y float8 not null
);
--> statement-breakpoint
insert into directory.care_at (token, network, rk, x, y)
  select token, network, rk, x, y from (select distinct k.token # ((floor((p.at[1] + 90) * 4)::bigint * 1440 + floor((p.at[0] + 180) * 4)::bigint) * 8796093022151) as token, w.network, s.rk, p.at[0] as x, p.at[1] as y
   from directory.resource s cross join lateral unnest(s.refs, s.ref_params) u(ref, param) join directory.place p on p.rk = u.ref
   cross join lateral (select distinct hashtextextended(f.form, 809) as token
    from (select (case when strpos(s.body, '\u') = 0 then s.body
      else regexp_replace(s.body, '\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\u0020', 'g') end)::json -> 'specialty' as held offset 0) b cross join json_array_elements(case json_typeof(b.held) when 'array' then b.held else '[]' end) e(concept)
    cross join json_array_elements(case json_typeof(e.concept -> 'coding') when 'array' then e.concept -> 'coding' else '[]' end) c(coding)
    cross join lateral (select nullif(c.coding ->> 'system', '') as system, lower(nullif(c.coding ->> 'code', '') collate "default") as code) v
    cross join lateral unnest(case when v.system = 'http://nucc.org/provider-taxonomy' then array['http://nucc.org/provider-taxonomy|' || coalesce(v.code, '')]
      when v.code is null then '{}' when v.system is null then array[v.code, '|' || v.code] else array[v.code] end) f(form)) k
   cross join lateral (select array_agg(distinct n.ref) as held from unnest(s.refs, s.ref_params) n(ref, param) where n.param = 803) n
   cross join lateral unnest(case when cardinality(n.held) <= 4 then n.held else '{0}' end) w(network)
   where s.type = 8 and not s.deleted and u.param = 802) c order by token, network, rk, x, y;
--> statement-breakpoint
alter table directory.care_at add primary key (token, network, rk, x, y);
--> statement-breakpoint
alter table directory.care_at set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
--> statement-breakpoint
create table merged.care_at (
  token bigint not null,
  network bigint not null,
  rk bigint not null,
  x float8 not null,
  y float8 not null
);
--> statement-breakpoint
insert into merged.care_at (token, network, rk, x, y)
  select token, network, rk, x, y from (select distinct k.token # ((floor((p.at[1] + 90) * 4)::bigint * 1440 + floor((p.at[0] + 180) * 4)::bigint) * 8796093022151) as token, w.network, s.rk, p.at[0] as x, p.at[1] as y
   from merged.resource s cross join lateral unnest(s.refs, s.ref_params) u(ref, param) join merged.place p on p.rk = u.ref
   cross join lateral (select distinct hashtextextended(f.form, 809) as token
    from (select (case when strpos(s.body, '\u') = 0 then s.body
      else regexp_replace(s.body, '\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\u0020', 'g') end)::json -> 'specialty' as held offset 0) b cross join json_array_elements(case json_typeof(b.held) when 'array' then b.held else '[]' end) e(concept)
    cross join json_array_elements(case json_typeof(e.concept -> 'coding') when 'array' then e.concept -> 'coding' else '[]' end) c(coding)
    cross join lateral (select nullif(c.coding ->> 'system', '') as system, lower(nullif(c.coding ->> 'code', '') collate "default") as code) v
    cross join lateral unnest(case when v.system = 'http://nucc.org/provider-taxonomy' then array['http://nucc.org/provider-taxonomy|' || coalesce(v.code, '')]
      when v.code is null then '{}' when v.system is null then array[v.code, '|' || v.code] else array[v.code] end) f(form)) k
   cross join lateral (select array_agg(distinct n.ref) as held from unnest(s.refs, s.ref_params) n(ref, param) where n.param = 803) n
   cross join lateral unnest(case when cardinality(n.held) <= 4 then n.held else '{0}' end) w(network)
   where s.type = 8 and not s.deleted and u.param = 802) c order by token, network, rk, x, y;
--> statement-breakpoint
alter table merged.care_at add primary key (token, network, rk, x, y);
--> statement-breakpoint
alter table merged.care_at set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
