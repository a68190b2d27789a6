-- safe
-- The directory service runs as a role of its own: it reads the directory schema and nothing of the exchange.
do $$
begin
  create role payer_node_directory nologin;
exception
  when duplicate_object or unique_violation then null;
end
$$;
