-- safe
-- What the messages of a file say, by severity and code, as they were when the file came: the report needs no file for it. Null of files that came
-- before, and of those that hold no messages.
alter table exchange.pull_file add column said jsonb;
