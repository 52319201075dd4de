-- A cleaned ISO 8601 text (extended format; seconds, fraction and zone optional) as a TIMESTAMP in
-- UTC, NULL where it is none. An offset is converted; a text without one is taken as UTC. The shape
-- is checked first because a cast alone also takes 'epoch', 'infinity' and '2025-1-5', and drops
-- the offset when it casts to TIMESTAMP.
create or replace macro utc_timestamp(value) as
    case
        when regexp_full_match(
            value,
            '[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z?'
        )
            then try_cast(value as timestamp)
        when regexp_full_match(value, '[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2})?')
            then try_cast(if(length(value) = 10, value, value || ':00') as timestamp)
        when regexp_full_match(
            value,
            '[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?'
            || '(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)'
        )
            then try_cast(
                regexp_replace(value, '^(.{16})([^:].*)$', '\1:00\2') as timestamptz
            ) at time zone 'UTC'
    end;
