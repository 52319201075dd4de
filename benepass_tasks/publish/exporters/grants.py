"""What an audience may see, as views and grants: for a database that has roles and holds all of it.

The SELECT of a view is the one that its files are published with, written for the other engine. So
there is one model of what becomes of a value, and one of which groups are withheld. The key of the
hashes and the withheld groups are in a schema beside the views, which is the owner's alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from sqlglot import exp

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ModelError, ProjectError
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.session import ALIAS, Run
from benepass_tasks.publish.postgres import MARK, POWERS, type_of
from benepass_tasks.publish.suppression import find_withheld
from benepass_tasks.sqlmodels import Model, ModelGraph
from benepass_tasks.sqlmodels.spark.patterns import translated
from benepass_tasks.sqlmodels.spark.reading import read_model
from benepass_tasks.sqlmodels.statements import SECRETS
from benepass_tasks.state.publication import Publication, PublishedTable, withheld_groups

Dialect = Literal["postgres", "databricks"]

KEY_SETTING: Final = "benepass.hash_key"
"""The setting of a session of Postgres that the script takes the key from."""

KEPT: Final = (
    exp.Alias, exp.And, exp.Boolean, exp.Case, exp.Cast, exp.Coalesce, exp.Column, exp.DataType,
    exp.Div, exp.DPipe, exp.EQ, exp.Floor, exp.From, exp.GT, exp.GTE, exp.Identifier, exp.If,
    exp.Is, exp.Join, exp.Literal, exp.Lower, exp.Mul, exp.Not, exp.Null, exp.NullSafeEQ, exp.Or,
    exp.Paren, exp.Select, exp.SHA2, exp.Subquery, exp.Table, exp.TableAlias,
    exp.TimestampTrunc, exp.Upper, exp.Var,
)  # fmt: skip
"""What sqlglot writes for both with the meaning that it has in DuckDB."""

_TAKE: Final = """
do $benepass$
begin
  if not exists (select from pg_roles where rolname = {role}) then
    create role {role_name} nologin;
  end if;
  if exists (
    select from pg_namespace where nspname in ({schema}, {behind})
    and coalesce(obj_description(oid, 'pg_namespace'), '') <> {mark}
  ) then
    raise exception 'schema {schema_name} or {behind_name} is somebody else''s: name another';
  end if;
  create schema if not exists {schema_name};
  create schema if not exists {behind_name};
  comment on schema {schema_name} is {mark};
  comment on schema {behind_name} is {mark};
end $benepass$;
"""
"""A role, and schemas of ours."""

QUERY: Final = "$benepass_view$"
"""What stands around a SELECT within the script."""

_VIEWS: Final = """
do $benepass$
declare
  it record;
  made text;
  others text;
begin
  for it in select * from (values
{views}
  ) as views (name, query)
  loop
    made := format(
      'create or replace view %I.%I with (security_barrier) as %s', {schema}, it.name, it.query
    );
    begin
      execute made;
    exception when invalid_table_definition then
      -- It has other columns now, and cannot be replaced in place.
      others := {behind_name}.built_on(format('%I.%I', {schema}, it.name)::regclass);
      if others is not null then
        raise exception 'view %.% has other columns now, and % is built on it: drop that, run this '
          'again, and make it anew. Nothing has changed', {schema}, it.name, others;
      end if;
      execute format('drop view %I.%I', {schema}, it.name);
      execute made;
    end;
  end loop;
  for it in
    select pg_class.oid, relname, nspname, relkind
    from pg_class join pg_namespace on relnamespace = pg_namespace.oid
    where (nspname = {schema} and relkind = 'v' and relname not in ({wanted}))
    or (nspname = {behind} and relkind = 'r' and relname not in ({needed}))
    order by relkind desc
  loop
    others := {behind_name}.built_on(it.oid);
    if others is not null then
      raise exception '%.% is published no more, and % is built on it: drop that, and run this '
        'again. Nothing has changed', it.nspname, it.relname, others;
    end if;
    execute format(
      'drop %s %I.%I',
      case it.relkind when 'v' then 'view' else 'table' end, it.nspname, it.relname
    );
  end loop;
