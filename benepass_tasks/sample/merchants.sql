-- Invented merchants, the same number per category. The awkward ones at the end have no category:
-- the plan asks for each of them once.
create table merchants as
with
listed(category, names) as (
    values
    ('gym', [
        'Iron Heron Gym', 'Pulse & Plank', 'O''Marlow''s Barbell Room', 'Kettle Lane Gym',
        'Salle Étoile Bleue', 'Gravity Shed, LLC', 'Nordhang Kraftraum', 'Rope & Ring Hall'
    ]),
    ('fitness', [
        'Willow Stretch Studio', 'Höhenweg Pilates', 'Tidal Yoga & Breath', 'Ember Spin Loft',
        'Marisol''s Dance Floor', 'Balance Barn, Inc.', 'Piste Dorée', 'Otter Swim School'
    ]),
    ('office_supplies', [
        'Desk & Dandelion', 'Paperheron Supplies', 'Quill Lantern Office Co.', 'Ergo Otter, Ltd.',
        'Bureau Façade', 'Inkwell''s Corner', 'Stapler Grove', 'Lumbar & Lamp'
    ]),
    ('food', [
        'Green Fork, Inc.', 'Crêperie Lunaire', 'Noodle & Nettle', 'Brisa''s Kitchen',
        'Café Ébène', 'Tin Ladle Lunches', 'Saffron Kiosk', 'Broth, Bread & Co.'
    ]),
    ('groceries', [
        'Little Barrow Grocers', 'Nut & Barley Market', 'Épicerie Marée Basse', 'Turnip Town, LLC',
        'Farmer Odile''s Stand', 'Plum Crate', 'Jalapeño Junction', 'Copper Beet Pantry'
    ]),
    ('education', [
        'Lantern Lane Learning', 'Chalk & Compass', 'Owlmere Courses, Inc.', 'Academia Niño Sol',
        'Professor Pebble''s Workshop', 'Slate River School', 'Quince Language Lab', 'Brückenkurs'
    ]),
    ('transit', [
        'Tramway & Tide', 'Tramway & Tide', 'Tramway & Tide', 'Tramway & Tide',
        'Tramway & Tide', 'Tramway & Tide', 'Tramway & Tide', 'Tramway & Tide'
    ])
),

ordered as (
    select
        listed.category,
        listed.names,
        numbers.range as number
    from listed
    cross join range(8) as numbers
)

select
    category,
    number,
    names[number + 1] as merchant
from ordered;

create table awkward_merchants (rule varchar, merchant varchar);

insert into awkward_merchants
values
('newline', 'Corner' || chr(10) || 'Deli'),
('quote', 'Joe "The Bean" Café'),
('script', '<script>alert(1)</script>'),
('formula', '=HYPERLINK("http://x.example")'),
('escape', chr(27) || '[31mRed Awning' || chr(27) || '[0m'),
('injection', '''; DROP TABLE raw.transactions; --');

create table category_benefit_mappings (
    benefit_type varchar,
    valid_category varchar,
    issues varchar default ''
);

insert into category_benefit_mappings (benefit_type, valid_category)
values
('wellness', 'gym'),
('wellness', 'fitness'),
('wfh', 'office_supplies'),
('meals', 'food'),
('meals', 'groceries'),
('learning', 'education');
