"""A person at the page: a real Chromium, a camera that plays a clip, and a running server."""

import asyncio
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import videos
from playwright.sync_api import (
    APIRequestContext,
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from posesim.timebase import Grid, Tick
from posesim.video import read_frames
from posesim_server.auth import Passwords
from posesim_server.store import Store
from posesim_server.store.users import Role

NAME, PASSWORD = "anna", "correct horse battery"
COMMAND = [sys.executable, "-m", "posesim_server"]
FPS = 25.0
WIDE: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}}
CAMERA = 640, 480  # largest width and height of what the camera plays
CLIP_S = 12.0  # most seconds of a clip in the camera, which repeats it; raw video is large
WAIT_S = 60.0  # far longer than anything takes; a busy machine is no failure
# Playwright's own 5 s for what is expected are too few for one.
expect.set_options(timeout=WAIT_S * 1000)

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
)

# Done when all animations that have an end have come to it.
NOTHING_MOVES_IN = """() => Promise.allSettled(
  document.getAnimations()
    .filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
    .map(({ finished }) => finished),
)"""

# Links, buttons and choices that are lower than 44 pixels, and names that end in dots.
FAULTS_ON_A_PHONE = """() => {
  const all = (selector) =>
    [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility());
  const isLow = (each) => each.getBoundingClientRect().height < 43.5;
  const isCut = (each) => each.scrollWidth > each.clientWidth + 1;
  return [
    ...all("a, button, select").filter(isLow).map((each) => `low: ${each.textContent.trim()}`),
    ...all("h1, h2, .button, .row-words strong").filter(isCut)
      .map((each) => `cut: ${each.textContent.trim()}`),
  ];
}"""

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"

# Keeps what the data channels deliver and what the page sends, so that a test sees the messages and
# not only what is shown.
KEEP_MESSAGES = """
window.received = [];
window.sent = [];
const create = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (label, options) {
  const channel = create.call(this, label, options);
  channel.addEventListener("message", ({ data }) =>
    window.received.push({ channel: label, message: JSON.parse(data), at: Date.now() / 1000 }),
  );
  const send = channel.send.bind(channel);
  channel.send = (data) => {
    window.sent.push(JSON.parse(data));
    send(data);
  };
  return channel;
};
"""


@dataclass(frozen=True)
class Server:
    """A running `posesim serve` with one user."""

    url: str
    data: Path

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Read its database from outside."""
        with contextlib.closing(sqlite3.connect(self.data / "posesim.sqlite3")) as database:
            database.row_factory = sqlite3.Row
            return database.execute(query, values).fetchall()

    def add_user(self, name: str, role: Role = "member") -> None:
        """Add an account; its password is `PASSWORD`."""
        in_a_thread(_added(self.data, name, role))

    def allow(self, *purposes: str) -> None:
        """Consent for the user, who then is not asked by the page."""
        form = urllib.parse.urlencode({"username": NAME, "password": PASSWORD}).encode()
        with urllib.request.urlopen(f"{self.url}/token", form) as answer:
            token = json.load(answer)["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for purpose in purposes:
            body = json.dumps({"purpose": purpose, "language": "en"}).encode()
            request = urllib.request.Request(f"{self.url}/v1/consents", body, headers)
            urllib.request.urlopen(request).close()


def in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    """Run to its end what needs an event loop: the thread of a test has Playwright's."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        threads.submit(asyncio.run, work).result(WAIT_S)


async def _added(data: Path, name: str, role: Role) -> None:
    """As the command does it, which starts for as long as a whole test takes."""
    store = await Store.open(f"sqlite+aiosqlite:///{data / 'posesim.sqlite3'}")
    try:
        user = await store.users.add(name, await Passwords().hash(PASSWORD), role)
        await store.audit.note(None, "user.added", user.id, user.role)
    finally:
        await store.close()


