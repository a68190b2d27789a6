-- safe
-- Audit rows wait here, in the transaction that writes them, until the sealer has taken them. Numbers of rows are given out
-- before their transaction commits, so neither a number nor a time can tell which rows are still to be sealed.
create table exchange.audit_unsealed (seq bigint primary key);
--> statement-breakpoint
create function exchange.queue_audit() returns trigger language plpgsql as $$
begin
  insert into exchange.audit_unsealed select seq from written;
  return null;
end
$$;
--> statement-breakpoint
create trigger audit_queue after insert on exchange.audit referencing new table as written
  for each statement execute function exchange.queue_audit();
--> statement-breakpoint
insert into exchange.audit_unsealed select seq from exchange.audit;
--> statement-breakpoint
-- One batch of audit rows: their numbers, the first eight bytes of each one's hash (so that a row can be named when it was
-- changed), and a root over all hashes and the root before. `jws` signs the head.
create table exchange.audit_seal (
  id bigint primary key,
  sealed_at timestamptz(3) not null,
  seqs bigint[] not null,
  marks bytea not null,
  prev bytea not null,
  root bytea not null unique,
  jws text not null
);
--> statement-breakpoint
create trigger audit_seal_insert_only before update or delete or truncate on exchange.audit_seal for each statement execute function exchange.refuse_change();
