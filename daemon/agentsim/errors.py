"""Errors of the person who sets up a stand-in."""


class SetupError(Exception):
    """A scenario, a fault or an option is wrong.

    Attributes:
        where: The file, key path or option.
        problem: What is wrong and what is expected instead.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where = where
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"
