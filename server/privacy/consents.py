"""What users are asked to allow, in words; the words that somebody agreed to are kept with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from posesim.errors import PosesimError

from ..store.consents import Consent, ConsentRows
from ..texts import LANGUAGES, Language, load_texts

Purpose = Literal["scoring", "coaching", "recording", "call"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

_MISSING: dict[Purpose, str] = {
    "scoring": "Allow first that your movements are analysed: see Account, Privacy.",
    "coaching": "Allow first that your coach sees your results: see Account, Privacy.",
    "recording": "Allow first that your clips are kept: see Account, Privacy.",
    "call": "Allow first that you are seen and scored in calls: see Account, Privacy.",
}


class ConsentMissing(PosesimError):
    """Somebody has not allowed what they ask for."""

    def __init__(self, purpose: Purpose) -> None:
        super().__init__(_MISSING[purpose])
        self.purpose = purpose


@dataclass(frozen=True)
class Wordings:
    """What is asked, by purpose and language."""

    texts: dict[tuple[Purpose, Language], str]

    @classmethod
    def load(cls, static: Path) -> "Wordings":
        """Read them from the page's message files in `static`."""
        return cls(
            {
                (purpose, language): load_texts(static, language)(f"consent.{purpose}")
                for language in LANGUAGES
                for purpose in PURPOSES
            }
        )

    def of(self, purpose: Purpose, language: Language) -> str:
        """What a user of this language is asked."""
        return self.texts[purpose, language]


class Consents:
    """Gives, withdraws and requires consents. A changed wording has to be agreed to again."""

    def __init__(self, rows: ConsentRows, wordings: Wordings) -> None:
        self._rows = rows
        self.wordings = wordings

    async def give(self, user_id: str, purpose: Purpose, language: Language) -> Consent:
        """Keep that a user agreed to what is asked now; agreeing twice is one consent."""
        wording = self.wordings.of(purpose, language)
        for consent in await self._rows.given(user_id, purpose):
            if consent.wording == wording:
                return consent
        return await self._rows.add(user_id, purpose, language, wording)

    def counts(self, consent: Consent) -> bool:
        """Whether a consent is still given, in the words in which it is asked now."""
        asked = (
            text for (purpose, _), text in self.wordings.texts.items() if purpose == consent.purpose
        )
        return consent.withdrawn_at is None and consent.wording in asked

    async def require(self, user_id: str, purpose: Purpose) -> None:
        """Make sure that a user allows this.

        Raises:
            ConsentMissing: If not.
        """
        if not any(map(self.counts, await self._rows.given(user_id, purpose))):
            raise ConsentMissing(purpose)
