-- safe
-- Denials of authorizations that came and are held: what another payer passes on from before is not to be taken for what is so today. Of those that
-- were held before, the text is in the files alone: they stand here when they come again, or when their pull is replayed.
create table exchange.denied_authorization (
  peer_id text not null,
  source_id text not null,
  member_id text not null,
  -- as of resource.claim, with what was asked for
  claim jsonb not null,
  at timestamptz not null,
  primary key (peer_id, source_id)
);
--> statement-breakpoint
create index denied_authorization_member on exchange.denied_authorization (member_id);
