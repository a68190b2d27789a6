-- safe
-- That somebody has gone through what stands under Security (45 CFR 164.308(a)(1)(ii)(D)): up to when, who, and what they noted. Insert-only.
create table exchange.security_review (
  id text primary key,
  at timestamptz not null,
  subject text not null,
  -- events up to and with this instant
  until_at timestamptz not null,
  -- since the review before
  events integer not null,
  note text not null
);
--> statement-breakpoint
create index security_review_until on exchange.security_review (until_at);
--> statement-breakpoint
create trigger security_review_insert_only before update or delete or truncate on exchange.security_review for each statement execute function exchange.refuse_change();
