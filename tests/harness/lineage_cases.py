"""SELECTs and their lineage, one construct each."""

from tracing import Case

EXPRESSIONS = [
    Case("a column", "select email from raw.people", {"email": "people.email IDENTITY"}),
    Case(
        "another name",
        "select people.email as contact from raw.people",
        {"contact": "people.email IDENTITY"},
    ),
    Case(
        "a name before the column",
        "select contact: email from raw.people",
        {"contact": "people.email IDENTITY"},
    ),
    Case(
        "the table with its layer before the column",
        "select raw.people.email from raw.people",
        {"email": "people.email IDENTITY"},
    ),
    Case(
        "names whatever their case",
        'select P."EMAIL" as Contact from Raw.People as p',
        {"contact": "people.email IDENTITY"},
    ),
    Case("parentheses", "select (email) from raw.people", {"email": "people.email IDENTITY"}),
    Case("a constant", "select 'x' as x from raw.people", {"x": ""}),
    Case(
        "a function",
        "select length(email) as x, md5(email) as y from raw.people",
        {"x": "people.email TRANSFORMATION", "y": "people.email TRANSFORMATION"},
    ),
    Case(
        "a cast",
        "select try_cast(email as date) as x, id::varchar as y from raw.people",
        {"x": "people.email TRANSFORMATION", "y": "people.id TRANSFORMATION"},
    ),
    Case(
        "two columns together",
        "select first_name || email as x from raw.people",
        {"x": "people.first_name TRANSFORMATION, people.email TRANSFORMATION"},
    ),
    Case(
        "the days between",
        "select date_diff('day', try_cast(email as date), getvariable('d')) as x from raw.people",
        {"x": "people.email TRANSFORMATION"},
    ),
    Case(
        "a macro",
        "select shout(email) as x from raw.people",
        {"x": "people.email TRANSFORMATION"},
    ),
    Case(
        "a mask",
        "select mask_email(email) as x from raw.people",
        {"x": "people.email TRANSFORMATION mask_email"},
    ),
    Case(
        "a mask with what is around and in it",
        "select upper(Mask_Email(lower(email))) as x from raw.people",
        {"x": "people.email TRANSFORMATION mask_email"},
    ),
    Case(
        "a mask whose argument is named",
        "select mask_email(value := email) as x from raw.people",
        {"x": "people.email TRANSFORMATION mask_email"},
    ),
    Case(
        "a masked value beside itself",
        "select mask_email(email) || email as x from raw.people",
        {"x": "people.email TRANSFORMATION mask_email, people.email TRANSFORMATION"},
    ),
    Case(
        "a mask that masks nothing",
        "select coalesce(mask_email(null), first_name) as x from raw.people",
        {"x": "people.first_name TRANSFORMATION"},
    ),
    Case(
        "coalesce",
        "select coalesce(email, first_name) as x, ifnull(email, id) as y from raw.people",
        {
            "x": "people.email TRANSFORMATION, people.first_name TRANSFORMATION",
            "y": "people.email TRANSFORMATION, people.id TRANSFORMATION",
        },
    ),
    Case(
        "nullif",
        "select nullif(email, first_name) as x from raw.people",
        {
            "x": "people.email TRANSFORMATION, people.email CONDITIONAL, "
            "people.first_name CONDITIONAL"
        },
    ),
    Case(
        "if",
        "select if(id = 'p1', email, first_name) as x from raw.people",
        {
            "x": "people.id CONDITIONAL, people.email TRANSFORMATION, "
            "people.first_name TRANSFORMATION"
        },
    ),
    Case(
        "case",
        "select case when id > 'p1' then email else first_name end as x from raw.people",
        {
            "x": "people.id CONDITIONAL, people.email TRANSFORMATION, "
            "people.first_name TRANSFORMATION"
        },
    ),
    Case(
        "case of a value",
        "select case id when boss_id then email end as x from raw.people",
        {"x": "people.id CONDITIONAL, people.boss_id CONDITIONAL, people.email TRANSFORMATION"},
    ),
    Case(
        "a mask in a condition",
        "select if(mask_email(email) is null, first_name, '') as x from raw.people",
        {"x": "people.email CONDITIONAL mask_email, people.first_name TRANSFORMATION"},
    ),
    Case(
        "a condition in a mask",
        "select mask_email(if(id = 'p1', email, '')) as x from raw.people",
        {"x": "people.id CONDITIONAL mask_email, people.email TRANSFORMATION mask_email"},
    ),
    Case(
        "predicates",
        """select email = first_name as a, email like 'a%' as b, email is null as c,
        regexp_matches(email, 'a') as d, email in ('a', id) as e, email between id and 'z' as f,
        starts_with(email, 'a') as g, suffix(email, 'g') as h, contains(email, 'x') as i,
        email is not distinct from id as j, email similar to 'a' as k, regexp_full_match(email, 'x')
        as l, email ~ 'a' as m, not email ilike 'A%' as n, email glob 'a*' as o
        from raw.people""",
        {
            "a": "people.email CONDITIONAL, people.first_name CONDITIONAL",
            "e": "people.email CONDITIONAL, people.id CONDITIONAL",
            "f": "people.email CONDITIONAL, people.id CONDITIONAL",
            "j": "people.email CONDITIONAL, people.id CONDITIONAL",
        }
        | dict.fromkeys("bcdghiklmno", "people.email CONDITIONAL"),
    ),
    Case(
        "a struct",
        "select struct_pack(a := email, b := id) as x, {'a': email} as y, row(email, id) as z "
        "from raw.people",
        {
            "x": "people.email TRANSFORMATION, people.id TRANSFORMATION",
            "y": "people.email TRANSFORMATION",
            "z": "people.email TRANSFORMATION, people.id TRANSFORMATION",
        },
    ),
    Case(
        "a field of a struct derives from all of it",
        "select card.kind, people.card.code, card['kind'] as x, (card).code as y from raw.people",
        {
            "kind": "people.card IDENTITY",
            "code": "people.card IDENTITY",
            "x": "people.card TRANSFORMATION",
            "y": "people.card TRANSFORMATION",
        },
    ),
    Case(
        "a map and its keys",
        "select map {first_name: email} as x, map([id], [email]) as y from raw.people",
        {
            "x": "people.first_name TRANSFORMATION, people.email TRANSFORMATION",
            "y": "people.id TRANSFORMATION, people.email TRANSFORMATION",
        },
    ),
    Case(
        "a list",
        "select [email, id] as x, tags[1] as y, tags[1:length(id)] as z from raw.people",
        {
            "x": "people.email TRANSFORMATION, people.id TRANSFORMATION",
            "y": "people.tags TRANSFORMATION",
            "z": "people.tags TRANSFORMATION, people.id TRANSFORMATION",
        },
    ),
    Case(
        "a lambda",
        "select list_transform(tags, lambda t: t || email) as x from raw.people",
        {"x": "people.tags TRANSFORMATION, people.email TRANSFORMATION"},
    ),
    Case(
        "a lambda with a condition",
        "select list_filter(tags, lambda t, i: t <> email and i > 1) as x from raw.people",
        {"x": "people.tags TRANSFORMATION, people.email CONDITIONAL"},
    ),
    Case(
        "a list comprehension",
        "select [t || email for t in tags if t <> id] as x from raw.people",
        {"x": "people.tags TRANSFORMATION, people.email TRANSFORMATION, people.id CONDITIONAL"},
    ),
    Case(
        "unnest",
        "select id, unnest(tags) as tag from raw.people",
        {"id": "people.id IDENTITY", "tag": "people.tags TRANSFORMATION"},
        "people.tags JOIN",
    ),
    Case(
        "formats",
        "select format('{}-{}', email, id) as x, concat_ws(',', email, id) as y, "
        "replace(email, 'a', id) as z, trim(email, id) as w from raw.people",
        dict.fromkeys("xyzw", "people.email TRANSFORMATION, people.id TRANSFORMATION"),
    ),
    Case(
        "a JSON path",
        "select json_extract(to_json(email), '$') as x, "
        "json_extract_string(json_object('a', email), 'a') as y from raw.people",
        dict.fromkeys("xy", "people.email TRANSFORMATION"),
    ),
    Case(
        "a variable",
        "select coalesce(getvariable('pii_masking'), true) and email > '' as x from raw.people",
        {"x": "people.email CONDITIONAL"},
    ),
    Case(
        "an alias that is used further on",
        "select mask_email(email) as m, upper(m) as x from raw.people",
        {
            "m": "people.email TRANSFORMATION mask_email",
            "x": "people.email TRANSFORMATION mask_email",
        },
    ),
    Case(
        "a column is preferred to an alias",
        "select mask_email(email) as first_name, first_name as x from raw.people",
        {
            "first_name": "people.email TRANSFORMATION mask_email",
            "x": "people.first_name IDENTITY",
        },
    ),
]

