-- The plain amount of a charge less what came back of it, whatever the sign of that; it is zero or
-- above. NULL where more came back than was charged, or what did cannot be read.
create or replace macro less_refunded(charged, charged_text, refunded, refunded_text) as
    case
        when refunded_text is null or money(refunded) = 0 then charged
        when abs(money(refunded)) <= money(charged)
            then cast(money(charged) - abs(money(refunded)) as varchar)
    end;
