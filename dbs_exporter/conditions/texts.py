"""What is said of conditions, in each language: the files in `texts/`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "zh")
_FOLDER = Path(__file__).parent / "texts"


@lru_cache
def texts(language: str = "en") -> dict[str, Any]:
    """Return `words`, `causes` and `conditions` in a language."""
    loaded: dict[str, Any] = yaml.safe_load((_FOLDER / f"{language}.yml").read_text(encoding="utf-8"))
    return loaded


def summary(condition: str, state: str) -> str:
    """Return the sentence about a condition in a state, in English."""
    sentence: str = texts()["conditions"][condition][state]["summary"]
    return sentence


def cause(name: str) -> str:
    """Return the words for a cause, in English."""
    words: str = texts()["causes"][name]
    return words