AGGREGATES = [
    Case(
        "aggregates",
        "select min(email) as a, list(email) as b, mode(email) as c, any_value(email) as d, "
        "string_agg(email, ',') as e, histogram(email) as f, first(email) as g, "
        "array_agg(distinct email) as h, max(email, 2) as i from raw.people",
        dict.fromkeys("abcdefghi", "people.email AGGREGATION"),
    ),
    Case(
        "counts",
        "select count(*) as n, count(email) as a, count(distinct email) as b, "
        "approx_count_distinct(email) as c, count_if(email > '') as d from raw.people",
        {"n": ""}
        | dict.fromkeys("abc", "people.email AGGREGATION count")
        | {"d": "people.email CONDITIONAL count"},
    ),
    Case(
        "the order of an aggregate",
        "select first(email order by id) as a, list(email order by id desc) as b, "
        "string_agg(email, ',' order by id) as c from raw.people",
        dict.fromkeys("abc", "people.email AGGREGATION, people.id SORT"),
    ),
    Case(
        "the value at the greatest of another",
        "select arg_max(email, id) as a, min_by(email, id) as b, arg_min(email, id, 2) as c, "
        "arg_max_null(email, id) as d from raw.people",
        dict.fromkeys("abcd", "people.email AGGREGATION, people.id SORT"),
    ),
    Case(
        "what is ordered within a group is the value",
        "select mode() within group (order by email) as a, "
        "percentile_disc(0.5) within group (order by email) as b from raw.people",
        dict.fromkeys("ab", "people.email AGGREGATION"),
    ),
    Case(
        "a filtered aggregate",
        "select max(email) filter (where id <> 'p1') as x, "
        "count(*) filter (where tags[1] = 'u') as n from raw.people",
        {"x": "people.email AGGREGATION, people.id FILTER", "n": "people.tags FILTER"},
    ),
    Case(
        "a computed aggregate",
        "select upper(max(lower(email))) as x, max(mask_email(email)) as y from raw.people",
        {
            "x": "people.email AGGREGATION",
            "y": "people.email AGGREGATION mask_email",
        },
    ),
    Case(
        "group by",
        "select boss_id, max(email) as x from raw.people group by boss_id",
        {"boss_id": "people.boss_id IDENTITY", "x": "people.email AGGREGATION"},
        "people.boss_id GROUP_BY",
    ),
    Case(
        "group by all",
        "select boss_id, left(id, 1) as i, max(email) as x from raw.people group by all",
        {
            "boss_id": "people.boss_id IDENTITY",
            "i": "people.id TRANSFORMATION",
            "x": "people.email AGGREGATION",
        },
        "people.boss_id GROUP_BY, people.id GROUP_BY",
    ),
    Case(
        "group by all of a column that was aggregated before",
        "with e as (select id, max(email) as m from raw.people group by id) "
        "select m, count(*) as n from e group by all",
        {"m": "people.email AGGREGATION", "n": "people.email GROUP_BY"},
        "people.id GROUP_BY, people.email GROUP_BY",
    ),
    Case(
        "group by all of a query that aggregates",
        "select (select max(item) from raw.orders where person_id = boss_id) as x, count(*) as n "
        "from raw.people group by all",
        {
            "x": "orders.item AGGREGATION, orders.person_id FILTER, people.boss_id FILTER",
            "n": "orders.item GROUP_BY, orders.person_id GROUP_BY, people.boss_id GROUP_BY",
        },
        "orders.item GROUP_BY, orders.person_id GROUP_BY, people.boss_id GROUP_BY",
    ),
    Case(
        "group by a number or an alias",
        "select left(boss_id, 1) as b, left(id, 1) as i, count(*) as n "
        "from raw.people group by 1, i",
        {
            "b": "people.boss_id TRANSFORMATION",
            "i": "people.id TRANSFORMATION",
            "n": "people.boss_id GROUP_BY, people.id GROUP_BY",
        },
        "people.boss_id GROUP_BY, people.id GROUP_BY",
    ),
    Case(
        "group by sets",
        "select boss_id, id, count(*) as n from raw.people "
        "group by grouping sets ((boss_id), (id), ())",
        {
            "boss_id": "people.boss_id IDENTITY",
            "id": "people.id IDENTITY",
            "n": "people.boss_id GROUP_BY, people.id GROUP_BY",
        },
        "people.boss_id GROUP_BY, people.id GROUP_BY",
    ),
    Case(
        "having",
        "select boss_id from raw.people group by boss_id having max(email) > 'b'",
        {"boss_id": "people.boss_id IDENTITY"},
        "people.boss_id GROUP_BY, people.email FILTER",
    ),
    Case(
        "having a count",
        "select boss_id from raw.people group by boss_id having count(email) > 1",
        {"boss_id": "people.boss_id IDENTITY"},
        "people.boss_id GROUP_BY, people.email FILTER count",
    ),
    Case(
        "distinct",
        "select distinct boss_id, left(email, 1) as e from raw.people",
        {"boss_id": "people.boss_id IDENTITY", "e": "people.email TRANSFORMATION"},
        "people.boss_id GROUP_BY, people.email GROUP_BY",
    ),
    Case(
        "distinct on",
        "select distinct on (boss_id) email from raw.people order by id",
        {"email": "people.email IDENTITY"},
        "people.boss_id GROUP_BY, people.id SORT",
    ),
]

