"""The records of an API, page by page; dlt's client waits, tries again and finds the next page."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from dlt.common import jsonpath
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.requests.retry import Client
from dlt.sources.helpers.rest_client import paginators
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.client import PageData, RESTClient
from requests import HTTPError, RequestException, Response, Session

from benepass_tasks.catalog.extracts import ApiExtract
from benepass_tasks.catalog.header_names import header_key
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts.files import ROWS, Extracts, Known, Row, earlier, writing
from benepass_tasks.ingestion.readers.json_lines import DECODER, UnusableError, flat

ATTEMPTS: Final = 6
"""How often a page is asked for before the API counts as down."""

PAUSE: Final = 1.0
"""Seconds before the second attempt; each further one waits twice as long."""

LONGEST_PAUSE: Final = 120
"""Seconds that are waited at most, also where the API says for how long."""

_PAGINATORS: Final[Mapping[object, type[paginators.BasePaginator]]] = MappingProxyType(
    {
        "single_page": paginators.SinglePagePaginator,
        "json_link": paginators.JSONLinkPaginator,
        "header_link": paginators.HeaderLinkPaginator,
        "cursor": paginators.JSONResponseCursorPaginator,
        "offset": paginators.OffsetPaginator,
        "page_number": paginators.PageNumberPaginator,
    }
)


class _BrokenPageError(Exception):
    """A page is not what it should be; its text quotes nothing of it."""


class _Client(RESTClient):
    """dlt's client, but for what a page holds."""

    def extract_response(self, response: Response, data_selector: jsonpath.TJsonPath) -> list[Any]:
        """The records of a page."""
        found = jsonpath.find_values(data_selector, DECODER.decode(response.text))
        if len(found) == 1 and isinstance(found[0], list):
            found = found[0]
        elif not found:
            raise _BrokenPageError(f"it has no {data_selector}")
        if not all(isinstance(it, dict) for it in found):
            raise _BrokenPageError("not all of its records are objects")
        return found


def read_api(extracts: Extracts, extract: ApiExtract) -> int:
    """Write a new extract of an API, if there is anything new; returns the new rows.

    All pages are read before a row is written, since any record may bring another key.

    Raises:
        SourceError: the API cannot be reached, refuses, or hands out pages that are broken, come
            again or do not end. Never quotes a record or the token.
    """
    source = extracts.source.name
    ignored = {header_key(it) for it in extracts.source.ignored}
    spool, columns = extracts.aside / "records", dict[str, None]()
    with spool.open("w", encoding="utf-8") as file, _told(source, extract):
        for page in _pages(extracts, extract):
            records = [flat(record, ignored) for record in page]
            columns |= dict.fromkeys(key for record in records for key in record)
            file.writelines(f"{json.dumps(record)}\n" for record in records)
    return _write(extracts, extract, spool, list(columns))


def _write(extracts: Extracts, extract: ApiExtract, spool: Path, columns: list[str]) -> int:
    """Write the records that are not known yet into an extract."""
    since = extracts.cursor
    # Nobody knows the keys of an API without records, and it is one whose columns are declared.
    columns = columns or list(extracts.source.columns)
    known = Known()
    if since is not None and not extract.is_whole:
        known = Known(_key_places(extracts, columns), extracts.rows_since(since, columns))
    with (
        writing(extracts.new, columns, since) as writer,
        spool.open(encoding="utf-8") as lines,
    ):
        records = map(json.loads, lines)
        while some := list(islice(records, ROWS)):
            rows: list[Row] = [tuple(it.get(name) for name in columns) for it in some]
            cursors = [it.get(str(extract.cursor)) for it in some] if extract.cursor else []
            writer.write([it for it in rows if known.lacks(it)], cursors)
    if not writer.rows and not extract.is_whole and extracts.standing:
        extracts.new.unlink()
    return writer.rows


