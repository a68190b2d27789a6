-- safe
-- Privacy and security incidents (45 CFR 164.308(a)(6), 164.400 to 164.414): what was opened, and each thing that was found, done or decided of it. Nothing is changed: what
-- holds is what the entries say together.
create table exchange.incident_case (
  number integer primary key,
  opened_at timestamptz(3) not null,
  opened_by text not null,
  kind text not null,
  title text not null,
  origin text not null,
  discovered_on date not null
);
--> statement-breakpoint
create index incident_case_origin on exchange.incident_case (origin) where origin <> '';
--> statement-breakpoint
create trigger incident_case_insert_only before update or delete or truncate on exchange.incident_case for each statement execute function exchange.refuse_change();
--> statement-breakpoint
create table exchange.incident_entry (
  id bigint primary key generated always as identity,
  case_number integer not null references exchange.incident_case,
  at timestamptz(3) not null,
  by_subject text not null,
  what text not null,
  on_day date,
  verdict text,
  affected integer,
  in_one_state integer,
  words text not null
);
--> statement-breakpoint
create index incident_entry_case on exchange.incident_entry (case_number, id);
--> statement-breakpoint
create trigger incident_entry_insert_only before update or delete or truncate on exchange.incident_entry for each statement execute function exchange.refuse_change();
