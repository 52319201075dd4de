-- A local time of a named zone in UTC. One that the clocks skip counts as an hour later; of one
-- that they repeat the second is meant. `local_doubt` says where that is so.
create or replace macro zone_to_utc(moment, zone) as timezone('UTC', timezone(zone, moment));
