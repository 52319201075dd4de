-- A cleaned text that as a whole matches the pattern of a declared form, as plain decimal text;
-- NULL where it does not. The currency (a pattern) is taken out; what is left is below zero where
-- a pattern says so, and then all but the digits and the decimal sign is taken out. Zeros beyond
-- the second decimal go: three decimals alone could be thousands.
create or replace macro written_amount(value, form, currency, below_zero, decimal_sign) as
    case
        when regexp_full_match(value, form)
            then if(regexp_matches(regexp_replace(value, currency, ''), below_zero), '-', '')
                || regexp_replace(
                    replace(
                        regexp_replace(
                            regexp_replace(value, currency, ''),
                            '[^0-9' || decimal_sign || ']',
                            '',
                            'g'
                        ),
                        decimal_sign,
                        '.'
                    ),
                    '([.][0-9]{2})0+$',
                    '\1'
                )
    end;
