-- safe
-- First and last day of service of what an export holds of a member, by type: `{"Observation": "2024-01-02/2026-03-04"}`. Null of exports that
-- an older program wrote.
alter table exchange.delivered add column days jsonb;