WINDOWS = [
    Case(
        "a window",
        "select row_number() over (partition by boss_id order by id) as n, "
        "max(email) over (partition by boss_id) as x from raw.people",
        {
            "n": "people.boss_id WINDOW, people.id WINDOW",
            "x": "people.email AGGREGATION, people.boss_id WINDOW",
        },
    ),
    Case(
        "the value of another row",
        "select lead(email) over (order by id) as a, lag(email, 1, first_name) over (order by id) "
        "as b, first_value(email) over (order by id) as c, "
        "last_value(email ignore nulls) over (order by id) as d from raw.people",
        dict.fromkeys("acd", "people.email TRANSFORMATION, people.id WINDOW")
        | {"b": "people.email TRANSFORMATION, people.first_name TRANSFORMATION, people.id WINDOW"},
    ),
    Case(
        "named windows, one made from another",
        "select max(email) over w as x, max(email) over v as y, count(*) over (w order by id) as z "
        "from raw.people window w as (partition by boss_id), v as (w order by tags)",
        {
            "x": "people.email AGGREGATION, people.boss_id WINDOW",
            "y": "people.email AGGREGATION, people.boss_id WINDOW, people.tags WINDOW",
            "z": "people.boss_id WINDOW, people.id WINDOW",
        },
    ),
    Case(
        "a count over a window",
        "select count(distinct email) over (partition by boss_id) as n from raw.people",
        {"n": "people.email AGGREGATION count, people.boss_id WINDOW"},
    ),
    Case(
        "qualify",
        "select email from raw.people "
        "qualify row_number() over (partition by boss_id order by id) = 1",
        {"email": "people.email IDENTITY"},
        "people.boss_id FILTER, people.id FILTER",
    ),
    Case(
        "qualify by an alias",
        "select email, row_number() over (order by id) as n from raw.people qualify n < 3",
        {"email": "people.email IDENTITY", "n": "people.id WINDOW"},
        "people.id FILTER",
    ),
]

