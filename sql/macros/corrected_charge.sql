-- The plain amount of a charge: what it was corrected to, where it was. NULL where that cannot be
-- read.
create or replace macro corrected_charge(charged, charged_text, corrected, corrected_text) as
    if(corrected_text is null, charged, corrected);
