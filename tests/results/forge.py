"""Changes to a store that its triggers would refuse, as damage or a forger makes them."""

import contextlib
import sqlite3
from collections.abc import Generator


@contextlib.contextmanager
def unguarded(connection: sqlite3.Connection, trigger: str) -> Generator[None]:
    """Inside, a trigger is away; after it the schema is as it was."""
    text = "SELECT sql FROM sqlite_schema WHERE name = ?"
    (made,) = connection.execute(text, (trigger,)).fetchone()
    connection.execute(f"DROP TRIGGER {trigger}")
    yield
    connection.execute(made)
