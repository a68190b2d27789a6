-- safe
-- What stood when there was no address to tell it to is told once there is one.
update exchange.alert set next_send_at = now() where cleared_at is null and sent_at is null and next_send_at is null;
