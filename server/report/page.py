"""A report as one HTML file: no script, nothing from elsewhere, made to be printed on A4."""

import base64
import hashlib
from html import escape

from ..texts import Language
from . import svg
from .content import Fact, Report, Scene, Share, Table

STYLE = (
    """
@page{size:A4;margin:16mm 18mm}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px;max-width:760px;background:#fff;color:#16202b;
font:15px/1.45 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:26px;line-height:1.2;margin:2px 0 4px;overflow-wrap:anywhere}
h2{font-size:16px;margin:22px 0 8px}
h3{font-size:14px;margin:14px 0 4px}
p{margin:0 0 6px}
.soft,.kicker,figcaption,dt,th{color:#4b5866}
.kicker{text-transform:uppercase;letter-spacing:.08em;font-size:12px}
.top{display:flex;gap:32px;align-items:center;margin-top:16px}
.score{font-size:54px;line-height:1;font-weight:700}
.score small{font-size:15px;font-weight:400}
.shares{flex:1;display:grid;grid-template-columns:auto 1fr auto;gap:6px 12px;align-items:center}
.shares svg{height:9px}
dl{display:grid;grid-template-columns:repeat(3,1fr);gap:10px 24px;margin:18px 0 0}
dl div{border-top:1px solid #c3cad2;padding-top:4px}
dt{font-size:12px}dd{margin:0;font-weight:600}
figure,section{break-inside:avoid;margin:0}
.scenes{display:grid;grid-template-columns:1fr 1fr;gap:24px}
.scenes h3{font-size:14px;margin:0 0 2px}
.scenes img{display:block;max-width:100%;max-height:220px;border:1px solid #c3cad2;margin-top:6px}
table{width:100%;border-collapse:collapse;font-size:13px;margin-top:10px}
thead{display:table-header-group}tr{break-inside:avoid}
th,td{text-align:right;padding:3px 6px;border-bottom:1px solid #c3cad2;vertical-align:top}
th{font-weight:400}th:last-child,td:last-child{text-align:left}
ul{margin:0;padding-left:20px}
.meaning{border:1px solid #16202b;padding:8px 12px 4px;margin-top:22px}
.meaning h2{margin:0 0 4px;font-size:14px}
footer{margin-top:14px;font-size:12px}
@media print{body{padding:0;max-width:none;font-size:9.5pt}h1{font-size:18pt}h2{margin-top:14pt}
.scenes img{max-height:125pt}table{font-size:8.5pt;margin-top:6pt}th,td{padding:1.5pt 6pt}
.meaning{margin-top:12pt}footer{margin-top:8pt}}
"""
    + svg.STYLE
)

# The file is opened from anywhere, so it brings its policy along. The server sends it as well.
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)


def html(report: Report) -> str:
    """Write a report as a page."""
    body = [
        header(report.kicker, report.title, report.line),
        top(report),
        facts_list(report.facts),
        section(report.course_title, course(report)),
    ]
    if report.repetitions:
        says = f"<figcaption>{escape(report.repetitions.says)}</figcaption>"
        figure = f"<figure>{svg.svg(report.repetitions)}{says}</figure>"
        body.append(section(report.repetitions_title, figure))
    if report.scenes:
        scenes = "".join(_scene(scene, report.no_picture) for scene in report.scenes)
        body.append(section(report.scenes_title, f'<div class="scenes">{scenes}</div>'))
    if report.remarks:
        items = "".join(f"<li>{escape(remark)}</li>" for remark in report.remarks)
        body.append(section(report.remarks_title, f"<ul>{items}</ul>"))
    if report.table:
        body.append(table(report.table))
    if report.more:
        body.append(f'<p class="soft">{escape(report.more)}</p>')
    body.append(ending(report.meaning_title, report.meaning, report.made))
    return document(report.language, f"{report.title} – {report.kicker}", "".join(body))


# Parts, also of the report of a call


def document(language: Language, title: str, body: str) -> str:
    """A whole page, with its style and its policy."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def header(kicker: str, title: str, line: str) -> str:
    """What the report is about."""
    return (
        f'<header><p class="kicker">{escape(kicker)}</p>'
        f'<h1>{escape(title)}</h1><p class="soft">{escape(line)}</p></header>'
    )


def top(report: Report) -> str:
    """The score of a session and what it is made of."""
    score = "–" if report.score is None else report.score
    of_100 = "" if report.score is None else f" <small>{escape(report.of_100)}</small>"
    return (
        f'<div class="top"><div><p class="score">{score}{of_100}</p>'
        f"<p>{escape(report.verdict)}</p></div>{_shares(report.shares)}</div>"
    )


def facts_list(facts: list[Fact]) -> str:
    """Things to know, side by side."""
    said = "".join(
        f"<div><dt>{escape(fact.name)}</dt><dd>{escape(fact.value)}</dd></div>" for fact in facts
    )
    return f"<dl>{said}</dl>"


def course(report: Report) -> str:
    """The score of a session over time, or that there is none."""
    if report.course is None:
        return f"<p>{escape(report.no_course)}</p>"
    return f"<figure>{svg.svg(report.course)}</figure>"


def ending(meaning_title: str, meaning: str, made: str) -> str:
    """What a report does not say, and when it was made."""
    return (
        f'<section class="meaning"><h2>{escape(meaning_title)}</h2>'
        f"<p>{escape(meaning)}</p></section>"
        f'<footer class="soft">{escape(made)}</footer>'
    )


def section(title: str, content: str) -> str:
    """A part of the page with its heading; `content` is markup."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _shares(shares: list[Share]) -> str:
    if not shares:
        return ""
    rows = "".join(
        f"<span>{escape(share.name)}</span>"
        f'<svg aria-hidden="true" viewBox="0 0 100 5" preserveAspectRatio="none">'
        f'<rect width="100" height="5" class="f-veil"/>'
        f'<rect width="{100 * share.value:.1f}" height="5" class="f-accent"/></svg>'
        f"<strong>{escape(share.text)}</strong>"
        for share in shares
    )
    return f'<div class="shares">{rows}</div>'


def _scene(scene: Scene, no_picture: str) -> str:
    where = f"<p>{escape(scene.where)}</p>" if scene.where else ""
    if scene.picture is None:
        picture = f'<p class="soft">{escape(no_picture)}</p>'
    else:
        data = base64.b64encode(scene.picture.jpeg).decode()
        alt = escape(scene.where or scene.title)
        picture = f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">'
    return f"<div><h3>{escape(scene.title)}</h3><p>{escape(scene.text)}</p>{where}{picture}</div>"


def table(content: Table) -> str:
    """Rows of cells under their columns."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in content.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in content.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
