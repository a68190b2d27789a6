-- safe
-- Documents that nothing names any more are noted when their last row goes, and their files removed when they were kept long enough. What
-- is due is found payer by payer: one that is paused holds nobody up. Where a document is written while it comes is of one taking of its
-- row alone: who lost the lease writes beside who has it.
create table exchange.document_gone (
  sha256 text primary key,
  at timestamptz not null
);
--> statement-breakpoint
create index document_gone_at on exchange.document_gone (at);
--> statement-breakpoint
create index attachment_content on exchange.attachment using hash (sha256) where sha256 is not null;
--> statement-breakpoint
create function exchange.note_document_gone() returns trigger language plpgsql as $$
begin
  insert into exchange.document_gone (sha256, at) values (old.sha256, now()) on conflict (sha256) do update set at = excluded.at;
  return null;
end
$$;
--> statement-breakpoint
create trigger document_deleted after delete on exchange.attachment for each row when (old.sha256 is not null) execute function exchange.note_document_gone();
--> statement-breakpoint
create trigger document_replaced after update of sha256 on exchange.attachment for each row
  when (old.sha256 is not null and new.sha256 is distinct from old.sha256) execute function exchange.note_document_gone();
--> statement-breakpoint
drop index exchange.attachment_due;
--> statement-breakpoint
create index attachment_due on exchange.attachment (peer_id, next_at) where state = 'due';
--> statement-breakpoint
alter table exchange.attachment add column coming text;
--> statement-breakpoint
-- Directory records of payers that were held before: an address of theirs stands in none of them any more. Numbers that no jsonb takes are
-- left out of what is looked through, not of what is kept.
update exchange.shared_resource r set body = exchange.replace_all(r.body, a.olds, a.news)
from (
  select x.type, x.id, array_agg(w.written order by w.written) as olds,
    array_agg('"_url":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}'::text order by w.written) as news
  from (
    select s.type, s.id, s.body, u.url from exchange.shared_resource s
    cross join lateral (
      select jsonb_path_query(regexp_replace(regexp_replace(s.body, '([:,[]-?[0-9.]+)[eE][-+]?[0-9]{4,}', '\1', 'g'), '([:,[]-?)[0-9.]{100,}', '\10', 'g')::jsonb, 'strict $.** ? (@.contentType.type() == "string" && @.url.type() == "string").url') #>> '{}'
      union
      select jsonb_path_query(regexp_replace(regexp_replace(s.body, '([:,[]-?[0-9.]+)[eE][-+]?[0-9]{4,}', '\1', 'g'), '([:,[]-?)[0-9.]{100,}', '\10', 'g')::jsonb, 'lax $.** ? (@.type() == "object").keyvalue() ? (@.key like_regex "^(attachment|photo|image|valueAttachment|contentAttachment|sourceAttachment)$").value[*] ? (@.type() == "object" && @.url.type() == "string").url') #>> '{}'
    ) u(url)
    where s.origin <> 'own' and position('"url":' in s.body) > 0 and (position('"photo"' in s.body) > 0 or position('"contentType"' in s.body) > 0 or position('ttachment"' in s.body) > 0)
  ) x
  cross join lateral (select '"url":' || to_json(x.url)::text as written) w
  where x.url !~* '^(#|urn:)' and position(w.written in x.body) > 0
  group by x.type, x.id
) a
where r.type = a.type and r.id = a.id;
