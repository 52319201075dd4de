-- A midnight as the text of its day, YYYY-MM-DD; NULL where it is a moment within a day.
create or replace macro day_text(moment) as
    case
        when moment = date_trunc('day', moment) then strftime(moment, '%Y-%m-%d')
    end;
