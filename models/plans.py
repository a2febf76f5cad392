"""What a tier unlocks and a role may do, read once from plans.toml."""

import tomllib
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any


class Tier(StrEnum):
    """A workspace's plan, by its wire name; declared lowest first."""

    SOLO = "solo"
    TEAM = "team"
    ENTERPRISE = "enterprise"

    def covers(self, lowest: "Tier") -> bool:
        """Say whether this plan includes what needs at least `lowest`."""
        return list(Tier).index(self) >= list(Tier).index(lowest)

    @property
    def display(self) -> str:
        """The name that people read."""
        return plans()["tiers"][self]["display"]


class Surface(StrEnum):
    """A page of the product that a tier may lock."""

    OVERVIEW = "overview"
    TRACES = "traces"
    PROJECTS = "projects"
    OPTIMISATION = "optimisation"
    REPORTS = "reports"
    RECONCILIATION = "reconciliation"
    EXECUTIVE = "executive"
    AUDIT = "audit"
    SETTINGS = "settings"

    @property
    def lowest_tier(self) -> Tier:
        """The lowest tier that reads it."""
        return Tier(plans()["surfaces"][self])

    def floor(self, tier: Tier, today: date) -> date:
        """The first day that a tier may ask for: its window, within retention."""
        kept = "audit_log" if self is Surface.AUDIT else "data"
        retention = plans()["retention"][f"{kept}_retention_days"]
        days = plans()["windows"].get(self, {}).get(tier, retention)
        return today - timedelta(days=min(days, retention) - 1)


class Feature(StrEnum):
    """Something that a tier may lock and that is no page."""

    INVITATIONS = "invitations"
    MORE_WORKSPACES = "more_workspaces"

    @property
    def lowest_tier(self) -> Tier:
        """The lowest tier that has it."""
        return Tier(plans()["features"][self])


class Role(StrEnum):
    """What a member is in one workspace."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    MEMBER = "member"
    VIEWER = "viewer"
    BILLING = "billing"

    def may(self, permission: "Permission") -> bool:
        """Say whether the role holds a permission."""
        return permission in plans()["roles"][self]


class Permission(StrEnum):
    """Something that a role may do."""

    READ_USAGE = "read_usage"
    READ_PRICES = "read_prices"
    MAKE_REPORTS = "make_reports"
    READ_FINANCE = "read_finance"
    DECIDE_FINANCE = "decide_finance"
    EDIT_PROJECTS = "edit_projects"
    CHANGE_RATES = "change_rates"
    APPROVE_PAIRINGS = "approve_pairings"
    MANAGE_MEMBERS = "manage_members"
    EDIT_WORKSPACE = "edit_workspace"
    READ_AUDIT = "read_audit"
    MANAGE_BILLING = "manage_billing"
    OWN_WORKSPACE = "own_workspace"


@cache
def plans() -> dict[str, Any]:
    """Return the whole file, as served at `/v1/plans`."""
    return tomllib.loads(Path(__file__).with_name("plans.toml").read_text("utf-8"))
