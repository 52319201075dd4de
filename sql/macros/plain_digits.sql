-- The text with the plain digit for each Arabic, Persian, Indian (Devanagari, Bengali, Gurmukhi,
-- Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam), Thai, Lao, Tibetan, Burmese and Khmer one, a
-- point and a comma for the Arabic signs before decimals and between thousands, and without marks
-- of the direction of writing.
create or replace macro plain_digits(value) as
    translate(
        value,
        '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹'
        || '०१२३४५६७८९০১২৩৪৫৬৭৮৯'
        || '੦੧੨੩੪੫੬੭੮੯૦૧૨૩૪૫૬૭૮૯'
        || '୦୧୨୩୪୫୬୭୮୯௦௧௨௩௪௫௬௭௮௯'
        || '౦౧౨౩౪౫౬౭౮౯೦೧೨೩೪೫೬೭೮೯'
        || '൦൧൨൩൪൫൬൭൮൯๐๑๒๓๔๕๖๗๘๙'
        || '໐໑໒໓໔໕໖໗໘໙༠༡༢༣༤༥༦༧༨༩'
        || '၀၁၂၃၄၅၆၇၈၉០១២៣៤៥៦៧៨៩'
        || '٫٬' || chr(8206) || chr(8207) || chr(1564),
        repeat('0123456789', 16) || '.,'
    );
