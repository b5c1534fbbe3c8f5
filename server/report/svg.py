"""A drawing as inline SVG. Its tones are classes, which the page's style sheet colours."""

from html import escape

from .drawing import TONES, Box, Dot, Drawing, Label, Line, Shape

STYLE = """
svg{display:block;width:100%;height:auto}
svg text{font-family:inherit}
""" + "".join(
    f".f-{tone}{{fill:{colour}}}.s-{tone}{{stroke:{colour}}}\n" for tone, colour in TONES.items()
)


def svg(drawing: Drawing) -> str:
    """Write a drawing as one element that says what it shows."""
    shapes = "".join(map(_shape, drawing.shapes))
    size = f"0 0 {_number(drawing.width)} {_number(drawing.height)}"
    return f'<svg role="img" aria-label="{escape(drawing.says)}" viewBox="{size}">{shapes}</svg>'


def _shape(shape: Shape) -> str:
    match shape:
        case Line(points, tone, width, dashed):
            places = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
            return (
                f'<polyline points="{places}" fill="none" class="s-{tone}" '
                f'stroke-width="{width}"{_dashes(dashed)}/>'
            )
        case Box(x, y, width, height, fill, stroke, dashed):
            place = f'x="{_number(x)}" y="{_number(y)}"'
            size = f'width="{_number(width)}" height="{_number(height)}"'
            return f"<rect {place} {size}{_paint(fill, stroke)}{_dashes(dashed)}/>"
        case Dot(x, y, radius, fill, stroke):
            place = f'cx="{_number(x)}" cy="{_number(y)}" r="{radius}"'
            return f"<circle {place}{_paint(fill, stroke)}/>"
        case Label(x, y, text, anchor, size_pt, tone, bold):
            weight = ' font-weight="bold"' if bold else ""
            return (
                f'<text x="{_number(x)}" y="{_number(y)}" class="f-{tone}" text-anchor="{anchor}" '
                f'font-size="{size_pt}"{weight}>{escape(text)}</text>'
            )


def _paint(fill: str | None, stroke: str | None) -> str:
    classes = [f"f-{fill}"] if fill else []
    classes += [f"s-{stroke}"] if stroke else []
    nothing = "" if fill else ' fill="none"'
    return f'{nothing} stroke-width="0.6" class="{" ".join(classes)}"'


def _dashes(dashed: bool) -> str:
    return ' stroke-dasharray="2 1.6"' if dashed else ""


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
