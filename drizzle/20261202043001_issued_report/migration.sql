-- safe
-- Compliance reports that were issued: each as it was signed, with the SHA-256 of the one before. Insert-only.
create table exchange.issued_report (
  -- 1, 2, 3 without gaps
  number integer primary key,
  at timestamptz not null,
  by_kind text not null,
  by_subject text not null,
  -- as it was asked for: 2027, 2027-Q1, 2027-03, a day, or two days
  period text not null,
  first_day date not null,
  last_day date not null,
  lob text,
  peer_id text references exchange.peer,
  -- of what the report says: the same rows give the same one
  content_sha256 text not null,
  -- of the document, and of the document of the report before
  sha256 text not null,
  previous_sha256 text,
  -- canonical JSON (RFC 8785) with its signature
  document text not null,
  -- the same tables with what the page shows: headings, words and links
  tables text not null
);
--> statement-breakpoint
create trigger issued_report_insert_only before update or delete or truncate on exchange.issued_report for each statement execute function exchange.refuse_change();
