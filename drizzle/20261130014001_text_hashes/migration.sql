-- safe
-- Of the text of a file, beside that of its bytes as stored: whoever fetched it has the text, and no two programs pack alike.
alter table exchange.bulk_file add column text_sha256 text;
