"""The pages' files and HTML shells, served with the headers that keep them safe.

The files are served below a path that carries their content's hash, so a browser
keeps them for good and asks for nothing twice; any other path asks each time.
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.routing import Route

HERE = Path(__file__).parent
SERVED = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
FOR_GOOD = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"
SAFE = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; object-src 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
THEMES = ("light", "dark")
IMPORTED = re.compile(r'from "(\.[^"]+)"')


class Page(NamedTuple):
    """A shell, the module that draws the page into it, and its title."""

    shell: str
    module: str
    title: str


DOORS = {
    "/": Page("door", "home", "Halton Meter"),
    "/sign-in": Page("door", "sign_in", "Sign in"),
    "/connect": Page("door", "connect", "Connect a machine"),
    "/join": Page("door", "join", "Join a workspace"),
}
SURFACES = {
    "overview": Page("workspace", "overview", "Overview"),
    "projects": Page("workspace", "projects", "Projects"),
    "traces": Page("workspace", "traces", "Traces"),
    "optimisation": Page("workspace", "optimisation", "Optimisation"),
    "budgets": Page("workspace", "budgets", "Budgets"),
    "reports": Page("workspace", "reports", "Reports"),
    "executive": Page("workspace", "executive", "Executive"),
    "reconciliation": Page("workspace", "reconciliation", "Reconciliation"),
    "audit": Page("workspace", "audit", "Audit"),
    "pricing": Page("workspace", "pricing", "Pricing"),
    "health": Page("workspace", "health", "Data health"),
    "machines": Page("workspace", "machines", "Machines"),
    "members": Page("workspace", "members", "Members"),
    "settings": Page("workspace", "settings", "Settings"),
}
MISSING = Page("missing", "", "No such page")


def serve_pages(app: FastAPI) -> None:
    """Add the pages and `/static` to an application; routes of `/v1` are its own."""
    files = _served_files()
    release = _release(files)
    written = {
        page: _written(page, f"/static/{release}")
        for page in (*DOORS.values(), *SURFACES.values(), MISSING)
    }

    def answer_file(request: Request) -> Response:
        asked = request.path_params["path"].removeprefix(f"{release}/")
        if asked not in files:
            raise HTTPException(404)
        is_pinned = asked != request.path_params["path"]
        path = HERE / asked
        headers = SAFE | {"cache-control": FOR_GOOD if is_pinned else ASK_EACH_TIME}
        whole = FileResponse(path, media_type=SERVED[path.suffix], headers=headers)
        whole.set_stat_headers(path.stat())
        return _unless_known(request, whole)

    def answer_surface(request: Request) -> Response:
        page = SURFACES.get(request.path_params["page"])
        return _shell(request, written[page or MISSING], 200 if page else 404)

    def answer_door(request: Request) -> Response:
        return _shell(request, written[DOORS[request.url.path]])

    app.router.routes.extend(
        [
            Route("/static/{path:path}", answer_file, name="static"),
            Route("/w/{slug}/{page}", answer_surface, name="surface"),
            *(
                Route(path, answer_door, name=page.module)
                for path, page in DOORS.items()
            ),
        ]
    )


def _served_files() -> frozenset[str]:
    return frozenset(
        path.relative_to(HERE).as_posix()
        for path in HERE.rglob("*")
        if path.suffix in SERVED and path.is_file()
    )


def _release(files: frozenset[str]) -> str:
    """Name this set of files by what is in them: alike on every server."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = (HERE / name).read_bytes()
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _modules_of(entry: str) -> list[str]:
    """Find every module that an entry imports, however deep, itself first."""
    found: dict[str, None] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found[name] = None
        folder = (HERE / name).parent
        waiting += [
            (folder / path).resolve().relative_to(HERE.resolve()).as_posix()
            for path in IMPORTED.findall((HERE / name).read_text("utf-8"))
        ]
    return list(found)


def _written(page: Page, static: str) -> str:
    """Fill a shell; modules are preloaded, so that none waits for another."""
    entries = ["app.js"] if page.shell == "workspace" else []
    entries += [f"surfaces/{page.module}.js"] if page.module else []
    modules = dict.fromkeys(name for each in entries for name in _modules_of(each))
    preloads = "\n    ".join(
        f'<link rel="modulepreload" href="{static}/{name}" />' for name in modules
    )
    text = (HERE / "shells" / f"{page.shell}.html").read_text("utf-8")
    for name, value in {
        "static": static,
        "page": page.module,
        "title": page.title,
        "preloads": preloads,
    }.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _shell(request: Request, text: str, status: int = 200) -> Response:
    if (theme := request.cookies.get("hmc_theme")) in THEMES:
        text = text.replace("<html ", f'<html data-theme="{theme}" ', 1)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = SAFE | {"cache-control": ASK_EACH_TIME, "etag": etag}
    return _unless_known(request, HTMLResponse(text, status, headers))


def _unless_known(request: Request, whole: Response) -> Response:
    """Answer 304 where the browser holds this very content."""
    known = Headers(scope=request.scope).get("if-none-match", "")
    held = [tag.strip().removeprefix("W/") for tag in known.split(",")]
    if whole.status_code == 200 and whole.headers["etag"] in held:  # noqa: PLR2004
        kept = {"etag", "cache-control", *SAFE}
        headers = {name: whole.headers[name] for name in whole.headers if name in kept}
        return Response(status_code=304, headers=headers)
    return whole
