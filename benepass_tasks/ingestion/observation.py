"""What is learnt of a file's columns while its records go by."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from benepass_tasks.catalog import Source
from benepass_tasks.ingestion.headers import Header
from benepass_tasks.ingestion.inference import TypeInference
from benepass_tasks.ingestion.schema_evolution.changes import Observed
from benepass_tasks.ingestion.schema_evolution.history import Known
from benepass_tasks.ingestion.schema_evolution.inferred_types import UNKNOWN
from benepass_tasks.ingestion.schema_evolution.renames import LETTERS, ROWS, Sample
from benepass_tasks.ingestion.schema_evolution.shapes import ColumnShape, Shape
from benepass_tasks.ingestion.tables import ROW_NUMBER


class Observation:
    """Watches the records of one file; complete once all have been seen.

    Attributes:
        source: What the catalog says of the file.
        header: Its columns.
        known: The shapes that it will be compared with.
    """

    def __init__(self, source: Source, header: Header, fields: Sequence[str], known: Known) -> None:
        """Prepare for a file.

        Args:
            source: What the catalog says of it.
            header: Its columns.
            fields: Their names as written.
            known: The shapes that it will be compared with.
        """
        self.source = source
        self.header = header
        self.known = known
        self._fields = fields
        self._shapes = [shape for shape in (known.loaded, known.accepted) if shape]
        self._inference = TypeInference(self._expected())
        self._first: pa.Table | None = None

    @property
    def is_sampled(self) -> bool:
        """Whether columns may have been renamed, so that their values have to be compared."""
        here = set(self.header.columns)
        known = [shape.present.keys() for shape in self._shapes]
        return any(here - there and there - here for there in known)

    def see(self, table: pa.Table) -> None:
        """Take a batch of records into account."""
        self._inference.observe(table)
        if self._first is None and len(table) and self.is_sampled:
            self._first = table.slice(0, ROWS)

    @property
    def observed(self) -> Observed:
        """What the file has been seen to be."""
        return Observed(self._shape(), self._inference.misfits, self._sample())

    def _expected(self) -> dict[str, frozenset[str]]:
        """The types before; a column that is new may be any that the file has lost."""
        lost = frozenset(
            column.type
            for shape in self._shapes
            for column in shape.present.values()
            if column.name not in self.header.columns
        )
        expected = {}
        for name in self.header.columns:
            known = frozenset(shape.type_of(name) for shape in self._shapes)
            expected[name] = lost if known <= {UNKNOWN} else known
        return expected

    def _shape(self) -> Shape:
        places = {name: place for place, name in enumerate(self.header.columns, 1)}
        declared: Mapping[str, object] = self.source.columns
        return Shape.of(
            ColumnShape(
                name,
                self._type_of(name),
                self._fields[places[name] - 1][:LETTERS] if name in places else None,
                places.get(name),
                is_required=name in declared and self.source.columns[name].required,
            )
            for name in (*self.header.columns, *self.header.absent)
        )

    def _type_of(self, name: str) -> str:
        """The inferred type; without a value to tell it, the one known before."""
        inferred = self._inference.type_of(name)
        if inferred != UNKNOWN:
            return inferred
        known = (shape.type_of(name) for shape in reversed(self._shapes))
        return next((kind for kind in known if kind != UNKNOWN), UNKNOWN)

    def _sample(self) -> Sample:
        if self._first is None:
            return Sample()
        values = {
            name: pc.utf8_slice_codeunits(self._first.column(name), 0, LETTERS).to_pylist()
            for name in self.header.columns
        }
        return Sample(self._first.column(ROW_NUMBER).to_pylist(), values)
