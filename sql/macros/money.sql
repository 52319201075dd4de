-- A cleaned text as money, NULL where it is none. Plain decimal notation only: no currency sign,
-- thousands separator or exponent, no NaN or infinity, and no third decimal other than zero, so a
-- cast never rounds an amount silently. 1.200 is none either, since it could be 1200: the catalog
-- can declare what it is (`written_as`).
create or replace macro money(value) as
    case
        when regexp_full_match(
            value,
            '[+-]?([0-9]+([.]([0-9]{0,2}|[0-9]{2}00+))?|[.]([0-9]{1,2}|[0-9]{2}00+)'
            || '|(0[0-9]*|[0-9]{4,})?[.][0-9]{2}0)'
        )
            then try_cast(value as decimal(18, 2))
    end;