@contextlib.contextmanager
def serving(data: Path, *options: str) -> Iterator[Server]:
    """Run the server as a user starts it, on a free port; stop it as an operator does."""
    in_a_thread(_added(data, NAME, "member"))
    serve = [*COMMAND, "serve", "--data", str(data), "--port", "0", *options]
    with (
        (data / "server.log").open("w") as log,
        subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            ready = re.search(r"http://\S+", process.stdout.readline())
            assert ready, (data / "server.log").read_text()
            yield Server(ready[0], data)
        finally:
            process.terminate()
        assert process.wait(WAIT_S) == 0, (data / "server.log").read_text()


def camera_file(
    clip: Path, folder: Path, still: bool = False, size: tuple[int, int] = CAMERA
) -> Path:
    """Write a clip as what Chromium's camera plays; `still` holds its first picture."""
    path = folder / f"{clip.stem}{'-still' if still else ''}.y4m"
    return videos.write_video(path, _pictures(clip, still, size))


def _pictures(
    clip: Path, still: bool, size: tuple[int, int]
) -> Iterator[tuple[float, videos.Picture]]:
    grid: Grid[videos.Picture] = Grid(FPS)
    for frame in read_frames(clip):
        for tick in grid.push(frame.time_s, frame.rgb):
            if not isinstance(tick, Tick) or tick.index >= CLIP_S * FPS:
                return
            picture = _fitted(tick.item, size)
            if still:
                yield from ((n / FPS, picture) for n in range(int(2 * FPS)))
                return
            yield tick.index / FPS, picture


def _fitted(rgb: videos.Picture, most: tuple[int, int]) -> videos.Picture:
    """The picture in the size that a webcam gives, its shape kept; even, as the file wants it."""
    height, width = rgb.shape[:2]
    scale = min(most[0] / width, most[1] / height, 1.0)
    size = int(width * scale) // 2 * 2, int(height * scale) // 2 * 2
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype("uint8")


@contextlib.contextmanager
def chromium_with(
    playwright: Playwright, executable: Path, camera: Path | None
) -> Iterator[Browser]:
    """Run a browser whose camera plays a file, or refuses (None)."""
    allow = ()
    if camera is not None:
        allow = ("--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={camera}")
    browser = playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *allow])
    try:
        yield browser
    finally:
        browser.close()


