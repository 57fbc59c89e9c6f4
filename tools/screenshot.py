"""Photograph the pages: `docs/screenshot.png` for the README, or all of them with `--all`.

It works on an installation of its own, in a temporary folder, filled by `tools/demo.py`. With
`--all` each page is taken in light, dark, compact and at 390 px, into `test-results/screens`, from
a filled installation that is kept in `.build/demo` for a day; names choose some of the pages.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.chromium import FLAGS, WHERE, find_chromium
from tools.demo import PROVIDER

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "docs/screenshot.png"
FOLDER = ROOT / "test-results/screens"
KEPT = ROOT / ".build/demo"
KEPT_S = 24 * 3600
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
STARTS_WITHIN_S = 90
HEAVIEST = 250_000  # bytes of the README's picture
SETTLES_MS = 250  # transitions take 180
CHART_MS = 4_000

# Page: its address; or the page it opens from, and what is clicked there.
PAGES: dict[str, str | tuple[str, str]] = {
    "overview": "/",
    "operations": "/operations/",
    "try": "/operations/email-classify/",
    "try-slots": "/operations/calendar-time/",
    "runs": "/runs/",
    "runs-failed": "/runs/?status=failed",
    "schedules": "/schedules/",
    "schedules-new": "/schedules/new/",
    "schedules-dialog": ("/schedules/", "a[hx-get$='/schedules/new/']"),
    "schedules-edit": ("/schedules/", ".schedule__edit >> nth=4"),
    "schedules-preview": "/schedules/preview/?expression=30+2+*+*+*&zone=America/New_York",
    "schedules-menu": ("/schedules/", "main [popovertarget] >> nth=1"),
    "settings-appearance": "/settings/appearance/",
    "settings-operations": "/settings/operations/",
    "settings-budgets": "/settings/budgets/",
    "jobs": "/jobs/",
    "audit": "/audit/",
    "palette": ("/", "[data-palette], a[href='/palette/']"),
    "missing": "/no-such-page/",
    "admin": "/admin/",
    "admin-runs": "/admin/operations/run/",
    "admin-users": "/admin/accounts/user/",
    "admin-add": "/admin/accounts/user/add/",
    "admin-password": "/admin/password_change/",
}
SIGNED_OUT = {"sign-in": "/sign-in/"}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every page, in four looks")
    parser.add_argument("--fresh", action="store_true", help="with --all: fill it anew")
    parser.add_argument("--to", type=Path, default=FOLDER, help="with --all: where pictures go")
    parser.add_argument("names", nargs="*", help="with --all: these pages alone")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="helix-screens-") as folder:
        var = Path(folder, "var")
        os.environ.update(environment(var))
        prepare(var, keep=options.all, anew=options.fresh or not options.all)
        session, rows = look_inside()
        with served(Path(folder, "log")) as origin:
            if options.all:
                pages = {**PAGES, **rows}
                return take_all(origin, session, pages, options.names, options.to.resolve())
            return take_for_readme(origin, session)


def environment(var: Path) -> dict[str, str]:
    return {
        "HELIX_VAR_DIR": str(var),
        "DATABASE_URL": f"sqlite:///{var / 'helix.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "0",
        "HELIX_SIMULATED_PROVIDER": PROVIDER,
        "HELIX_ADMIN_USERNAME": "ida",
        "HELIX_ADMIN_PASSWORD": "correct-horse-battery",
    }


def prepare(var: Path, *, keep: bool, anew: bool) -> None:
    """Set `var` up and fill it, or begin with what was kept of an earlier time."""
    oldest = max(time.time() - KEPT_S, (ROOT / "tools/demo.py").stat().st_mtime)
    if not anew and KEPT.is_dir() and KEPT.stat().st_mtime > oldest:
        shutil.copytree(KEPT, var)
        manage("setup")
        return
    manage("setup")
    subprocess.run([sys.executable, "-m", "tools.demo"], cwd=ROOT, check=True)
    if keep:
        shutil.rmtree(KEPT, ignore_errors=True)
        shutil.copytree(var, KEPT)
        os.utime(KEPT)  # copied with the rest: when it was made


def manage(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True)


def look_inside() -> tuple[str, dict[str, str]]:
    """Return a session that is signed in, and the addresses of pages that show one row."""
    import django

    django.setup()
    from django.test import Client

    from accounts.models import User
    from operations.models import Run
    from scheduling.models import Schedule

    client = Client()
    client.force_login(User.objects.get(username="ida"))
    runs = Run.objects.order_by("-created_at")
    rows = {
        f"run-{operation}": f"/runs/{run.pk}/"
        for operation in runs.order_by().values_list("operation", flat=True).distinct()
        if (run := runs.filter(operation=operation, status="success").first())
    }
    failed, paused = runs.filter(status="failed").first(), Schedule.objects.get(enabled=False)
    schedule = Schedule.objects.get(name="Vendor follow-ups")
    rows |= {
        "run-failed": f"/runs/{failed.pk}/" if failed else "/runs/",
        "schedule": f"/schedules/{schedule.pk}/",
        "schedule-paused": f"/schedules/{paused.pk}/",
        "schedule-edit": f"/schedules/{schedule.pk}/edit/",
        "schedule-delete": f"/schedules/{schedule.pk}/delete/",
        "admin-schedule": f"/admin/scheduling/schedule/{schedule.pk}/change/",
        "admin-history": f"/admin/scheduling/schedule/{schedule.pk}/history/",
        "admin-run": f"/admin/operations/run/{runs[0].pk}/change/",
    }
    return client.cookies["sessionid"].value, rows


@contextmanager
def served(log: Path) -> Iterator[str]:
    """Run all of Helix and yield its address; what it said of errors is printed at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    with log.open("wb") as lines:
        helix = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", str(port)],
            cwd=ROOT,
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not answers(f"{origin}/readyz"):
            if helix.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("Helix did not start; its last lines say why.")
            time.sleep(0.3)
        yield origin
    finally:
        helix.send_signal(signal.SIGTERM)
        helix.wait()
        said = log.read_text().splitlines()
        errors = [line for line in said if re.match(r"\S*(Error|Exception|DoesNotExist)\b", line)]
        print("\n".join(f"Helix said: {line}" for line in dict.fromkeys(errors)))


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    if chromium is None:
        raise SystemExit(f"There is no Chromium: {WHERE}.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


def context_of(opened: Any, origin: str, session: str, **more: Any) -> Any:
    context = opened.new_context(viewport=WIDE, timezone_id="Europe/Stockholm", **more)
    if session:
        context.add_cookies([{"name": "sessionid", "value": session, "url": origin}])
    return context


def take_for_readme(origin: str, session: str) -> int:
    with browser() as opened:
        page = context_of(opened, origin, session).new_page()
        page.goto(f"{origin}/schedules/", wait_until="load")
        settle(page)
        page.screenshot(path=README)
    weight = README.stat().st_size
    print(f"{README.relative_to(ROOT)}: {weight / 1000:.0f} kB")
    return int(weight > HEAVIEST)


def take_all(
    origin: str,
    session: str,
    pages: dict[str, str | tuple[str, str]],
    names: list[str],
    folder: Path,
) -> int:
    """Take the pages; tell what is wrong with each beside how it looks. 1 if anything is."""
    folder.mkdir(parents=True, exist_ok=True)
    unknown = sorted(set(names) - {*pages, *SIGNED_OUT})
    if unknown:
        raise SystemExit(f"No page {', '.join(unknown)}; there are {', '.join(pages)}.")
    wrong = 0
    with browser() as opened:
        for scheme in ("light", "dark"):
            members = context_of(opened, origin, session, color_scheme=scheme)
            strangers = context_of(opened, origin, "", color_scheme=scheme)
            for name, where in {**pages, **SIGNED_OUT}.items():
                if names and name not in names:
                    continue
                page = (strangers if name in SIGNED_OUT else members).new_page()
                found = take(page, origin, where, folder / name, scheme)
                page.close()
                wrong += bool(found)
                for each in found:
                    print(f"{name} ({scheme}): {each}")
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")
    return int(wrong > 0)


def take(
    page: Any, origin: str, where: str | tuple[str, str], target: Path, scheme: str
) -> list[str]:
    """Take one page in `scheme`; return the errors it showed on the way."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    address, click = where if isinstance(where, tuple) else (where, "")
    answer = page.goto(f"{origin}{address}", wait_until="load")
    if answer is None or (answer.status != 200 and target.name != "missing"):
        return [f"{address} answered {answer.status if answer else 'nothing'}"]
    if click:
        if not page.locator(click).count():
            return [f"nothing to click: {click}"]
        page.locator(click).first.click()
    settle(page)
    whole = not click
    page.screenshot(path=f"{target}-{scheme}.png", full_page=whole)
    if scheme == "light":
        page.evaluate("() => { document.documentElement.dataset.density = 'compact' }")
        page.screenshot(path=f"{target}-compact.png", full_page=whole)
        page.evaluate("() => { document.documentElement.dataset.density = '' }")
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(SETTLES_MS)
    look = "phone" if scheme == "light" else "phone-dark"
    page.screenshot(path=f"{target}-{look}.png", full_page=whole)
    root = "document.documentElement"
    wide = page.evaluate(f"() => {root}.scrollWidth - {root}.clientWidth")
    if wide > 0:
        found.append(f"scrolls sideways by {wide} px at {PHONE['width']} px")
    return found if target.name != "missing" else [each for each in found if "404" not in each]


def settle(page: Any) -> None:
    """Wait for the font, for charts that stand in view, and for what moves."""
    page.evaluate("() => document.fonts.ready.then(() => true)")
    if page.locator("[data-fig]").count():
        page.wait_for_timeout(CHART_MS)
    page.wait_for_timeout(SETTLES_MS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
