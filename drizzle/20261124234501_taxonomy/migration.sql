-- safe
-- The full list of the Health Care Provider Taxonomy, as the operator loads it under an own licence (import taxonomy).
create table directory.taxonomy (
  code text primary key check (code ~ '^[0-9A-Z]{9}X$'),
  name text not null
);
