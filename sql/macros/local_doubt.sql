-- What is doubtful about a local time of a named zone: skipped_hour where the clocks jump over it,
-- repeated_hour where they show it twice; NULL where nothing is.
create or replace macro local_doubt(moment, zone) as
    case
        when timezone(zone, timezone(zone, moment)) <> moment then 'skipped_hour'
        when timezone(zone, timezone(zone, moment) - interval 1 hour) = moment
            or timezone(zone, timezone(zone, moment) + interval 1 hour) = moment
            or timezone(zone, timezone(zone, moment) - interval 30 minute) = moment
            or timezone(zone, timezone(zone, moment) + interval 30 minute) = moment
            then 'repeated_hour'
    end;
