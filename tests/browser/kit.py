"""What browser tests ask of a page: no complaints, no barriers, no sideways scroll."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, Response

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
RULES_OF_COLOUR = ("color-contrast", "link-in-text-block")  # what else differs in the dark?
WIDTHS = (320, 360, 390, 768, 1024, 1440)
WIDE, NARROW = 1280, 360  # px
HEIGHT = 800
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
# A form that is not valid, or a rule that says no, is an answer and no fault.
USUAL = frozenset({HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT})

WATCH_POLICY = """
addEventListener("securitypolicyviolation", (event) => console.error(
  `policy violated: ${event.violatedDirective} by ${event.blockedURI || "inline"}`
  + ` in ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
"""

# The live server answers each request in one go and could not keep a stream open. A page gets one
# that stays still until a test speaks through it: `say(page, "runs", html)`.
STILL_STREAM = """
window.__streams = [];
window.EventSource = class extends EventTarget {
  static CONNECTING = 0; static OPEN = 1; static CLOSED = 2;
  constructor(url) {
    super();
    this.url = url;
    this.readyState = 1;
    window.__streams.push(this);
    setTimeout(() => this.tell(new Event("open")));
  }
  tell(event) { this["on" + event.type]?.(event); this.dispatchEvent(event); }
  close() { this.readyState = 2; }
};
"""

_SAY = """([name, data]) => {
  const open = window.__streams.filter((stream) => stream.readyState === 1);
  open.forEach((stream) => stream.tell(new MessageEvent(name, {data})));
  return open.length;
}"""

# The colour of plain text by the system's scheme, and nothing on its way to another.
_IS_SETTLED = {
    scheme: f"""() => getComputedStyle(document.documentElement).color === "{colour}"
      && document.getAnimations().every((each) => each.playState !== "running")"""
    for scheme, colour in {"light": "rgb(0, 0, 0)", "dark": "rgb(255, 255, 255)"}.items()
}

_BARRIERS = """async (runOnly) => {
  const options = {runOnly, resultTypes: ["violations"], preload: false};
  const found = await axe.run(document, options);
  return found.violations.map(({id, impact, help, nodes}) => ({id, impact, help,
    nodes: nodes.map((node) => ({html: node.html, says: node.failureSummary}))}));
}"""

# What stands out to the right, outside of any region that scrolls by itself.
_OVERHANG = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return null;
  const scrolls = (element) => {
    const holder = (each) => getComputedStyle(each).position === "absolute"
      ? each.offsetParent : each.parentElement;
    let each = holder(element);
    while (each && each !== document.body && getComputedStyle(each).overflowX === "visible")
      each = holder(each);
    return each && each !== document.body;
  };
  const names = [...document.body.querySelectorAll("*")]
    .filter((each) => each.getBoundingClientRect().right > root.clientWidth + 0.5 && !scrolls(each))
    .map((each) => each.cloneNode().outerHTML.slice(0, 120));
  return `${root.scrollWidth} px in ${root.clientWidth} px: ${names.slice(0, 5).join("  ")}`;
}"""


class Troubles:
    """What the watched pages complained of, in order."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._expected: set[int] = set(USUAL)

    def expect(self, *statuses: int) -> None:
        """Forgive answers of these statuses."""
        self._expected.update(statuses)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._found.append(f"page error: {error.error}"))
        context.on("requestfailed", self._on_failed_request)
        context.on("response", self._on_response)
        context.on("dialog", self._on_dialog)

    def raise_if_any(self) -> None:
        assert not self._found, "the page complained:\n" + "\n".join(self._found)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Answers with an error status are told of by themselves, with their address.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self._found.append(f"console: {message.text} ({message.page and message.page.url})")

    def _on_failed_request(self, request: Request) -> None:
        # Leaving a page, or asking again before the answer, breaks a request off.
        if request.failure != "net::ERR_ABORTED":
            self._found.append(f"request failed: {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= HTTPStatus.BAD_REQUEST and response.status not in self._expected:
            self._found.append(f"{response.status}: {response.request.method} {response.url}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self._found.append(f"{dialog.type} opened: {dialog.message}")
        dialog.dismiss()


def say(page: Page, name: str, html: str) -> None:
    """Send the event `name` through the page's stream."""
    assert page.evaluate(_SAY, [name, html]), "the page has no open stream"


def barriers(page: Page, *, only: Sequence[str] = ()) -> list[str]:
    """Return what axe finds wrong with the page as it stands, one readable text a rule.

    `only` names rules; without it, those of all our tags are asked.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    asked = {"type": "rule", "values": only} if only else {"type": "tag", "values": TAGS}
    return [_told(found) for found in page.evaluate(_BARRIERS, asked)]


def show_in(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Have the system ask for a scheme, and wait until every colour of the page is there."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(_IS_SETTLED[scheme])


def assert_no_barriers(page: Page, *, widths: Iterable[int] = (WIDE, NARROW)) -> None:
    """Ask axe in light and dark, wide and narrow; the page must leave its scheme to the system.

    In the dark it is asked about colours alone, which halves the time.
    """
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        show_in(page, "light")
        found += [f"{width} px, light: {each}" for each in barriers(page)]
        show_in(page, "dark")
        in_dark = barriers(page, only=RULES_OF_COLOUR)
        found += [f"{width} px, dark: {each}" for each in in_dark]
    assert not found, f"{page.url}\n" + "\n".join(found)


def assert_no_sideways_scroll(page: Page, *, widths: Iterable[int] = WIDTHS) -> None:
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        overhang = page.evaluate(_OVERHANG)
        if overhang:
            found.append(f"at {width} px: {overhang}")
    assert not found, f"{page.url} scrolls sideways\n" + "\n".join(found)


def _told(found: dict[str, Any]) -> str:
    nodes = [
        f"    {node['html'][:300]}\n      " + node["says"].replace("\n", "\n      ")
        for node in found["nodes"][:5]
    ]
    more = len(found["nodes"]) - len(nodes)
    rest = [f"    and {more} more"] if more > 0 else []
    return "\n".join([f"{found['id']} ({found['impact']}): {found['help']}", *nodes, *rest])


def settle(page: Page) -> None:
    """Wait until htmx has taken what it swapped in into its care, some 20 ms after it is shown."""
    busy = ".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added"
    page.wait_for_function(f"() => !document.querySelector('{busy}')")


def focused(page: Page) -> str:
    """Return the id of the element that has the focus, "" where it has none."""
    return str(page.evaluate("() => document.activeElement?.id ?? ''"))
