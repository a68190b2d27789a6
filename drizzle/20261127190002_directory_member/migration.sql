-- safe
-- An owner that is no superuser must be a member of the directory's role to connect as it: creating it is not enough.
do $$
begin
  if not pg_has_role(current_user, 'payer_node_directory', case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end) then
    execute format('grant payer_node_directory to %I', current_user);
  end if;
end
$$;
