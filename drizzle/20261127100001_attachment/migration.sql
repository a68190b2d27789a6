-- safe
-- Attachments that records of a peer give by an address there, and what became of each. The bytes are files, one for each content
-- (`documents/SHA-256`). `written` is the member as it stands in the text of the record; where the record leaves, our own address
-- stands in its place, `Binary/[document_id]`, or why there is none.
create table exchange.attachment (
  member_id text not null,
  type text not null,
  record_id text not null,
  document_id text not null,
  peer_id text not null,
  pull_id text not null,
  url text not null,
  written text not null,
  media text,
  size bigint,
  sha1 text,
  state text not null check (state in ('due', 'kept', 'not-fetched')),
  reason text,
  attempts integer not null default 0,
  next_at timestamptz not null,
  lease_owner text,
  lease_until timestamptz,
  kept_media text,
  bytes bigint,
  sha256 text,
  settled_at timestamptz,
  primary key (member_id, type, record_id, document_id),
  check ((state = 'kept') = (sha256 is not null and settled_at is not null and reason is null))
);
--> statement-breakpoint
create index attachment_due on exchange.attachment (next_at) where state = 'due';
--> statement-breakpoint
create index attachment_document on exchange.attachment (document_id);
--> statement-breakpoint
create index attachment_pull on exchange.attachment (pull_id);
--> statement-breakpoint
alter table exchange.staging add column attached text;
--> statement-breakpoint
-- Of records that are held already the addresses are found here; the next process that serves fetches them. Numbers that no jsonb
-- takes are left out of what is looked through.
insert into exchange.attachment (member_id, type, record_id, document_id, peer_id, pull_id, url, written, media, size, sha1, state, reason, next_at)
select distinct on (r.member_id, r.type, r.id, w.written) r.member_id, r.type, r.id,
  left(encode(sha256(convert_to(concat_ws(' ', r.origin, r.type, r.source_id, w.written), 'UTF8')), 'hex'), 32),
  r.origin, i.last_pull, case when a.url ~* '^[a-z][a-z0-9+.-]*:' then a.url else p.fhir_base || '/' || ltrim(a.url, '/') end, w.written,
  a.media, a.size, a.sha1, case when a.is_within then 'not-fetched' else 'due' end, case when a.is_within then 'in-the-record' end, now()
from exchange.resource r
join exchange.peer p on p.id = r.origin
join exchange.identity i on i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id
cross join lateral (
  select o->>'url' as url, o->>'contentType' as media, o->>'hash' as sha1,
    case when jsonb_typeof(o->'size') = 'number' and (o->>'size') ~ '^[0-9]{1,15}$' then (o->>'size')::bigint end as size,
    coalesce(jsonb_typeof(o->'data') = 'string', false) as is_within
  from (
    select jsonb_path_query(regexp_replace(regexp_replace(r.body, '([:,[]-?[0-9.]+)[eE][-+]?[0-9]{4,}', '\1', 'g'), '([:,[]-?)[0-9.]{100,}', '\10', 'g')::jsonb, 'strict $.** ? (@.contentType.type() == "string" && @.url.type() == "string")') as o
    union all
    select jsonb_path_query(regexp_replace(regexp_replace(r.body, '([:,[]-?[0-9.]+)[eE][-+]?[0-9]{4,}', '\1', 'g'), '([:,[]-?)[0-9.]{100,}', '\10', 'g')::jsonb, 'lax $.** ? (@.type() == "object").keyvalue() ? (@.key like_regex "^(attachment|presentedForm|photo|image|content|valueAttachment|contentAttachment|sourceAttachment)$").value[*] ? (@.type() == "object" && @.url.type() == "string")')
  ) x
) a
cross join lateral (select '"url":' || to_json(a.url)::text as written) w
where r.origin <> 'own' and not r.deleted and r.member_id is not null and position('"url":' in r.body) > 0
  and (position('"contentType"' in r.body) > 0 or position('ttachment"' in r.body) > 0 or r.type in ('DiagnosticReport', 'Media', 'Patient', 'Practitioner', 'RelatedPerson'))
  and a.url !~* '^(#|urn:)' and position(w.written in r.body) > 0;
--> statement-breakpoint
update exchange.resource r set moved_at = date_trunc('milliseconds', now()), shared = exchange.replace_all(coalesce(r.shared, r.body), a.olds, a.news)
from (
  select member_id, type, record_id, array_agg(written order by written) as olds,
    array_agg('"_url":{"id":"' || document_id || '","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}' order by written) as news
  from exchange.attachment group by member_id, type, record_id
) a
where r.member_id = a.member_id and r.type = a.type and r.id = a.record_id;
--> statement-breakpoint
-- what was not fetched is told when it is settled, not when a line is read
update exchange.identity set line_findings = array_remove(line_findings, 'attachment-not-fetched') where 'attachment-not-fetched' = any(line_findings);
