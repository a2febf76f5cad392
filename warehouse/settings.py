"""What a deployment may set, read once from the environment."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting, its name in the environment, and what it means.

    `DATABASE_URL` names an external Postgres (16 or newer); without it an embedded
    one is kept in `HMC_DATA_DIR`.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="HMC_")

    data_dir: Path = Path("~/.halton-meter-cloud")
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    # Own logins for the serving roles and for analysts on an external server. Without
    # them the owner's login is used and the role assumed at connection start.
    ingest_database_url: str | None = None
    api_database_url: str | None = None
    analyst_database_url: str | None = None
    # What captured bodies are sealed under, at one remove: base64 of 32 random bytes
    # each, comma-separated, the one in force first. Without it a file in the data
    # folder holds them.
    master_keys: SecretStr | None = None
    # Where people reach the dashboard; pairing answers send them there.
    public_url: str = "http://127.0.0.1:8000"
    # Who vouches for sessions. Without it the local issuer does, on this machine.
    clerk_issuer: str | None = None
    # `azp` of sessions that are ours, comma-separated; the public address when unsaid.
    clerk_parties: str | None = None
    clerk_webhook_secret: str | None = None
    # How long `/readyz` is red before the server stops answering on SIGTERM.
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 2
    # `text` for a terminal; `json` is a line per request and event, for machines.
    log: Literal["text", "json"] = "text"
    # How long a look at the data's health holds before the worker has the next one
    # taken; 0 leaves it to `hmc quality`.
    quality_minutes: Annotated[float, Field(ge=0)] = 60
    # How letters leave: smtp://user:password@host:587 or smtps://…:465. Without it
    # they are kept as files in the data folder.
    smtp_url: str | None = None
    mail_from: str = "Halton Meter <no-reply@localhost>"

    @property
    def home(self) -> Path:
        """The data folder, absolute."""
        return self.data_dir.expanduser().resolve()


@cache
def settings() -> Settings:
    """Return this process's settings."""
    return Settings()
