-- safe
-- The peer of a single match is the one whose token was checked, and peers are never deleted. The check took a lock on the row of
-- the peer for each question, which all questions of a peer then shared.
alter table exchange.match_single drop constraint match_single_peer_id_fkey;
