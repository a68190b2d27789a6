-- safe
-- Which public documentation was online on which day: each document is asked for at its public address once a day.
create table exchange.document_check (
  id bigint generated always as identity primary key,
  at timestamptz(3) not null,
  url text not null,
  version text not null,
  -- null when nothing answered
  status integer,
  bytes integer,
  sha256 text,
  fault text
);
--> statement-breakpoint
create index document_check_at on exchange.document_check (at, id);
--> statement-breakpoint
create trigger document_check_insert_only before update or delete or truncate on exchange.document_check for each statement execute function exchange.refuse_change();
