-- safe
-- What a line says by itself that takes its record away: that it is gone, or was entered in error. Deciding writes another reason in its place (it was gone before), and a pull
-- that is decided anew, as its process died or our own records came, has to know it. Of what an older program staged it is null, and the reason tells as before.
alter table exchange.staging add column gone_by text;
