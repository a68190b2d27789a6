-- safe
-- The law for the whole, as it was. Lines in blocks are counted together with the others instead of being sought beside each of them: how many a pull has the
-- planner does not know, and where it took them for few a pull of ten thousands of both never ended.
create or replace function exchange.hold_conservation() returns trigger language plpgsql as $$
declare bad record;
begin
  for bad in
    select f.position, f.units, f.declared, coalesce(l.units, 0) as booked, coalesce(l.lines, 0) as lines
    from exchange.pull_file f left join exchange.ledger_sum l on l.pull_id = f.pull_id and l.file = f.position
    where f.pull_id = new.id and f.kind <> 'error'
  loop
    if bad.units is null or bad.booked <> bad.units then
      raise exception 'pull %: file % has % units and % ledger rows', new.id, bad.position, bad.units, bad.booked using errcode = 'check_violation';
    end if;
    if bad.declared is not null and bad.declared <> bad.lines and new.accepted_by is null then
      raise exception 'pull %: file % has % lines and the manifest declared %', new.id, bad.position, bad.lines, bad.declared using errcode = 'check_violation';
    end if;
  end loop;
  if exists (select from exchange.ledger_block b where b.pull_id = new.id) then
    for bad in
      select file from (
        select b.file, line, true as is_block from exchange.ledger_block b cross join unnest(b.lines) line where b.pull_id = new.id
        union all
        select u.file, u.line, false from exchange.ledger_unit u
          where u.pull_id = new.id and u.file = any(array(select distinct b.file from exchange.ledger_block b where b.pull_id = new.id))) l
      group by file, line having count(*) filter (where is_block) > 1 or bool_and(is_block) <> bool_or(is_block)
    loop
      raise exception 'pull %: a line of file % stands twice in the ledger', new.id, bad.file using errcode = 'check_violation';
    end loop;
  end if;
  for bad in select s.slice from exchange.pull_slice s where s.pull_id = new.id and s.state <> 'committed'
  loop
    raise exception 'pull %: slice % is not committed', new.id, bad.slice using errcode = 'check_violation';
  end loop;
  return null;
end
$$;
