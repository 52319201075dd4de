"""The settings of a run: section `[benepass]` of luigi.cfg, each also a flag."""

import difflib
import math
import os
import re
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import luigi
from luigi.cmdline_parser import CmdlineParser
from luigi.configuration.base_parser import BaseParser
from luigi.configuration.cfg_parser import LuigiConfigParser
from luigi.parameter import ParameterVisibility

from benepass_tasks.config import channels, environments, hash_key, spark_server
from benepass_tasks.config.branches import Branch, read_branch
from benepass_tasks.config.channels import SecretUrl, read_command, read_heartbeat, read_webhook
from benepass_tasks.config.digests import digest
from benepass_tasks.config.environments import (
    PLACES,
    Environments,
    read_environments,
    refuse_shared_places,
    settings_of,
)
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.hash_key import PADS, HashKey, read_hash_key
from benepass_tasks.config.project import MIN_GROUP_SIZE
from benepass_tasks.config.shared_warehouse import SharedWarehouse, read_shared_warehouse
from benepass_tasks.config.spans import read_span
from benepass_tasks.config.spark_server import EngineName, SparkServer, read_spark_server

SECTION = "benepass"
"""The section of the settings, and the name of the class that is it."""

FLAGS = "command line"
"""The section that no file has: what a command line of `benepass` says, while it runs."""

KEEP_RUNS = 1_000
KEEP_SNAPSHOTS = 3
"""Runs whose history is kept, where nothing else is set."""

ANOMALY_WINDOW = 30
"""Figures that a figure is compared with, where nothing else is set."""

LEAST_WINDOW = 7
"""Figures that are too few to say what is normal, if there are any fewer."""


class benepass(luigi.Config):  # noqa: N801 - the class name is the section's and the flags' name
    """`[benepass]` in luigi.cfg; `--benepass-as-of` and the like on the command line."""

    project_dir = luigi.Parameter(
        default=".", description="folder that holds catalog.yaml and sql/"
    )
    env = luigi.Parameter(
        default="", description="environment of luigi.cfg's [environments], such as prod, or branch"
    )
    data_dir = luigi.Parameter(default="data", description="folder that holds the source files")
    warehouse = luigi.Parameter(
        default="data/warehouse.duckdb",
        description="DuckDB file that everything is built in, or its address s3://bucket/key",
    )
    copies_dir = luigi.Parameter(
        default="data/copies", description="folder of the copies of warehouses in object storage"
    )
    warehouse_lease = luigi.FloatParameter(
        default=60.0,
        description="seconds after which another machine may take a warehouse in object storage "
        "from a run that was killed",
    )
    engine = luigi.Parameter(
        default="duckdb", description="what computes the tables: duckdb, or spark"
    )
    spark_remote = luigi.Parameter(
        default="",
        description="Spark Connect server of the engine spark, such as sc://host:15002",
    )
    exchange_dir = luigi.Parameter(
        default="data/exchange",
        description="folder that the server of the engine spark reads and writes by the same path",
    )
    as_of = luigi.DateParameter(
        default=datetime.now(UTC).date(), description="date the marts speak of (default today, UTC)"
    )
    pii_masking = luigi.BoolParameter(
        default=True,
        parsing=luigi.BoolParameter.EXPLICIT_PARSING,
        description="mask personal data: true or false",
    )
    force = luigi.Parameter(
        default="", description="tables to rebuild with all that is downstream, comma-separated"
    )
    accept = luigi.Parameter(
        default="",
        description="sources, keep_changes or hash_key, that may pass their guards in this run, "
        "comma-separated",
    )
    memory_limit = luigi.Parameter(default="1200MB", description="memory DuckDB may use")
    extract = luigi.BoolParameter(
        default=True,
        parsing=luigi.BoolParameter.EXPLICIT_PARSING,
        description="read databases and APIs: true, or false to go by what was read of them before",
    )
    lock_timeout = luigi.FloatParameter(
        default=600.0, description="seconds to wait for another process that uses the warehouse"
    )
    published_dir = luigi.Parameter(
        default="data/published", description="folder of the files that analysts open"
    )
    site_dir = luigi.Parameter(default="data/site", description="folder of the site's pages")
    site_audience = luigi.Parameter(
        default="analyst", description="audience of catalog.yaml that the site's pages are for"
    )
    branches_dir = luigi.Parameter(default="data/branches", description="folder of the branches")
    min_group_size = luigi.IntParameter(
        default=MIN_GROUP_SIZE,
        description="employees that a group must have for its figures to be published",
    )
    publish_unmasked = luigi.Parameter(
        default="",
        description="file name of the warehouse that may be published though nothing is masked",
    )
    keep_runs = luigi.IntParameter(default=KEEP_RUNS, description="runs whose history is kept")
    keep_snapshots = luigi.IntParameter(
        default=KEEP_SNAPSHOTS, description="versions of a published Iceberg table that are kept"
    )
    anomaly_window = luigi.IntParameter(
        default=ANOMALY_WINDOW,
        description="runs with other figures that the monitors compare a figure with",
    )
    verify_every = luigi.Parameter(
        default="",
        description="how old the last verification of a table may be, such as 30d: a run verifies "
        "one older table a day (default: none)",
    )
    keep_changes = luigi.Parameter(
        default="",
        description="how long the rows stay that went from marts or came, such as 90d, for asof "
        "and diff (default: no longer than they are needed)",
    )
    keep_rejected = luigi.Parameter(
        default="",
        description="how long records stay that could not be parsed, such as 90d (default: as long "
        "as the retention of their source says)",
    )
    max_restated = luigi.Parameter(
        default="",
        description="amount of money; an old month that changes by as much or more is told in an "
        "alert (default: none is)",
    )
    alert_webhook = luigi.Parameter(
        default="",
        significant=False,
        visibility=ParameterVisibility.PRIVATE,
        description="address that alerts are posted to (default: BENEPASS_ALERT_WEBHOOK)",
    )
    alert_command = luigi.Parameter(
        default="", significant=False, description="command that gets alerts as JSON on its stdin"
    )
    alert_heartbeat = luigi.Parameter(
        default="",
        significant=False,
        visibility=ParameterVisibility.PRIVATE,
        description="address called after each healthy run (default: BENEPASS_ALERT_HEARTBEAT)",
    )


