-- safe
-- What the housekeeping looks for among all jobs there ever were: exports whose files are still there, requests that are kept, jobs that failed.
create index bulk_job_kept on exchange.bulk_job (expires_at) where kind = 'export' and state = 'complete';
--> statement-breakpoint
create index bulk_job_request on exchange.bulk_job (received_at, id) where body_key is not null;
--> statement-breakpoint
create index bulk_job_failed on exchange.bulk_job (id) where state = 'failed';
--> statement-breakpoint
-- Anybody may begin to sign in; each time those whose time is over are forgotten.
create index staff_sign_in_expiry on exchange.staff_sign_in (expires_at);
