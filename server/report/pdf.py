"""A report as PDF on A4, drawn by ReportLab."""

import functools
import unicodedata
from collections.abc import Iterator
from html import escape
from io import BytesIO
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from ..texts import Texts
from .content import Fact, Report, Scene
from .drawing import TONES, Anchor, Box, Dot, Drawing, Label, Line, Tone

# Bitstream Vera, which ReportLab brings along: the letters of western European languages.
REGULAR, BOLD = "Vera", "VeraBd"
MARGIN = 18 * mm
INNER = A4[0] - 2 * MARGIN
PICTURE_HEIGHT = 130.0  # points, at most

_TONES: dict[Tone, Color] = {tone: HexColor(colour) for tone, colour in TONES.items()}
_INK, _SOFT, _RULE = _TONES["ink"], _TONES["soft"], _TONES["line"]


def _style(name: str, size: float, *, bold: bool = False, soft: bool = False) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName=BOLD if bold else REGULAR,
        fontSize=size,
        leading=size * 1.32,
        textColor=_SOFT if soft else _INK,
    )


KICKER = _style("kicker", 7.5, soft=True)
TITLE = _style("title", 18, bold=True)
TEXT = _style("text", 9)
NOTE = _style("note", 8, soft=True)
HEADING = _style("heading", 11, bold=True)
STRONG = _style("strong", 9, bold=True)
_SCORE = _style("score", 38, bold=True)
_CELL = _style("cell", 8)
_NUMBER = ParagraphStyle("number", parent=_CELL, alignment=TA_RIGHT)


def pdf(report: Report, texts: Texts) -> bytes:
    """Write a report as a PDF; the same report gives the same bytes."""
    title = f"{report.title} – {report.kicker}"
    return document(title, _story(report), texts, made=report.made)


