-- A time of day whose digits stand together, with the zero that a number loses: 915 is 0915. A part
-- of a day, as workbooks keep times, is that time, to the millisecond: 0.4375 is 10:30:00.
create or replace macro full_clock(value) as
    case
        when regexp_full_match(value, '[0-9]{3}|[0-9]{5}') then '0' || value
        when regexp_full_match(value, '0|0?[.,][0-9]{1,15}')
            then regexp_replace(
                strftime(
                    timestamp '2000-01-01' + to_milliseconds(
                        least(
                            cast(
                                round(
                                    try_cast(replace(value, ',', '.') as decimal(38, 15))
                                    * 86400000, 0
                                ) as bigint
                            ),
                            86399999
                        )
                    ),
                    '%H:%M:%S.%g'
                ),
                '[.]000$',
                ''
            )
        else value
    end;
