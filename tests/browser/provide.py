"""Make sure that a Chromium is there: `python -m tests.browser.provide`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, Route, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
USUAL = Path("/usr/bin/chromium")
# It runs as root in containers, without a GPU, and calls nobody.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MODULES_URL = "http://pages.test/"
HOW_TO = "No Chromium. Install one (Debian, Ubuntu: apt-get install chromium)."


def chromium_path() -> str | None:
    """Find a Chromium: on the PATH, at its usual place, or Playwright's own."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    if USUAL.exists():
        return str(USUAL)
    try:
        with sync_playwright() as playwright:
            own = playwright.chromium.executable_path
    except Error:
        return None
    return own if Path(own).exists() else None


@contextmanager
def chromium() -> Generator[Browser]:
    """Run a headless Chromium; RuntimeError where there is none."""
    path = chromium_path()
    if path is None:
        raise RuntimeError(HOW_TO)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def serve_modules(page: Page, folder: Path) -> Page:
    """Let a page import the JavaScript modules of a folder, without a server."""

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(MODULES_URL)
        if name:
            route.fulfill(path=folder / name, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("**/*", answer)
    page.goto(MODULES_URL)
    return page


def provide() -> str | None:
    """Find a Chromium, or install one: by apt as root, else Playwright's own."""
    if found := chromium_path():
        return found
    playwrights = [sys.executable, "-m", "playwright", "install", "chromium"]
    if os.geteuid() == 0 and (apt := shutil.which("apt-get")):
        _run([apt, "update", "--quiet"])
        _run([apt, "install", "--yes", "--no-install-recommends", "chromium"])
    return chromium_path() or (_run(playwrights) and chromium_path()) or None


def _run(command: list[str]) -> bool:
    sys.stderr.write(f"Running {' '.join(command)} ...\n")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, stdout=sys.stderr, env=quiet, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    if provided := provide():
        sys.stdout.write(f"Chromium: {provided}\n")
    else:
        sys.exit(HOW_TO)