end $benepass$;
"""
"""The views in the places of those before, so that what is built on them stays; then what is left
of those before goes."""

_BUILT_ON: Final = """
create or replace function {behind_name}.built_on(of regclass)
returns text language sql as $benepass$
  select string_agg(distinct coalesce(
    (select ev_class::regclass::text from pg_rewrite
      where pg_rewrite.oid = objid and classid = 'pg_rewrite'::regclass),
    pg_describe_object(classid, objid, objsubid)
  ), ', ')
  from pg_depend
  where deptype = 'n' and (
    (refclassid = 'pg_class'::regclass and refobjid = of)
    or (refclassid = 'pg_type'::regclass
      and refobjid = (select reltype from pg_class where pg_class.oid = of))
  ) and not exists (
    select from pg_rewrite where classid = 'pg_rewrite'::regclass
    and pg_rewrite.oid = objid and ev_class = of
  )
$benepass$;
"""
"""What is built on a view or a table, in words; null where nothing is."""

_KEY: Final = """
create table if not exists {behind_name}.hash_key (hash_key_inner bytea, hash_key_outer bytea);
delete from {behind_name}.hash_key;
do $benepass$
declare
  block bytea := convert_to(current_setting({setting}), 'UTF8');
  inner_pad bytea := '';
  outer_pad bytea := '';
