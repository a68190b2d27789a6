-- safe
-- What a decision about a member rested on, so that it can be told in words: which name differed by a letter, how many members fitted,
-- and by what the asker attested.
alter table exchange.match_member
  add column fuzzy text,
  add column persons integer,
  add column attestation text,
  add column coverage_to_link jsonb;
--> statement-breakpoint
alter table exchange.match_single
  add column fuzzy text,
  add column persons integer,
  add column attestation text;
