-- safe
-- The directory service runs as a role of its own: it reads the directory schema and nothing of the exchange.
do $$
begin
  -- who may not create roles has it from an administrator
  if not exists (select from pg_roles where rolname = 'payer_node_directory') then
    create role payer_node_directory nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
end
$$;
