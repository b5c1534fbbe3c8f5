"""What a page says on the data channel `events` (docs/api.md)."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

LONGEST_REFERENCE_S = 86400.0
FASTEST_RATE = 4.0  # that a page plays a reference at


class _FromPage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    v: Literal[1]


class Hello(_FromPage):
    """The page is ready for `welcome`.

    Attributes:
        last_seq: Of the events that it has got over an earlier connection; None: this is the first.
        last_score: Up to which it has got all scores; a later one may have come, and comes again.
    """

    type: Literal["hello"]
    last_seq: int | None = Field(default=None, ge=-1, lt=2**53)
    last_score: int | None = Field(default=None, ge=-1, lt=2**53)


class Ping(_FromPage):
    """The page asks for a `pong` with the same id."""

    type: Literal["ping"]
    id: int = Field(ge=0, lt=2**53)  # what a JavaScript number holds exactly


class Bye(_FromPage):
    """The page ends the session."""

    type: Literal["bye"]


class Clock(_FromPage):
    """The page plays the reference to the user: where it is now.

    Attributes:
        reference_s: Where in the reference; null if it is no longer played.
        rate: Reference seconds per second, 0 if it is paused; null if it is no longer played.
    """

    type: Literal["clock"]
    reference_s: Annotated[FiniteFloat, Field(ge=0, le=LONGEST_REFERENCE_S)] | None
    rate: Annotated[FiniteFloat, Field(ge=0, le=FASTEST_RATE)] | None

    @model_validator(mode="after")
    def _all_or_nothing(self) -> Self:
        if (self.reference_s is None) != (self.rate is None):
            raise ValueError("reference_s and rate are both numbers or both null")
        return self


class Renew(_FromPage):
    """The page goes on with another token of this session."""

    type: Literal["renew"]
    token: str = Field(repr=False)


ClientMessage = Hello | Ping | Clock | Renew | Bye