def models_cache(warehouse: Path) -> Path:
    """File beside a warehouse for what was found out about the project."""
    return warehouse.with_name(f".{warehouse.stem}.models.json")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run was told, with paths resolved; knows no Luigi."""

    project_dir: Path
    data_dir: Path
    warehouse: Path
    as_of: date
    pii_masking: bool
    force: frozenset[str]
    memory_limit: str
    lock_timeout: float
    hash_key: HashKey | None
    published_dir: Path
    site_dir: Path
    min_group_size: int
    publish_unmasked: str
    accept: frozenset[str] = frozenset()
    extract: bool = True
    keep_runs: int = KEEP_RUNS
    keep_snapshots: int = KEEP_SNAPSHOTS
    anomaly_window: int = ANOMALY_WINDOW
    verify_every: timedelta | None = None
    keep_changes: timedelta | None = None
    keep_rejected: timedelta | None = None
    max_restated: Decimal | None = None
    alert_webhook: SecretUrl | None = field(default=None, repr=False)
    alert_command: tuple[str, ...] = field(default=(), repr=False)
    alert_heartbeat: SecretUrl | None = field(default=None, repr=False)
    env: str = ""
    site_audience: str = "analyst"
    branches_dir: Path = Path("data/branches")
    spark: SparkServer | None = None
    """What computes the tables, where DuckDB does not."""
    exchange_dir: Path = Path("data/exchange")
    shared: SharedWarehouse | None = None
    """What the warehouse is a copy of, or that of its parent; None where it is in no storage."""
    parent: Path | None = None
    """The warehouse that this one is a branch of."""
    parent_env: str = ""
    """The environment of that; empty where it is none."""
    is_as_of_told: bool = True
    """Whether `as_of` counts; the date of a branch is otherwise that of its parent."""

    @property
    def origin(self) -> Path:
        """The warehouse beside which lies what outlives it: the parent of a branch, or its own."""
        return self.parent or self.warehouse

    @property
    def extracts_dir(self) -> Path:
        """Folder beside the warehouse for what is read of databases and APIs."""
        return self.origin.with_name(f"{self.origin.stem}.extracts")

    @property
    def engine(self) -> EngineName:
        """What computes a table in full."""
        return "spark" if self.spark else "duckdb"

    @property
    def handover_dir(self) -> Path:
        """Folder of this warehouse alone for what a server of Spark reads and writes."""
        return self.exchange_dir / f"{self.warehouse.stem}-{digest(str(self.warehouse))[:8]}"

    @property
    def may_publish(self) -> bool:
        """Whether personal data is masked, or this very warehouse may be published without."""
        return self.pii_masking or self.publish_unmasked == self.warehouse.name

    @property
    def variables(self) -> dict[str, str]:
        """What SQL reads with `getvariable`, as SQL literals; holds the hash key."""
        pads = self.hash_key.pads if self.hash_key else {}
        return {**self._plain_variables, **pads}

    @property
    def fingerprints(self) -> dict[str, str]:
        """What stands for the variables in a fingerprint; holds a digest of the hash key."""
        key = self.hash_key.fingerprint if self.hash_key else ""
        return {**self._plain_variables, **dict.fromkeys(PADS, key)}

    @property
    def _plain_variables(self) -> dict[str, str]:
        return {
            "as_of_date": f"date '{self.as_of.isoformat()}'",
            "pii_masking": str(self.pii_masking).lower(),
        }


LEAST_MEGABYTES = 64
"""Memory without which DuckDB cannot build even the sample."""

MEGABYTES = {"K": 1e-3, "M": 1.0, "G": 1e3, "T": 1e6}


def _require_memory(limit: str) -> None:
    amount = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(?:([KMGT])i?B|%)", limit)
    if amount is None:
        raise ProjectError(
            f"--benepass-memory-limit is {limit!r}; it must be an amount such as 1200MB, 4GB or 50%"
        )
    number, unit = amount.groups()
    # How much a percentage is, only the machine knows.
    if unit is not None and float(number) * MEGABYTES[unit] < LEAST_MEGABYTES:
        raise ProjectError(
            f"--benepass-memory-limit is {limit}, which is too little: the least is "
            f"{LEAST_MEGABYTES}MB, and 1200MB is a good start"
        )


def _read() -> benepass:
    named = os.environ.get("LUIGI_CONFIG_PATH")
    if named is not None and not Path(named).is_file():
        # Luigi would go on without it.
        raise ProjectError(
            f"LUIGI_CONFIG_PATH names {named}, and there is no such file in {Path.cwd()}; "
            "correct or unset it"
        )
    _refuse_unknown(luigi.configuration.get_config())
    try:
        config = benepass(**_overriding())
    except (ValueError, luigi.parameter.ParameterException) as error:
        raise ProjectError(
            f"a setting of [benepass] cannot be read: {error}. as_of is a date such as "
            "2026-01-31, pii_masking and extract are true or false, lock_timeout a number of "
            "seconds, min_group_size, keep_runs, keep_snapshots and anomaly_window whole numbers"
        ) from error
    _require_memory(config.memory_limit)
    if not 0 <= config.lock_timeout < math.inf:
        raise ProjectError("--benepass-lock-timeout must be a number of seconds from 0 on")
    if config.min_group_size < 1:
        raise ProjectError(
            f"--benepass-min-group-size is {config.min_group_size}; "
            "it must be 1 or more, and 1 withholds nothing"
        )
    if config.as_of == date.max:
        raise ProjectError(f"--benepass-as-of is {config.as_of}; it must be a day before that")
    for name in ("keep_runs", "keep_snapshots"):
        if getattr(config, name) < 1:
            flag = f"--benepass-{name.replace('_', '-')}"
            raise ProjectError(f"{flag} is {getattr(config, name)}; it must be 1 or more")
    if config.anomaly_window < LEAST_WINDOW:
        raise ProjectError(
            f"--benepass-anomaly-window is {config.anomaly_window}; it must be {LEAST_WINDOW} or "
            "more, since fewer figures do not say what is normal"
        )
    return config


def _overriding() -> dict[str, object]:
    """What stands above `[benepass]`: an environment, and above that the flags of `benepass`."""
    flags = _entries(FLAGS)
    stated = _settings_of_environment(flags.get("env", benepass().env)) | flags
    return {
        name: parameter.parse(stated[name])
        for name, parameter in benepass.get_params()
        if name in stated and not _is_flag_of_luigi(name)
    }


def _settings_of_environment(name: str) -> dict[str, str]:
    """What an environment has otherwise; of a branch, what its parent has."""
    environments, branch = stated_environments(), _branch(name)
    return settings_of(environments, branch.parent if branch else name)


def _branch(name: str) -> Branch | None:
    """The branch of a name that is none of an environment."""
    common = benepass()
    if not name or name in stated_environments():
        return None
    root = Path(common.project_dir).expanduser().resolve()
    folder = _entries(FLAGS).get("branches_dir", common.branches_dir)
    return read_branch(root / Path(folder).expanduser(), name)


def _is_flag_of_luigi(name: str) -> bool:
    """Whether a command line of `luigi` says what a setting is."""
    said = getattr(CmdlineParser.get_instance(), "known_args", None)
    return getattr(said, f"{SECTION}_{name}", None) is not None


def stated_environments() -> Environments:
    """The environments that luigi.cfg states, which are all but the branches.

    Raises:
        ProjectError: an entry is of no environment, or of no setting.
    """
    return read_environments(
        _entries(environments.SECTION), [name for name, _ in benepass.get_params()]
    )


def _entries(section: str) -> dict[str, str]:
    """The entries of a section, without those of [DEFAULT], which is in every one."""
    config = luigi.configuration.get_config()
    if not isinstance(config, LuigiConfigParser) or not config.has_section(section):
        return {}
    return {name: value for name, value in config.items(section) if name not in config.defaults()}


def _refuse_unknown(config: BaseParser) -> None:
    """Refuse a setting or section of luigi.cfg that is misspelt: Luigi would go on without it."""
    if not isinstance(config, LuigiConfigParser):
        return
    for section in config.sections():
        ours = [SECTION, environments.SECTION]
        near = difflib.get_close_matches(section.lower(), ours, n=1, cutoff=0.75)
        if near and section not in ours:
            raise ProjectError(
                f"luigi.cfg: section [{section}] is unknown (did you mean '{near[0]}'?)"
            )
    known = [name for name, _ in benepass.get_params()]
    # What stands in [DEFAULT] is in every section.
    stated = config[SECTION].keys() - config.defaults() if config.has_section(SECTION) else ()
    for name in sorted(stated):
        if name.replace("-", "_") not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" (did you mean '{near[0]}'?)" if near else f"; there are {', '.join(known)}"
            raise ProjectError(f"luigi.cfg: setting {name} of [{SECTION}] is unknown{meant}")


def current_settings() -> Settings:
    """Return the settings that Luigi holds; relative paths begin at the project's folder.

    Raises:
        ProjectError: a setting, the hash key or an address is not of its form, or the warehouse
            would be no file.
    """
    told = _told()
    return _settings() if told is None else _known_settings(told)


def other_warehouses() -> dict[str, Path]:
    """The warehouses of the environments but the current one, by name; empty for that of none."""
    settings, common = current_settings(), benepass().warehouse
    stated = {name: it.get("warehouse", common) for name, it in stated_environments().items()}
    root = settings.project_dir
    found = dict[str, Path]()
    for name, path in {"": common, **stated}.items():
        shared = _shared(path, root)
        found[name] = shared.copy if shared else root / Path(path).expanduser()
    return {name: path for name, path in found.items() if path != settings.warehouse}


def _told() -> Hashable | None:
    """All that the settings are made of; None where that cannot be told.

    They are asked for many times in a run, and Luigi takes half a millisecond each time.
    """
    config = luigi.configuration.get_config()
    if type(config) is not LuigiConfigParser:
        return None
    sections = [it for it in (SECTION, environments.SECTION, FLAGS) if config.has_section(it)]
    stated = [(it, *entry) for it in sections for entry in config.items(it, raw=True)]
    if any(sign in value for *_, value in stated for sign in ("%(", "${")):
        return None
    secrets = (
        os.environ.get(name)
        for name in (hash_key.VARIABLE, *channels.VARIABLES, spark_server.TOKEN)
    )
    return CmdlineParser.get_instance(), tuple(stated), *secrets, os.getcwd()  # noqa: PTH109


@lru_cache(maxsize=1)
def _known_settings(_told: Hashable) -> Settings:
    return _settings()


def _settings() -> Settings:
    config = _read()
    root = Path(config.project_dir).expanduser().resolve()
    common = benepass()
    refuse_shared_places(stated_environments(), {it: getattr(common, it) for it in PLACES}, root)
    shared = _shared(config.warehouse, root)
    warehouse = shared.copy if shared else root / Path(config.warehouse).expanduser()
    if warehouse.is_dir() or not config.warehouse:
        raise ProjectError(
            f"--benepass-warehouse must name a file, and {warehouse} is a folder: "
            "for example data/warehouse.duckdb"
        )
    if "'" in str(warehouse) or warehouse.stem == "raw":
        raise ProjectError(
            f"--benepass-warehouse is {warehouse}, which dlt cannot load into: "
            "no apostrophe in the path, please, and not the name raw"
        )
    data_dir = root / Path(config.data_dir).expanduser()
    published = root / Path(config.published_dir).expanduser()
    site = root / Path(config.site_dir).expanduser()
    taken = {path.resolve() for path in (root, data_dir, warehouse, warehouse.parent)}
    for name, given, folder in (
        ("published", config.published_dir, published),
        ("site", config.site_dir, site),
    ):
        if not given or folder.resolve() in taken or folder.is_file():
            raise ProjectError(
                f"--benepass-{name}-dir must name a folder of its own, and {folder} is none: "
                f"for example data/{name}"
            )
        taken.add(folder.resolve())
    settings = Settings(
        project_dir=root,
        data_dir=data_dir,
        warehouse=warehouse,
        as_of=config.as_of,
        pii_masking=config.pii_masking,
        force=_names(config.force),
        accept=_names(config.accept),
        memory_limit=config.memory_limit,
        lock_timeout=config.lock_timeout,
        hash_key=read_hash_key(),
        published_dir=published,
        site_dir=site,
        min_group_size=config.min_group_size,
        publish_unmasked=config.publish_unmasked,
        extract=config.extract,
        keep_runs=config.keep_runs,
        keep_snapshots=config.keep_snapshots,
        anomaly_window=config.anomaly_window,
        verify_every=_span("verify-every", config.verify_every),
        keep_changes=_span("keep-changes", config.keep_changes),
        keep_rejected=_span("keep-rejected", config.keep_rejected),
        max_restated=_amount("max-restated", config.max_restated),
        alert_webhook=read_webhook(config.alert_webhook),
        alert_command=read_command(config.alert_command),
        alert_heartbeat=read_heartbeat(config.alert_heartbeat),
        env=config.env,
        site_audience=config.site_audience,
        branches_dir=root / Path(config.branches_dir).expanduser(),
        spark=read_spark_server(config.engine, config.spark_remote),
        exchange_dir=root / Path(config.exchange_dir).expanduser(),
        shared=shared,
    )
    branch = _branch(config.env)
    if branch is None:
        return settings
    told = "as_of" in _entries(FLAGS) or _is_flag_of_luigi("as_of")
    return on_branch(settings, branch, is_as_of_told=told)


def _shared(address: str, root: Path) -> SharedWarehouse | None:
    """The warehouse of an address, if it is in object storage."""
    config = _read()
    copies = root / Path(config.copies_dir).expanduser()
    return read_shared_warehouse(address, copies, config.warehouse_lease)


def on_branch(settings: Settings, branch: Branch, *, is_as_of_told: bool = False) -> Settings:
    """The settings of a run on a branch: those of its parent, in a place of its own.

    It pages nobody, reads no database, and verifies and keeps nothing: that is for its parent.
    """
    return replace(
        settings,
        is_as_of_told=is_as_of_told,
        env=branch.name,
        parent=settings.warehouse,
        parent_env=settings.env,
        warehouse=branch.warehouse,
        published_dir=branch.folder / "published",
        site_dir=branch.folder / "site",
        extract=False,
        verify_every=None,
        keep_changes=None,
        alert_webhook=None,
        alert_command=(),
        alert_heartbeat=None,
    )


def _amount(name: str, written: str) -> Decimal | None:
    """A setting that is an amount of money, or empty."""
    if not written.strip():
        return None
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", written.strip()):
        raise ProjectError(
            f"--benepass-{name} is {written!r}; it must be an amount such as 99.50, or empty"
        )
    return Decimal(written.strip())


def _span(name: str, written: str) -> timedelta | None:
    """A setting that is a time span, or empty."""
    span = read_span(written)
    if span is None and written.strip():
        raise ProjectError(
            f"--benepass-{name} is {written!r}; it must be a time span such as 36h or 30d, or empty"
        )
    return span


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.strip() for name in listed.split(",") if name.strip())
