-- Every value of the sample follows from integer arithmetic on a row's place in the pattern, so
-- that two DuckDB versions, or one and sixteen threads, write the same bytes. DuckDB's own
-- hash() and random() promise neither.

-- The pattern: a cycle is 40 employees (38 at work, 2 terminated) and 88 account numbers (84 in
-- use, 2 of the terminated employees, 1 of an unknown benefit type, 1 without an owner).

create macro scrambled(x) as xor(x % 2147483647, (x % 2147483647) >> 15);

create macro draw(key, salt) as
    scrambled(scrambled((key + 1) * 48271 + salt * 1000003) * 69621 + salt);

create macro one_of(choices, number) as choices[1 + number % len(choices)];

create macro decimal_text(cents) as cast(cast(cents as decimal(9, 0)) * 0.01 as varchar);

-- 7 has no factor in common with 40, nor 13 with 88: each member of a cycle gets its own number.
create macro employee_number(cycle, member) as
    cycle * 40 + (member * 7 + cycle * 13) % 40 + 1;

create macro employee_id_of(cycle, member) as
    printf('E%04d', employee_number(cycle, member));

create macro account_number(cycle, class) as
    cycle * 88 + (class * 13 + cycle * 29) % 88 + 1;

create macro account_id_of(cycle, class) as
    printf('BA%05d', account_number(cycle, class));

create macro owner_of(class) as
    case class
        when 84 then 38
        when 85 then 39
        when 86 then 10
        else class % 38
    end;

-- The accounts of one employee are 38 classes apart: this gives them different benefit types.
create macro benefit_of(cycle, class) as (class % 38 + class // 38 + cycle) % 4;

create macro program_of(cycle, class) as
    benefit_of(cycle, class) * 2 + (draw(cycle * 88 + class, 1) % 3) // 2;

create macro program_allowance_cents(program) as
    ([7500, 5000, 10000, 10000, 15000, 12000, 15000, 15000])[program + 1];

create macro allowance_cents_of(cycle, class) as
    program_allowance_cents(program_of(cycle, class))
    + case when class % 17 = 3 then 2500 else 0 end;

-- Which employees have a status that is none of the known ones.
create macro has_unknown_status(cycle, member) as
    (member = 26 and cycle % 3 = 1) or (member = 29 and cycle % 3 = 2);
