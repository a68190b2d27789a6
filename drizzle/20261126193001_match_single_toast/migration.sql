-- safe
-- A match with its consent and coverage is some 2 KB, which the server would try to compress each time; that takes it longer than writing.
alter table exchange.match_single set (toast_tuple_target = 8160);
