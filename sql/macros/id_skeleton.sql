-- What ids that look alike have in common, after the idea of Unicode's confusables (UTS 39). Alike
-- are, whatever their case: 0 and O; 1, I and l; the letters of Cyrillic (авекмнорстухіјѕ) and of
-- Greek (αβεζηικμνορτυχ) that are drawn as a Latin one, and that one; and ids that differ in zeros
-- in front or in spaces alone. The text is only compared, never shown. Most ids hold none of these,
-- which one match tells.
create or replace macro id_skeleton(value) as
    case
        when regexp_full_match(value, '[!-/1-HJ-KM-NP-hj-km-np-~][!-HJ-KM-NP-hj-km-np-~]*')
            then lower(value)
        else
            ltrim(
                replace(
                    replace(
                        replace(
                            replace(
                                if(
                                    strlen(value) = length(value),
                                    lower(value),
                                    translate(
                                        lower(value),
                                        'авекмнорстухіјѕαβεζηικμνορτυχ',
                                        'abekmhopctyxijsabezhikmvoptyx'
                                    )
                                ),
                                ' ',
                                ''
                            ),
                            'o',
                            '0'
                        ),
                        'i',
                        '1'
                    ),
                    'l',
                    '1'
                ),
                '0'
            )
    end;
