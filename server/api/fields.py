"""Fields that several bodies have.

Of texts that others are shown, no control character changes how they are read.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from ..store.exercises import LONGEST_NAME

LONGEST_TEXT = 2000  # characters
LARGEST_TARGET = 3600  # repetitions, or seconds
MOST_OFFSET_MIN = 14 * 60  # Kiritimati's
# Letters of some scripts and some emoji are joined or parted by these two.
_NOTHING = dict.fromkeys(map(ord, "\u200c\u200d"))


def clean_name(name: str) -> str:
    """Return a name on one line, without space around it.

    Raises:
        PydanticCustomError: If it is empty, too long or has control characters.
    """
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(clean) <= LONGEST_NAME or not clean.isprintable():
        raise PydanticCustomError(
            "name",
            "Give the exercise a name of 1 to {longest} characters",
            {"longest": LONGEST_NAME},
        )
    return clean


def clean_text(text: str) -> str:
    """Return a text of any number of lines, without space around it.

    Raises:
        PydanticCustomError: If it is too long or has control characters.
    """
    clean = unicodedata.normalize("NFC", text).replace("\t", " ").strip()
    lines = clean.splitlines()
    if len(clean) > LONGEST_TEXT or not "".join(lines).translate(_NOTHING).isprintable():
        raise PydanticCustomError(
            "text",
            "Write at most {longest} characters, without control characters",
            {"longest": LONGEST_TEXT},
        )
    return "\n".join(lines)


def one_line(text: str) -> str:
    """Return a text that has no control characters, and so no second line.

    Raises:
        PydanticCustomError: If it has.
    """
    if not text.isprintable():
        raise PydanticCustomError("not_printable", "Write one line, without control characters")
    return text


def written_time(given: object) -> object:
    """Return a time that is written as RFC 3339 has it; pydantic takes plain numbers for one, too.

    Raises:
        PydanticCustomError: If it is a number.
    """
    if isinstance(given, str) and "T" in given.upper():
        return given
    raise PydanticCustomError("time", "Write a time with its zone, like 2026-11-25T17:30:00Z")


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC.

    Raises:
        PydanticCustomError: If there it is before the year 1 or after 9999.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("time", "Write a time of the years 1 to 9999") from error


ExerciseName = Annotated[
    str,
    AfterValidator(clean_name),
    Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_NAME}),
]
Text = Annotated[
    str, AfterValidator(clean_text), Field(json_schema_extra={"maxLength": LONGEST_TEXT})
]
Timestamp = Annotated[AwareDatetime, BeforeValidator(written_time), AfterValidator(in_utc)]
Target = Annotated[int, Field(ge=1, le=LARGEST_TARGET)]
UtcOffset = Annotated[
    int,
    Field(
        ge=-MOST_OFFSET_MIN,
        le=MOST_OFFSET_MIN,
        description="How far the user's clock is ahead of UTC, in minutes.",
    ),
]


class Change(BaseModel):
    """The body of a PATCH: what is not in it stays. Only what is `clearable` may be null."""

    model_config = ConfigDict(extra="forbid")

    clearable: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say of what may not be null that it may not."""
        schema = handler(core_schema)
        for name, field in handler.resolve_ref_schema(schema).get("properties", {}).items():
            options = [option for option in field.get("anyOf", []) if option["type"] != "null"]
            if name not in cls.clearable and len(options) == 1:
                field.pop("anyOf")
                field.pop("default", None)
                field.update(options[0])
        return schema

    @model_validator(mode="after")
    def _null_means_something(self) -> Self:
        for name in self.model_fields_set - self.clearable:
            if getattr(self, name) is None:
                raise PydanticCustomError(
                    "null", "{name} can't be null; leave it out to keep it", {"name": name}
                )
        return self
