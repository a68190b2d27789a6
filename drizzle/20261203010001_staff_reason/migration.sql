-- safe
-- What people of the plan need numbers, birth dates and addresses for, before they are shown whole. What was said stays; it
-- holds for one session, and for what it was said about: `member/ID`, or a page of several members.
create table exchange.staff_reason (
  id bigint generated always as identity primary key,
  session bytea not null,
  subject text not null,
  about text not null,
  purpose text not null,
  words text not null,
  at timestamptz not null,
  ended_at timestamptz
);
--> statement-breakpoint
create index staff_reason_session on exchange.staff_reason (session, about);
