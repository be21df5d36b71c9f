"""Faults of a store: killed writers, full disks, torn files, two drivers, and what happens to its files."""

import sqlite3
from collections import Counter
from contextlib import closing

from results.error import StoreError
from results.record.store import Store
from tests.results import faults, store_faults, synthetic
from tests.storm.fault import Body, Tally, Task


def kills(task: Task) -> Tally:
    """A writer is killed at random moments: what it acknowledged is there, and is a prefix."""
    tally, rows, acknowledged, number = Tally(), 0, set[str](), 0
    whole = len(synthetic.history(faults.long_study()))
    for _ in range(task.count):
        path = task.folder / f"{number}.gate"
        with task.run(tally):
            before = len(acknowledged)
            try:
                faults.kill_once(path, task.draw, acknowledged)
                length = faults.check_prefix(path, acknowledged)
            except AssertionError:
                tally.lost += 1
                raise
            rows += len(acknowledged) - before
            if length == whole:
                number += 1
                acknowledged.clear()
    tally.note = f"{rows} acknowledged rows"
    return tally


def full_disk(task: Task) -> Tally:
    """Files may not grow, from another size on each time: said in a line, nothing lost, usable again."""
    tally = Tally()
    for number in range(task.count):
        # Less than that, and not even the empty store can be made; more, and all of it has room.
        size = 120_000 + 240_000 * number // max(1, task.count)
        with task.run(tally, f"files of at most {size:,} bytes"):
            faults.starve_once(task.folder / f"{number}.gate", size)
    return tally


def torn(task: Task) -> Tally:
    """A torn or flipped copy opens complete, or is called damaged."""
    tally, named = Tally(), 0
    whole, path = task.folder / "whole.gate", task.folder / "torn.gate"
    synthetic.write(whole)[0].close()
    content = whole.read_bytes()
    for _ in range(task.count):
        with task.run(tally):
            try:
                named += faults.tear_once(content, path, task.draw)
            except AssertionError:
                tally.silent += 1
                raise
    tally.note = f"{named} called damaged, {tally.runs - named} complete"
    return tally


def readers(task: Task) -> Tally:
    """Readers beside a writer are never shut out and never see half an outcome."""
    tally, reads = Tally(), 0
    for number in range(task.count):
        with task.run(tally):
            reads += sum(faults.read_beside(task.folder / f"{number}.gate", 10 if task.full else 3))
    tally.note = f"{reads} readings of the whole history"
    return tally


def races(task: Task) -> Tally:
    """Of two drivers that start at once, or of which one is frozen and replaced, one writes."""
    tally = Tally()
    for number in range(task.count):
        with task.run(tally):
            once = faults.freeze_once if number % 4 == 3 else faults.race_once
            once(task.folder / f"{number}.gate")
    return tally


def files(running: bool) -> Body:
    """A body that deletes, moves, replaces, overwrites, cuts and flips the files of a store."""
    kinds = list(store_faults.RUNNING if running else store_faults.STOPPED)

    def body(task: Task) -> Tally:
        tally, noticed = Tally(), Counter[str]()
        for number in range(task.count):
            kind = kinds[number % len(kinds)]
            folder = task.folder / str(number)
            folder.mkdir()
            with task.run(tally, kind):
                case = store_faults.run(kind, folder, task.draw)
                noticed[f"by the {case.by}" if case.by else "whole"] += 1
                tally.silent += case.silent
                if case.silent:
                    tally.problems.append(f"{kind}: nobody noticed")
        tally.note = ", ".join(f"{count} {by}" for by, count in sorted(noticed.items()))
        return tally

    return body


FOREIGN = {
    "endless view": "CREATE VIEW {table}_all AS WITH RECURSIVE n (x) AS"
    " (SELECT 1 UNION ALL SELECT x FROM n) SELECT x FROM n",
    "trigger": "CREATE TRIGGER {table}_forge AFTER INSERT ON {table} BEGIN DELETE FROM event; END",
    "table of its own": "CREATE TABLE {table}_more (x)",
    "index": "CREATE INDEX {table}_index ON {table} (abs(1))",
    "column": "ALTER TABLE {table} ADD COLUMN more TEXT",
    "view in its place": "ALTER TABLE {table} RENAME TO hidden;"
    " CREATE VIEW {table} AS SELECT * FROM hidden",
}
"""Changes of the schema that no Gatewright makes."""


def schemas(task: Task) -> Tally:
    """A store whose schema is not ours is refused by readers and writers before it is trusted."""
    tally = Tally()
    whole = task.folder / "whole.gate"
    store, _ = synthetic.write(whole)
    tables = [
        str(name)
        for (name,) in store.select("SELECT name FROM sqlite_schema WHERE type = 'table'")
        if not str(name).startswith("sqlite")
    ]
    store.close()
    content = whole.read_bytes()
    kinds = list(FOREIGN)
    for number in range(task.count):
        kind, table = kinds[number % len(kinds)], tables[number // len(kinds) % len(tables)]
        path = task.folder / f"{number}.gate"
        path.write_bytes(content)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA legacy_alter_table = ON")
            connection.executescript(FOREIGN[kind].format(table=table))
        with task.run(tally, f"{kind} of {table}"):
            for opening in (Store.read, Store.create_or_open):
                try:
                    opening(path).close()
                except StoreError as error:
                    if error.code not in ("not-a-store", "damaged"):
                        raise
                else:
                    tally.silent += 1
                    raise AssertionError(f"{opening.__name__} took it for a store")
        path.unlink()
    return tally
