alter table meta.loads add column if not exists passed_over bigint default 0;
