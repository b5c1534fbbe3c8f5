"""Numbers, times and findings in the words of a report's language."""

from datetime import UTC, datetime, timedelta

from ..store.parts import CueRow, DifferenceValues
from ..texts import Texts


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:30 or 1:02:03."""
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def decimal(texts: Texts, value: float, digits: int = 2) -> str:
    """A number as the language writes it."""
    written = f"{value:.{digits}f}"
    return written if texts.language == "en" else written.replace(".", ",")


def percent(texts: Texts, share: float) -> str:
    """A share as the language writes it."""
    return f"{100 * share:.0f}{'' if texts.language == 'en' else chr(0xA0)}%"


def moment(texts: Texts, at: datetime, utc_offset_min: int) -> str:
    """A moment where the reader is, with the zone, because paper travels."""
    local = at.astimezone(UTC) + timedelta(minutes=utc_offset_min)
    hours, minutes = divmod(abs(utc_offset_min), 60)
    sign = "-" if utc_offset_min < 0 else "+"
    zone = f"{sign}{hours}{f':{minutes:02}' if minutes else ''}" if utc_offset_min else ""
    day = texts(
        "report.date",
        year=f"{local:%Y}",
        month=f"{local:%m}",
        day=f"{local:%d}",
        time=f"{local:%H:%M}",
    )
    return f"{day} (UTC{zone})"


def score_word(texts: Texts, score: float) -> str:
    """A score as one of three steps, those of the page."""
    if score >= 75:
        return texts("score.good")
    return texts("score.fair") if score >= 50 else texts("score.poor")


def tempo_words(texts: Texts, tempo: float) -> str:
    """A tempo over the reference's, as the page says it."""
    if tempo < 0.9:
        return texts("tempo.slower", percent=percent(texts, 1 - tempo))
    if tempo > 1.1:
        return texts("tempo.faster", percent=percent(texts, tempo - 1))
    return texts("tempo.on")


def difference_words(texts: Texts, difference: DifferenceValues) -> str:
    """By how much a part differed, as the page says it."""
    return _difference(texts, "difference", difference)


def short_difference(texts: Texts, difference: DifferenceValues) -> str:
    """By how much a part differed, for the cell of a table."""
    return _difference(texts, "report", difference)


def _difference(texts: Texts, prefix: str, difference: DifferenceValues) -> str:
    part, degrees = difference["part"], difference["degrees"]
    if part.endswith("shoulder"):  # an arm is raised, not bent
        how = "more_open" if degrees > 0 else "less_open"
    else:
        how = "more_bent" if degrees < 0 else "less_bent"
    name = capital(texts(f"part.{part}"))
    return texts(f"{prefix}.{how}", part=name, degrees=abs(degrees))


def cue_words(texts: Texts, cue: CueRow) -> str:
    """What the user was told, as it was said."""
    if cue.part is None:  # as with every cue but `check`
        return texts(f"cue.{cue.cue}.praise" if cue.praise else f"cue.{cue.cue}")
    if cue.praise:
        return texts("cue.better", part=texts(f"part.{cue.part}"))
    return texts(f"cue.check.{cue.part}")


def capital(words: str) -> str:
    """With a capital first letter."""
    return words[:1].upper() + words[1:]
