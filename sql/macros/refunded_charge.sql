-- Which of some charges a refund belongs to, by id: the last of which exactly that much is left, or
-- else the last of which as much is left; NULL where of none. The charges are structs of id and
-- remaining, in the order of time; the refunded amount is above zero.
create or replace macro refunded_charge(charges, refunded) as
    coalesce(
        list_filter(charges, lambda charge: charge.remaining = refunded)[-1].id,
        list_filter(charges, lambda charge: charge.remaining >= refunded)[-1].id
    );
