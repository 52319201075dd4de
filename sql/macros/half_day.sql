-- The text with its half of the day as AM and PM are written: a.m., p. m. and the like without
-- points, Chinese, Japanese and Korean words for it, and a plain space for each no-break one.
create or replace macro half_day(value) as
    regexp_replace(
        regexp_replace(
            regexp_replace(
                translate(value, chr(160) || chr(8239), '  '),
                '([AaPp])[.] ?([Mm])[.]?',
                '\1\2'
            ),
            '오전|午前|上午',
            'AM'
        ),
        '오후|午後|下午',
        'PM'
    );
