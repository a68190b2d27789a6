-- safe
-- When a person last proved who they are; whether a sign-in under way is to make them do it anew.
alter table exchange.staff_session add column if not exists authenticated_at timestamptz;
--> statement-breakpoint
alter table exchange.staff_sign_in add column if not exists is_fresh boolean not null default false;
