-- The text of a date with the common year in place of that of an era: the Buddhist one (2568), that
-- of the Republic of China (114, 民國114年) and those of Japan's emperors (R7, 令和7年, 平成元年).
-- NULL where no year of the era is there.
create or replace macro common_era(value, era) as
    case era
        when 'buddhist'
            then regexp_replace(
                value,
                '(^|[^0-9])2[4-6][0-9]{2}([^0-9]|$)',
                '\1'
                || cast(
                    try_cast(
                        regexp_extract(value, '(?:^|[^0-9])(2[4-6][0-9]{2})(?:[^0-9]|$)', 1)
                        as integer
                    ) - 543 as varchar
                )
                || '\2'
            )
        when 'minguo'
            then regexp_replace(
                value,
                '^((中華)?民[國国])? ?[0-9]{2,3}([^0-9])',
                cast(
                    try_cast(
                        regexp_extract(value, '^(?:(?:中華)?民[國国])? ?([0-9]{2,3})[^0-9]', 1)
                        as integer
                    ) + 1911 as varchar
                )
                || '\3'
            )
        when 'japanese'
            then regexp_replace(
                value,
                '^(令和|平成|昭和|[RHSrhs]) ?(元|[0-9]{1,2})([^0-9])',
                cast(
                    try_cast(
                        replace(
                            regexp_extract(
                                value, '^(?:令和|平成|昭和|[RHSrhs]) ?(元|[0-9]{1,2})[^0-9]', 1
                            ),
                            '元',
                            '1'
                        ) as integer
                    )
                    + case
                        when regexp_matches(value, '^(令和|[Rr])') then 2018
                        when regexp_matches(value, '^(平成|[Hh])') then 1988
                        else 1925
                    end as varchar
                )
                || '\3'
            )
    end;
