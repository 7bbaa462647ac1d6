"""Damage files as disks, editors and strangers do."""

from __future__ import annotations

import random
import re

TOKENS = (
    b"", b"0", b"-1", b"1e999", b"nan", b"99999999999999999999", b'"', b"'", b"[[", b"]", b"{", b"}", b"=", b",", b"|",
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\x1b[31m", b"[red]", b"=cmd()", b"../../etc", b"true", b"null",
    "ü\u202e\ud83d".encode("utf-8", "surrogatepass"), b"A" * 5000,
)  # fmt: skip
"""What is put in somewhere: limits of numbers, ends of texts and tables, and marks that mean something elsewhere."""

_WORD = re.compile(rb"[A-Za-z_]+|-?\d+(?:\.\d+)?|\"[^\"\n]*\"")


def damaged(content: bytes, generator: random.Random) -> bytes:
    """Return a copy with one to four changes, none of which knows what the file means."""
    for _ in range(generator.randint(1, 4)):
        content = generator.choice(_CHANGES)(content, generator)
    return content


def _flip(content: bytes, generator: random.Random) -> bytes:
    at = generator.randrange(len(content) or 1)
    return content[:at] + bytes([content[at] ^ 1 << generator.randrange(8)] if content else b"") + content[at + 1 :]


def _cut(content: bytes, generator: random.Random) -> bytes:
    start, end = sorted(generator.randrange(len(content) + 1) for _ in range(2))
    return content[:start] + content[end:]


def _end_early(content: bytes, generator: random.Random) -> bytes:
    return content[: generator.randrange(len(content) + 1)]


def _repeat(content: bytes, generator: random.Random) -> bytes:
    start, end = sorted(generator.randrange(len(content) + 1) for _ in range(2))
    return content[:end] + content[start:end] * generator.choice((1, 2, 50)) + content[end:]


def _insert(content: bytes, generator: random.Random) -> bytes:
    at = generator.randrange(len(content) + 1)
    return content[:at] + generator.choice(TOKENS) + content[at:]


def _replace_word(content: bytes, generator: random.Random) -> bytes:
    words = list(_WORD.finditer(content[:100_000]))
    if not words:
        return _insert(content, generator)
    word = generator.choice(words)
    other = generator.choice((generator.choice(words).group(), generator.choice(TOKENS)))
    return content[: word.start()] + other + content[word.end() :]


def _zero(content: bytes, generator: random.Random) -> bytes:
    start = generator.randrange(len(content) + 1)
    end = min(len(content), start + generator.choice((1, 4, 512)))
    return content[:start] + bytes(end - start) + content[end:]


_CHANGES = (_flip, _cut, _end_early, _repeat, _insert, _replace_word, _replace_word, _zero)
