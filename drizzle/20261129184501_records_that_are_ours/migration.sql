-- safe
-- Which record of a payer is one of ours that came back: what looks like it too is another one.
create index identity_echo on exchange.identity (peer_id, type, local_id) where state = 'echo';