ROWS = [
    Case(
        "where",
        "select email from raw.people where id <> 'p2' and length(first_name) > 1",
        {"email": "people.email IDENTITY"},
        "people.id FILTER, people.first_name FILTER",
    ),
    Case(
        "where an alias",
        "select email, upper(id) as u from raw.people where u <> 'P2'",
        {"email": "people.email IDENTITY", "u": "people.id TRANSFORMATION"},
        "people.id FILTER",
    ),
    Case(
        "where a name that is a column and an alias",
        "select email, upper(first_name) as id from raw.people where id <> 'p2'",
        {"email": "people.email IDENTITY", "id": "people.first_name TRANSFORMATION"},
        "people.id FILTER, people.first_name FILTER",
    ),
    Case(
        "order and limit",
        "select email from raw.people order by id, 1 limit 2",
        {"email": "people.email IDENTITY"},
        "people.id SORT, people.email SORT",
    ),
    Case(
        "order by all",
        "select email, id from raw.people order by all limit 1 offset 1",
        {"email": "people.email IDENTITY", "id": "people.id IDENTITY"},
        "people.id SORT, people.email SORT",
    ),
    Case(
        "a limit that is asked for",
        "select id from raw.people limit (select count(item) from raw.orders)",
        {"id": "people.id IDENTITY"},
        "orders.item FILTER count",
    ),
    Case(
        "in a query",
        "select email from raw.people where id in (select person_id from raw.orders where item = "
        "'pen')",
        {"email": "people.email IDENTITY"},
        "people.id FILTER, orders.person_id FILTER, orders.item FILTER",
    ),
    Case(
        "several in a query",
        "select email from raw.people where (id, boss_id) in (select person_id, id from "
        "raw.orders)",
        {"email": "people.email IDENTITY"},
        "people.id FILTER, people.boss_id FILTER, orders.person_id FILTER, orders.id FILTER",
    ),
    Case(
        "any of a query",
        "select email from raw.people where id = any (select person_id from raw.orders)",
        {"email": "people.email IDENTITY"},
        "people.id FILTER, orders.person_id FILTER",
    ),
    Case(
        "exists",
        "select email from raw.people as p where exists (select 1 from raw.orders as o where "
        "o.person_id = p.id)",
        {"email": "people.email IDENTITY"},
        "people.id FILTER, orders.person_id FILTER",
    ),
]

