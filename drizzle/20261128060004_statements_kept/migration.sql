-- safe
-- Our signed statement about the member, as it was made for a match request: a JWS. Null: none was sent (a Group of before was asked again, the payer
-- takes none), or an older program sent it.
alter table exchange.pull_member add column statement text;
