"""Streams an XES log (IEEE 1849) as rows: one per event, with the attributes of its case under the prefix `case:`.

One trace is in memory at a time. XML is read through defusedxml: entities and external references are refused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from jiying.desk.services.history.rows import LogFileError, Row, RowNote, digest_of

CASE = "case:"
N_HEAD_TRACES = 100


def read_xes(stream: IO[bytes], wanted: Sequence[str], name: str) -> Iterator[Row | RowNote]:
    """One row per event in the order of the file. Raises LogFileError for broken or forbidden XML."""
    number = 0
    for trace in _traces(stream, name):
        if _local(trace) == "event":
            number += 1
            yield RowNote(number, "event_outside_trace")
            continue
        of_case = {CASE + key: value for key, value in _attributes(trace)}
        for child in trace:
            if _local(child) == "event":
                number += 1
                cells = {**of_case, **dict(_attributes(child))}
                digest = digest_of([f"{key}={cells[key]}" for key in sorted(cells)])
                yield Row(number, tuple([cells.get(column, "") for column in wanted]), digest)


def xes_head(stream: IO[bytes], name: str) -> tuple[str, ...]:
    """The columns that the first hundred cases have, in order of appearance."""
    columns: dict[str, None] = {}
    for trace in islice(_traces(stream, name), N_HEAD_TRACES):
        columns.update((CASE + key, None) for key, _ in _attributes(trace))
        for event in trace:
            if _local(event) == "event":
                columns.update((key, None) for key, _ in _attributes(event))
    if not columns:
        raise LogFileError("file_empty", file=name)
    return tuple(columns)


def _traces(stream: IO[bytes], name: str) -> Iterator[Element]:
    """Every trace, and every event that stands outside of one; what was handed out is dropped before going on."""
    root: Element | None = None
    inside = False
    with _faults_named(name):
        for action, element in iterparse(stream, events=("start", "end")):
            tag = _local(element)
            if root is None:
                root = element
                if tag != "log":
                    raise LogFileError("xes_without_log", file=name, found=tag)
            elif tag not in ("trace", "event"):
                continue
            elif action == "start":
                inside = inside or tag == "trace"
            elif tag == "trace" or not inside:
                inside = False
                yield element
                root.clear()


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    try:
        yield
    except ParseError as fault:
        line, column = fault.position
        raise LogFileError("xml_broken", file=name, line=line, column=column, detail=fault.msg) from fault
    except DefusedXmlException as fault:
        raise LogFileError("xml_forbidden", file=name, detail=type(fault).__name__) from fault


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    """Own attributes only: nested ones describe an attribute, not the event, and lists hold no value."""
    for child in element:
        key, value = child.get("key"), child.get("value")
        if key is not None and value is not None:
            yield key, value


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
