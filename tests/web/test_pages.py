"""The pages' files and shells are served whole, safe, and asked for only once."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from web.pages import SURFACES, serve_pages

WEB = Path(__file__).parents[2] / "web"
SHELLS = ["/", "/sign-in", "/connect", *(f"/w/acme/{name}" for name in SURFACES)]


@pytest.fixture(scope="module")
def browser() -> TestClient:
    app = FastAPI()
    serve_pages(app)
    return TestClient(app)


@pytest.mark.parametrize("path", [*SHELLS, "/w/acme/nowhere", "/static/app.js"])
def test_everything_carries_the_safe_headers(browser: TestClient, path: str) -> None:
    headers = browser.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", SHELLS)
def test_a_shell_names_files_that_are_there(browser: TestClient, path: str) -> None:
    shell = browser.get(path)
    assert shell.status_code == 200
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', shell.text)
    assert len(named) > 5
    for file in named:
        answer = browser.get(file)
        assert answer.status_code == 200, file
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", SHELLS)
def test_a_shell_holds_no_script_or_style_of_its_own(
    browser: TestClient, path: str
) -> None:
    text = browser.get(path).text
    assert re.findall(r"<script[^>]*>[^<]", text) == []
    assert "<style" not in text
    assert " style=" not in text
    assert re.findall(r"\son\w+=", text) == []
    assert "{" not in text


def test_an_unknown_page_is_404_as_a_page(browser: TestClient) -> None:
    answer = browser.get("/w/acme/nowhere")
    assert answer.status_code == 404
    assert "No such page" in answer.text


@pytest.mark.parametrize(
    "path",
    ["pages.py", "README.md", "../models/plans.toml", "shells/door.html", "", "vendor"],
)
def test_nothing_but_the_pages_files_is_served(browser: TestClient, path: str) -> None:
    assert browser.get(f"/static/{path}").status_code == 404


@pytest.mark.parametrize("path", ["/sign-in", "/static/app.js"])
def test_what_a_browser_holds_is_not_sent_again(browser: TestClient, path: str) -> None:
    first = browser.get(path)
    again = browser.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "no-cache"


def test_a_path_of_another_release_is_not_kept_for_good(browser: TestClient) -> None:
    assert browser.get("/static/0123456789abcdef/app.js").status_code == 404


def test_the_shell_comes_in_the_theme_that_was_chosen(browser: TestClient) -> None:
    chosen = browser.get("/sign-in", headers={"cookie": "hmc_theme=dark"})
    odd = browser.get("/sign-in", headers={"cookie": 'hmc_theme=x"><script>'})
    assert '<html data-theme="dark"' in chosen.text
    assert "data-theme" not in odd.text


def test_vendored_files_are_those_that_were_recorded() -> None:
    record = json.loads((WEB / "vendor" / "VENDOR.json").read_text("utf-8"))
    for each in record["files"]:
        content = (WEB / "vendor" / each["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == each["sha256"], each["file"]
        assert all(made["licence"] for made in each["made_from"])
