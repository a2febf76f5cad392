"""The laptop's pages: the cloud's files, with those of this folder in their place.

A file here stands where one of the same name would, and may import that one from
`shared/`, where it reads what it imports as if it had never moved.
"""

import re
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

from web.pages import SAFE, SERVED, THEMES

WEB = Path(__file__).parents[1]
HERE = WEB / "laptop"
SHARED = "shared/"
RELATIVE = re.compile(r'from "\./')
IMPORTED = re.compile(r'from "(\.[^"]+)"')
SURFACES = {
    "overview": "Overview",
    "projects": "Projects",
    "calls": "Calls",
    "pricing": "Pricing",
}
READ_EACH_TIME = {"cache-control": "no-cache"}


def create_pages(port: int, api_port: int) -> FastAPI:
    """Assemble the pages on a port, over the loopback API on another."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(
        TrustedHostMiddleware,
        allowed_hosts=["localhost", "127.0.0.1"],
        www_redirect=False,
    )
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=6)
    api = f"http://127.0.0.1:{api_port}"
    policy = f"{SAFE['content-security-policy']}; connect-src {api}"
    headers = SAFE | READ_EACH_TIME | {"content-security-policy": policy}
    # Only the name `localhost` may ask the API, so that is where people are led.
    home = f"http://localhost:{port}/w/laptop/overview"
    shells = {page: _shell(page, title, api) for page, title in SURFACES.items()}

    def answer_file(request: Request) -> Response:
        name = request.path_params["path"]
        content = content_of(name)
        if content is None:
            raise HTTPException(404)
        return Response(content, media_type=SERVED[Path(name).suffix], headers=headers)

    def answer_page(request: Request) -> Response:
        text = shells.get(request.path_params["page"])
        if text is None:
            return RedirectResponse(home)
        if (theme := request.cookies.get("hmc_theme")) in THEMES:
            text = text.replace("<html ", f'<html data-theme="{theme}" ', 1)
        return HTMLResponse(text, headers=headers)

    def answer_root(_request: Request) -> Response:
        return RedirectResponse(home)

    app.router.routes.extend(
        [
            Route("/static/{path:path}", answer_file),
            Route("/w/laptop/{page}", answer_page),
            Route("/", answer_root),
        ]
    )
    return app


def content_of(name: str) -> bytes | None:
    """Return a file as the laptop's pages see it; None where there is none."""
    if Path(name).suffix not in SERVED or ".." in Path(name).parts:
        return None
    is_shared = name.startswith(SHARED)
    file = WEB / name.removeprefix(SHARED) if is_shared else HERE / name
    if not is_shared and not file.is_file():
        file = WEB / name
    if not file.is_file():
        return None
    content = file.read_bytes()
    if is_shared:
        return RELATIVE.sub('from "../', content.decode()).encode()
    return content


def _shell(page: str, title: str, api: str) -> str:
    modules = dict.fromkeys(
        [*_modules_of("app.js"), *_modules_of(f"surfaces/{page}.js")]
    )
    preloads = "\n    ".join(
        f'<link rel="modulepreload" href="/static/{name}" />' for name in modules
    )
    text = (WEB / "shells" / "workspace.html").read_text("utf-8")
    text = text.replace("<html ", f'<html data-api="{api}" ', 1)
    for name, value in {
        "static": "/static",
        "title": title,
        "preloads": preloads,
    }.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _modules_of(entry: str) -> list[str]:
    """Find every module that an entry imports, however deep, itself first."""
    found: dict[str, None] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found[name] = None
        content = content_of(name) or b""
        waiting += [
            str((Path("/") / Path(name).parent / path).resolve()).lstrip("/")
            for path in IMPORTED.findall(content.decode())
        ]
    return list(found)
