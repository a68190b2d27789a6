CREATE SCHEMA "directory";
--> statement-breakpoint
CREATE SCHEMA "federation";
--> statement-breakpoint
CREATE SCHEMA "merged";
--> statement-breakpoint
CREATE SCHEMA "exchange";
--> statement-breakpoint
CREATE SEQUENCE "federation"."content_id" INCREMENT BY 10000 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "directory"."boundary" (
	"rk" bigint,
	"part" smallint,
	"bounds" box NOT NULL,
	"ring" polygon NOT NULL,
	"holes" polygon[] NOT NULL,
	CONSTRAINT "boundary_pkey" PRIMARY KEY("rk","part")
);
--> statement-breakpoint
CREATE TABLE "directory"."care_at" (
	"token" bigint,
	"network" bigint,
	"rk" bigint,
	"x" double precision,
	"y" double precision,
	"approximate" boolean DEFAULT false,
	CONSTRAINT "care_at_pkey" PRIMARY KEY("token","network","rk","x","y","approximate")
);
--> statement-breakpoint
CREATE TABLE "directory"."current_set" (
	"channel" text,
	"key" text,
	"set_id" bigint NOT NULL,
	CONSTRAINT "current_set_pkey" PRIMARY KEY("channel","key")
);
--> statement-breakpoint
CREATE TABLE "directory"."dates" (
	"param" smallint,
	"lo" timestamp(3) with time zone,
	"hi" timestamp(3) with time zone,
	"rk" bigint,
	CONSTRAINT "dates_pkey" PRIMARY KEY("param","lo","hi","rk")
);
--> statement-breakpoint
CREATE TABLE "directory"."export_released" (
	"ticket" text PRIMARY KEY,
	"at" timestamp(3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "directory"."file_set" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "directory"."file_set_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"publication" integer NOT NULL,
	"channel" text NOT NULL,
	"key" text DEFAULT '' NOT NULL,
	"state" text NOT NULL,
	"covers" timestamp(3) with time zone,
	"parameters" jsonb,
	"summary" jsonb,
	"attempts" smallint DEFAULT 0 NOT NULL,
	"asked_at" timestamp(3) with time zone,
	"made_at" timestamp(3) with time zone,
	"unlisted_at" timestamp(3) with time zone,
	"lease_owner" uuid,
	"lease_until" timestamp(3) with time zone,
	CONSTRAINT "file_set_channel_check" CHECK (channel in ('full', 'changes', 'export', 'mpf', 'qhp', 'index')),
	CONSTRAINT "file_set_state_check" CHECK (state in ('wanted', 'making', 'ready', 'blocked', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "directory"."history" (
	"rk" bigint,
	"version" integer,
	"last_updated" timestamp(3) with time zone NOT NULL,
	"deleted" boolean NOT NULL,
	"body" text NOT NULL,
	"type" smallint NOT NULL,
	"content_hash" bytea,
	CONSTRAINT "history_pkey" PRIMARY KEY("rk","version")
);
--> statement-breakpoint
CREATE TABLE "directory"."logical" (
	"rk" bigint NOT NULL,
	"token" bigint,
	"target" bigint,
	"ord" integer NOT NULL,
	"param" smallint NOT NULL,
	"before" text
);
--> statement-breakpoint
CREATE TABLE "directory"."lookup" (
	"token" bigint,
	"rk" bigint,
	CONSTRAINT "lookup_pkey" PRIMARY KEY("token","rk")
);
--> statement-breakpoint
CREATE TABLE "directory"."opening" (
	"pattern" bigint PRIMARY KEY,
	"open" int4multirange NOT NULL
);
--> statement-breakpoint
CREATE TABLE "directory"."place" (
	"rk" bigint PRIMARY KEY,
	"at" point NOT NULL,
	"approximate" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "directory"."plan_uuid" (
	"plan" text PRIMARY KEY,
	"id" uuid DEFAULT gen_random_uuid() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "directory"."publication" (
	"number" integer PRIMARY KEY,
	"change" bigint NOT NULL,
	"covers" timestamp(3) with time zone NOT NULL,
	"started_at" timestamp(3) with time zone NOT NULL,
	"published_at" timestamp(3) with time zone,
	"counts" bigint[] NOT NULL,
	"full_set" bigint,
	"chain" integer,
	"changes_set" bigint,
	"root_set" bigint
);
--> statement-breakpoint
CREATE TABLE "directory"."publish_lease" (
	"one" boolean PRIMARY KEY DEFAULT true,
	"owner" uuid,
	"lease_until" timestamp(3) with time zone,
	"next_due" timestamp(3) with time zone,
	CONSTRAINT "publish_lease_one_check" CHECK (one)
);
--> statement-breakpoint
CREATE TABLE "directory"."resource" (
	"rk" bigint PRIMARY KEY,
	"last_updated" timestamp(3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"type" smallint NOT NULL,
	"deleted" boolean DEFAULT false NOT NULL,
	"key" text NOT NULL,
	"content_hash" bytea NOT NULL,
	"params" smallint[] NOT NULL,
	"refs" bigint[] NOT NULL,
	"ref_params" smallint[] NOT NULL,
	"findings" text[],
	"body" text NOT NULL,
	"hours" bigint,
	"sort" text collate "C"
);
--> statement-breakpoint
CREATE TABLE "directory"."set_file" (
	"set_id" bigint,
	"position" integer,
	"kind" text NOT NULL,
	"type" text NOT NULL,
	"name" text NOT NULL CONSTRAINT "set_file_name_key" UNIQUE,
	"blob_key" text NOT NULL,
	"media" text NOT NULL,
	"gzip" boolean NOT NULL,
	"lines" integer NOT NULL,
	"bytes" bigint NOT NULL,
	"stored_bytes" bigint NOT NULL,
	"sha256" text NOT NULL,
	CONSTRAINT "set_file_pkey" PRIMARY KEY("set_id","position"),
	CONSTRAINT "set_file_kind_check" CHECK (kind in ('output', 'deleted', 'error', 'index', 'report'))
);
--> statement-breakpoint
CREATE TABLE "directory"."state" (
	"one" boolean PRIMARY KEY DEFAULT true,
	"change" bigint DEFAULT 0 NOT NULL,
	"changed_at" timestamp(3) with time zone,
	"extraction_version" integer DEFAULT 1 NOT NULL,
	"counts" bigint[] DEFAULT array_fill(0::bigint, array[16])::bigint[] NOT NULL,
	"published_through" timestamp(3) with time zone,
	"base" text,
	"pruned" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "state_one_check" CHECK (one)
);
--> statement-breakpoint
CREATE TABLE "directory"."taxonomy" (
	"code" text PRIMARY KEY,
	"name" text NOT NULL,
	CONSTRAINT "taxonomy_code_check" CHECK (code ~ '^[0-9A-Z]{9}X$')
);
--> statement-breakpoint
CREATE TABLE "directory"."verification" (
	"target" bigint,
	"rk" bigint,
	"lo" timestamp(3) with time zone NOT NULL,
	"hi" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "verification_pkey" PRIMARY KEY("target","rk")
);
--> statement-breakpoint
CREATE TABLE "directory"."vocabulary" (
	"key" bigint,
	"word" text collate "C",
	CONSTRAINT "vocabulary_pkey" PRIMARY KEY("key","word")
);
--> statement-breakpoint
CREATE TABLE "directory"."words" (
	"rk" bigint NOT NULL,
	"param" smallint NOT NULL,
	"folded" text collate "C" NOT NULL,
	"raw" text collate "C"
);
--> statement-breakpoint
CREATE TABLE "federation"."accuracy" (
	"day" date,
	"measure" text,
	"n" integer NOT NULL,
	"of" integer NOT NULL,
	CONSTRAINT "accuracy_pkey" PRIMARY KEY("day","measure")
);
--> statement-breakpoint
CREATE TABLE "federation"."attest_link" (
	"code_hash" bytea PRIMARY KEY,
	"key" text NOT NULL,
	"made_by" text NOT NULL,
	"made_at" timestamp(3) with time zone NOT NULL,
	"expires_at" timestamp(3) with time zone NOT NULL,
	"used_at" timestamp(3) with time zone
);
--> statement-breakpoint
CREATE TABLE "federation"."awaited" (
	"peer" text,
	"type" smallint,
	"token" bigint,
	"rk" bigint,
	CONSTRAINT "awaited_pkey" PRIMARY KEY("peer","type","token","rk")
);
--> statement-breakpoint
CREATE TABLE "federation"."change" (
	"run" bigint,
	"type" smallint,
	"rk" bigint,
	"action" "char" NOT NULL,
	"seq" bigint,
	"key" text,
	"evidence" text DEFAULT '' NOT NULL,
	"renamed" boolean DEFAULT true NOT NULL,
	"was_state" "char",
	"was_flags" smallint,
	"was_content" bigint,
	CONSTRAINT "change_pkey" PRIMARY KEY("run","type","rk")
);
--> statement-breakpoint
CREATE TABLE "federation"."cluster" (
	"rk" bigint PRIMARY KEY,
	"cluster" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."content" (
	"id" bigint PRIMARY KEY,
	"raw" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."correction" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "federation"."correction_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"key" text NOT NULL,
	"said" text NOT NULL,
	"who" text NOT NULL,
	"received_at" timestamp(3) with time zone NOT NULL,
	"due_on" date NOT NULL,
	"final_on" date NOT NULL,
	"settled_by" text,
	"settled_at" timestamp(3) with time zone,
	"resolution" text
);
--> statement-breakpoint
CREATE TABLE "federation"."fact" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "federation"."fact_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"peer" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"type" text DEFAULT '' NOT NULL,
	"name" text NOT NULL,
	"value" text NOT NULL,
	"evidence" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."feature" (
	"rk" bigint PRIMARY KEY,
	"peer" text NOT NULL,
	"type" smallint NOT NULL,
	"dirty" boolean DEFAULT true NOT NULL,
	"key" text NOT NULL,
	"npi" bigint,
	"family" text DEFAULT '' NOT NULL,
	"given" text DEFAULT '' NOT NULL,
	"name" text DEFAULT '' NOT NULL,
	"address" bigint,
	"street" bigint,
	"has_unit" boolean DEFAULT false NOT NULL,
	"zip" text DEFAULT '' NOT NULL,
	"state" text DEFAULT '' NOT NULL,
	"phone" bigint,
	"ids" bigint[] DEFAULT '{}'::bigint[] NOT NULL,
	"cell" bigint,
	"lat" real,
	"lon" real,
	"is_network" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."feature_id" (
	"id" bigint,
	"type" smallint,
	"rk" bigint,
	CONSTRAINT "feature_id_pkey" PRIMARY KEY("id","type","rk")
);
--> statement-breakpoint
CREATE TABLE "federation"."finding" (
	"rk" bigint,
	"peer" text NOT NULL,
	"code" text,
	"detail" text DEFAULT '' NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "finding_pkey" PRIMARY KEY("rk","code")
);
--> statement-breakpoint
CREATE TABLE "federation"."gone" (
	"run" bigint NOT NULL,
	"type" smallint NOT NULL,
	"seq" bigint NOT NULL,
	"base_rk" bigint NOT NULL,
	"evidence" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."incoming" (
	"run" bigint NOT NULL,
	"type" smallint NOT NULL,
	"seq" bigint NOT NULL,
	"base_key" text NOT NULL,
	"source_id" text NOT NULL,
	"hash" bytea NOT NULL,
	"line_hash" bigint NOT NULL,
	"state" "char" NOT NULL,
	"flags" smallint NOT NULL,
	"updated" timestamp(3) with time zone,
	"findings" text[] NOT NULL,
	"base_rk" bigint GENERATED ALWAYS AS (hashtextextended(base_key, 0)) STORED NOT NULL,
	"names" bigint[] DEFAULT '{}'::bigint[] NOT NULL,
	"content" bigint NOT NULL,
	"variant" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."lifted" (
	"parent" bigint,
	"key" text,
	CONSTRAINT "lifted_pkey" PRIMARY KEY("parent","key")
);
--> statement-breakpoint
CREATE TABLE "federation"."link" (
	"a" bigint,
	"b" bigint,
	"type" smallint NOT NULL,
	"outcome" text NOT NULL,
	"rule" text NOT NULL,
	"score" real NOT NULL,
	"by" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"note" text DEFAULT '' NOT NULL,
	CONSTRAINT "link_pkey" PRIMARY KEY("a","b"),
	CONSTRAINT "link_check" CHECK (a < b),
	CONSTRAINT "link_outcome_check" CHECK (outcome in ('same', 'review', 'not'))
);
--> statement-breakpoint
CREATE TABLE "federation"."link_event" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "federation"."link_event_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"a" bigint NOT NULL,
	"b" bigint NOT NULL,
	"before" text NOT NULL,
	"after" text NOT NULL,
	"by" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"note" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."missing" (
	"rk" bigint PRIMARY KEY,
	"peer" text NOT NULL,
	"type" smallint NOT NULL,
	"since" timestamp(3) with time zone NOT NULL,
	"runs" smallint NOT NULL,
	"last_run" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."name" (
	"token" bigint,
	"rk" bigint,
	CONSTRAINT "name_pkey" PRIMARY KEY("token","rk")
);
--> statement-breakpoint
CREATE TABLE "federation"."npi_deactivated" (
	"npi" bigint PRIMARY KEY,
	"since" date,
	"as_of" date NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."outbox" (
	"n" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "federation"."outbox_n_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"rks" bigint[] NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."own_state" (
	"one" boolean PRIMARY KEY DEFAULT true,
	"through" timestamp(3) with time zone,
	"lease_owner" uuid,
	"lease_until" timestamp(3) with time zone,
	"names_from" bigint,
	CONSTRAINT "own_state_one_check" CHECK (one)
);
--> statement-breakpoint
CREATE TABLE "federation"."page" (
	"run" bigint,
	"type" smallint,
	"pass" smallint,
	"hash" bigint,
	CONSTRAINT "page_pkey" PRIMARY KEY("run","type","pass","hash")
);
--> statement-breakpoint
CREATE TABLE "federation"."peer" (
	"slug" text PRIMARY KEY,
	"name" text NOT NULL,
	"owners" jsonb DEFAULT '[]' NOT NULL,
	"seed" text NOT NULL,
	"base" text CONSTRAINT "peer_base_key" UNIQUE,
	"urls" jsonb DEFAULT '[]' NOT NULL,
	"trust" text NOT NULL,
	"publish" text NOT NULL,
	"terms" text DEFAULT '' NOT NULL,
	"per_second" real DEFAULT 1 NOT NULL,
	"window_from" time,
	"window_to" time,
	"time_zone" text DEFAULT 'America/New_York' NOT NULL,
	"contact" text DEFAULT '' NOT NULL,
	"ports" integer[] DEFAULT '{}'::integer[] NOT NULL,
	"unmarked_npi" boolean DEFAULT false NOT NULL,
	"state" text NOT NULL,
	"state_reason" text DEFAULT '' NOT NULL,
	"state_by" text DEFAULT '' NOT NULL,
	"state_at" timestamp(3) with time zone NOT NULL,
	"added_at" timestamp(3) with time zone NOT NULL,
	"probed_at" timestamp(3) with time zone,
	"next_due" timestamp(3) with time zone,
	"failures" smallint DEFAULT 0 NOT NULL,
	"cursor" jsonb DEFAULT '{}' NOT NULL,
	"lease_owner" uuid,
	"lease_until" timestamp(3) with time zone,
	CONSTRAINT "peer_per_second_check" CHECK (per_second > 0),
	CONSTRAINT "peer_publish_check" CHECK (publish in ('link', 'search', 'republish')),
	CONSTRAINT "peer_seed_check" CHECK (seed in ('manual', 'payer-index', 'medicaid-list', 'endpoint')),
	CONSTRAINT "peer_slug_check" CHECK (slug ~ '^[a-z0-9]{2,12}$'),
	CONSTRAINT "peer_state_check" CHECK (state in ('on', 'paused', 'blocked')),
	CONSTRAINT "peer_trust_check" CHECK (trust in ('authority', 'payer', 'aggregator', 'unknown'))
);
--> statement-breakpoint
CREATE TABLE "federation"."peer_event" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "federation"."peer_event_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"peer" text NOT NULL,
	"what" text NOT NULL,
	"detail" text DEFAULT '' NOT NULL,
	"by" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."registry" (
	"npi" bigint PRIMARY KEY,
	"type" smallint NOT NULL,
	"name" text NOT NULL,
	"state" text NOT NULL,
	"deactivated" date,
	"as_of" date NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."run" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "federation"."run_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"peer" text NOT NULL,
	"state" text NOT NULL,
	"started_at" timestamp(3) with time zone NOT NULL,
	"ended_at" timestamp(3) with time zone,
	"reason" text DEFAULT '' NOT NULL,
	"position" jsonb DEFAULT '{}' NOT NULL,
	CONSTRAINT "run_state_check" CHECK (state in ('running', 'quarantined', 'done', 'partial', 'failed', 'unchanged'))
);
--> statement-breakpoint
CREATE TABLE "federation"."run_type" (
	"run" bigint,
	"type" smallint,
	"rung" smallint NOT NULL,
	"state" text NOT NULL,
	"complete" boolean DEFAULT false NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"counters" jsonb DEFAULT '{}' NOT NULL,
	"trips" jsonb DEFAULT '[]' NOT NULL,
	"decided_by" text,
	"decided_at" timestamp(3) with time zone,
	CONSTRAINT "run_type_pkey" PRIMARY KEY("run","type"),
	CONSTRAINT "run_type_state_check" CHECK (state in ('reading', 'read', 'quarantined', 'applied', 'discarded'))
);
--> statement-breakpoint
CREATE TABLE "federation"."seen" (
	"run" bigint NOT NULL,
	"type" smallint NOT NULL,
	"seq" bigint NOT NULL,
	"rk" bigint NOT NULL,
	"base_rk" bigint NOT NULL,
	"updated" timestamp(3) with time zone
);
--> statement-breakpoint
CREATE TABLE "federation"."seen_block" (
	"run" bigint NOT NULL,
	"type" smallint NOT NULL,
	"seq" bigint NOT NULL,
	"at" integer[] NOT NULL,
	"rks" bigint[] NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."signal" (
	"rk" bigint,
	"name" text,
	"key" text NOT NULL,
	"weight" smallint NOT NULL,
	"evidence" text NOT NULL,
	"found_at" timestamp(3) with time zone NOT NULL,
	"settled_by" text,
	"settled_at" timestamp(3) with time zone,
	CONSTRAINT "signal_pkey" PRIMARY KEY("rk","name")
);
--> statement-breakpoint
CREATE TABLE "federation"."source" (
	"rk" bigint PRIMARY KEY,
	"base_rk" bigint NOT NULL,
	"line_hash" bigint NOT NULL,
	"content" bigint NOT NULL,
	"changed_run" bigint NOT NULL,
	"first_seen" timestamp(3) with time zone NOT NULL,
	"content_changed_at" timestamp(3) with time zone NOT NULL,
	"peer_updated" timestamp(3) with time zone,
	"type" smallint NOT NULL,
	"flags" smallint NOT NULL,
	"state" "char" NOT NULL,
	"peer" text NOT NULL,
	"key" text NOT NULL,
	"source_id" text NOT NULL,
	"hash" bytea NOT NULL,
	"evidence" text DEFAULT '' NOT NULL,
	"names" bigint[] DEFAULT '{}'::bigint[] NOT NULL
);
--> statement-breakpoint
CREATE TABLE "federation"."standing" (
	"peer" text,
	"type" smallint,
	"l" integer NOT NULL,
	"e" integer NOT NULL,
	"h" integer NOT NULL,
	"t" integer NOT NULL,
	"npi" integer NOT NULL,
	"network" integer NOT NULL,
	"name" integer NOT NULL,
	"address" integer NOT NULL,
	"taxonomy" integer NOT NULL,
	CONSTRAINT "standing_pkey" PRIMARY KEY("peer","type")
);
--> statement-breakpoint
CREATE TABLE "merged"."boundary" (
	"rk" bigint,
	"part" smallint,
	"bounds" box NOT NULL,
	"ring" polygon NOT NULL,
	"holes" polygon[] NOT NULL,
	CONSTRAINT "boundary_pkey" PRIMARY KEY("rk","part")
);
--> statement-breakpoint
CREATE TABLE "merged"."care_at" (
	"token" bigint,
	"network" bigint,
	"rk" bigint,
	"x" double precision,
	"y" double precision,
	"approximate" boolean DEFAULT false,
	CONSTRAINT "care_at_pkey" PRIMARY KEY("token","network","rk","x","y","approximate")
);
--> statement-breakpoint
CREATE TABLE "merged"."current_set" (
	"channel" text,
	"key" text,
	"set_id" bigint NOT NULL,
	CONSTRAINT "current_set_pkey" PRIMARY KEY("channel","key")
);
--> statement-breakpoint
CREATE TABLE "merged"."dates" (
	"param" smallint,
	"lo" timestamp(3) with time zone,
	"hi" timestamp(3) with time zone,
	"rk" bigint,
	CONSTRAINT "dates_pkey" PRIMARY KEY("param","lo","hi","rk")
);
--> statement-breakpoint
CREATE TABLE "merged"."file_set" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "merged"."file_set_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"publication" integer NOT NULL,
	"channel" text NOT NULL,
	"key" text DEFAULT '' NOT NULL,
	"state" text NOT NULL,
	"covers" timestamp(3) with time zone,
	"parameters" jsonb,
	"summary" jsonb,
	"attempts" smallint DEFAULT 0 NOT NULL,
	"asked_at" timestamp(3) with time zone,
	"made_at" timestamp(3) with time zone,
	"unlisted_at" timestamp(3) with time zone,
	"lease_owner" uuid,
	"lease_until" timestamp(3) with time zone,
	CONSTRAINT "file_set_channel_check" CHECK (channel in ('full', 'changes', 'export', 'mpf', 'qhp', 'index')),
	CONSTRAINT "file_set_state_check" CHECK (state in ('wanted', 'making', 'ready', 'blocked', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "merged"."history" (
	"rk" bigint,
	"version" integer,
	"last_updated" timestamp(3) with time zone NOT NULL,
	"deleted" boolean NOT NULL,
	"body" text NOT NULL,
	"type" smallint NOT NULL,
	"content_hash" bytea,
	CONSTRAINT "history_pkey" PRIMARY KEY("rk","version")
);
--> statement-breakpoint
CREATE TABLE "merged"."logical" (
	"rk" bigint NOT NULL,
	"token" bigint,
	"target" bigint,
	"ord" integer NOT NULL,
	"param" smallint NOT NULL,
	"before" text
);
--> statement-breakpoint
CREATE TABLE "merged"."lookup" (
	"token" bigint,
	"rk" bigint,
	CONSTRAINT "lookup_pkey" PRIMARY KEY("token","rk")
);
--> statement-breakpoint
CREATE TABLE "merged"."opening" (
	"pattern" bigint PRIMARY KEY,
	"open" int4multirange NOT NULL
);
--> statement-breakpoint
CREATE TABLE "merged"."place" (
	"rk" bigint PRIMARY KEY,
	"at" point NOT NULL,
	"approximate" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "merged"."publication" (
	"number" integer PRIMARY KEY,
	"change" bigint NOT NULL,
	"covers" timestamp(3) with time zone NOT NULL,
	"started_at" timestamp(3) with time zone NOT NULL,
	"published_at" timestamp(3) with time zone,
	"counts" bigint[] NOT NULL,
	"full_set" bigint,
	"chain" integer,
	"changes_set" bigint,
	"root_set" bigint
);
--> statement-breakpoint
CREATE TABLE "merged"."publish_lease" (
	"one" boolean PRIMARY KEY DEFAULT true,
	"owner" uuid,
	"lease_until" timestamp(3) with time zone,
	"next_due" timestamp(3) with time zone,
	CONSTRAINT "publish_lease_one_check" CHECK (one)
);
--> statement-breakpoint
CREATE TABLE "merged"."resource" (
	"rk" bigint PRIMARY KEY,
	"last_updated" timestamp(3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"type" smallint NOT NULL,
	"deleted" boolean DEFAULT false NOT NULL,
	"key" text NOT NULL,
	"content_hash" bytea NOT NULL,
	"params" smallint[] NOT NULL,
	"refs" bigint[] NOT NULL,
	"ref_params" smallint[] NOT NULL,
	"findings" text[],
	"body" text NOT NULL,
	"hours" bigint,
	"sort" text collate "C"
);
--> statement-breakpoint
CREATE TABLE "merged"."set_file" (
	"set_id" bigint,
	"position" integer,
	"kind" text NOT NULL,
	"type" text NOT NULL,
	"name" text NOT NULL CONSTRAINT "set_file_name_key" UNIQUE,
	"blob_key" text NOT NULL,
	"media" text NOT NULL,
	"gzip" boolean NOT NULL,
	"lines" integer NOT NULL,
	"bytes" bigint NOT NULL,
	"stored_bytes" bigint NOT NULL,
	"sha256" text NOT NULL,
	CONSTRAINT "set_file_pkey" PRIMARY KEY("set_id","position"),
	CONSTRAINT "set_file_kind_check" CHECK (kind in ('output', 'deleted', 'error', 'index', 'report'))
);
--> statement-breakpoint
CREATE TABLE "merged"."state" (
	"one" boolean PRIMARY KEY DEFAULT true,
	"change" bigint DEFAULT 0 NOT NULL,
	"changed_at" timestamp(3) with time zone,
	"extraction_version" integer DEFAULT 1 NOT NULL,
	"counts" bigint[] DEFAULT array_fill(0::bigint, array[16])::bigint[] NOT NULL,
	"published_through" timestamp(3) with time zone,
	"base" text,
	"pruned" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "state_one_check" CHECK (one)
);
--> statement-breakpoint
CREATE TABLE "merged"."verification" (
	"target" bigint,
	"rk" bigint,
	"lo" timestamp(3) with time zone NOT NULL,
	"hi" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "verification_pkey" PRIMARY KEY("target","rk")
);
--> statement-breakpoint
CREATE TABLE "merged"."vocabulary" (
	"key" bigint,
	"word" text collate "C",
	CONSTRAINT "vocabulary_pkey" PRIMARY KEY("key","word")
);
--> statement-breakpoint
CREATE TABLE "merged"."words" (
	"rk" bigint NOT NULL,
	"param" smallint NOT NULL,
	"folded" text collate "C" NOT NULL,
	"raw" text collate "C"
);
--> statement-breakpoint
CREATE TABLE "exchange"."alert" (
	"id" text PRIMARY KEY,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"amount" integer NOT NULL,
	"first_at" timestamp with time zone NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	"cleared_at" timestamp with time zone,
	"sent_at" timestamp with time zone,
	"send_attempts" integer DEFAULT 0 NOT NULL,
	"next_send_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "exchange"."audit" (
	"seq" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."audit_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"actor_kind" text NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"object" text DEFAULT '' NOT NULL,
	"member_id" text,
	"peer_id" text,
	"consent_id" text,
	"outcome" text DEFAULT 'ok' NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"request_id" text DEFAULT '' NOT NULL,
	"detail" jsonb DEFAULT '{}' NOT NULL,
	"hash" bytea NOT NULL,
	CONSTRAINT "audit_actor_kind_check" CHECK (actor_kind in ('peer', 'staff', 'system', 'command'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."audit_check" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."audit_check_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp(3) with time zone NOT NULL,
	"took_ms" integer NOT NULL,
	"by_kind" text NOT NULL,
	"by" text NOT NULL,
	"head_seal" integer,
	"head_root" text,
	"known_seal" integer,
	"seals" integer NOT NULL,
	"rows" bigint NOT NULL,
	"waiting" bigint NOT NULL,
	"faults" integer NOT NULL,
	"first_faults" text[] DEFAULT '{}'::text[] NOT NULL,
	CONSTRAINT "audit_check_by_kind_check" CHECK (by_kind in ('system', 'command'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."audit_seal" (
	"id" bigint PRIMARY KEY,
	"sealed_at" timestamp(3) with time zone NOT NULL,
	"seqs" bigint[] NOT NULL,
	"marks" bytea NOT NULL,
	"prev" bytea NOT NULL,
	"root" bytea NOT NULL CONSTRAINT "audit_seal_root_key" UNIQUE,
	"jws" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."audit_unsealed" (
	"seq" bigint PRIMARY KEY
);
--> statement-breakpoint
CREATE TABLE "exchange"."content_check" (
	"job_id" text PRIMARY KEY,
	"at" timestamp(3) with time zone NOT NULL,
	"files" integer NOT NULL,
	"lines" bigint NOT NULL,
	"faults" integer NOT NULL,
	"gone" boolean NOT NULL,
	"first_faults" jsonb DEFAULT '[]' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."document_check" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."document_check_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp(3) with time zone NOT NULL,
	"url" text NOT NULL,
	"version" text NOT NULL,
	"status" integer,
	"bytes" integer,
	"sha256" text,
	"fault" text
);
--> statement-breakpoint
CREATE TABLE "exchange"."incident_case" (
	"number" integer PRIMARY KEY,
	"opened_at" timestamp(3) with time zone NOT NULL,
	"opened_by" text NOT NULL,
	"kind" text NOT NULL,
	"title" text NOT NULL,
	"origin" text NOT NULL,
	"discovered_on" date NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."incident_entry" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."incident_entry_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"case_number" integer NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"by_subject" text NOT NULL,
	"what" text NOT NULL,
	"on_day" date,
	"verdict" text,
	"affected" integer,
	"in_one_state" integer,
	"words" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."issued_report" (
	"number" integer PRIMARY KEY,
	"at" timestamp with time zone NOT NULL,
	"by_kind" text NOT NULL,
	"by_subject" text NOT NULL,
	"period" text NOT NULL,
	"first_day" date NOT NULL,
	"last_day" date NOT NULL,
	"lob" text,
	"peer_id" text,
	"content_sha256" text NOT NULL,
	"sha256" text NOT NULL,
	"previous_sha256" text,
	"document" text NOT NULL,
	"tables" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."legal_hold" (
	"id" text PRIMARY KEY,
	"member_id" text,
	"peer_id" text,
	"reason" text NOT NULL,
	"placed_by" text NOT NULL,
	"placed_at" timestamp with time zone NOT NULL,
	"lift_reason" text,
	"lifted_by" text,
	"lifted_at" timestamp with time zone,
	CONSTRAINT "legal_hold_check" CHECK (member_id is null or peer_id is null),
	CONSTRAINT "legal_hold_check1" CHECK ((lifted_at is null) = (lifted_by is null) and (lifted_at is null) = (lift_reason is null))
);
--> statement-breakpoint
CREATE TABLE "exchange"."restore_drill" (
	"id" text PRIMARY KEY,
	"at" timestamp(3) with time zone NOT NULL,
	"by_kind" text NOT NULL,
	"by_subject" text NOT NULL,
	"backup" text NOT NULL,
	"note" text NOT NULL,
	"minutes" integer,
	"is_ok" boolean NOT NULL,
	"faults" text[] NOT NULL,
	"checked_at" timestamp(3) with time zone,
	"head_seal" bigint,
	"head_at" timestamp(3) with time zone,
	"sha256" text CONSTRAINT "restore_drill_sha256_key" UNIQUE,
	"document" text
);
--> statement-breakpoint
CREATE TABLE "exchange"."security_event" (
	"seq" bigint PRIMARY KEY,
	"seal_id" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."security_review" (
	"id" text PRIMARY KEY,
	"at" timestamp with time zone NOT NULL,
	"subject" text NOT NULL,
	"until_at" timestamp with time zone NOT NULL,
	"events" integer NOT NULL,
	"note" text NOT NULL,
	"until_seal" integer
);
--> statement-breakpoint
CREATE TABLE "exchange"."consent" (
	"id" text PRIMARY KEY,
	"member_id" text NOT NULL,
	"choice" text NOT NULL,
	"policy" text NOT NULL,
	"recorded_on" date NOT NULL,
	"source" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"given_at" timestamp with time zone,
	"payers" text DEFAULT 'both' NOT NULL,
	"given_by" text DEFAULT 'member' NOT NULL,
	"representative" text,
	"authority" text,
	"channel" text,
	"text_sha256" text,
	"document" text,
	"verification" text,
	"recorded_by" text,
	"sequence" smallint DEFAULT 0 NOT NULL,
	CONSTRAINT "consent_choice_check" CHECK (choice in ('opt-in', 'decline', 'withdraw')),
	CONSTRAINT "consent_given_by_check" CHECK (given_by in ('member', 'representative')),
	CONSTRAINT "consent_payers_check" CHECK (payers in ('previous', 'concurrent', 'both')),
	CONSTRAINT "consent_policy_check" CHECK (policy in ('regular', 'sensitive'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."consent_text" (
	"sha256" text PRIMARY KEY,
	"id" text NOT NULL,
	"version" text NOT NULL,
	"language" text NOT NULL,
	"body" text NOT NULL,
	"first_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."contact" (
	"id" text PRIMARY KEY,
	"member_id" text NOT NULL,
	"kind" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"channel" text NOT NULL,
	"text_sha256" text,
	"result" text DEFAULT 'delivered' NOT NULL,
	"recorded_by" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	CONSTRAINT "contact_member_id_kind_at_channel_key" UNIQUE("member_id","kind","at","channel"),
	CONSTRAINT "contact_kind_check" CHECK (kind in ('offer', 'identify', 'education', 'reminder')),
	CONSTRAINT "contact_result_check" CHECK (result in ('delivered', 'no-answer', 'returned'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."deadline" (
	"id" text PRIMARY KEY,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"member_id" text,
	"peer_id" text,
	"starts_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"state" text NOT NULL,
	"closed_at" timestamp with time zone,
	"reason" text,
	"lob" text,
	"rule_ref" text,
	"rule_version" text,
	"calendar_version" text,
	"zone" text,
	"start_event" text,
	"stop_event" text,
	CONSTRAINT "deadline_kind_subject_key" UNIQUE("kind","subject"),
	CONSTRAINT "deadline_state_check" CHECK (state in ('open', 'met', 'met-late', 'attempted', 'blocked', 'withdrawn', 'not-applicable'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."deadline_check" (
	"one" boolean PRIMARY KEY DEFAULT true,
	"day" date NOT NULL,
	"until" timestamp with time zone,
	CONSTRAINT "deadline_check_one_check" CHECK (one)
);
--> statement-breakpoint
CREATE TABLE "exchange"."deadline_note" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."deadline_note_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"deadline_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"by" text NOT NULL,
	"reason" text NOT NULL,
	"corrective_action" text DEFAULT '' NOT NULL,
	"words" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."enrolment" (
	"member_id" text,
	"member_number" text,
	"subscriber_id" text,
	"plan" text NOT NULL,
	"starts" date,
	"ends" date,
	"lob" text DEFAULT 'ma' NOT NULL,
	"accepted_on" date,
	"deadlines_opened_at" timestamp with time zone,
	"former_number" text,
	"said_ends" date,
	CONSTRAINT "enrolment_pkey" PRIMARY KEY("member_id","member_number","starts"),
	CONSTRAINT "enrolment_lob_check" CHECK (lob in ('ma', 'medicaid-ffs', 'medicaid-mc', 'chip-ffs', 'chip-mc', 'qhp'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."invitation" (
	"id_hash" bytea PRIMARY KEY,
	"member_id" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"created_by" text NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"opened_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "exchange"."member" (
	"id" text PRIMARY KEY,
	"umb" text NOT NULL CONSTRAINT "member_umb_key" UNIQUE,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"died" date,
	"deceased_recorded" boolean DEFAULT false NOT NULL,
	"identity_corrected_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "exchange"."member_merge" (
	"id" text PRIMARY KEY,
	"member_id" text NOT NULL,
	"former_id" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"by_kind" text NOT NULL,
	"by_subject" text NOT NULL,
	"reason" text NOT NULL,
	"opposed" jsonb DEFAULT '[]' NOT NULL,
	"compare_at" timestamp with time zone,
	"undone_at" timestamp(3) with time zone,
	"undone_by" text,
	"undo_reason" text,
	CONSTRAINT "member_merge_check" CHECK (member_id <> former_id)
);
--> statement-breakpoint
CREATE TABLE "exchange"."member_merge_part" (
	"merge_id" text,
	"what" text,
	"key" text,
	"part" text DEFAULT '',
	"was" text,
	CONSTRAINT "member_merge_part_pkey" PRIMARY KEY("merge_id","what","key","part")
);
--> statement-breakpoint
CREATE TABLE "exchange"."member_profile" (
	"member_id" text PRIMARY KEY,
	"family" text[] NOT NULL,
	"given" text[] NOT NULL,
	"suffix" text[] NOT NULL,
	"dob" text[] NOT NULL,
	"mb" text[] NOT NULL,
	"sub" text[] NOT NULL,
	"mbi" text[] NOT NULL,
	"umb" text[] NOT NULL,
	"street" text[] DEFAULT '{}'::text[] NOT NULL,
	"phone" text[] DEFAULT '{}'::text[] NOT NULL,
	"email" text[] DEFAULT '{}'::text[] NOT NULL,
	"died" date
);
--> statement-breakpoint
CREATE TABLE "exchange"."member_request" (
	"id" text PRIMARY KEY,
	"member_id" text NOT NULL,
	"other_coverage_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"reported_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."member_token" (
	"kind" smallint,
	"hash" bigint,
	"member_id" text,
	CONSTRAINT "member_token_pkey" PRIMARY KEY("kind","hash","member_id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."other_coverage" (
	"id" text PRIMARY KEY,
	"member_id" text NOT NULL,
	"payer" text NOT NULL,
	"peer_id" text,
	"member_number" text DEFAULT '' NOT NULL,
	"starts" date,
	"ends" date,
	"known_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reported_by" text DEFAULT 'import' NOT NULL,
	"ends_known_at" timestamp with time zone,
	"evaluate_on" date DEFAULT '-infinity',
	"request_at" timestamp with time zone DEFAULT '-infinity',
	"in_error_at" timestamp with time zone,
	"file_starts" date,
	"file_ends" date,
	CONSTRAINT "other_coverage_member_id_payer_member_number_key" UNIQUE("member_id","payer","member_number")
);
--> statement-breakpoint
CREATE TABLE "exchange"."payer_link_event" (
	"id" text PRIMARY KEY,
	"other_coverage_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"act" text NOT NULL,
	"reason" text NOT NULL,
	"by" text NOT NULL,
	CONSTRAINT "payer_link_event_act_check" CHECK (act in ('in-error', 'again'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."profile_due" (
	"member_id" text PRIMARY KEY
);
--> statement-breakpoint
CREATE TABLE "exchange"."peer" (
	"id" text PRIMARY KEY,
	"name" text NOT NULL,
	"npi" text,
	"state" text NOT NULL,
	"fhir_base" text,
	"token_endpoint" text,
	"issuer" text,
	"client_id_there" text,
	"client_id_here" text CONSTRAINT "peer_client_id_here_key" UNIQUE,
	"jwks_url" text,
	"jwks" jsonb,
	"scopes" text[] DEFAULT '{}'::text[] NOT NULL,
	"origins" text[] DEFAULT '{}'::text[] NOT NULL,
	"epoch" integer DEFAULT 1 NOT NULL,
	"quirks" jsonb DEFAULT '{}' NOT NULL,
	"added_by" text NOT NULL,
	"added_at" timestamp with time zone DEFAULT now() NOT NULL,
	"approved_by" text,
	"approved_at" timestamp with time zone,
	"keys_seen" text[],
	"keys_seen_at" timestamp(3) with time zone,
	"blocked_kids" text[] DEFAULT '{}'::text[] NOT NULL,
	"file_origins" text[] DEFAULT '{}'::text[] NOT NULL,
	"group_there" text,
	"sends_all" boolean DEFAULT false NOT NULL,
	"audience" text DEFAULT 'token-url' NOT NULL,
	"discovery_url" text,
	"abilities" jsonb,
	"abilities_at" timestamp(3) with time zone,
	"limits" jsonb DEFAULT '{}' NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"failing_since" timestamp(3) with time zone,
	"failure" text,
	"paused_until" timestamp(3) with time zone,
	"answered_at" timestamp(3) with time zone,
	"postal_address" text,
	"takes" integer,
	"refuses_alone" integer DEFAULT 0 NOT NULL,
	"takes_at" timestamp with time zone,
	CONSTRAINT "peer_audience_check" CHECK (audience in ('token-url', 'issuer')),
	CONSTRAINT "peer_id_check" CHECK (id ~ '^[a-z0-9][a-z0-9-]{0,62}$' and id <> 'own'),
	CONSTRAINT "peer_state_check" CHECK (state in ('pending', 'active', 'suspended', 'closed'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."peer_address" (
	"peer_id" text,
	"mark" text,
	"first_at" timestamp with time zone NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	CONSTRAINT "peer_address_pkey" PRIMARY KEY("peer_id","mark")
);
--> statement-breakpoint
CREATE TABLE "exchange"."peer_change" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."peer_change_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"peer_id" text NOT NULL,
	"what" text NOT NULL,
	"before" jsonb DEFAULT '{}' NOT NULL,
	"after" jsonb DEFAULT '{}' NOT NULL,
	"by_kind" text NOT NULL,
	"by" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"state" text NOT NULL,
	"decided_by" text,
	"decided_at" timestamp(3) with time zone,
	CONSTRAINT "peer_change_by_kind_check" CHECK (by_kind in ('staff', 'command', 'system')),
	CONSTRAINT "peer_change_state_check" CHECK (state in ('applied', 'proposed', 'rejected'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."peer_check" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."peer_check_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"peer_id" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"ok" boolean NOT NULL,
	"facts" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."peer_document" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."peer_document_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"peer_id" text NOT NULL,
	"kind" text NOT NULL,
	"title" text NOT NULL,
	"place" text DEFAULT '' NOT NULL,
	"valid_from" date,
	"valid_to" date,
	"added_by" text NOT NULL,
	"added_at" timestamp(3) with time zone NOT NULL,
	"ended_by" text,
	"ended_at" timestamp(3) with time zone,
	CONSTRAINT "peer_document_kind_check" CHECK (kind in ('contract', 'register', 'attestation', 'certificate', 'other'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."peer_volume" (
	"peer_id" text,
	"day" date,
	"members" bigint DEFAULT 0 NOT NULL,
	"records" bigint DEFAULT 0 NOT NULL,
	"usual_members" double precision,
	"usual_records" double precision,
	"owed_members" bigint,
	"judged_members" bigint,
	"owed_records" bigint,
	"judged_records" bigint,
	CONSTRAINT "peer_volume_pkey" PRIMARY KEY("peer_id","day")
);
--> statement-breakpoint
CREATE TABLE "exchange"."bulk_decision" (
	"id" text PRIMARY KEY,
	"kind" text NOT NULL,
	"peer_id" text NOT NULL,
	"pull_id" text NOT NULL,
	"decision" text NOT NULL,
	"reason" text NOT NULL,
	"by_subject" text NOT NULL,
	"by_name" text NOT NULL,
	"by_role" text NOT NULL,
	"development" boolean NOT NULL,
	"request_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	"asked" integer NOT NULL,
	"decided" integer DEFAULT 0 NOT NULL,
	"refused" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."bulk_decision_item" (
	"item_id" text PRIMARY KEY,
	"batch_id" text NOT NULL,
	"mark" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."chain" (
	"member_id" text,
	"chain" text,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"final_id" text,
	"nodes" jsonb NOT NULL,
	"anomalies" jsonb DEFAULT '[]' NOT NULL,
	"facts" jsonb DEFAULT '{}' NOT NULL,
	CONSTRAINT "chain_pkey" PRIMARY KEY("member_id","chain"),
	CONSTRAINT "chain_kind_check" CHECK (kind in ('claim', 'authorization'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."claim_name" (
	"peer_id" text,
	"number" bigint,
	"source_id" text,
	"names" boolean,
	"hash" bytea,
	"system" text,
	CONSTRAINT "claim_name_pkey" PRIMARY KEY("peer_id","number","source_id","names","hash")
);
--> statement-breakpoint
CREATE TABLE "exchange"."cross_member_claim" (
	"pull_id" text,
	"file" integer,
	"line" integer,
	"entry" integer,
	"other_id" text,
	"number" bigint,
	"value" text NOT NULL,
	"is_named" boolean,
	CONSTRAINT "cross_member_claim_pkey" PRIMARY KEY("pull_id","file","line","entry","other_id","number","is_named")
);
--> statement-breakpoint
CREATE TABLE "exchange"."dangling" (
	"peer_id" text,
	"target_type" text,
	"target_id" text,
	"member_id" text,
	"type" text,
	"id" text,
	CONSTRAINT "dangling_pkey" PRIMARY KEY("peer_id","target_type","target_id","member_id","type","id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."finding" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."finding_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"pull_id" text NOT NULL,
	"kind" text NOT NULL,
	"file" integer,
	"line" integer,
	"entry" integer,
	"type" text,
	"source_id" text,
	"member_id" text,
	"local_id" text,
	"amount" integer DEFAULT 1 NOT NULL,
	"detail" text DEFAULT '' NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	CONSTRAINT "finding_state_check" CHECK (state in ('open', 'decided'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."identity" (
	"peer_id" text,
	"type" text,
	"source_id" text,
	"local_id" text NOT NULL,
	"member_id" text,
	"state" text NOT NULL,
	"hash" bytea,
	"last_updated" timestamp(3) with time zone,
	"first_pull" text NOT NULL,
	"last_pull" text NOT NULL,
	"line_hash" bytea,
	"line_findings" text[],
	"claim_number" bigint,
	"is_newest" boolean,
	CONSTRAINT "identity_pkey" PRIMARY KEY("peer_id","type","source_id"),
	CONSTRAINT "identity_state_check" CHECK (state in ('visible', 'retracted', 'quarantined', 'echo'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."ledger_block" (
	"pull_id" text,
	"file" integer,
	"stretch" integer,
	"first_line" integer,
	"last_line" integer NOT NULL,
	"type" text NOT NULL,
	"member_id" text,
	"units" integer NOT NULL,
	"lines" integer[] NOT NULL,
	"source_ids" text[] NOT NULL,
	"local_ids" text[] NOT NULL,
	"hashes" bytea[] NOT NULL,
	"updated" timestamp(3) with time zone[] NOT NULL,
	CONSTRAINT "ledger_block_pkey" PRIMARY KEY("pull_id","file","stretch","first_line"),
	CONSTRAINT "ledger_block_check" CHECK (units > 0 and cardinality(lines) = units and cardinality(source_ids) = units and cardinality(local_ids) = units
        and cardinality(hashes) = units and cardinality(updated) = units)
);
--> statement-breakpoint
CREATE TABLE "exchange"."ledger_sum" (
	"pull_id" text,
	"file" integer,
	"units" bigint NOT NULL,
	"lines" bigint NOT NULL,
	CONSTRAINT "ledger_sum_pkey" PRIMARY KEY("pull_id","file")
);
--> statement-breakpoint
CREATE TABLE "exchange"."ledger_tally" (
	"pull_id" text NOT NULL,
	"member_id" text,
	"type" text,
	"outcome" text NOT NULL,
	"units" integer NOT NULL,
	CONSTRAINT "ledger_tally_key" UNIQUE NULLS NOT DISTINCT("pull_id","member_id","type","outcome")
);
--> statement-breakpoint
CREATE TABLE "exchange"."ledger_unit" (
	"pull_id" text,
	"file" integer,
	"line" integer,
	"entry" integer,
	"outcome" text NOT NULL,
	"reason" text,
	"type" text,
	"source_id" text,
	"member_id" text,
	"local_id" text,
	"hash" bytea,
	"last_updated" timestamp(3) with time zone,
	CONSTRAINT "ledger_pkey" PRIMARY KEY("pull_id","file","line","entry"),
	CONSTRAINT "ledger_outcome_check" CHECK (outcome in ('created', 'updated', 'unchanged', 'linked-duplicate', 'echo', 'shared', 'retracted', 'quarantined', 'rejected'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."match_judgement" (
	"pull_id" text NOT NULL,
	"file" integer NOT NULL,
	"line" integer NOT NULL,
	"entry" integer NOT NULL,
	"member_id" text NOT NULL,
	"type" text NOT NULL,
	"id" text NOT NULL,
	"other_type" text NOT NULL,
	"other_id" text NOT NULL,
	"kind" text NOT NULL,
	"score" real NOT NULL,
	"rule" text NOT NULL,
	"conflict" text,
	"detail" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."release_due" (
	"item_id" text PRIMARY KEY,
	"is_undo" boolean NOT NULL,
	"subject" text NOT NULL,
	"request_id" text NOT NULL,
	"due_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."review_decision" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."review_decision_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"item_id" text NOT NULL,
	"decision" text NOT NULL,
	"undoes" bigint,
	"by_subject" text NOT NULL,
	"by_name" text NOT NULL,
	"role" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"reason" text NOT NULL,
	"a_hash" bytea,
	"b_hash" bytea,
	"rules" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."review_item" (
	"id" text PRIMARY KEY,
	"member_id" text,
	"kind" text NOT NULL,
	"weight" smallint NOT NULL,
	"type" text NOT NULL,
	"a_type" text,
	"a_id" text,
	"a_hash" bytea,
	"b_type" text,
	"b_id" text,
	"b_hash" bytea,
	"peer_id" text NOT NULL,
	"pull_id" text,
	"file" integer,
	"line" integer,
	"entry" integer,
	"rule" text NOT NULL,
	"detail" text DEFAULT '' NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	"decision" text,
	"opened_at" timestamp(3) with time zone NOT NULL,
	"reopened" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "review_item_state_check" CHECK (state in ('open', 'decided', 'gone'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."staged_reference" (
	"pull_id" text,
	"file" integer,
	"line" integer,
	"entry" integer,
	"final" text NOT NULL,
	"links" text[],
	"targets" text[],
	"refers" text[],
	"unresolved" text[],
	CONSTRAINT "staged_reference_pkey" PRIMARY KEY("pull_id","file","line","entry")
);
--> statement-breakpoint
CREATE TABLE "exchange"."staged_text" (
	"pull_id" text,
	"file" integer,
	"line" integer,
	"entry" integer,
	"body" text NOT NULL,
	"shared" text,
	CONSTRAINT "staged_text_pkey" PRIMARY KEY("pull_id","file","line","entry")
);
--> statement-breakpoint
CREATE TABLE "exchange"."staging" (
	"pull_id" text,
	"file" integer,
	"line" integer,
	"entry" integer,
	"outcome" text,
	"reason" text,
	"type" text,
	"source_id" text,
	"member_id" text,
	"local_id" text,
	"is_shared" boolean DEFAULT false NOT NULL,
	"hash" bytea,
	"last_updated" timestamp(3) with time zone,
	"npi" text,
	"targets" text[],
	"keys" text[],
	"findings" text[],
	"service_end" date,
	"pa_state" text,
	"pa_changed" date,
	"pa_end" date,
	"label" smallint,
	"withheld" text,
	"has_body" boolean DEFAULT false NOT NULL,
	"links" text[],
	"echo_of" text,
	"refers" text[],
	"line_hash" bytea,
	"made_id" text,
	"substance" bytea,
	"claim" jsonb,
	"refs" text[],
	"bucket" integer GENERATED ALWAYS AS (case when ((member_id is null) or is_shared) then -1 else (hashtext(member_id) & 1023) end) STORED,
	"booked" boolean DEFAULT false NOT NULL,
	"about" text[],
	"attached" text,
	"keeps" text[],
	"day" text,
	"deleted_by_line" text,
	CONSTRAINT "staging_pkey" PRIMARY KEY("pull_id","file","line","entry")
);
--> statement-breakpoint
CREATE TABLE "exchange"."staging_block" (
	"pull_id" text,
	"file" integer,
	"stretch" integer,
	"first_line" integer,
	"last_line" integer NOT NULL,
	"type" text NOT NULL,
	"member_id" text,
	"units" integer NOT NULL,
	"lines" integer[] NOT NULL,
	"source_ids" text[] NOT NULL,
	"local_ids" text[] NOT NULL,
	"hashes" bytea[] NOT NULL,
	"updated" timestamp(3) with time zone[] NOT NULL,
	"findings" text[],
	"bucket" integer GENERATED ALWAYS AS (case when (member_id is null) then -1 else (hashtext(member_id) & 1023) end) STORED NOT NULL,
	CONSTRAINT "staging_block_pkey" PRIMARY KEY("pull_id","file","stretch","first_line")
);
--> statement-breakpoint
CREATE TABLE "exchange"."unit_revision" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."unit_revision_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"pull_id" text NOT NULL,
	"file" integer NOT NULL,
	"line" integer NOT NULL,
	"entry" integer NOT NULL,
	"outcome_before" text NOT NULL,
	"reason_before" text,
	"outcome" text NOT NULL,
	"reason" text,
	"cause" text NOT NULL,
	"rules" integer NOT NULL,
	"by" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "unit_revision_cause_check" CHECK (cause in ('replay', 'release', 'arrival', 'discard'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."attachment" (
	"member_id" text,
	"type" text,
	"record_id" text,
	"document_id" text,
	"peer_id" text NOT NULL,
	"pull_id" text NOT NULL,
	"url" text NOT NULL,
	"written" text NOT NULL,
	"media" text,
	"size" bigint,
	"sha1" text,
	"state" text NOT NULL,
	"reason" text,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_at" timestamp with time zone NOT NULL,
	"lease_owner" text,
	"lease_until" timestamp with time zone,
	"kept_media" text,
	"bytes" bigint,
	"sha256" text,
	"settled_at" timestamp with time zone,
	"coming" text,
	"said_sha256" text,
	CONSTRAINT "attachment_pkey" PRIMARY KEY("member_id","type","record_id","document_id"),
	CONSTRAINT "attachment_check" CHECK ((state = 'kept') = (sha256 is not null and settled_at is not null and reason is null)),
	CONSTRAINT "attachment_state_check" CHECK (state in ('due', 'kept', 'not-fetched'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."denied_authorization" (
	"peer_id" text,
	"source_id" text,
	"member_id" text NOT NULL,
	"claim" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "denied_authorization_pkey" PRIMARY KEY("peer_id","source_id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."entry_label" (
	"peer_id" text,
	"type" text,
	"source_id" text,
	"local_id" text NOT NULL,
	"label" smallint NOT NULL,
	CONSTRAINT "entry_label_pkey" PRIMARY KEY("peer_id","type","source_id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."link" (
	"member_id" text,
	"type" text,
	"a_id" text,
	"b_id" text,
	"kind" text,
	"score" real NOT NULL,
	"state" text NOT NULL,
	"rule" text NOT NULL,
	"pull_id" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"b_type" text,
	CONSTRAINT "link_pkey" PRIMARY KEY("member_id","type","a_id","b_id","kind"),
	CONSTRAINT "link_state_check" CHECK (state in ('confirmed', 'proposed', 'rejected', 'apart'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."medication_reference" (
	"named_by" text,
	"id" text,
	CONSTRAINT "medication_reference_pkey" PRIMARY KEY("named_by","id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."member_work_queue" (
	"work" text,
	"member_id" text,
	CONSTRAINT "member_work_queue_pkey" PRIMARY KEY("work","member_id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."orphaned_document" (
	"sha256" text PRIMARY KEY,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."rekey_progress" (
	"one" boolean PRIMARY KEY DEFAULT true,
	"rules" integer NOT NULL,
	"begun_at" timestamp with time zone NOT NULL,
	"after" text[] NOT NULL,
	"done_at" timestamp with time zone,
	CONSTRAINT "rekey_progress_one_check" CHECK (one)
);
--> statement-breakpoint
CREATE TABLE "exchange"."resource" (
	"member_id" text,
	"type" text,
	"id" text,
	"version" integer NOT NULL,
	"origin" text NOT NULL,
	"source_id" text,
	"last_updated" timestamp(3) with time zone NOT NULL,
	"deleted" boolean DEFAULT false NOT NULL,
	"hash" bytea NOT NULL,
	"service_end" date,
	"pa_state" text,
	"pa_changed" date,
	"pa_end" date,
	"label" smallint,
	"withheld" text,
	"targets" text[],
	"links" text[],
	"body" text NOT NULL,
	"shared" text,
	"own_label" smallint,
	"labeller" smallint,
	"refers" text[],
	"moved_at" timestamp(3) with time zone,
	"substance" bytea,
	"claim" jsonb,
	"keys" bigint[],
	"day" text collate "C",
	CONSTRAINT "resource_pkey" PRIMARY KEY("member_id","type","id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."resource_version" (
	"member_id" text,
	"type" text,
	"id" text,
	"version" integer,
	"last_updated" timestamp(3) with time zone NOT NULL,
	"deleted" boolean NOT NULL,
	"hash" bytea NOT NULL,
	"body" text NOT NULL,
	CONSTRAINT "resource_version_pkey" PRIMARY KEY("member_id","type","id","version")
);
--> statement-breakpoint
CREATE TABLE "exchange"."sensitive_quarantine" (
	"member_id" text,
	"peer_id" text,
	"type" text,
	"source_id" text,
	"label" smallint NOT NULL,
	CONSTRAINT "sensitive_quarantine_pkey" PRIMARY KEY("member_id","peer_id","type","source_id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."shared_key" (
	"type" text,
	"kind" smallint,
	"hash" bigint,
	"id" text,
	"origin" text NOT NULL,
	CONSTRAINT "shared_key_pkey" PRIMARY KEY("type","kind","hash","id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."shared_resource" (
	"type" text,
	"id" text,
	"version" integer NOT NULL,
	"origin" text NOT NULL,
	"source_id" text,
	"last_updated" timestamp(3) with time zone NOT NULL,
	"deleted" boolean DEFAULT false NOT NULL,
	"hash" bytea NOT NULL,
	"npi" text,
	"links" text[],
	"body" text NOT NULL,
	"label" smallint,
	"labeller" smallint,
	CONSTRAINT "shared_resource_pkey" PRIMARY KEY("type","id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."shared_resource_version" (
	"type" text,
	"id" text,
	"version" integer,
	"last_updated" timestamp(3) with time zone NOT NULL,
	"deleted" boolean NOT NULL,
	"hash" bytea NOT NULL,
	"body" text NOT NULL,
	CONSTRAINT "shared_resource_version_pkey" PRIMARY KEY("type","id","version")
);
--> statement-breakpoint
CREATE TABLE "exchange"."withheld_document" (
	"member_id" text,
	"key" text,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "withheld_document_pkey" PRIMARY KEY("member_id","key")
);
--> statement-breakpoint
CREATE TABLE "exchange"."pull" (
	"id" text PRIMARY KEY,
	"peer_id" text NOT NULL,
	"state" text NOT NULL,
	"cause" text NOT NULL,
	"is_full" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"next_at" timestamp with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"lease_owner" text,
	"lease_until" timestamp with time zone,
	"reason" text,
	"match_status_url" text,
	"group_id" text,
	"export_status_url" text,
	"manifest" text,
	"since" timestamp(3) with time zone,
	"transaction_time" timestamp(3) with time zone,
	"kicked_off_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"accepted_by" text,
	"accepted_at" timestamp with time zone,
	"match_form" text,
	"fetch_form" text,
	"released_at" timestamp(3) with time zone,
	"deadlines_opened_at" timestamp with time zone,
	"phase" text,
	"phase_at" timestamp with time zone,
	"phase_of" text,
	"decided_bucket" integer,
	"part_of" text,
	"files_removed_at" timestamp with time zone,
	"is_split" boolean DEFAULT false NOT NULL,
	CONSTRAINT "pull_phase_check" CHECK (phase in ('deciding', 'planned')),
	CONSTRAINT "pull_state_check" CHECK (state in ('due', 'discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling', 'done', 'review', 'unbalanced', 'partial', 'refused', 'failed', 'withdrawn'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."pull_event" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."pull_event_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"pull_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"state" text NOT NULL,
	"detail" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."pull_file" (
	"pull_id" text,
	"position" integer,
	"kind" text NOT NULL,
	"type" text NOT NULL,
	"url" text NOT NULL,
	"declared" integer,
	"state" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"blob_key" text,
	"bytes" bigint,
	"sha256" text,
	"units" integer,
	"lines" integer,
	"failure" text,
	"parts" integer DEFAULT 0 NOT NULL,
	"part_bytes" bigint DEFAULT 0 NOT NULL,
	"etag" text,
	"encoding" text,
	"staged_lines" integer DEFAULT 0 NOT NULL,
	"staged_units" integer DEFAULT 0 NOT NULL,
	"said" jsonb,
	"ends_within" boolean,
	"part_of" bigint,
	CONSTRAINT "pull_file_pkey" PRIMARY KEY("pull_id","position"),
	CONSTRAINT "pull_file_kind_check" CHECK (kind in ('output', 'deleted', 'error')),
	CONSTRAINT "pull_file_state_check" CHECK (state in ('pending', 'downloaded', 'staged', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."pull_member" (
	"pull_id" text,
	"submitted_id" text,
	"member_id" text NOT NULL,
	"other_coverage_id" text,
	"consent_id" text NOT NULL,
	"policy" text NOT NULL,
	"outcome" text,
	"peer_patient_id" text,
	"steady" boolean DEFAULT false NOT NULL,
	"statement" text,
	"further_patients" text[] DEFAULT '{}'::text[] NOT NULL,
	"identity" text,
	"left_out" boolean DEFAULT false NOT NULL,
	CONSTRAINT "pull_member_pkey" PRIMARY KEY("pull_id","submitted_id"),
	CONSTRAINT "pull_member_outcome_check" CHECK (outcome in ('matched', 'not-matched', 'constrained', 'missing', 'uncorrelated', 'contradictory', 'conflict'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."pull_slice" (
	"pull_id" text,
	"slice" integer,
	"first_bucket" integer NOT NULL,
	"last_bucket" integer NOT NULL,
	"units" integer NOT NULL,
	"booked" integer DEFAULT 0 NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	"committed_at" timestamp(3) with time zone,
	CONSTRAINT "pull_slice_pkey" PRIMARY KEY("pull_id","slice"),
	CONSTRAINT "pull_slice_state_check" CHECK (state in ('open', 'booking', 'committed'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."bulk_file" (
	"job_id" text,
	"id" text,
	"position" integer NOT NULL,
	"kind" text NOT NULL,
	"type" text NOT NULL,
	"blob_key" text NOT NULL,
	"lines" integer NOT NULL,
	"bytes" bigint NOT NULL,
	"stored_bytes" bigint NOT NULL,
	"sha256" text NOT NULL,
	"continues_in" text,
	"removed_at" timestamp with time zone,
	"text_sha256" text,
	CONSTRAINT "bulk_file_pkey" PRIMARY KEY("job_id","id"),
	CONSTRAINT "bulk_file_kind_check" CHECK (kind in ('output', 'deleted', 'error'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."bulk_job" (
	"id" text PRIMARY KEY,
	"kind" text NOT NULL,
	"peer_id" text NOT NULL,
	"state" text NOT NULL,
	"request_url" text NOT NULL,
	"parameters" jsonb NOT NULL,
	"body_key" text,
	"group_id" text,
	"received_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"started_at" timestamp with time zone,
	"completed_at" timestamp with time zone,
	"expires_at" timestamp with time zone,
	"transaction_time" timestamp(3) with time zone,
	"progress" smallint DEFAULT 0 NOT NULL,
	"lease_owner" text,
	"lease_until" timestamp with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"counts" jsonb DEFAULT '{}' NOT NULL,
	"failure" text,
	"labeller" smallint,
	"folded_at" timestamp(3) with time zone,
	"reports_entries" boolean DEFAULT false NOT NULL,
	CONSTRAINT "bulk_job_kind_check" CHECK (kind in ('match', 'export')),
	CONSTRAINT "bulk_job_state_check" CHECK (state in ('queued', 'running', 'complete', 'failed', 'cancelled', 'revoked'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."call_budget" (
	"peer_id" text,
	"kind" text,
	"calls" double precision NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "call_budget_pkey" PRIMARY KEY("peer_id","kind")
);
--> statement-breakpoint
CREATE TABLE "exchange"."delivered" (
	"peer_id" text,
	"member_id" text,
	"job_id" text,
	"policy" text NOT NULL,
	"consent_id" text NOT NULL,
	"types" jsonb NOT NULL,
	"keys" bigint[] NOT NULL,
	"days" jsonb,
	CONSTRAINT "delivered_pkey" PRIMARY KEY("peer_id","member_id","job_id"),
	CONSTRAINT "delivered_policy_check" CHECK (policy in ('regular', 'sensitive'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."delivered_entries" (
	"job_id" text,
	"gone" boolean,
	"part" integer,
	"peer_id" text NOT NULL,
	"keys" bigint[] NOT NULL,
	CONSTRAINT "delivered_entries_pkey" PRIMARY KEY("job_id","gone","part")
);
--> statement-breakpoint
CREATE TABLE "exchange"."delivered_entry" (
	"peer_id" text,
	"key" bigint,
	"first_at" timestamp(3) with time zone NOT NULL,
	"last_at" timestamp(3) with time zone NOT NULL,
	"reported_at" timestamp(3) with time zone,
	"reported_type" text,
	CONSTRAINT "delivered_entry_pkey" PRIMARY KEY("peer_id","key")
);
--> statement-breakpoint
CREATE TABLE "exchange"."grant_change" (
	"xid" xid8 DEFAULT pg_current_xact_id() NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."match_attempt" (
	"person" bigint,
	"card" bigint,
	"peer_id" text,
	"at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "match_attempt_pkey" PRIMARY KEY("person","card","peer_id")
);
--> statement-breakpoint
CREATE TABLE "exchange"."match_group" (
	"id" text PRIMARY KEY,
	"job_id" text NOT NULL,
	"peer_id" text NOT NULL,
	"code" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"resource" text NOT NULL,
	"expires_on" date,
	"is_over" boolean DEFAULT false NOT NULL,
	CONSTRAINT "match_group_code_check" CHECK (code in ('match', 'nomatch', 'consentconstraint'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."match_member" (
	"job_id" text,
	"position" integer,
	"submitted_id" text NOT NULL,
	"outcome" text NOT NULL,
	"reason" text NOT NULL,
	"rule" smallint,
	"member_id" text,
	"group_id" text,
	"consent" jsonb,
	"consent_policy" text,
	"consent_from" date,
	"consent_to" date,
	"fuzzy" text,
	"persons" integer,
	"attestation" text,
	"coverage_to_link" jsonb,
	"as_one" text[],
	CONSTRAINT "match_member_pkey" PRIMARY KEY("job_id","position"),
	CONSTRAINT "match_member_outcome_check" CHECK (outcome in ('match', 'nomatch', 'consentconstraint'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."match_single" (
	"id" text PRIMARY KEY,
	"peer_id" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"outcome" text NOT NULL,
	"reason" text NOT NULL,
	"rule" smallint,
	"member_id" text,
	"consent" jsonb,
	"consent_policy" text,
	"consent_from" date,
	"consent_to" date,
	"coverage_to_link" jsonb,
	"request_id" text DEFAULT '' NOT NULL,
	"fuzzy" text,
	"persons" integer,
	"attestation" text,
	"sent" text,
	"as_one" text[],
	CONSTRAINT "match_single_outcome_check" CHECK (outcome in ('match', 'nomatch', 'consentconstraint'))
);
--> statement-breakpoint
CREATE TABLE "exchange"."refused_request" (
	"peer_id" text,
	"reason" text NOT NULL,
	"route" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"more" integer NOT NULL,
	CONSTRAINT "refused_request_peer_id_reason_route_hour_key" UNIQUE NULLS NOT DISTINCT("peer_id","reason","route","hour")
);
--> statement-breakpoint
CREATE TABLE "exchange"."used_assertion" (
	"hash" bytea PRIMARY KEY,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp(3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."emergency_access" (
	"id" text PRIMARY KEY,
	"session" bytea NOT NULL,
	"subject" text NOT NULL,
	"reason" text NOT NULL,
	"began_at" timestamp with time zone NOT NULL,
	"until_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "exchange"."staff_reason" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "exchange"."staff_reason_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"session" bytea NOT NULL,
	"subject" text NOT NULL,
	"about" text NOT NULL,
	"purpose" text NOT NULL,
	"words" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"by_number" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exchange"."staff_session" (
	"id_hash" bytea PRIMARY KEY,
	"csrf" text NOT NULL,
	"subject" text NOT NULL,
	"name" text NOT NULL,
	"roles" text[] NOT NULL,
	"development" boolean NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"authenticated_at" timestamp with time zone,
	"sid" text
);
--> statement-breakpoint
CREATE TABLE "exchange"."staff_sign_in" (
	"id_hash" bytea PRIMARY KEY,
	"state" text NOT NULL,
	"nonce" text NOT NULL,
	"verifier" text NOT NULL,
	"return_to" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"is_fresh" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE INDEX "boundary_bounds" ON "directory"."boundary" USING gist ("bounds");--> statement-breakpoint
CREATE INDEX "dates_rk" ON "directory"."dates" ("rk","param","lo","hi");--> statement-breakpoint
CREATE INDEX "file_set_channel" ON "directory"."file_set" ("channel","key","id" DESC);--> statement-breakpoint
CREATE INDEX "file_set_open" ON "directory"."file_set" ("id") WHERE channel = 'export' and state in ('wanted', 'making');--> statement-breakpoint
CREATE INDEX "history_last_updated" ON "directory"."history" ("type","last_updated","rk","version");--> statement-breakpoint
CREATE INDEX "logical_rk" ON "directory"."logical" ("rk");--> statement-breakpoint
CREATE INDEX "logical_token" ON "directory"."logical" ("token");--> statement-breakpoint
CREATE INDEX "resource_deleted" ON "directory"."resource" ("type","last_updated","rk") WHERE deleted;--> statement-breakpoint
CREATE INDEX "resource_key" ON "directory"."resource" ("key" collate "C") WHERE not deleted;--> statement-breakpoint
CREATE INDEX "resource_last_updated" ON "directory"."resource" ("type","last_updated","rk") WHERE not deleted;--> statement-breakpoint
CREATE INDEX "resource_shape" ON "directory"."resource" (hash_array_extended(array_append(params, type), 0),"rk") WHERE not deleted;--> statement-breakpoint
CREATE INDEX "resource_type" ON "directory"."resource" ("type","rk") WHERE not deleted;--> statement-breakpoint
CREATE INDEX "verification_done" ON "directory"."verification" ("lo","target");--> statement-breakpoint
CREATE INDEX "vocabulary_word" ON "directory"."vocabulary" ("word") WHERE key = hashtextextended(word, 0);--> statement-breakpoint
CREATE INDEX "words_folded" ON "directory"."words" ("param","folded","rk") WITH (fillfactor=95);--> statement-breakpoint
CREATE INDEX "attest_link_key" ON "federation"."attest_link" ("key","made_at" DESC);--> statement-breakpoint
CREATE INDEX "awaited_rk" ON "federation"."awaited" ("rk");--> statement-breakpoint
CREATE INDEX "cluster_cluster" ON "federation"."cluster" ("cluster");--> statement-breakpoint
CREATE INDEX "correction_open" ON "federation"."correction" ("due_on","id") WHERE settled_at is null;--> statement-breakpoint
CREATE INDEX "fact_peer" ON "federation"."fact" ("peer","type","name","id" DESC);--> statement-breakpoint
CREATE INDEX "feature_cell" ON "federation"."feature" ("type","cell") WHERE cell is not null;--> statement-breakpoint
CREATE INDEX "feature_dirty" ON "federation"."feature" ("type") WHERE dirty;--> statement-breakpoint
CREATE INDEX "feature_name" ON "federation"."feature" ("type","family","state") WHERE family <> '';--> statement-breakpoint
CREATE INDEX "feature_name_no_npi" ON "federation"."feature" ("type","family","state") WHERE family <> '' and npi is null;--> statement-breakpoint
CREATE INDEX "feature_npi" ON "federation"."feature" ("type","npi") WHERE npi is not null;--> statement-breakpoint
CREATE INDEX "feature_phone" ON "federation"."feature" ("type","phone") WHERE phone is not null;--> statement-breakpoint
CREATE INDEX "feature_street" ON "federation"."feature" ("type","street") WHERE street is not null;--> statement-breakpoint
CREATE INDEX "feature_id_rk" ON "federation"."feature_id" ("rk");--> statement-breakpoint
CREATE INDEX "finding_peer" ON "federation"."finding" ("peer","code");--> statement-breakpoint
CREATE INDEX "gone_run" ON "federation"."gone" ("run","type");--> statement-breakpoint
CREATE INDEX "incoming_run" ON "federation"."incoming" ("run","type","seq");--> statement-breakpoint
CREATE INDEX "link_b" ON "federation"."link" ("b");--> statement-breakpoint
CREATE INDEX "link_review" ON "federation"."link" ("type","score" DESC,"a","b") WHERE outcome = 'review';--> statement-breakpoint
CREATE INDEX "peer_event_peer" ON "federation"."peer_event" ("peer","id");--> statement-breakpoint
CREATE INDEX "run_peer" ON "federation"."run" ("peer","id" DESC);--> statement-breakpoint
CREATE INDEX "signal_name" ON "federation"."signal" ("name","weight" DESC,"key") WHERE settled_by is null;--> statement-breakpoint
CREATE INDEX "source_variant" ON "federation"."source" ("base_rk") WHERE rk <> base_rk;--> statement-breakpoint
CREATE INDEX "boundary_bounds" ON "merged"."boundary" USING gist ("bounds");--> statement-breakpoint
CREATE INDEX "dates_rk" ON "merged"."dates" ("rk","param","lo","hi");--> statement-breakpoint
CREATE INDEX "file_set_channel" ON "merged"."file_set" ("channel","key","id" DESC);--> statement-breakpoint
CREATE INDEX "file_set_open" ON "merged"."file_set" ("id") WHERE channel = 'export' and state in ('wanted', 'making');--> statement-breakpoint
CREATE INDEX "history_last_updated" ON "merged"."history" ("type","last_updated","rk","version");--> statement-breakpoint
CREATE INDEX "logical_rk" ON "merged"."logical" ("rk");--> statement-breakpoint
CREATE INDEX "logical_token" ON "merged"."logical" ("token");--> statement-breakpoint
CREATE INDEX "resource_deleted" ON "merged"."resource" ("type","last_updated","rk") WHERE deleted;--> statement-breakpoint
CREATE INDEX "resource_key" ON "merged"."resource" ("key" collate "C") WHERE not deleted;--> statement-breakpoint
CREATE INDEX "resource_last_updated" ON "merged"."resource" ("type","last_updated","rk") WHERE not deleted;--> statement-breakpoint
CREATE INDEX "resource_shape" ON "merged"."resource" (hash_array_extended(array_append(params, type), 0),"rk") WHERE not deleted;--> statement-breakpoint
CREATE INDEX "resource_type" ON "merged"."resource" ("type","rk") WHERE not deleted;--> statement-breakpoint
CREATE INDEX "verification_done" ON "merged"."verification" ("lo","target");--> statement-breakpoint
CREATE INDEX "vocabulary_word" ON "merged"."vocabulary" ("word") WHERE key = hashtextextended(word, 0);--> statement-breakpoint
CREATE INDEX "words_folded" ON "merged"."words" ("param","folded","rk") WITH (fillfactor=95);--> statement-breakpoint
CREATE UNIQUE INDEX "alert_standing" ON "exchange"."alert" ("kind","subject") WHERE cleared_at is null;--> statement-breakpoint
CREATE INDEX "alert_unsent" ON "exchange"."alert" ("next_send_at") WHERE next_send_at is not null;--> statement-breakpoint
CREATE INDEX "audit_decided" ON "exchange"."audit" ("at") WHERE actor_kind in ('staff', 'command') and outcome = 'ok' and action not in ('view', 'sign-in', 'sign-out', 'export-report');--> statement-breakpoint
CREATE INDEX "audit_disclosed" ON "exchange"."audit" ("at") WHERE action in ('export-member', 'read', 'search', 'everything') and member_id is not null and outcome = 'ok';--> statement-breakpoint
CREATE INDEX "audit_file" ON "exchange"."audit" ("object" text_pattern_ops,"at") WHERE action = 'file';--> statement-breakpoint
CREATE INDEX "audit_member" ON "exchange"."audit" ("member_id","at") WHERE member_id is not null;--> statement-breakpoint
CREATE INDEX "audit_object" ON "exchange"."audit" ("object","at") WHERE object <> '';--> statement-breakpoint
CREATE INDEX "audit_refused" ON "exchange"."audit" ("at","seq") WHERE outcome <> 'ok';--> statement-breakpoint
CREATE INDEX "audit_seen" ON "exchange"."audit" ("at") WHERE action = 'view' and member_id is not null and detail ->> 'purpose' is not null;--> statement-breakpoint
CREATE INDEX "audit_sign_in" ON "exchange"."audit" ("actor","at" DESC) WHERE action = 'sign-in' and actor_kind = 'staff' and outcome = 'ok';--> statement-breakpoint
CREATE INDEX "document_check_at" ON "exchange"."document_check" ("at","id");--> statement-breakpoint
CREATE INDEX "incident_case_origin" ON "exchange"."incident_case" ("origin") WHERE origin <> '';--> statement-breakpoint
CREATE INDEX "incident_entry_case" ON "exchange"."incident_entry" ("case_number","id");--> statement-breakpoint
CREATE INDEX "legal_hold_standing" ON "exchange"."legal_hold" ("placed_at") WHERE lifted_at is null;--> statement-breakpoint
CREATE INDEX "restore_drill_at" ON "exchange"."restore_drill" ("at");--> statement-breakpoint
CREATE INDEX "security_event_seal" ON "exchange"."security_event" ("seal_id");--> statement-breakpoint
CREATE INDEX "security_review_until" ON "exchange"."security_review" ("until_at");--> statement-breakpoint
CREATE UNIQUE INDEX "consent_imported" ON "exchange"."consent" ("member_id","choice","policy","recorded_on","sequence") WHERE given_at is null;--> statement-breakpoint
CREATE INDEX "consent_member" ON "exchange"."consent" ("member_id","recorded_on","created_at");--> statement-breakpoint
CREATE INDEX "deadline_anew" ON "exchange"."deadline" ("starts_at") WHERE start_event = 'coverage-anew';--> statement-breakpoint
CREATE INDEX "deadline_attempted" ON "exchange"."deadline" ("due_at") WHERE state = 'attempted';--> statement-breakpoint
CREATE INDEX "deadline_due" ON "exchange"."deadline" ("due_at","id");--> statement-breakpoint
CREATE INDEX "deadline_ended" ON "exchange"."deadline" ("member_id") WHERE kind = 'C2' and state in ('withdrawn', 'not-applicable');--> statement-breakpoint
CREATE INDEX "deadline_member" ON "exchange"."deadline" ("member_id","kind");--> statement-breakpoint
CREATE INDEX "deadline_open" ON "exchange"."deadline" ("due_at") WHERE state = 'open';--> statement-breakpoint
CREATE INDEX "deadline_note_clock" ON "exchange"."deadline_note" ("deadline_id","id");--> statement-breakpoint
CREATE INDEX "enrolment_number" ON "exchange"."enrolment" ("member_number");--> statement-breakpoint
CREATE INDEX "enrolment_without_deadlines" ON "exchange"."enrolment" ("member_id") WHERE deadlines_opened_at is null;--> statement-breakpoint
CREATE INDEX "member_deceased_recorded" ON "exchange"."member" ("id") WHERE deceased_recorded;--> statement-breakpoint
CREATE INDEX "member_merge_compare" ON "exchange"."member_merge" ("compare_at") WHERE compare_at is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "member_merge_former" ON "exchange"."member_merge" ("former_id") WHERE undone_at is null;--> statement-breakpoint
CREATE INDEX "member_merge_member" ON "exchange"."member_merge" ("member_id") WHERE undone_at is null;--> statement-breakpoint
CREATE INDEX "member_profile_dob" ON "exchange"."member_profile" USING gin ("dob");--> statement-breakpoint
CREATE INDEX "member_request_coverage" ON "exchange"."member_request" ("other_coverage_id","at");--> statement-breakpoint
CREATE INDEX "member_token_member" ON "exchange"."member_token" ("member_id");--> statement-breakpoint
CREATE INDEX "other_coverage_ask" ON "exchange"."other_coverage" ("request_at") WHERE request_at is not null;--> statement-breakpoint
CREATE INDEX "other_coverage_look" ON "exchange"."other_coverage" ("evaluate_on") WHERE evaluate_on is not null;--> statement-breakpoint
CREATE INDEX "payer_link_event_coverage" ON "exchange"."payer_link_event" ("other_coverage_id","at");--> statement-breakpoint
CREATE INDEX "peer_change_peer" ON "exchange"."peer_change" ("peer_id","id");--> statement-breakpoint
CREATE INDEX "peer_document_peer" ON "exchange"."peer_document" ("peer_id");--> statement-breakpoint
CREATE INDEX "peer_volume_day" ON "exchange"."peer_volume" ("day");--> statement-breakpoint
CREATE INDEX "bulk_decision_open" ON "exchange"."bulk_decision" ("due_at") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "bulk_decision_item_batch" ON "exchange"."bulk_decision_item" ("batch_id");--> statement-breakpoint
CREATE INDEX "finding_pull" ON "exchange"."finding" ("pull_id","kind");--> statement-breakpoint
CREATE INDEX "identity_claim_number" ON "exchange"."identity" USING hash ("claim_number") WHERE claim_number is not null;--> statement-breakpoint
CREATE INDEX "identity_echo" ON "exchange"."identity" ("peer_id","type","local_id") WHERE state = 'echo';--> statement-breakpoint
CREATE INDEX "identity_names" ON "exchange"."identity" ("peer_id","type","local_id") WHERE is_newest is not null;--> statement-breakpoint
CREATE INDEX "identity_quarantined" ON "exchange"."identity" ("peer_id") WHERE state = 'quarantined';--> statement-breakpoint
CREATE INDEX "ledger_block_member" ON "exchange"."ledger_block" ("member_id","pull_id");--> statement-breakpoint
CREATE INDEX "ledger_member" ON "exchange"."ledger_unit" ("member_id","type","local_id");--> statement-breakpoint
CREATE INDEX "match_judgement_member" ON "exchange"."match_judgement" ("pull_id","member_id");--> statement-breakpoint
CREATE INDEX "match_judgement_pull" ON "exchange"."match_judgement" ("pull_id","file","line","entry");--> statement-breakpoint
CREATE INDEX "review_decision_item" ON "exchange"."review_decision" ("item_id","id");--> statement-breakpoint
CREATE INDEX "review_item_doubt" ON "exchange"."review_item" ("member_id","peer_id") WHERE kind = 'identity-doubt' and state <> 'gone';--> statement-breakpoint
CREATE INDEX "review_item_member" ON "exchange"."review_item" ("member_id","type");--> statement-breakpoint
CREATE INDEX "review_item_open" ON "exchange"."review_item" ("weight" DESC,"opened_at","id") WHERE state = 'open';--> statement-breakpoint
CREATE INDEX "review_item_pull" ON "exchange"."review_item" ("pull_id");--> statement-breakpoint
CREATE INDEX "staged_reference_open" ON "exchange"."staged_reference" ("pull_id","file","line","entry") WHERE unresolved is not null;--> statement-breakpoint
CREATE INDEX "staging_bucket" ON "exchange"."staging" ("pull_id","bucket");--> statement-breakpoint
CREATE INDEX "staging_key" ON "exchange"."staging" ("pull_id","type","source_id");--> statement-breakpoint
CREATE INDEX "staging_shared" ON "exchange"."staging" ("pull_id","local_id") WHERE is_shared;--> statement-breakpoint
CREATE INDEX "staging_block_bucket" ON "exchange"."staging_block" ("pull_id","bucket");--> statement-breakpoint
CREATE INDEX "unit_revision_unit" ON "exchange"."unit_revision" ("pull_id","file","line","entry","id");--> statement-breakpoint
CREATE INDEX "attachment_content" ON "exchange"."attachment" USING hash ("sha256") WHERE sha256 is not null;--> statement-breakpoint
CREATE INDEX "attachment_document" ON "exchange"."attachment" ("document_id");--> statement-breakpoint
CREATE INDEX "attachment_due" ON "exchange"."attachment" ("peer_id","next_at") WHERE state = 'due';--> statement-breakpoint
CREATE INDEX "attachment_pull" ON "exchange"."attachment" ("pull_id");--> statement-breakpoint
CREATE INDEX "denied_authorization_member" ON "exchange"."denied_authorization" ("member_id");--> statement-breakpoint
CREATE INDEX "entry_label_local" ON "exchange"."entry_label" ("type","local_id");--> statement-breakpoint
CREATE INDEX "medication_reference_id" ON "exchange"."medication_reference" ("id");--> statement-breakpoint
CREATE INDEX "orphaned_document_at" ON "exchange"."orphaned_document" ("at");--> statement-breakpoint
CREATE INDEX "resource_authorization" ON "exchange"."resource" ("member_id") WHERE pa_state is not null;--> statement-breakpoint
CREATE INDEX "resource_day" ON "exchange"."resource" ("member_id","day" DESC,"type" collate "C","id" collate "C") WHERE not deleted and type <> 'Patient' and type <> 'Provenance';--> statement-breakpoint
CREATE INDEX "resource_id" ON "exchange"."resource" USING hash ("id");--> statement-breakpoint
CREATE INDEX "resource_outlived" ON "exchange"."resource" ("member_id") WHERE withheld = 'outlived';--> statement-breakpoint
CREATE INDEX "shared_resource_deleted" ON "exchange"."shared_resource" ("last_updated") WHERE deleted;--> statement-breakpoint
CREATE INDEX "shared_resource_labelled" ON "exchange"."shared_resource" ("type","id") WHERE label > 0;--> statement-breakpoint
CREATE INDEX "shared_resource_npi" ON "exchange"."shared_resource" ("npi","type") WHERE npi is not null;--> statement-breakpoint
CREATE INDEX "pull_due" ON "exchange"."pull" ("next_at") WHERE state in ('due', 'discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling');--> statement-breakpoint
CREATE INDEX "pull_files_kept" ON "exchange"."pull" ("finished_at","id") WHERE files_removed_at is null and finished_at is not null;--> statement-breakpoint
CREATE INDEX "pull_part_of" ON "exchange"."pull" ("part_of") WHERE part_of is not null;--> statement-breakpoint
CREATE INDEX "pull_peer" ON "exchange"."pull" ("peer_id","created_at");--> statement-breakpoint
CREATE INDEX "pull_without_deadlines" ON "exchange"."pull" ("kicked_off_at") WHERE kicked_off_at is not null and deadlines_opened_at is null;--> statement-breakpoint
CREATE INDEX "pull_unreleased" ON "exchange"."pull" ("finished_at") WHERE released_at is null and state in ('done', 'review', 'refused', 'failed', 'withdrawn');--> statement-breakpoint
CREATE INDEX "pull_event_pull" ON "exchange"."pull_event" ("pull_id","id");--> statement-breakpoint
CREATE INDEX "pull_member_conflict" ON "exchange"."pull_member" ("pull_id") WHERE outcome = 'conflict';--> statement-breakpoint
CREATE INDEX "pull_member_member" ON "exchange"."pull_member" ("member_id","pull_id");--> statement-breakpoint
CREATE INDEX "bulk_file_there" ON "exchange"."bulk_file" ("job_id") WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX "bulk_job_failed" ON "exchange"."bulk_job" ("id") WHERE state = 'failed';--> statement-breakpoint
CREATE INDEX "bulk_job_kept" ON "exchange"."bulk_job" ("expires_at") WHERE kind = 'export' and state = 'complete';--> statement-breakpoint
CREATE INDEX "bulk_job_open" ON "exchange"."bulk_job" ("received_at") WHERE state in ('queued', 'running');--> statement-breakpoint
CREATE INDEX "bulk_job_peer" ON "exchange"."bulk_job" ("peer_id","received_at");--> statement-breakpoint
CREATE INDEX "bulk_job_request" ON "exchange"."bulk_job" ("received_at","id") WHERE body_key is not null;--> statement-breakpoint
CREATE INDEX "bulk_job_unfolded" ON "exchange"."bulk_job" ("received_at") WHERE kind = 'export' and folded_at is null;--> statement-breakpoint
CREATE INDEX "call_budget_at" ON "exchange"."call_budget" ("at");--> statement-breakpoint
CREATE INDEX "delivered_job" ON "exchange"."delivered" ("job_id","member_id");--> statement-breakpoint
CREATE INDEX "delivered_member" ON "exchange"."delivered" ("member_id");--> statement-breakpoint
CREATE INDEX "delivered_entries_peer" ON "exchange"."delivered_entries" ("peer_id");--> statement-breakpoint
CREATE INDEX "delivered_entry_told" ON "exchange"."delivered_entry" ("peer_id","reported_at") WHERE reported_at is not null;--> statement-breakpoint
CREATE INDEX "grant_change_xid" ON "exchange"."grant_change" ("xid");--> statement-breakpoint
CREATE INDEX "match_attempt_at" ON "exchange"."match_attempt" USING brin ("at");--> statement-breakpoint
CREATE INDEX "match_attempt_card" ON "exchange"."match_attempt" ("card","peer_id");--> statement-breakpoint
CREATE INDEX "match_group_expiry" ON "exchange"."match_group" ("expires_on") WHERE resource <> '';--> statement-breakpoint
CREATE INDEX "match_group_peer" ON "exchange"."match_group" ("peer_id","created_at","id");--> statement-breakpoint
CREATE INDEX "match_member_group" ON "exchange"."match_member" ("group_id","member_id") WHERE member_id is not null;--> statement-breakpoint
CREATE INDEX "match_member_member" ON "exchange"."match_member" ("member_id") WHERE outcome = 'match';--> statement-breakpoint
CREATE INDEX "match_member_throttled" ON "exchange"."match_member" ("job_id") WHERE reason = 'throttled';--> statement-breakpoint
CREATE INDEX "match_single_grant" ON "exchange"."match_single" ("peer_id","member_id") WHERE outcome = 'match';--> statement-breakpoint
CREATE INDEX "emergency_access_began" ON "exchange"."emergency_access" ("began_at");--> statement-breakpoint
CREATE INDEX "emergency_access_session" ON "exchange"."emergency_access" ("session","until_at");--> statement-breakpoint
CREATE INDEX "staff_reason_at" ON "exchange"."staff_reason" ("at");--> statement-breakpoint
CREATE INDEX "staff_reason_session" ON "exchange"."staff_reason" ("session","about");--> statement-breakpoint
CREATE INDEX "staff_sign_in_expiry" ON "exchange"."staff_sign_in" ("expires_at");--> statement-breakpoint
ALTER TABLE "directory"."current_set" ADD CONSTRAINT "current_set_set_id_file_set_id_fkey" FOREIGN KEY ("set_id") REFERENCES "directory"."file_set"("id");--> statement-breakpoint
ALTER TABLE "directory"."set_file" ADD CONSTRAINT "set_file_set_id_file_set_id_fkey" FOREIGN KEY ("set_id") REFERENCES "directory"."file_set"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "federation"."fact" ADD CONSTRAINT "fact_peer_peer_slug_fkey" FOREIGN KEY ("peer") REFERENCES "federation"."peer"("slug");--> statement-breakpoint
ALTER TABLE "federation"."peer_event" ADD CONSTRAINT "peer_event_peer_peer_slug_fkey" FOREIGN KEY ("peer") REFERENCES "federation"."peer"("slug");--> statement-breakpoint
ALTER TABLE "federation"."run" ADD CONSTRAINT "run_peer_peer_slug_fkey" FOREIGN KEY ("peer") REFERENCES "federation"."peer"("slug");--> statement-breakpoint
ALTER TABLE "federation"."run_type" ADD CONSTRAINT "run_type_run_run_id_fkey" FOREIGN KEY ("run") REFERENCES "federation"."run"("id");--> statement-breakpoint
ALTER TABLE "merged"."current_set" ADD CONSTRAINT "current_set_set_id_file_set_id_fkey" FOREIGN KEY ("set_id") REFERENCES "merged"."file_set"("id");--> statement-breakpoint
ALTER TABLE "merged"."set_file" ADD CONSTRAINT "set_file_set_id_file_set_id_fkey" FOREIGN KEY ("set_id") REFERENCES "merged"."file_set"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "exchange"."content_check" ADD CONSTRAINT "content_check_job_id_bulk_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "exchange"."bulk_job"("id");--> statement-breakpoint
ALTER TABLE "exchange"."incident_entry" ADD CONSTRAINT "incident_entry_case_number_incident_case_number_fkey" FOREIGN KEY ("case_number") REFERENCES "exchange"."incident_case"("number");--> statement-breakpoint
ALTER TABLE "exchange"."issued_report" ADD CONSTRAINT "issued_report_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."legal_hold" ADD CONSTRAINT "legal_hold_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."legal_hold" ADD CONSTRAINT "legal_hold_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."consent" ADD CONSTRAINT "consent_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."contact" ADD CONSTRAINT "contact_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."contact" ADD CONSTRAINT "contact_text_sha256_consent_text_sha256_fkey" FOREIGN KEY ("text_sha256") REFERENCES "exchange"."consent_text"("sha256");--> statement-breakpoint
ALTER TABLE "exchange"."deadline_note" ADD CONSTRAINT "deadline_note_deadline_id_deadline_id_fkey" FOREIGN KEY ("deadline_id") REFERENCES "exchange"."deadline"("id");--> statement-breakpoint
ALTER TABLE "exchange"."enrolment" ADD CONSTRAINT "enrolment_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."invitation" ADD CONSTRAINT "invitation_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."member_merge" ADD CONSTRAINT "member_merge_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."member_merge" ADD CONSTRAINT "member_merge_former_id_member_id_fkey" FOREIGN KEY ("former_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."member_merge_part" ADD CONSTRAINT "member_merge_part_merge_id_member_merge_id_fkey" FOREIGN KEY ("merge_id") REFERENCES "exchange"."member_merge"("id");--> statement-breakpoint
ALTER TABLE "exchange"."member_profile" ADD CONSTRAINT "member_profile_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."member_request" ADD CONSTRAINT "member_request_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."member_request" ADD CONSTRAINT "member_request_other_coverage_id_other_coverage_id_fkey" FOREIGN KEY ("other_coverage_id") REFERENCES "exchange"."other_coverage"("id");--> statement-breakpoint
ALTER TABLE "exchange"."other_coverage" ADD CONSTRAINT "other_coverage_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."payer_link_event" ADD CONSTRAINT "payer_link_event_other_coverage_id_other_coverage_id_fkey" FOREIGN KEY ("other_coverage_id") REFERENCES "exchange"."other_coverage"("id");--> statement-breakpoint
ALTER TABLE "exchange"."peer_address" ADD CONSTRAINT "peer_address_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."peer_change" ADD CONSTRAINT "peer_change_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."peer_check" ADD CONSTRAINT "peer_check_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."peer_document" ADD CONSTRAINT "peer_document_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."peer_volume" ADD CONSTRAINT "peer_volume_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."bulk_decision_item" ADD CONSTRAINT "bulk_decision_item_item_id_review_item_id_fkey" FOREIGN KEY ("item_id") REFERENCES "exchange"."review_item"("id");--> statement-breakpoint
ALTER TABLE "exchange"."bulk_decision_item" ADD CONSTRAINT "bulk_decision_item_batch_id_bulk_decision_id_fkey" FOREIGN KEY ("batch_id") REFERENCES "exchange"."bulk_decision"("id");--> statement-breakpoint
ALTER TABLE "exchange"."finding" ADD CONSTRAINT "finding_pull_id_pull_id_fkey" FOREIGN KEY ("pull_id") REFERENCES "exchange"."pull"("id");--> statement-breakpoint
ALTER TABLE "exchange"."review_decision" ADD CONSTRAINT "review_decision_item_id_review_item_id_fkey" FOREIGN KEY ("item_id") REFERENCES "exchange"."review_item"("id");--> statement-breakpoint
ALTER TABLE "exchange"."review_decision" ADD CONSTRAINT "review_decision_undoes_fkey" FOREIGN KEY ("undoes") REFERENCES "exchange"."review_decision"("id");--> statement-breakpoint
ALTER TABLE "exchange"."review_item" ADD CONSTRAINT "review_item_pull_id_pull_id_fkey" FOREIGN KEY ("pull_id") REFERENCES "exchange"."pull"("id");--> statement-breakpoint
ALTER TABLE "exchange"."pull" ADD CONSTRAINT "pull_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."pull_event" ADD CONSTRAINT "pull_event_pull_id_pull_id_fkey" FOREIGN KEY ("pull_id") REFERENCES "exchange"."pull"("id");--> statement-breakpoint
ALTER TABLE "exchange"."pull_file" ADD CONSTRAINT "pull_file_pull_id_pull_id_fkey" FOREIGN KEY ("pull_id") REFERENCES "exchange"."pull"("id");--> statement-breakpoint
ALTER TABLE "exchange"."pull_member" ADD CONSTRAINT "pull_member_pull_id_pull_id_fkey" FOREIGN KEY ("pull_id") REFERENCES "exchange"."pull"("id");--> statement-breakpoint
ALTER TABLE "exchange"."pull_member" ADD CONSTRAINT "pull_member_member_id_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "exchange"."member"("id");--> statement-breakpoint
ALTER TABLE "exchange"."pull_member" ADD CONSTRAINT "pull_member_other_coverage_id_other_coverage_id_fkey" FOREIGN KEY ("other_coverage_id") REFERENCES "exchange"."other_coverage"("id");--> statement-breakpoint
ALTER TABLE "exchange"."pull_member" ADD CONSTRAINT "pull_member_consent_id_consent_id_fkey" FOREIGN KEY ("consent_id") REFERENCES "exchange"."consent"("id");--> statement-breakpoint
ALTER TABLE "exchange"."pull_slice" ADD CONSTRAINT "pull_slice_pull_id_pull_id_fkey" FOREIGN KEY ("pull_id") REFERENCES "exchange"."pull"("id");--> statement-breakpoint
ALTER TABLE "exchange"."bulk_file" ADD CONSTRAINT "bulk_file_job_id_bulk_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "exchange"."bulk_job"("id");--> statement-breakpoint
ALTER TABLE "exchange"."bulk_job" ADD CONSTRAINT "bulk_job_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."delivered" ADD CONSTRAINT "delivered_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."delivered" ADD CONSTRAINT "delivered_job_id_bulk_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "exchange"."bulk_job"("id");--> statement-breakpoint
ALTER TABLE "exchange"."delivered_entries" ADD CONSTRAINT "delivered_entries_job_id_bulk_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "exchange"."bulk_job"("id");--> statement-breakpoint
ALTER TABLE "exchange"."delivered_entries" ADD CONSTRAINT "delivered_entries_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."delivered_entry" ADD CONSTRAINT "delivered_entry_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."match_group" ADD CONSTRAINT "match_group_job_id_bulk_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "exchange"."bulk_job"("id");--> statement-breakpoint
ALTER TABLE "exchange"."match_group" ADD CONSTRAINT "match_group_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
ALTER TABLE "exchange"."match_member" ADD CONSTRAINT "match_member_job_id_bulk_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "exchange"."bulk_job"("id");--> statement-breakpoint
ALTER TABLE "exchange"."refused_request" ADD CONSTRAINT "refused_request_peer_id_peer_id_fkey" FOREIGN KEY ("peer_id") REFERENCES "exchange"."peer"("id");--> statement-breakpoint
CREATE VIEW "exchange"."ledger" AS (
    select pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id, hash, last_updated
    from exchange.ledger_unit
    union all
    select b.pull_id, b.file, u.line, 0, 'unchanged', null, b.type, u.source_id, b.member_id, u.local_id, u.hash, u.last_updated
    from exchange.ledger_block b
    cross join unnest(b.lines, b.source_ids, b.local_ids, b.hashes, b.updated) as u(line, source_id, local_id, hash, last_updated));--> statement-breakpoint
CREATE VIEW "exchange"."ledger_by_member" AS (
    select pull_id, member_id, type, outcome, units from exchange.ledger_tally
    union all
    select pull_id, member_id, type, 'unchanged', units from exchange.ledger_block);--> statement-breakpoint
CREATE VIEW "exchange"."ledger_count" AS (
    select pull_id, file, type, outcome, reason, member_id, 1 as units from exchange.ledger_unit
    union all
    select pull_id, file, type, 'unchanged', null, member_id, units from exchange.ledger_block);