"""Something that a person has to mend; its text is the one line that they see."""


class Trouble(Exception):
    """Ends a command with one line on stderr and an exit code.

    1 failure, 2 usage, 4 not allowed, 5 not reachable.
    """

    exit_code = 1


class NotReachable(Trouble):
    """Something that should answer does not."""

    exit_code = 5


class Usage(Trouble):
    """The command was given something it cannot use."""

    exit_code = 2
