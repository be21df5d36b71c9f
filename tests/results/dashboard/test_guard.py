"""What the dashboard refuses, and what it tells browsers to refuse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from results.dashboard.guard import Proxy, ProxyError
from results.dashboard.views import STUDY_VIEWS
from results.publishing import publication
from results.record.store import Store
from results.record.study import Study
from tests.results import synthetic
from tests.results.dashboard.served import over
from tests.results.forge import unguarded
from tests.results.report.test_report import elements

STUDY = synthetic.study().id
ADDRESSES = ("/", f"/studies/{STUDY}", "/api/studies", "/static/style.css", "/events")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with over(begun(tmp_path_factory.mktemp("served") / "run.gate")) as found:
        yield found


def begun(path: Path, name: str = "synthetic") -> Path:
    """`path`, where there is now a store with a study of that name that asked for nothing yet."""
    with Store.create_or_open(path) as store:
        store.begin(synthetic.study(name), {})
    return path


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_nothing_but_get_and_head_is_answered(client: TestClient, method: str) -> None:
    for address in (*ADDRESSES, "/nowhere"):
        answer = client.request(method, address)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.com",
        "evil.com:80",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "evil.com#localhost",
        "evil.com/localhost",
        "me@localhost",
        "localhost:80@evil.com",
        "localhost:",
        "localhost:80:80",
        "localhost:x",
        "localhost:\u00b2",
        "localhost..",
        ".localhost",
        "a..localhost",
        "localhost.localhost.evil.com",
        "evillocalhost",
        "evil.com/.localhost",
        "evil.com#.localhost",
        "me@a.localhost",
        "127.0.0.1.",
        "localhost, evil.com",
        " localhost\t",
        "0.0.0.0",  # noqa: S104 - a name that is asked for
        "127.0.0.2",
        "2130706433",
        "::1",
        "[::1",
        "[::1]x",
        "[::ffff:127.0.0.1]",
    ],
)
def test_a_foreign_name_is_refused(client: TestClient, host: str) -> None:
    for address in (*ADDRESSES, "/nowhere"):
        answer = client.get(address, headers=[(b"host", host.encode("latin-1"))])
        assert answer.status_code == 421
        assert "localhost" in answer.text
        assert "--host-name" in answer.text


NAMES = (
    "localhost",
    "127.0.0.1",
    "[::1]",
    "LocalHost",
    "localhost.",
    "hub.localhost",
    "a.b.localhost.",
)


@pytest.mark.parametrize("name", NAMES)
def test_this_machine_is_answered_through_any_port(client: TestClient, name: str) -> None:
    for port in ("", ":1", ":8642", ":65535"):
        headers = {"Host": name + port}
        assert client.get(f"/studies/{STUDY}", headers=headers).status_code == 200


def test_every_answer_carries_the_policy(client: TestClient) -> None:
    asked = [("GET", address) for address in ADDRESSES if address != "/events"]
    asked += [("POST", "/"), ("GET", "/nowhere"), ("HEAD", "/events"), ("GET", "/studies/none")]
    asked += [("GET", f"/studies/{STUDY}?none=1"), ("GET", "/api/studies/none/overview")]
    answers = [client.request(*one, follow_redirects=False) for one in asked]
    answers.append(client.get("/", headers={"Host": "evil.com"}))
    assert {one.status_code for one in answers} == {200, 307, 400, 404, 405, 421}
    for answer in answers:
        policy = str(answer.headers["Content-Security-Policy"])
        pairs = (part.strip().partition(" ") for part in policy.split(";"))
        parts = {name: value for name, _, value in pairs}
        assert parts["default-src"] == "'none'"
        assert parts["script-src"] == "'self'"
        assert parts["connect-src"] == "'self'"
        assert parts["frame-ancestors"] == parts["base-uri"] == "'none'"
        assert "unsafe-eval" not in policy
        assert "http" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Cache-Control" in answer.headers


def test_a_mistake_of_ours_is_a_page_with_the_policy_too(tmp_path: Path) -> None:
    store = Store.create_or_open(begun(tmp_path / "run.gate"))
    # Nobody expects a damaged file to hold a word where a time has to be.
    with unguarded(store.connection, "epoch_no_update"):
        store.connection.execute("UPDATE epoch SET at = 'noon'")
    # A log with other times than the file's would be taken for another store's.
    store.connection.execute("PRAGMA wal_checkpoint")
    with over(store.path, raising=False) as client:
        for address in ("/", f"/api/studies/{STUDY}/overview"):
            answer = client.get(address)
            assert answer.status_code == 500
            assert "mistake of Gatewright" in answer.text.replace("&#39;", "'")
            assert "Traceback" not in answer.text
            assert "Content-Security-Policy" in answer.headers


def test_head_gives_the_headers_of_get_without_a_body(client: TestClient) -> None:
    for address in (*ADDRESSES, "/static/plotly.js", f"/api/studies/{STUDY}/overview"):
        head = client.head(address)
        assert head.status_code == 200
        assert head.content == b""
        if address != "/events":
            assert head.headers["Content-Type"] == client.get(address).headers["Content-Type"]


def test_wrong_queries_say_what_was_expected(client: TestClient) -> None:
    nasty = "<script>alert(1)</script>"
    for view in STUDY_VIEWS:
        if view.named:
            continue
        end = f"/{view.name}" if view.name else ""
        page = client.get(f"/studies/{STUDY}{end}", params={nasty: "1"})
        assert page.status_code == 400
        assert nasty not in page.text
        assert "this view knows" in page.text
        assert "script" not in {tag for tag, _ in elements(page.text)}
        answer = client.get(f"/api/studies/{STUDY}{end or '/overview'}", params={nasty: "1"})
        assert answer.status_code == answer.json()["status"] == 400
        assert "this view knows" in answer.json()["error"]
        for name in view.filters:
            page = client.get(f"/studies/{STUDY}{end}", params={name: "x" * 201})
            assert page.status_code == 400
            assert "expected at most 200" in page.text


@pytest.mark.parametrize("name", ["none", "<img src=x>", "%00", "'; DROP TABLE study --", "\u202e"])
def test_what_is_not_there_is_told_without_repeating_its_markup(
    client: TestClient, name: str
) -> None:
    page = client.get(f"/studies/{name}")
    assert page.status_code == 404
    assert not {tag for tag, _ in elements(page.text)} & {"img", "script"}
    assert client.get(f"/api/studies/{name}/overview").json()["status"] == 404
    assert client.get(f"/studies/{STUDY}").status_code == 200


def test_a_published_folder_is_served_as_its_store_is(
    tmp_path: Path, written: tuple[Store, Study]
) -> None:
    store, study = written
    publication.publish(store, tmp_path / "published")
    address = f"/api/studies/{study.id}/overview"
    found: list[Any] = []
    for place in (store.path, tmp_path / "published"):
        with over(place) as client:
            found.append(client.get(address).json())
            del found[-1]["rate"]["silent_seconds"]
    assert found[0] == found[1]


def test_a_study_without_any_trial_has_every_page(client: TestClient) -> None:
    assert client.get("/").url.path == f"/studies/{STUDY}"
    for view in STUDY_VIEWS:
        if not view.named:
            assert client.get(f"/studies/{STUDY}/{view.name}".rstrip("/")).status_code == 200


def test_a_store_without_any_study_says_so(tmp_path: Path) -> None:
    Store.create_or_open(tmp_path / "run.gate").close()
    with over(tmp_path / "run.gate") as client:
        page = client.get("/")
    assert page.status_code == 404
    assert "holds no study yet" in page.text


def test_a_store_that_is_deleted_is_missed_and_one_that_replaces_it_is_shown(
    tmp_path: Path,
) -> None:
    path = begun(tmp_path / "run.gate")
    with over(path) as client:
        assert client.get(f"/studies/{STUDY}").status_code == 200
        path.unlink()
        page = client.get(f"/studies/{STUDY}")
        assert page.status_code == 404
        assert "no such file" in page.text
        begun(tmp_path / "other.gate", "other").rename(path)
        assert client.get(f"/studies/{STUDY}").status_code == 404
        assert client.get("/").url.path == f"/studies/{synthetic.study('other').id}"
        (tmp_path / "text").write_text("something else " * 100)
        (tmp_path / "text").rename(path)
        answer = client.get("/api/studies")
        assert answer.status_code == 503
        assert "not a database" in answer.json()["error"]


def test_a_proxy_is_answered_by_its_name_and_below_its_path_and_no_other_is(tmp_path: Path) -> None:
    proxy = Proxy.of("user/a%20b/", ["Hub.Example.org."])
    with over(begun(tmp_path / "run.gate"), proxy=proxy) as client:
        for host in ("hub.example.org", "HUB.example.org:443", "hub.example.org.", "localhost"):
            for address in (f"/studies/{STUDY}", f"/user/a%20b/studies/{STUDY}"):
                answer = client.get(address, headers={"Host": host})
                assert answer.status_code == 200
                assert 'href="../static/style.css"' in answer.text
        for host in ("example.org", "evil.hub.example.org", "hub.example.org.evil.com"):
            answer = client.get("/", headers={"Host": host})
            assert answer.status_code == 421
            assert f"--host-name {host}\n" in answer.text
        bare = client.get("/user/a%20b", follow_redirects=False)
        assert (bare.status_code, bare.headers["Location"]) == (307, "./a%20b/")
        assert client.get("/user/a%20b").url.path == f"/user/a b/studies/{STUDY}"
        assert client.get("/user/a%20bc/api").status_code == 404
        assert client.get("/user/a%20b/user/a%20b/api").status_code == 404
        assert client.get("/user/a%20b/api/none").json()["status"] == 404


@pytest.mark.parametrize(
    "host",
    ["", "*", "*.example.org", "https://a.org", "a.org:80", "a.org/", "a b", "[::2]", "a..b"],
)
def test_a_host_name_with_more_to_it_is_refused(host: str) -> None:
    with pytest.raises(ProxyError, match="expected a name such as"):
        Proxy.of("", [host])


@pytest.mark.parametrize(
    "path", ["a/../b", "/a/%2e%2e", "a?b", "a#b", "http://a.org/b", "a\nb", "a\\b"]
)
def test_a_root_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ProxyError, match="expected a path such as"):
        Proxy.of(path, [])