QUERIES = [
    Case(
        "FROM first",
        "from raw.orders",
        {it: f"orders.{it} IDENTITY" for it in ("id", "person_id", "item", "note")}
        | {"_row_number": "orders._row_number IDENTITY"},
    ),
    Case(
        "FROM first, then SELECT",
        "from raw.people select email",
        {"email": "people.email IDENTITY"},
    ),
    Case(
        "a star without, with other and with renamed columns",
        "select * exclude (note, _row_number) replace (mask_email(item) as item) "
        "rename (person_id as owner) from raw.orders",
        {
            "id": "orders.id IDENTITY",
            "owner": "orders.person_id IDENTITY",
            "item": "orders.item TRANSFORMATION mask_email",
        },
    ),
    Case(
        "the star of a table",
        "select o.* exclude (note, _row_number), p.email from raw.people as p, raw.orders as o",
        {it: f"orders.{it} IDENTITY" for it in ("id", "person_id", "item")}
        | {"email": "people.email IDENTITY"},
    ),
    Case(
        "a star without one table's column",
        "select * exclude (p.id, p._row_number, tags, card) from raw.people as p "
        "join raw.orders as o on p.id = o.person_id",
        {
            "first_name": "people.first_name IDENTITY",
            "email": "people.email IDENTITY",
            "boss_id": "people.boss_id IDENTITY",
            "id": "orders.id IDENTITY",
            "person_id": "orders.person_id IDENTITY",
            "item": "orders.item IDENTITY",
            "note": "orders.note IDENTITY",
            "_row_number": "orders._row_number IDENTITY",
        },
        "people.id JOIN, orders.person_id JOIN",
    ),
    Case(
        "columns under the names of an alias",
        "select b, a from raw.orders as o(a, b)",
        {"b": "orders.person_id IDENTITY", "a": "orders.id IDENTITY"},
    ),
    Case(
        "a subquery",
        "select x || 'a' as y from (select mask_email(email) as x from raw.people where id > 'a')",
        {"y": "people.email TRANSFORMATION mask_email"},
        "people.id FILTER",
    ),
    Case(
        "a subquery with names for its columns",
        "select q.b from (select id, email from raw.people) as q(a, b)",
        {"b": "people.email IDENTITY"},
    ),
    Case(
        "CTEs, one from another",
        "with a as (select email as x, id from raw.people where id > 'a'), "
        "b as (select upper(x) as y from a) select y as z from b",
        {"z": "people.email TRANSFORMATION"},
        "people.id FILTER",
    ),
    Case(
        "a CTE with names for its columns",
        "with a(x, y) as (select id, email from raw.people) select y from a",
        {"y": "people.email IDENTITY"},
    ),
    Case(
        "a CTE that is named like a table",
        "with people as (select first_name as email from raw.people) select email from people",
        {"email": "people.first_name IDENTITY"},
    ),
    Case(
        "a CTE of a CTE of the same name",
        "with a as (select email as x from raw.people), "
        "b as (with a as (select id as x from raw.people) select x from a) "
        "select a.x, b.x as y from a, b",
        {"x": "people.email IDENTITY", "y": "people.id IDENTITY"},
    ),
    Case(
        "a CTE in a subquery",
        "select (with a as (select max(email) as x from raw.people) select x from a) as y "
        "from raw.orders",
        {"y": "people.email AGGREGATION"},
    ),
    Case(
        "a scalar subquery",
        "select (select email from raw.people order by id limit 1) as x from raw.orders",
        {"x": "people.email IDENTITY, people.id SORT"},
    ),
    Case(
        "a correlated subquery",
        "select o.id, (select max(email) from raw.people as p where p.id = o.person_id) as x "
        "from raw.orders as o",
        {
            "id": "orders.id IDENTITY",
            "x": "people.email AGGREGATION, people.id FILTER, orders.person_id FILTER",
        },
    ),
    Case(
        "a column of the query around",
        "select (select max(item || email) from raw.orders) as x from raw.people",
        {"x": "orders.item AGGREGATION, people.email AGGREGATION"},
    ),
    Case(
        "an alias of the query around",
        "select mask_email(email) as m, (select max(m || item) from raw.orders) as x "
        "from raw.people",
        {
            "m": "people.email TRANSFORMATION mask_email",
            "x": "people.email AGGREGATION mask_email, orders.item AGGREGATION",
        },
    ),
    Case(
        "the list of a query",
        "select array(select email from raw.people) as x",
        {"x": "people.email AGGREGATION, people.email CONDITIONAL"},
    ),
    Case(
        "exists as a value",
        "select exists (from raw.people where email > 'b') as x",
        {"x": "people.email CONDITIONAL"},
    ),
    Case(
        "values",
        "select v.a, b from (values ('x', 'y'), ('z', 'w')) as v(a, b)",
        {"a": "", "b": ""},
    ),
    Case(
        "values of columns",
        "select x from raw.people, (values (email), (id)) as v(x)",
        {"x": "people.email IDENTITY, people.id IDENTITY"},
    ),
    Case(
        "values in a CTE",
        "with v(a) as (values ('x')) select a, email from v, raw.people",
        {"a": "", "email": "people.email IDENTITY"},
    ),
    Case(
        "unnest in FROM",
        "select id, tag from raw.people, unnest(tags) as u(tag)",
        {"id": "people.id IDENTITY", "tag": "people.tags TRANSFORMATION"},
        "people.tags JOIN",
    ),
    Case(
        "unnest under its alias",
        "select id, u from raw.people as p, unnest(p.tags) as u",
        {"id": "people.id IDENTITY", "u": "people.tags TRANSFORMATION"},
        "people.tags JOIN",
    ),
    Case(
        "unnest in a star",
        "select * exclude (card) replace (unnest(tags) as tags) from raw.people",
        {
            it: f"people.{it} IDENTITY"
            for it in ("id", "first_name", "email", "boss_id", "tags", "_row_number")
        }
        | {"tags": "people.tags TRANSFORMATION"},
        "people.tags JOIN",
    ),
    Case(
        "a layer's name for something else",
        "with raw as (select {'email': item} as people from raw.orders) "
        "select raw.people.email as x from raw, raw.people",
        {"x": "people.email IDENTITY, orders.item TRANSFORMATION"},
    ),
    Case(
        "a range",
        "select i, email from range(2) as r(i), raw.people",
        {"i": "", "email": "people.email IDENTITY"},
    ),
    Case(
        "a lateral subquery",
        "select x from raw.people, lateral (select email || '!' as x) as l",
        {"x": "people.email TRANSFORMATION"},
    ),
    Case(
        "a lateral subquery that does not say so",
        "select l.x from raw.people as p, (select p.email || '!' as x) as l",
        {"x": "people.email TRANSFORMATION"},
    ),
]

