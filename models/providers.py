"""Names of the same provider: catalogues and bills say `google`, daemons `gemini`.

Rates and bills are stored by the catalogue's name; everything that is shown goes by
the daemon's, which the dbt macro canonical_provider arrives at in SQL.
"""

_CATALOGUE = {"gemini": "google", "x-ai": "xai"}
_DAEMON = {"google": "gemini", "x-ai": "xai"}


def catalogue_name(provider: str) -> str:
    """Return the name under which rates and bills are stored."""
    return _CATALOGUE.get(provider, provider)


def daemon_name(provider: str) -> str:
    """Return the name under which usage is shown."""
    return _DAEMON.get(provider, provider)
