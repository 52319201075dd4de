-- The plain amount of a debit beside a credit, of which one says something and the other nothing or
-- zero: a debit is above zero, and a credit, given as what it adds, below; NULL otherwise. The
-- texts say whether there is anything at all.
create or replace macro debit_or_credit(debit, debit_text, credit, credit_text) as
    case
        when money(debit) > 0 and (credit_text is null or money(credit) = 0) then debit
        when money(credit) < 0 and (debit_text is null or money(debit) = 0) then credit
        when money(debit) = 0 and (credit_text is null or money(credit) = 0) then debit
        when money(credit) = 0 and debit_text is null then credit
    end;