def _key_places(extracts: Extracts, columns: Sequence[str]) -> list[int]:
    """Where the columns are by which the catalog tells records apart; none if not all are there."""
    declared, headers = extracts.source.columns, [header_key(it) for it in columns]
    wanted = [
        [header_key(name), *map(header_key, declared[name].aliases)]
        for name in extracts.source.records.key
        if isinstance(name, str) and name in declared
    ]
    found = [next((headers.index(it) for it in names if it in headers), None) for names in wanted]
    return [it for it in found if it is not None] if None not in found else []


def _pages(extracts: Extracts, extract: ApiExtract) -> Iterator[list[dict[str, Any]]]:
    """The pages, of which none may come again, lead elsewhere, or be one too many."""
    seen: dict[str, int] = {}
    with closing(_session(extract)) as session:
        for number, page in enumerate(_asked(extracts, extract, session), 1):
            content = hashlib.sha256(json.dumps([*page]).encode()).hexdigest()
            if content in seen:
                raise _BrokenPageError(
                    f"page {number} is page {seen[content]} again: does paginator fit the API?"
                )
            seen[content] = number
            if _origin(str(page.request.url)) != _origin(extract.url):
                raise _BrokenPageError(f"page {number} leads to another host, which gets no token")
            if number == extract.max_pages and page.paginator.has_next_page:
                raise _BrokenPageError(
                    f"there are more than {number:,} pages; if that is right, raise max_pages"
                )
            yield [*page]


def _session(extract: ApiExtract) -> Session:
    """What sends requests, waits as the API says, and tries again."""
    return Client(
        raise_for_status=False,
        request_timeout=extract.timeout,
        request_max_attempts=ATTEMPTS,
        request_backoff_factor=PAUSE,
        request_max_retry_delay=LONGEST_PAUSE,
    ).session


def _asked(
    extracts: Extracts, extract: ApiExtract, session: Session
) -> Iterator[PageData[dict[str, Any]]]:
    words = {name: it for name, it in extract.paginator.items() if name != "type"}
    params, since = dict(extract.params), extracts.cursor
    if extract.cursor_param and since is not None:
        params[extract.cursor_param] = earlier(since, extract.lag)
    client = _Client(
        extract.url,
        headers=dict(extract.headers),
        auth=BearerTokenAuth(_token(extracts.source.name, extract)) if extract.token else None,
        session=session,
        config=RuntimeConfiguration(),
    )
    paginator = _PAGINATORS[extract.paginator["type"]](**words)
    return client.paginate(
        params=params,
        paginator=paginator,
        data_selector=extract.records,
        hooks={"response": [_raise_for_status]},
    )


def _raise_for_status(response: Response, *_args: object, **_kwargs: object) -> None:
    """Refuse an answer that is not a page; dlt's own hook would leave its connection open."""
    if not response.ok:
        response.close()
        response.raise_for_status()


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _token(source: str, extract: ApiExtract) -> str:
    token = os.environ.get(str(extract.token), "").strip()
    if not token:
        raise SourceError(
            f"{source}: {extract.token} is not set: export the token of {extract} under this "
            "name. What was read before stays",
            reason=f"{extract.token} is not set",
        )
    return token


@contextmanager
def _told(source: str, extract: ApiExtract) -> Iterator[None]:
    """Word what went wrong, without the token and without anything of a page."""
    try:
        yield
    except (_BrokenPageError, UnusableError) as error:
        said = str(error)
    except HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        said = _refused(status, extract)
    except RequestException as error:
        said = f"no answer ({type(error).__name__}) to {ATTEMPTS} attempts"
    except (ValueError, RecursionError):
        said = "a page is not JSON, or lacks what the paginator reads"
    else:
        return
    raise SourceError(
        f"{source}: {extract} cannot be read as a whole: {said}. Nothing of it was taken over; "
        "what was read before stays",
        reason=f"{source} cannot be read as a whole",
    ) from None


def _refused(status: int, extract: ApiExtract) -> str:
    told = f"it answers {status}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        needed = f"look at the token in {extract.token}" if extract.token else "declare its token"
        return f"{told}: it wants another token; {needed}"
    if status == HTTPStatus.NOT_FOUND:
        return f"{told}: there is nothing at this address"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{told}, after {ATTEMPTS} attempts too"
    return told
