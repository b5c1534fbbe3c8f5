"""A report of a call as one HTML file, made of the parts of a session's report."""

from html import escape

from . import page
from .call_content import CallReport, Run


def call_html(report: CallReport) -> str:
    """Write a report of a call as a page."""
    body = [
        page.header(report.kicker, report.title, report.line),
        page.facts_list(report.facts),
        page.section(
            report.notes_title, "".join(f"<p>{escape(line)}</p>" for line in report.notes)
        ),
    ]
    if report.marks:
        body.append(page.section(report.marks_title, _items(report.marks)))
    body += [_run(run, report.marks_title) for run in report.runs]
    if not report.runs:
        body.append(f"<p>{escape(report.no_runs)}</p>")
    body.append(page.ending(report.meaning_title, report.meaning, report.made))
    title = f"{report.title} – {report.kicker}"
    return page.document(report.language, title, "".join(body))


def _run(run: Run, marks_title: str) -> str:
    said = run.report
    content = [
        f'<p class="soft">{escape(said.line)}</p>',
        page.top(said),
        page.facts_list(said.facts),
        _part(said.course_title, page.course(said)),
    ]
    if run.marks:
        content.append(_part(marks_title, _items(run.marks)))
    if said.remarks:
        content.append(_part(said.remarks_title, _items(said.remarks)))
    return page.section(run.title, "".join(content))


def _part(title: str, content: str) -> str:
    return f"<h3>{escape(title)}</h3>{content}"


def _items(texts: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"
