-- A moment as ISO 8601 text without a zone, to the microsecond.
create or replace macro instant_text(moment) as strftime(moment, '%Y-%m-%dT%H:%M:%S.%f');
