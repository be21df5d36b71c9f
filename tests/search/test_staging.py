from search import staging


def test_the_staging_folder_holds_the_four_packages_and_nothing_else() -> None:
    folder = staging.make()
    assert sorted(path.name for path in folder.iterdir()) == sorted(staging.PACKAGES)
    assert not list(folder.rglob("__pycache__"))
    assert (folder / "search" / "staging.py").read_text() == (
        staging.root() / "search" / "staging.py"
    ).read_text()


def test_the_staging_folder_is_small_and_private() -> None:
    folder = staging.make()
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 1_000_000
    assert folder.stat().st_mode & 0o077 == 0
