"""DuckDB itself, without the package around it.

`import duckdb` brings in, among others, what reads e-mail headers; that takes a tenth
of the time of a small report. The version is pinned, with that of the extension.
"""

from _duckdb import Error, __version__, connect

__all__ = ["Error", "__version__", "connect"]