SETS = [
    Case(
        "union all, by position",
        "select email as x, id from raw.people union all select item, note as x from raw.orders",
        {
            "x": "people.email IDENTITY, orders.item IDENTITY",
            "id": "people.id IDENTITY, orders.note IDENTITY",
        },
    ),
    Case(
        "union",
        "select left(email, 1) as x from raw.people union select item from raw.orders",
        {"x": "people.email TRANSFORMATION, orders.item IDENTITY"},
        "people.email GROUP_BY, orders.item GROUP_BY",
    ),
    Case(
        "except",
        "select id from raw.people except select person_id from raw.orders",
        {"id": "people.id IDENTITY"},
        "people.id FILTER, orders.person_id FILTER",
    ),
    Case(
        "intersect",
        "select id from raw.people intersect select person_id from raw.orders",
        {"id": "people.id IDENTITY, orders.person_id IDENTITY"},
        "people.id FILTER, orders.person_id FILTER",
    ),
    Case(
        "a union with an order and a limit",
        "(select email as x, id from raw.people) union all (select item, id from raw.orders "
        "order by note limit 1) order by id, 1 limit 3",
        {
            "x": "people.email IDENTITY, orders.item IDENTITY",
            "id": "people.id IDENTITY, orders.id IDENTITY",
        },
        "orders.note SORT, people.id SORT, orders.id SORT, people.email SORT, orders.item SORT",
    ),
    Case(
        "a union in a CTE",
        "with a as (select email as x from raw.people union all select item from raw.orders) "
        "select upper(x) as y from a",
        {"y": "people.email TRANSFORMATION, orders.item TRANSFORMATION"},
    ),
]

