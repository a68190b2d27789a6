-- safe
-- Claims by any of their identifiers, whosever they are: a payer asks for a claim by its number without naming the member. A text that
-- the database cannot read as JSON (numbers beyond its range, halves of characters) has one entry that every search looks at.
create function exchange.identifier_hashes(body text) returns bigint[] language plpgsql immutable strict parallel safe as $$
begin
  return array(select distinct hashtextextended(i->>'value', 0) from jsonb_array_elements(body::jsonb->'identifier') i where i->>'value' is not null);
exception when others then
  return '{0}';
end
$$;
--> statement-breakpoint
create index resource_claim_identifier on exchange.resource using gin (exchange.identifier_hashes(body)) where type = 'ExplanationOfBenefit';
