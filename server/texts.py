"""Texts of the page's message files, for what the server writes in a user's language."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Language = Literal["en", "de", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class Texts:
    """The messages of one language; a plural's forms have keys of their own, `key.one`."""

    language: Language
    messages: dict[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of `key` with its placeholders filled.

        Raises:
            KeyError: If the message file has no such text, or a placeholder has no value.
        """
        return self.messages[key].format_map(values)

    def plural(self, key: str, count: int, **values: object) -> str:
        """Return the form of `key` for `count`; these languages have one and other (CLDR)."""
        form = f"{key}.one" if count == 1 else f"{key}.other"
        return self(form, count=count, **values)


def load_texts(static: Path, language: Language) -> Texts:
    """Read a message file of the page, which lies in the folder `static`."""
    raw = json.loads((static / "locales" / f"{language}.json").read_text("utf-8"))
    messages: dict[str, str] = {}
    for key, message in raw.items():
        if isinstance(message, str):
            messages[key] = message
        else:
            messages |= {f"{key}.{form}": text for form, text in message.items()}
    return Texts(language, messages)
