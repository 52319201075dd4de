create table if not exists meta.decisions (
    decision varchar not null,
    source varchar not null,
    file varchar,
    guard varchar,
    sha256 varchar,
    detail varchar not null,
    decided_at timestamptz not null,
    run_id varchar
);
