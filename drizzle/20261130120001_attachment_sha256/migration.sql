-- safe
-- What a server that keeps the bytes of a document apart says of them: their SHA-256, in hexadecimal.
alter table exchange.attachment add column said_sha256 text;
