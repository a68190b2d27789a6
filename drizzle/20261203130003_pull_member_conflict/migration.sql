-- safe
-- Answers that give one person for two of our members, which are told of.
create index pull_member_conflict on exchange.pull_member (pull_id) where outcome = 'conflict';
