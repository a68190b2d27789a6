-- breaking
-- Places that have no position of their own stand in the middle of their ZIP code area, for those who search by ZIP code. A search by point finds none of
-- them: they are marked, and what has a position is in an index of its own. What is in the tables has one; an index of the program that entered both alike
-- is made anew by its number. An older program would enter places without the mark.
alter table directory.place add column approximate boolean not null default false;
--> statement-breakpoint
create index place_positioned on directory.place using gist (at) include (rk) where not approximate;
--> statement-breakpoint
alter table directory.care_at add column approximate boolean not null default false;
--> statement-breakpoint
alter table directory.care_at drop constraint care_at_pkey;
--> statement-breakpoint
alter table directory.care_at add primary key (token, network, rk, x, y, approximate);
--> statement-breakpoint
alter table merged.place add column approximate boolean not null default false;
--> statement-breakpoint
create index place_positioned on merged.place using gist (at) include (rk) where not approximate;
--> statement-breakpoint
alter table merged.care_at add column approximate boolean not null default false;
--> statement-breakpoint
alter table merged.care_at drop constraint care_at_pkey;
--> statement-breakpoint
alter table merged.care_at add primary key (token, network, rk, x, y, approximate);
