-- safe
-- The identifiers of a claim stand with what is kept of it (`claim`): its whole text was read as JSON once more for each claim that was
-- written, a tenth of a millisecond, a sixth of what a pull cost the database. Of claims that were written before, the text is read.
create function exchange.claim_identifier_hashes(claim jsonb, body text) returns bigint[] language plpgsql immutable parallel safe as $$
declare
  kept jsonb := claim->'identifiers';
  hashes bigint[] := '{}';
begin
  if kept is null then
    return exchange.identifier_hashes(body);
  end if;
  for i in 0 .. jsonb_array_length(kept) - 1 loop
    hashes := hashes || hashtextextended(kept->>i, 0);
  end loop;
  return hashes;
end
$$;
--> statement-breakpoint
drop index exchange.resource_claim_identifier;
--> statement-breakpoint
create index resource_claim_identifier on exchange.resource using gin (exchange.claim_identifier_hashes(claim, body)) where type = 'ExplanationOfBenefit';
