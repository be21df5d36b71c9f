"""What goes wrong in a search through wrong use or a wrong machine; never a candidate's misfortune."""


class SearchError(Exception):
    """A search cannot start or go on as asked.

    Attributes:
        code: stable, for programs: `study.key`, `study.value`, `study.unknown`, `order`, ...
        message: what was found, where, and what was expected.
        hint: what to do; empty where nothing is to be said.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{code}: {message}" + (f"\n  hint: {hint}" if hint else ""))
        self.code = code
        self.message = message
        self.hint = hint