JOINS = [
    Case(
        "join",
        "select email, item from raw.people as p join raw.orders as o on p.id = o.person_id",
        {"email": "people.email IDENTITY", "item": "orders.item IDENTITY"},
        "people.id JOIN, orders.person_id JOIN",
    ),
    Case(
        "join using",
        "select id, p.id as a, o.id as b, email from raw.people as p join raw.orders as o "
        "using (id)",
        {
            "id": "people.id IDENTITY, orders.id IDENTITY",
            "a": "people.id IDENTITY",
            "b": "orders.id IDENTITY",
            "email": "people.email IDENTITY",
        },
        "people.id JOIN, orders.id JOIN",
    ),
    Case(
        "full join using",
        "select id, email, item from raw.people full join raw.orders using (id)",
        {
            "id": "people.id IDENTITY, orders.id IDENTITY",
            "email": "people.email IDENTITY",
            "item": "orders.item IDENTITY",
        },
        "people.id JOIN, orders.id JOIN",
    ),
    Case(
        "the star of a join using",
        "select * exclude (tags, card) from raw.people right join raw.orders "
        "using (id, _row_number)",
        {
            "id": "people.id IDENTITY, orders.id IDENTITY",
            "first_name": "people.first_name IDENTITY",
            "email": "people.email IDENTITY",
            "boss_id": "people.boss_id IDENTITY",
            "_row_number": "people._row_number IDENTITY, orders._row_number IDENTITY",
            "person_id": "orders.person_id IDENTITY",
            "item": "orders.item IDENTITY",
            "note": "orders.note IDENTITY",
        },
        "people.id JOIN, orders.id JOIN, people._row_number JOIN, orders._row_number JOIN",
    ),
    Case(
        "three joined using",
        "select id, email, item, q.first_name as f from raw.people "
        "full join (select id, item from raw.orders) using (id) "
        "full join (select note as id, first_name from raw.people, raw.orders) as q using (id)",
        {
            "id": "people.id IDENTITY, orders.id IDENTITY, orders.note IDENTITY",
            "email": "people.email IDENTITY",
            "item": "orders.item IDENTITY",
            "f": "people.first_name IDENTITY",
        },
        "people.id JOIN, orders.id JOIN, orders.note JOIN",
    ),
    Case(
        "natural join",
        "select * from (select id, email from raw.people) natural full join "
        "(select id, item from raw.orders)",
        {
            "id": "people.id IDENTITY, orders.id IDENTITY",
            "email": "people.email IDENTITY",
            "item": "orders.item IDENTITY",
        },
        "people.id JOIN, orders.id JOIN",
    ),
    Case(
        "joins in parentheses",
        "select p.email, item, b.boss_id as bb from raw.people as p join (raw.orders as o join "
        "raw.people as b on b.id = o.person_id) on p.id = o.id",
        {
            "email": "people.email IDENTITY",
            "item": "orders.item IDENTITY",
            "bb": "people.boss_id IDENTITY",
        },
        "people.id JOIN, orders.person_id JOIN, orders.id JOIN",
    ),
    Case(
        "joins in parentheses, using",
        "select id, x, y, z from (select id, email as x from raw.people) full join "
        "((select id, item as y from raw.orders) as a full join "
        "(select note as id, person_id as z from raw.orders) as b using (id)) using (id)",
        {
            "id": "people.id IDENTITY, orders.id IDENTITY, orders.note IDENTITY",
            "x": "people.email IDENTITY",
            "y": "orders.item IDENTITY",
            "z": "orders.person_id IDENTITY",
        },
        "people.id JOIN, orders.id JOIN, orders.note JOIN",
    ),
    Case(
        "semi join",
        "select * exclude (tags, card) from raw.people semi join raw.orders "
        "on people.id = orders.person_id",
        {
            it: f"people.{it} IDENTITY"
            for it in ("id", "first_name", "email", "boss_id", "_row_number")
        },
        "people.id JOIN, orders.person_id JOIN",
    ),
    Case(
        "anti join using",
        "select id, email from raw.people anti join raw.orders using (id)",
        {"id": "people.id IDENTITY", "email": "people.email IDENTITY"},
        "people.id JOIN, orders.id JOIN",
    ),
    Case(
        "asof join",
        "select email, item from raw.people as p asof join raw.orders as o on p.id >= o.person_id",
        {"email": "people.email IDENTITY", "item": "orders.item IDENTITY"},
        "people.id JOIN, orders.person_id JOIN",
    ),
    Case(
        "positional join",
        "select email, item from raw.people positional join raw.orders",
        {"email": "people.email IDENTITY", "item": "orders.item IDENTITY"},
    ),
    Case(
        "cross join",
        "select email, item from raw.people cross join raw.orders",
        {"email": "people.email IDENTITY", "item": "orders.item IDENTITY"},
    ),
    Case(
        "a join that is asked for a query",
        "select email from raw.people as p left join raw.orders as o "
        "on o.person_id = p.id and exists (select 1 from raw.orders as q where q.item = o.item)",
        {"email": "people.email IDENTITY"},
        "people.id JOIN, orders.person_id JOIN, orders.item JOIN",
    ),
]

CASES = [*EXPRESSIONS, *AGGREGATES, *WINDOWS, *ROWS, *QUERIES, *SETS, *JOINS]