@dataclass
class Person:
    """Someone at the page, who does what people do there."""

    page: Page
    server: Server
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_S * 1000)
        self.page.add_init_script(KEEP_MESSAGES)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        # Refused requests are told there too, and policy violations as errors.
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def open(self, address: str = "#/library") -> None:
        self.page.goto(f"{self.server.url}/{address}")

    def sign_in(self, password: str = PASSWORD, name: str = NAME) -> None:
        self.page.get_by_role("textbox", name="Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def speak(self, language: str) -> None:
        """Change the page's language, as its select does, for this visit alone."""
        self.page.evaluate(
            "code => import('/i18n.js').then((i18n) => i18n.loadLanguage(code))", language
        )
        expect(self.page.locator("html")).to_have_attribute("lang", language)

    def add_reference(self, clip: Path, name: str) -> None:
        """Upload a clip and wait until it can be trained with."""
        title = self.page.get_by_role("heading", level=1)
        expect(title).to_have_text(re.compile("Library|reference"))
        self.page.locator("input[type=file]").set_input_files(clip)
        self.page.get_by_role("textbox", name="Name").fill(name)
        self.page.get_by_role("button", name="Add reference").click()
        self.wait_for_reference(name)

    def wait_for_reference(self, name: str) -> None:
        link = self.page.get_by_role("link", name=name, exact=True)
        expect(link).to_be_visible()

    def choose(self, name: str) -> None:
        """Choose a reference; returns when a session can be started."""
        self.page.get_by_role("link", name=name, exact=True).click()
        expect(self.page.get_by_role("button", name="Start")).to_be_enabled()

    def start(self, name: str) -> None:
        """Choose a reference and start; returns when the session is live."""
        self.choose(name)
        self.begin()

    def begin(self) -> None:
        """Start with the reference that is chosen; returns when the session is live."""
        self.page.get_by_role("button", name="Start").click()
        expect(self.page.get_by_role("button", name="Stop")).to_be_visible()

    def wait_for_scores(self, count: int) -> None:
        """Wait until that many scores have come."""
        self.page.wait_for_function(
            "count => received.filter(({ message }) => message.type === 'score').length >= count",
            arg=count,
        )

    def wait_for_message(self, kind: str) -> None:
        """Wait until a message of this type has come."""
        self.page.wait_for_function(
            "kind => received.some(({ message }) => message.type === kind)", arg=kind
        )

    def messages(self, kind: str) -> list[dict[str, Any]]:
        received: list[dict[str, Any]] = self.page.evaluate("received")
        return [each["message"] for each in received if each["message"]["type"] == kind]

    def sent(self, kind: str) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = self.page.evaluate("sent")
        return [each for each in sent if each["type"] == kind]

    def stop(self) -> str:
        """Stop and wait for the summary; returns the session's id."""
        self.page.get_by_role("button", name="Stop").click()
        self.page.wait_for_url("**/#/summary/*")
        expect(self.page.get_by_label("Result")).to_be_visible()
        return self.page.url.rpartition("/")[2]

    def stored(self, session_id: str) -> dict[str, Any]:
        """A session as the database has it, the summary read."""
        (row,) = self.server.rows("SELECT * FROM sessions WHERE id = ?", session_id)
        return {**dict(row), "summary": json.loads(row["summary"])}


def axe_violations(page: Page) -> list[str]:
    """What axe-core finds against the page as it is shown now: a line for each rule and element.

    Its source is evaluated by the debugger, which the page's policy does not bind. What moves in is
    waited for: while it is half transparent its contrast is too low.
    """
    page.evaluate(NOTHING_MOVES_IN)
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{violation['id']} ({violation['impact']}): {node['failureSummary']} {node['html'][:160]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def phone_faults(page: Page) -> list[str]:
    """What a finger misses or an eye can't read to its end, on a page as narrow as a phone."""
    found: list[str] = page.evaluate(FAULTS_ON_A_PHONE)
    return found


@contextlib.contextmanager
def person_at(browser: Browser, server: Server, **options: Any) -> Iterator[Person]:
    """Open a tab that knows nothing of others; `options` as for Playwright's contexts."""
    context = browser.new_context(**{**WIDE, **options})
    try:
        yield Person(context.new_page(), server)
    finally:
        context.close()


@dataclass
class Clinic:
    """A server with people of several roles, requests to it in their names, and a browser."""

    server: Server
    browser: Browser
    http: APIRequestContext
    headers: dict[str, dict[str, str]] = field(default_factory=dict, kw_only=True)  # by name

    def let_in(self, name: str, *purposes: str) -> None:
        """Sign somebody in for `ask`, and allow these in their name."""
        answer = self.http.post("/token", form={"username": name, "password": PASSWORD}).json()
        self.headers[name] = {"Authorization": f"Bearer {answer['access_token']}"}
        for purpose in purposes:
            self.ask(name, "POST", "/v1/consents", {"purpose": purpose, "language": "en"})

    def ask(self, name: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask the server as somebody."""
        response = self.http.fetch(path, method=method, headers=self.headers[name], data=body)
        assert response.ok, f"{method} {path}: {response.text()}"
        return dict(response.json()) if response.status != 204 else {}

    def upload(self, owner: str, name: str, clip: Path) -> str:
        """Upload an exercise as somebody; its id. It is still to be prepared."""
        file: Any = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
        response = self.http.post(
            "/v1/exercises", headers=self.headers[owner], multipart={"name": name, "clip": file}
        )
        assert response.ok, response.text()
        return str(response.json()["id"])

    @contextlib.contextmanager
    def signed_in(self, name: str, address: str = "", **options: Any) -> Iterator[Person]:
        """Somebody at an address of the page, in a tab of their own."""
        with person_at(self.browser, self.server, **options) as person:
            person.open("")
            person.sign_in(name=name)
            person.page.get_by_role("button", name=name).wait_for()
            person.open(address)
            yield person


AnyClinic = TypeVar("AnyClinic", bound=Clinic)


@contextlib.contextmanager
def clinic_at(
    kind: type[AnyClinic], folder: Path, chromium: Path, camera: Path | None, **fields: Any
) -> Iterator[AnyClinic]:
    """Run a server and a browser whose camera plays a file, for tests that need several people."""
    with (
        serving(folder) as server,
        sync_playwright() as playwright,
        chromium_with(playwright, chromium, camera) as browser,
    ):
        http = playwright.request.new_context(base_url=server.url)
        yield kind(server, browser, http, **fields)
        http.dispose()
