-- safe
-- The end that was said of a coverage which is over as a next card took the place of its own ('infinity': none was said). Null: `ends` is as it was said. A next card
-- that is cancelled gives it back. What such a card ended before has none: its end stays until a file has the former card again.
alter table exchange.enrolment add column said_ends date;
