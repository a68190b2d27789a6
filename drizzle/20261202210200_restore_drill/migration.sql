-- safe
-- That a backup was restored and looked at (45 CFR 164.308(a)(7)(ii)(D)): who did it, which backup, how long it took, and what was found. `document`: what the check
-- of the restored copy wrote, signed by the copy's evidence key; null where nothing could be restored.
create table exchange.restore_drill (
  id text primary key,
  at timestamptz(3) not null,
  by_kind text not null,
  by_subject text not null,
  backup text not null,
  note text not null,
  minutes integer,
  is_ok boolean not null,
  faults text[] not null,
  checked_at timestamptz(3),
  head_seal bigint,
  head_at timestamptz(3),
  sha256 text unique,
  document text
);
--> statement-breakpoint
create index restore_drill_at on exchange.restore_drill (at);
--> statement-breakpoint
create trigger restore_drill_insert_only before update or delete or truncate on exchange.restore_drill for each statement execute function exchange.refuse_change();
