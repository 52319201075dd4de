-- The plain amount of a charge and what comes on top of it. NULL where that cannot be read.
create or replace macro with_added(charged, charged_text, added, added_text) as
    case
        when added_text is null then charged
        else cast(money(charged) + money(added) as varchar)
    end;
