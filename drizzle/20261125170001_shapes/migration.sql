-- safe
-- What a resource has and lacks, as one number: rows that lack something rare, or have it, are found without a look at all
-- others (src/store/search-shapes.ts). The shares of single parameters tell when they are few.
create index resource_shape on directory.resource (hash_array_extended(array_append(params, type), 0), rk) where not deleted;
--> statement-breakpoint
create index resource_shape on merged.resource (hash_array_extended(array_append(params, type), 0), rk) where not deleted;
--> statement-breakpoint
alter table directory.resource alter params set statistics 100;
--> statement-breakpoint
alter table merged.resource alter params set statistics 100;
