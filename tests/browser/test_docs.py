"""The page of the API's description, as a developer reads it."""

import json

import pytest
from driver import WAIT_S, axe_violations, chromium_with
from playwright.sync_api import expect, sync_playwright
from populated import populated

pytestmark = [pytest.mark.browser, pytest.mark.shares]

WIDTHS = {"wide": (1280, 800), "narrow": (390, 844)}


@pytest.fixture(scope="module")
def reader(tmp_path_factory, chromium):
    """A tab of a browser, and what it complains of."""
    with (
        populated(tmp_path_factory.mktemp("server")) as server,
        sync_playwright() as playwright,
        chromium_with(playwright, chromium, None) as browser,
    ):
        context = browser.new_context(base_url=server.url)
        context.set_default_timeout(WAIT_S * 1000)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.server = server
        yield page


@pytest.fixture
def page(reader):
    reader.complaints.clear()
    reader.goto("about:blank")
    reader.set_viewport_size({"width": 1280, "height": 800})
    reader.goto("/docs")
    expect(reader.get_by_role("heading", level=1)).to_be_visible()
    yield reader
    assert reader.complaints == []


def test_the_page_shows_every_operation_and_message(page):
    document = json.loads(page.request.get("/openapi.json").text())
    operations = sum(len(methods) for methods in document["paths"].values())
    channels = document["x-data-channels"]["channels"].values()
    messages = sum(
        len(each[side]["oneOf"])
        for each in channels
        for side in ("client", "server")
        if side in each
    )
    for side in ("client", "server"):
        name = document["x-call-socket"][side]["$ref"].rpartition("/")[2]
        messages += len(document["components"]["schemas"][name]["oneOf"])
    shown = page.locator("details.operation")
    expect(shown).to_have_count(operations + messages + len(document["webhooks"]))


def test_the_page_asks_nobody_but_its_own_server(page):
    assert page.asked
    assert [url for url in page.asked if not url.startswith((page.server.url, "about:"))] == []


def test_an_operation_shows_what_it_takes_and_answers(page):
    page.goto("/docs#list_sessions")
    operation = page.locator("#list_sessions")
    expect(operation).to_have_attribute("open", "")
    for words in ("integer, 1 to 200 · default 50", "date-time", "SessionList", "No token"):
        expect(operation.get_by_text(words).first).to_be_visible()


def test_what_is_inside_a_field_opens(page):
    page.goto("/docs#get_session")
    operation = page.locator("#get_session")
    operation.get_by_text("summary", exact=True).click()
    expect(operation.get_by_text("best_score", exact=True)).to_be_visible()


def test_search_leaves_what_has_the_words(page):
    page.keyboard.press("/")
    page.keyboard.type("trickle whip")
    expect(page.locator("details.operation")).to_have_count(1)
    expect(page.get_by_role("status").first).to_have_text("1 found")
    page.get_by_role("searchbox").fill("nonsense")
    expect(page.get_by_text("Nothing here has these words.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_keyboard_reaches_and_opens_an_operation(page):
    page.get_by_role("searchbox").fill("healthcheck")
    page.keyboard.press("Tab")  # the link to its section
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#healthcheck")).to_have_attribute("open", "")
    page.wait_for_url("**/docs#healthcheck")


def test_a_request_can_be_tried_with_a_token(page):
    user = page.server.person("member")
    page.goto("/docs#me")
    operation = page.locator("#me")
    operation.get_by_text("Try it").click()
    operation.get_by_label("Token").fill(page.server.headers(user)["Authorization"].split()[1])
    operation.get_by_role("button", name="Send").click()
    expect(operation.locator("strong")).to_have_text("200 OK")
    expect(operation.locator("pre")).to_contain_text(user.name)


def test_a_request_with_a_body_begins_with_one_that_has_its_form(page):
    page.goto("/docs#create_session")
    operation = page.locator("#create_session")
    operation.get_by_text("Try it").click()
    body = json.loads(operation.get_by_label("Body").input_value())
    assert body == {"exercise_id": ""}


def open_all(page):
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    inside = page.locator("details.operation > .inside")
    expect(inside).to_have_count(page.locator("details.operation").count())


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(page, width):
    columns, rows = WIDTHS[width]
    page.set_viewport_size({"width": columns, "height": rows})
    open_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= columns


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read_by_everybody(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto("/docs#add_webhook")
    operation = page.locator("#add_webhook")
    operation.get_by_text("Try it").click()
    expect(operation.get_by_role("button", name="Send")).to_be_visible()
    assert axe_violations(page) == []
