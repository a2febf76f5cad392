"""What can be wrong with a daemon's file, each in one line that says what to do."""

from models.trouble import Trouble


class NoDaemonFile(Trouble):
    """There is no such file, or it may not be read."""


class ForeignFile(Trouble):
    """It is not a daemon's: no SQLite, or without the daemon's tables."""


class BrokenFile(Trouble):
    """SQLite finds it damaged."""


class LockedFile(Trouble):
    """Another program keeps it to itself."""


class UnknownProject(Trouble):
    """No project of that name is in the file."""
