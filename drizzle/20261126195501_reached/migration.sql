-- breaking
-- Entries that follow from other resources (src/store/resource-reach.ts): people by the networks of their roles, roles by the cities
-- of their places. Searches ask for nothing else, so they are made here and do not wait for a reindex; an older program would
-- not keep them right.
insert into directory.lookup (token, rk)
  select distinct hashint8extended(n.ref, 770), p.ref
  from directory.resource s cross join lateral unnest(s.refs, s.ref_params) p(ref, param) cross join lateral unnest(s.refs, s.ref_params) n(ref, param)
  where s.type = 8 and not s.deleted and p.param = 806 and n.param = 803
    and exists (select from directory.resource t where t.rk = p.ref and t.type = 7 and not t.deleted)
  on conflict do nothing;
--> statement-breakpoint
insert into directory.words (rk, param, folded)
  select distinct s.rk, 870, split_part(l.sort, E'\x01', 2)
  from directory.resource s cross join lateral unnest(s.refs, s.ref_params) u(ref, param) join directory.resource l on l.rk = u.ref
  where s.type = 8 and not s.deleted and u.param = 802 and l.type = 4 and not l.deleted and split_part(l.sort, E'\x01', 2) <> ''
    and not exists (select from directory.words w where w.param = 870);
--> statement-breakpoint
insert into merged.lookup (token, rk)
  select distinct hashint8extended(n.ref, 770), p.ref
  from merged.resource s cross join lateral unnest(s.refs, s.ref_params) p(ref, param) cross join lateral unnest(s.refs, s.ref_params) n(ref, param)
  where s.type = 8 and not s.deleted and p.param = 806 and n.param = 803
    and exists (select from merged.resource t where t.rk = p.ref and t.type = 7 and not t.deleted)
  on conflict do nothing;
--> statement-breakpoint
insert into merged.words (rk, param, folded)
  select distinct s.rk, 870, split_part(l.sort, E'\x01', 2)
  from merged.resource s cross join lateral unnest(s.refs, s.ref_params) u(ref, param) join merged.resource l on l.rk = u.ref
  where s.type = 8 and not s.deleted and u.param = 802 and l.type = 4 and not l.deleted and split_part(l.sort, E'\x01', 2) <> ''
    and not exists (select from merged.words w where w.param = 870);
