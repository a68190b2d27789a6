-- breaking
-- References stand in the index under the whole key of their target (src/store/reference-token.ts). hashint8extended folds a key to 32 bits:
-- among a million targets some had the same token, and a search by one of them found what refers to the other.
delete from directory.lookup l using (
    select hashint8extended(u.ref, u.param) as token, r.rk
    from directory.resource r cross join lateral unnest(r.refs, r.ref_params) u(ref, param) where not r.deleted
    union
    select hashint8extended(n.ref, 770), p.ref
    from directory.resource s cross join lateral unnest(s.refs, s.ref_params) p(ref, param) cross join lateral unnest(s.refs, s.ref_params) n(ref, param)
    where s.type = 8 and not s.deleted and p.param = 806 and n.param = 803) o
  where l.token = o.token and l.rk = o.rk;
--> statement-breakpoint
insert into directory.lookup (token, rk)
  select u.ref # hashint8extended(u.param, 0) as token, r.rk
  from directory.resource r cross join lateral unnest(r.refs, r.ref_params) u(ref, param) where not r.deleted
  union
  select n.ref # hashint8extended(770, 0), p.ref
  from directory.resource s cross join lateral unnest(s.refs, s.ref_params) p(ref, param) cross join lateral unnest(s.refs, s.ref_params) n(ref, param)
  where s.type = 8 and not s.deleted and p.param = 806 and n.param = 803
    and exists (select from directory.resource t where t.rk = p.ref and t.type = 7 and not t.deleted)
  order by 1, 2
  on conflict do nothing;
--> statement-breakpoint
analyze directory.lookup;
--> statement-breakpoint
delete from merged.lookup l using (
    select hashint8extended(u.ref, u.param) as token, r.rk
    from merged.resource r cross join lateral unnest(r.refs, r.ref_params) u(ref, param) where not r.deleted
    union
    select hashint8extended(n.ref, 770), p.ref
    from merged.resource s cross join lateral unnest(s.refs, s.ref_params) p(ref, param) cross join lateral unnest(s.refs, s.ref_params) n(ref, param)
    where s.type = 8 and not s.deleted and p.param = 806 and n.param = 803) o
  where l.token = o.token and l.rk = o.rk;
--> statement-breakpoint
insert into merged.lookup (token, rk)
  select u.ref # hashint8extended(u.param, 0) as token, r.rk
  from merged.resource r cross join lateral unnest(r.refs, r.ref_params) u(ref, param) where not r.deleted
  union
  select n.ref # hashint8extended(770, 0), p.ref
  from merged.resource s cross join lateral unnest(s.refs, s.ref_params) p(ref, param) cross join lateral unnest(s.refs, s.ref_params) n(ref, param)
  where s.type = 8 and not s.deleted and p.param = 806 and n.param = 803
    and exists (select from merged.resource t where t.rk = p.ref and t.type = 7 and not t.deleted)
  order by 1, 2
  on conflict do nothing;
--> statement-breakpoint
analyze merged.lookup;