def document(title: str, story: Iterator[Flowable], texts: Texts, *, made: str) -> bytes:
    """Write a PDF on A4 in the language of `texts`, with `made` and its number below each page."""
    _register_fonts()
    file = BytesIO()
    template = BaseDocTemplate(
        file, pagesize=A4, title=title, author="posesim", lang=texts.language, invariant=1
    )
    frame = Frame(
        MARGIN,
        16 * mm,
        INNER,
        A4[1] - 31 * mm,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    template.addPageTemplates(PageTemplate(frames=[frame]))
    template.build(list(story), canvasmaker=_pages(made, texts))
    return file.getvalue()


def _story(report: Report) -> Iterator[Flowable]:
    yield text(report.kicker.upper(), KICKER)
    yield text(report.title, TITLE)
    yield text(report.line, NOTE)
    yield Spacer(1, 8)
    yield top(report)
    yield Spacer(1, 6)
    if report.facts:
        yield facts_table(report.facts)
    course = Drawn(report.course) if report.course else text(report.no_course, TEXT)
    yield KeepTogether([heading(report.course_title), course])
    if report.repetitions:
        says = text(report.repetitions.says, NOTE)
        drawn = Drawn(report.repetitions)
        yield KeepTogether([heading(report.repetitions_title), drawn, says])
    if report.scenes:
        yield KeepTogether([heading(report.scenes_title), _scenes(report)])
    if report.remarks:
        remarks = [text(f"• {remark}", TEXT) for remark in report.remarks]
        yield KeepTogether([heading(report.remarks_title), *remarks])
    if report.table:
        yield Spacer(1, 8)
        yield _repetitions(report)
    if report.more:
        yield text(report.more, NOTE)
    yield Spacer(1, 10)
    yield meaning_box(report.meaning_title, report.meaning)


def top(report: Report) -> Flowable:
    """The score of a session and what it is made of."""
    score = "–" if report.score is None else report.score
    of_100 = "" if report.score is None else f' <font size="9">{_shown(report.of_100)}</font>'
    left: list[list[Any]] = [
        [Paragraph(_shown(score) + of_100, _SCORE)],
        [text(report.verdict, STRONG)],
    ]
    number = Table(left, colWidths=[150], rowHeights=[46, 16])
    number.setStyle(TableStyle(_BARE))
    rows = [
        [text(share.name, TEXT), Drawn(_bar(share.value)), text(share.text, STRONG)]
        for share in report.shares
    ]
    if not rows:
        return number
    shares = Table(rows, colWidths=[80, 190, 50], rowHeights=20)
    shares.setStyle(TableStyle([*_BARE, ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]))
    both = Table([[number, shares]], colWidths=[165, INNER - 165])
    both.setStyle(TableStyle([*_BARE, ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]))
    return both


def _bar(value: float) -> Drawing:
    full = Box(0, 0, 180, 8, "veil")
    return Drawing(180, 8, (full, Box(0, 0, 180 * value, 8, "accent")), "")


def facts_table(facts: list[Fact]) -> Flowable:
    """Things to know, three a row."""
    cells: list[list[Any]] = [[text(fact.name, NOTE), text(fact.value, STRONG)] for fact in facts]
    rows = [cells[first : first + 3] for first in range(0, len(cells), 3)]
    rows[-1] += [[]] * (3 - len(rows[-1]))
    table = Table(rows, colWidths=[INNER / 3] * 3)
    table.setStyle(
        TableStyle(
            [
                *_BARE,
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEABOVE", (0, 0), (-1, -1), 0.5, _RULE),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
            ]
        )
    )
    return table


def _scenes(report: Report) -> Flowable:
    columns = [_scene(scene, report.no_picture) for scene in report.scenes]
    columns += [[text("", TEXT)]] * (2 - len(columns))
    table = Table([columns], colWidths=[INNER / 2] * 2)
    table.setStyle(TableStyle([*_BARE, ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    return table


def _scene(scene: Scene, no_picture: str) -> list[Flowable]:
    said: list[Flowable] = [text(scene.title, STRONG), text(scene.text, TEXT)]
    if scene.where:
        said.append(text(scene.where, TEXT))
    if scene.picture is None:
        return [*said, text(no_picture, NOTE)]
    picture = scene.picture
    scale = min((INNER / 2 - 12) / picture.width, PICTURE_HEIGHT / picture.height)
    image = Image(
        BytesIO(picture.jpeg), picture.width * scale, picture.height * scale, hAlign="LEFT"
    )
    return [*said, Spacer(1, 4), image]


def _repetitions(report: Report) -> Flowable:
    assert report.table is not None
    last = len(report.table.columns) - 1
    rows = [
        [text(cell, _CELL if n == last else _NUMBER) for n, cell in enumerate(row)]
        for row in (report.table.columns, *report.table.rows)
    ]
    widths = [28.0, 74.0, 52.0, 52.0, 46.0]
    table = Table(rows, colWidths=[*widths, INNER - sum(widths)], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                *_BARE,
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
                ("LEFTPADDING", (last, 0), (last, -1), 10),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return table


def meaning_box(title: str, meaning: str) -> Flowable:
    """What a report does not say."""
    table = Table(
        [[[text(title, STRONG), text(meaning, TEXT)]]],
        colWidths=[INNER],
    )
    table.setStyle(
        TableStyle([("BOX", (0, 0), (-1, -1), 0.8, _INK), ("BOTTOMPADDING", (0, 0), (-1, -1), 6)])
    )
    return table


_BARE: list[Any] = [
    (f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")
]


def heading(words: str) -> Flowable:
    """The heading of a part."""
    return Paragraph(
        _shown(words), ParagraphStyle("spaced", parent=HEADING, spaceBefore=10, spaceAfter=4)
    )


def text(words: str, style: ParagraphStyle) -> Flowable:
    """Words as they are, whatever is in them."""
    return Paragraph(_shown(words), style)


def _shown(words: str) -> str:
    """A text as a paragraph takes it: nothing in it is mark-up, every letter is in the font."""
    return escape(_in_font(words))


def _in_font(words: str) -> str:
    """With other letters where the font has none: the same without accents, or a question mark."""
    known = _letters()

    def letter(char: str) -> str:
        if ord(char) in known:
            return char
        plain = unicodedata.normalize("NFKD", char)[0]
        return plain if ord(plain) in known else "?"

    return "".join(map(letter, unicodedata.normalize("NFC", words)))


class Drawn(Flowable):
    """A drawing in the flow of a document."""

    def __init__(self, drawing: Drawing) -> None:
        super().__init__()
        self._drawing = drawing
        self.width, self.height = drawing.width, drawing.height

    def draw(self) -> None:
        """Draw it: ReportLab counts from the bottom."""
        for shape in self._drawing.shapes:
            match shape:
                case Line():
                    self._line(shape)
                case Box():
                    self._box(shape)
                case Dot():
                    self._dot(shape)
                case Label():
                    self._label(shape)

    def _line(self, line: Line) -> None:
        path = self.canv.beginPath()
        for n, (x, y) in enumerate(line.points):
            (path.lineTo if n else path.moveTo)(x, self.height - y)
        self._pen(line.tone, line.width, line.dashed)
        self.canv.drawPath(path, stroke=1, fill=0)

    def _box(self, box: Box) -> None:
        self._paint(box.fill, box.stroke, box.dashed)
        self.canv.rect(
            box.x,
            self.height - box.y - box.height,
            box.width,
            box.height,
            stroke=int(box.stroke is not None),
            fill=int(box.fill is not None),
        )

    def _dot(self, dot: Dot) -> None:
        self._paint(dot.fill, dot.stroke, dashed=False)
        y = self.height - dot.y
        self.canv.circle(dot.x, y, dot.radius, stroke=int(dot.stroke is not None), fill=1)

    def _label(self, label: Label) -> None:
        self.canv.setFont(BOLD if label.bold else REGULAR, label.size)
        self.canv.setFillColor(_TONES[label.tone])
        draw: dict[Anchor, Any] = {
            "start": self.canv.drawString,
            "middle": self.canv.drawCentredString,
            "end": self.canv.drawRightString,
        }
        draw[label.anchor](label.x, self.height - label.y, _in_font(label.text))

    def _paint(self, fill: Tone | None, stroke: Tone | None, dashed: bool) -> None:
        if fill is not None:
            self.canv.setFillColor(_TONES[fill])
        if stroke is not None:
            self._pen(stroke, 0.6, dashed)

    def _pen(self, tone: Tone, width: float, dashed: bool) -> None:
        self.canv.setStrokeColor(_TONES[tone])
        self.canv.setLineWidth(width)
        self.canv.setDash([2, 1.6] if dashed else [])


def _pages(made: str, texts: Texts) -> Any:
    """A canvas that writes below each page which one it is, and of how many."""

    class Pages(Canvas):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._states: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802
            self._states.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined]  # the way of ReportLab's own examples

        def save(self) -> None:
            for number, state in enumerate(self._states, 1):
                self.__dict__.update(state)
                self.setFont(REGULAR, 7)
                self.setFillColor(_SOFT)
                self.drawString(MARGIN, 9 * mm, _in_font(made))
                page = texts("report.page", page=number, pages=len(self._states))
                self.drawRightString(A4[0] - MARGIN, 9 * mm, page)
                super().showPage()
            super().save()

    return Pages


@functools.cache
def _letters() -> frozenset[int]:
    """Which letters the font has."""
    return frozenset(TTFont(REGULAR, f"{REGULAR}.ttf").face.charToGlyph)


def _register_fonts() -> None:
    for name in (REGULAR, BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
