"""What Ray finds in the environment when a cluster is joined."""

from pathlib import Path

import pytest

from search.run.cluster import start


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_token_that_the_user_has_is_used_to_join_a_cluster(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "RAY_AUTH_MODE" not in start.environment(local=False)
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("0" * 64, encoding="ascii")
    assert start.environment(local=False)["RAY_AUTH_MODE"] == "token"
    (home / ".ray" / "auth_token").unlink()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    assert start.environment(local=False)["RAY_AUTH_MODE"] == "token"


def test_what_the_user_says_of_authentication_holds(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert "RAY_AUTH_MODE" not in start.environment(local=False)
