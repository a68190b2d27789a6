-- safe
-- A manifest counts lines. The line of a deletions file is a Bundle that holds several units, so what was declared is
-- compared with lines, and what was counted with ledger rows.
create or replace function exchange.hold_conservation() returns trigger language plpgsql as $$
declare bad record;
begin
  for bad in
    select f.position, f.units, f.declared, count(l.line) as booked, count(distinct l.line) as lines
    from exchange.pull_file f left join exchange.ledger l on l.pull_id = f.pull_id and l.file = f.position
    where f.pull_id = new.id and f.kind <> 'error'
    group by f.position, f.units, f.declared
  loop
    if bad.units is null or bad.booked <> bad.units then
      raise exception 'pull %: file % has % units and % ledger rows', new.id, bad.position, bad.units, bad.booked using errcode = 'check_violation';
    end if;
    if bad.declared is not null and bad.declared <> bad.lines and new.accepted_by is null then
      raise exception 'pull %: file % has % lines and the manifest declared %', new.id, bad.position, bad.lines, bad.declared using errcode = 'check_violation';
    end if;
  end loop;
  return null;
end
$$;
