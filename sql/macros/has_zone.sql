-- Whether a cleaned ISO 8601 text says its zone: a trailing Z, or an offset after the time of day.
create or replace macro has_zone(value) as
    case
        when suffix(value, 'Z') then true
        else regexp_matches(value, ':[0-9]{2}([.][0-9]+)?[+-][0-9]{2}(:?[0-9]{2})?$')
    end;
