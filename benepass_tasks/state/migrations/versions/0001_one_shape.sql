-- Schema `meta` as it was when versions began; where it is now, later revisions say.

create table if not exists meta.markers (
  name varchar not null,
  recipe varchar not null,
  fingerprint varchar not null,
  content varchar not null,
  row_count bigint,
  seconds double not null,
  run_id varchar not null,
  built_at timestamptz not null,
  primary key (name)
);

create table if not exists meta.loads (
  source varchar not null,
  file varchar not null,
  recipe varchar not null,
  sha256 varchar not null,
  file_state varchar not null,
  load_id varchar not null,
  lines bigint not null,
  records bigint not null,
  parsed bigint not null,
  rejected bigint not null,
  seconds double not null,
  run_id varchar not null,
  loaded_at timestamptz not null,
  primary key (source, file)
);

create table if not exists meta.properties (
  name varchar not null,
  value varchar not null,
  primary key (name)
);

create table if not exists meta.check_results (
  run_id varchar not null,
  relation varchar not null,
  column_name varchar,
  test varchar not null,
  arguments varchar not null,
  severity varchar not null,
  status varchar not null,
  failing_rows bigint not null,
  checked_rows bigint not null,
  sample_keys varchar[] not null,
  seconds double not null,
  checked_at timestamptz not null
);

create table if not exists meta.runs (
  run_id varchar not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  status varchar not null,
  as_of date not null,
  versions varchar not null,
  settings varchar not null,
  git_commit varchar,
  error varchar,
  primary key (run_id)
);

create table if not exists meta.materializations (
  run_id varchar not null,
  node varchar not null,
  outcome varchar not null,
  reason varchar,
  row_count bigint,
  bytes bigint,
  seconds double,
  fingerprint varchar,
  content varchar,
  error varchar,
  recorded_at timestamptz not null
);

create table if not exists meta.column_profiles (
  run_id varchar not null,
  relation varchar not null,
  column_name varchar not null,
  row_count bigint not null,
  null_count bigint not null,
  null_rate double,
  distinct_estimate bigint,
  minimum varchar,
  maximum varchar,
  mean double
);

create table if not exists meta.quality_figures (
  run_id varchar not null,
  dataset varchar not null,
  figure varchar not null,
  name varchar,
  value double not null
);

create table if not exists meta.monitor_results (
  run_id varchar not null,
  monitor varchar not null,
  dataset varchar not null,
  name varchar,
  status varchar not null,
  value double,
  lower double,
  upper double,
  compared_with varchar not null,
  message varchar not null,
  checked_at timestamptz not null,
  basis varchar
);

create table if not exists meta.watermarks (
  relation varchar not null,
  column_name varchar not null,
  content varchar not null,
  newest timestamp,
  following timestamp,
  primary key (relation, column_name)
);

create table if not exists meta.incidents (
  id varchar not null,
  key varchar not null,
  title varchar not null,
  detail varchar not null,
  severity varchar not null,
  opened_at timestamptz not null,
  opened_run_id varchar not null,
  resolved_at timestamptz,
  resolved_run_id varchar,
  primary key (id)
);

create table if not exists meta.notifications (
  message_id varchar not null,
  incident_id varchar not null,
  channel varchar not null,
  news varchar not null,
  severity varchar not null,
  claimed_at timestamptz not null,
  delivered_at timestamptz
);

create table if not exists meta.accepted_schemas (
  source varchar not null,
  file varchar not null,
  load_id varchar,
  schema varchar,
  accepted_at timestamptz not null,
  run_id varchar not null
);

create table if not exists meta.schema_changes (
  load_id varchar not null,
  run_id varchar not null,
  changed_at timestamptz not null,
  source varchar not null,
  file varchar not null,
  relation varchar not null,
  entry integer not null,
  column_name varchar not null,
  change varchar not null,
  before varchar,
  after varchar,
  is_guess boolean not null,
  misfits bigint,
  misfit_rows bigint[] not null,
  severity varchar not null
);

create table if not exists meta.loaded_columns (
  source varchar not null,
  file varchar not null,
  column_name varchar not null,
  primary key (source, file, column_name)
);

alter table meta.schema_changes add column if not exists header varchar;
alter table meta.monitor_results add column if not exists basis varchar;
