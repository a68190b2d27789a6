-- safe
-- Words of the directory's names, each under keys that words like it share (src/names/similar.ts). Words are never taken
-- out: one that no name has any more finds nothing.
create table directory.vocabulary (
  key bigint not null,
  word text collate "C" not null,
  primary key (key, word)
);
--> statement-breakpoint
-- the row of a word under itself, for beginnings
create index vocabulary_word on directory.vocabulary (word) where key = hashtextextended(word, 0);
