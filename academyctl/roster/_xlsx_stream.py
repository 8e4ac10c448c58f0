"""A part with very many elements of one kind, seen before it is read, and cut into blocks of whole elements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from academyctl.roster._package import refuse_dtd
from academyctl.roster._refusals import refusal

MAX_AROUND_BYTES = 16 * 2**20
"""Of what stands before and after the elements (columns, merges, validations)."""
MAX_ELEMENT_BYTES = 4 * 2**20
_PREFIXED_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*):(?:worksheet|sst)[\s>]")
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([\w.-]+)""")


@dataclass(frozen=True)
class Around:
    """What stands around a part's elements, in a `plain` part; one that is not has only its head, or nothing."""

    head: bytes
    tail: bytes
    plain: bool
    """Written as spreadsheet programs write: UTF-8, no prefix, no comment, CDATA or instruction among the elements."""


def look(chunks: Iterator[bytes], outer: bytes, element: bytes, most: int, *, too_many: str) -> Around:
    """Inflate a part to its end (so its CRC is right), keeping only what stands around the inside of `<outer>`.

    Raises RosterRefused: `too_many` for more than `most` elements, unsafe for a DTD, too-big for too much around.
    """
    head, rest = _head(chunks, b"<" + outer)
    refuse_dtd(head)
    if rest is None:
        return Around(head, b"", plain=False)
    rest = rest or next(chunks, b"")
    plain = b"<!" not in head and _is_utf8(head)
    if rest.lstrip().startswith(b"/"):
        tail = bytearray(b"</" + outer + rest.lstrip()[1:])
    else:
        end, elements, without = b"</" + outer, 0, 0
        while (at := rest.find(end)) < 0:
            kept = rest[1 - len(end) :]
            here = rest.count(element) - kept.count(element)
            elements, without = elements + here, 0 if here else without + len(rest)
            if elements > most:
                raise refusal(too_many)
            if without > MAX_ELEMENT_BYTES:
                raise refusal("too-big")
            plain = plain and b"<!" not in rest and b"<?" not in rest
            more = next(chunks, b"")
            if not more:
                return Around(head, b"", plain=False)
            rest = kept + more
        body, tail = rest[:at], bytearray(rest[at:])
        plain = plain and b"<!" not in body and b"<?" not in body
        if elements + body.count(element) > most:
            raise refusal(too_many)
    for chunk in chunks:
        tail += chunk
        if len(tail) > MAX_AROUND_BYTES:
            raise refusal("too-big")
    return Around(head, bytes(tail), plain)


def unprefixed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A part without its root's namespace prefix: some libraries write `<x:row>`, which means what `<row>` means."""
    first = next(chunks, b"")
    found = _PREFIXED_ROOT.search(first[:4096])
    if not found:
        yield from chain([first], chunks) if first else ()
        return
    begin, end = b"<" + found[1] + b":", b"</" + found[1] + b":"
    rest = first
    while rest:
        cut = rest.rfind(b"<", max(0, len(rest) - len(end)))
        cut = len(rest) if cut < 0 else cut
        if cut:  # an empty chunk would be taken for the end
            yield rest[:cut].replace(begin, b"<").replace(end, b"</")
        more = next(chunks, b"")
        if not more:
            return
        rest = rest[cut:] + more


def _head(chunks: Iterator[bytes], begin: bytes) -> tuple[bytes, bytes | None]:
    """What stands before `begin`, and what was read after it; (all, None) where it never comes."""
    head = bytearray()
    for chunk in chunks:
        head += chunk
        if b"\0" in head[:100]:  # UTF-16, for expat
            return b"", None
        start = head.find(begin, max(0, len(head) - len(chunk) - len(begin)))
        if start >= 0:
            return bytes(head[:start]), bytes(head[start + len(begin) :])
        if len(head) > MAX_AROUND_BYTES:
            raise refusal("too-big")
    return bytes(head), None


def _is_utf8(head: bytes) -> bool:
    said = _ENCODING.search(head[:200])
    return said is None or said[1].lower() in (b"utf-8", b"utf8", b"us-ascii", b"ascii")


def blocks(chunks: Iterator[bytes], outer: bytes, element: bytes) -> Iterator[str]:
    """The inside of a plain part's `<outer>`, cut before elements. Raises RosterRefused: corrupt, or too-big."""
    rest = _head(chunks, b"<" + outer)[1] or b""
    end = b"</" + outer
    try:
        while (at := rest.find(end)) < 0:
            cut = rest.rfind(element)
            if cut > 0:
                yield rest[:cut].decode("utf-8")
                rest = rest[cut:]
            elif len(rest) > MAX_ELEMENT_BYTES:
                raise refusal("too-big")
            more = next(chunks, b"")
            if not more:
                return
            rest += more
        yield rest[:at].decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal("corrupt") from error
