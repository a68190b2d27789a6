-- safe
-- An extract of the registry of providers (NPPES), as far as signals ask it: who has a number, where, and whether it is active.
create table federation.registry (
  npi bigint primary key,
  -- 7 a person, 5 an organization: the types of resources
  type smallint not null,
  -- family name, or name of the organization, as it is compared
  name text not null,
  state text not null,
  deactivated date,
  as_of date not null
);
--> statement-breakpoint
revoke select on federation.registry from payer_node_directory;