begin
  if length(block) > 64 then
    block := sha256(block);
  end if;
  block := block || decode(repeat('00', 64 - length(block)), 'hex');
  for at in 0..63 loop
    inner_pad := inner_pad || set_byte('\\x00', 0, get_byte(block, at) # 54);
    outer_pad := outer_pad || set_byte('\\x00', 0, get_byte(block, at) # 92);
  end loop;
  insert into {behind_name}.hash_key values (inner_pad, outer_pad);
end $benepass$;
"""
"""The pads of the key (RFC 2104), which stands in no script."""

_GRANTS: Final = """
revoke all on schema {over_name}, {behind_name}, {schema_name} from public, {role_name};
revoke all on all tables in schema {over_name}, {behind_name}, {schema_name}
from public, {role_name};
grant usage on schema {schema_name} to {role_name};
grant select on all tables in schema {schema_name} to {role_name};
do $benepass$
begin
  if exists (
    select from pg_roles as role where rolname = {role} and (
      rolsuper or rolbypassrls or exists (
        select from pg_roles as other where pg_has_role(role.oid, other.oid, 'member')
        and (other.rolname in ({powers}) or other.rolname = current_user)
      )
    )
  ) or exists (
    select from pg_namespace
    where nspname <> {schema} and has_schema_privilege({role}, oid, 'usage')
    and (nspname = {over} or obj_description(oid, 'pg_namespace') like {any_mark})
  ) then
    raise exception 'role {role_name} may read more than is for it: take that from it';
  end if;
end $benepass$;
"""
"""What the role may do; nothing of it holds where the role may do more already."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tables of a database are, and where an audience's views go.

    Attributes:
        over: The schema that has all published tables as a whole.
        audience: Whom the views are for.
    """

    over: str
    audience: str

    @property
    def schema(self) -> str:
        """The schema of the views; the role that reads them is called like it."""
        return f"{self.over}_{self.audience}"

    @property
    def behind(self) -> str:
        """The schema of what the views need, which no audience may use."""
        return f"{self.schema}_behind"

    def __post_init__(self) -> None:
        """Refuse names that would need more than quotes.

        Raises:
            ProjectError: one has other characters, or too many.
        """
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", self.behind):
            raise ProjectError(
                f"schema {self.behind} cannot be called so: lower-case letters, digits and _ only, "
                "63 of them at most; name another one with --over"
            )


Withheld = Mapping[str, Sequence[tuple[object, ...]]]
"""The groups that are withheld, by the table that has the groups, as they are now."""


def withheld_now(run: Run, publication: Publication) -> Withheld:
    """Find the groups that are withheld from an audience; reads the warehouse."""
    found = {}
    for table in publication.grouped:
        find_withheld(run, table, ALIAS)
        found[table.relation] = run(f"from {withheld_groups(table.relation)} order by all")
    return found


def grants(
    publication: Publication,
    graph: ModelGraph,
    withheld: Withheld,
    over: str,
    dialect: Dialect = "postgres",
) -> str:
    """Write what an audience may see as a script of SQL.

    Args:
        publication: What is published for it.
        graph: The models, whose macros mask and hash.
        withheld: The groups that are withheld from it.
        over: The schema that has all published tables as a whole.
        dialect: Whose SQL it is.

    Raises:
        ProjectError: a schema cannot be called so.
        ModelError: a mask has something that is not known to mean the same there.
    """
    place = Place(over, publication.audience.name)
    script = _Script(publication, graph, withheld, place, dialect)
    return "\n".join(chain(script.beginning(), script.behind(), script.views(), script.ending()))


@dataclass(frozen=True)
class _Script:
    publication: Publication
    graph: ModelGraph
    withheld: Withheld
    place: Place
    dialect: Dialect

    @property
    def _is_postgres(self) -> bool:
        return self.dialect == "postgres"

    @property
    def _hashes(self) -> bool:
        macros = self.graph.macros_behind(self.publication.macros)
        return any(set(SECRETS) & set(it.variables) for it in macros)

    def _filled(self, template: str, **parts: str) -> str:
        """A template with each name as a text, and as a name where it is asked for as `_name`."""
        place = self.place
        names = {
            "over": place.over,
            "schema": place.schema,
            "behind": place.behind,
            "role": place.schema,
            "setting": KEY_SETTING,
            "mark": f"{MARK}{place.audience}, as views",
            "any_mark": f"{MARK}%",
        }
        return template.format(
            **{name: quote_text(it) for name, it in names.items()},
            **{f"{name}_name": quote_name(it) for name, it in names.items()},
            powers=", ".join(map(quote_text, POWERS)),
            **parts,
        )

    def beginning(self) -> Iterator[str]:
        place = self.place
        yield f"-- What audience {place.audience} may see of schema {place.over}."
        yield "-- To be run by the owner of the tables, after each run of the pipeline."
        if self._is_postgres:
            yield "begin;"
            yield self._filled(_TAKE)
            yield self._filled(_BUILT_ON)
            return
        yield f"-- The group {place.schema} has to be there, as have the tables."
        for schema in (place.schema, place.behind):
            yield f"create schema if not exists {self._name(schema)};"

    def behind(self) -> Iterator[str]:
        """What the views need: the pads of the key, and the withheld groups."""
        if self._hashes:
            yield self._filled(_KEY) if self._is_postgres else self._key_of_databricks()
        for relation, rows in self.withheld.items():
            table = self.publication.catalog.tables[relation]
            groups = table.suppression.groups if table.suppression else ()
            types = {it: table.columns[it].type for it in groups} | {"told": "BIGINT"}
            made = ", ".join(f"{self._name(it)} {self._type(kind)}" for it, kind in types.items())
            name = self._name(self.place.behind, self._withheld_name(relation))
            if self._is_postgres:
                yield f"create table if not exists {name} ({made});"
                yield f"delete from {name};"  # noqa: S608 - the name is quoted
            else:
                yield f"create or replace table {name} ({made});"
            if rows:
                yield f"insert into {name} values {', '.join(map(_literals, rows))};"  # noqa: S608

    def _key_of_databricks(self) -> str:
        pads = ", ".join(f"unhex(secret('benepass', '{it}')) as {it}" for it in SECRETS)
        name = self._name(self.place.behind, "hash_key")
        return f"create or replace table {name} as select {pads};"

    def views(self) -> Iterator[str]:
        selects = {it.table.name: self._select(it) for it in self.publication.tables.values()}
        if self._is_postgres:
            yield self._views_of_postgres(selects)
            return
        for name, select in selects.items():
            yield f"create or replace view {self._name(self.place.schema, name)} as\n{select};"

    def _views_of_postgres(self, selects: Mapping[str, str]) -> str:
        quoted = (f"({quote_text(name)}, {QUERY}\n{it}\n{QUERY})" for name, it in selects.items())
        needed = [*map(self._withheld_name, self.withheld), *(["hash_key"] if self._hashes else [])]
        # No table is called so, and a list of names must not be empty.
        listed = [", ".join(map(quote_text, ("", *it))) for it in (selects, needed)]
        return self._filled(_VIEWS, views=",\n".join(quoted), wanted=listed[0], needed=listed[1])

    def ending(self) -> Iterator[str]:
        if self._is_postgres:
            yield self._filled(_GRANTS)
            yield "commit;\n"
            return
        role = self._name(self.place.schema)
        yield f"grant use schema, select on schema {role} to {role};"
        for kept in (self.place.over, self.place.behind):
            yield f"revoke all privileges on schema {self._name(kept)} from {role};"

    def _name(self, *parts: str) -> str:
        return ".".join(exp.to_identifier(it, quoted=True).sql(self.dialect) for it in parts)

    def _type(self, type_: str) -> str:
        if self._is_postgres:
            return type_of(type_)
        return exp.DataType.build(type_, "duckdb").sql(self.dialect)

    def _select(self, table: PublishedTable) -> str:
        """The SELECT that files are published with, for the other engine."""
        names = frozenset(table.macros)
        macros = {it.name: it for it in self.graph.macros_behind(names)}
        made = Model(
            table.relation, Path("catalog.yaml"), table.select(ALIAS), "", (), names, frozenset()
        )
        key = quote_name(self.place.behind, "hash_key")
        pads = {it: f"(select {it} from {key})" for it in SECRETS}  # noqa: S608 - a quoted name
        tree = read_model(made, macros, {"pii_masking": "true", **pads})
        tree.set("order", None)
        for node in reversed(list(tree.walk())):
            new = self._written(node)
            if new is not node:
                node.replace(new)
        return tree.sql(self.dialect, pretty=True, comments=False)

    def _written(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Table) and node.db:
            return self._placed(node)
        rewrite = (_POSTGRES if self._is_postgres else _DATABRICKS).get(type(node))
        if rewrite is not None:
            return rewrite(node)
        if isinstance(node, KEPT):
            return node
        raise ModelError(
            f"{node.sql('duckdb')} of a mask is not known to mean the same in {self.dialect}: "
            "publish what it masks as files, or into a schema of its own (`postgres`)"
        )

    def _withheld_name(self, relation: str) -> str:
        """What the groups of a table are called: otherwise where it has others, which views read.

        So the views pass from one to the other in place.
        """
        table = self.publication.catalog.tables[relation]
        groups = table.suppression.groups if table.suppression else ()
        kinds = (f"{it} {table.columns[it].type}" for it in groups)
        return f"withheld_{relation.replace('.', '_')}_{digest(*kinds)[:8]}"

    def _placed(self, node: exp.Table) -> exp.Expr:
        """A table of the warehouse, or of what is withheld, where the other engine has it."""
        found = {withheld_groups(it): it for it in self.withheld}
        relation = found.get(quote_name(node.db, node.name))
        if relation:
            to = exp.table_(self._withheld_name(relation), self.place.behind, quoted=True)
        elif node.db == self.place.behind:
            return node
        else:
            to = exp.table_(node.name, self.place.over, quoted=True)
        alias = node.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(node.name, quoted=True)
        )
        to.set("alias", alias)
        return to


def _literals(row: Sequence[object]) -> str:
    shown = (
        "null" if it is None else quote_text(it) if isinstance(it, str) else str(it) for it in row
    )
    return f"({', '.join(shown)})"


def _same(node: exp.Expr) -> exp.Expr:
    return node


def _matched(node: exp.Expr) -> exp.Expr:
    """A pattern with nothing that engines read differently: no dot, no class, no escape."""
    if not re.fullmatch(r"[\w@^$+*()\[\] -]*", node.expression.name):
        raise ModelError(
            f"{node.sql('duckdb')}: the pattern of a mask may mean something else there"
        )
    return node


def _extracted(node: exp.Expr) -> exp.Expr:
    """`substring` of Postgres gives what the parentheses of a pattern match."""
    group, pattern = node.args.get("group"), _matched(node).expression
    if group is None or group.name != "1" or pattern.name.count("(") != 1:
        raise ModelError(f"{node.sql('duckdb')}: a mask may extract the only group of a pattern")
    return _call("substring", node.this, pattern)


def _to_the_very_end(node: exp.Expr) -> exp.Expr:
    """In Java's patterns `$` stands before a last end of line as well."""
    pattern = _matched(node).expression
    pattern.replace(exp.Literal.string(translated(pattern.name)))
    return node


def _call(name: str, *given: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(given))


Rewrites = Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr]]

_POSTGRES: Final[Rewrites] = {
    exp.RegexpLike: _matched,
    exp.RegexpExtract: _extracted,
    exp.Encode: lambda it: _call("convert_to", it.this, exp.Literal.string("UTF8")),
    exp.Unhex: lambda it: _call("decode", it.this, exp.Literal.string("hex")),
}
_DATABRICKS: Final[Rewrites] = {
    exp.RegexpLike: _to_the_very_end,
    exp.RegexpExtract: _to_the_very_end,
    exp.Encode: _same,
    exp.Unhex: _same,
}
"""What the engines call or read otherwise."""
