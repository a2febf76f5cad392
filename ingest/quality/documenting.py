"""The documentation of the models, made by dbt and kept for the API to serve."""

import base64
import gzip
import hashlib
from html.parser import HTMLParser
from typing import Any

from psycopg import Connection

from ingest.rebuild import dbt


def needs_documentation(owner: Connection[Any]) -> bool:
    """Say whether the documentation that is kept is not of the SQL of now."""
    found = owner.execute(
        "select exists (select 1 from raw.documentation where build = %s)",
        [dbt.build_version()],
    ).fetchone()
    return found != (True,)


def document(owner: Connection[Any]) -> str:
    """Make the documentation of the SQL of now, keep it and return the page."""
    page = dbt.documentation()
    with owner.transaction():
        owner.execute("delete from raw.documentation")
        owner.execute(
            """
            insert into raw.documentation (build, page, script_hashes)
            values (%s, %s, %s)
            """,
            [dbt.build_version(), gzip.compress(page.encode()), script_hashes(page)],
        )
    return page


def script_hashes(page: str) -> list[str]:
    """Return what a content security policy calls each script that is in a page."""
    scripts = _Scripts()
    scripts.feed(page)
    scripts.close()
    return [
        f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
        for text in scripts.texts
    ]


class _Scripts(HTMLParser):
    """Reads a page as a browser does: what stands between the tags of a script."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.texts: list[str] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and not any(name == "src" for name, _ in attrs):
            self._is_inside = True
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            self.texts[-1] += data
