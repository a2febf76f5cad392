"""The command line, run as a person or a script runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def hmc(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hmc", *words],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def one_clear_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:secret@127.0.0.1:1/nothing",
        "postgresql://nobody:secret@no.such.host.invalid/x",
        "not an address",
        "mysql://x",
    ],
)
def test_a_database_that_is_not_there_is_one_line(url: str) -> None:
    for command in (["migrate"], ["rebuild"], ["token", "--user", "x@example.com"]):
        line = one_clear_line(hmc(*command, DATABASE_URL=url))
        assert "DATABASE_URL" in line
        assert "secret" not in line


def test_a_data_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one_clear_line(hmc("migrate", "--data-dir", str(tmp_path / "file" / "below")))


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = one_clear_line(hmc("up", "--port", port, "--data-dir", str(tmp_path)))
    assert port in line
    assert "--port" in line


def test_an_empty_database_names_the_command_that_fills_it(warehouse: None) -> None:
    from warehouse.settings import settings

    socket_dir = settings().home / "postgres"
    url = f"postgresql://postgres@/postgres?host={socket_dir}"
    assert "hmc migrate" in one_clear_line(hmc("rebuild", DATABASE_URL=url))
    doctor = hmc("doctor", DATABASE_URL=url)
    assert doctor.returncode == 1
    assert "hmc migrate" in doctor.stdout


def test_what_nobody_knows_is_one_line(warehouse: None) -> None:
    assert "nobody" in one_clear_line(hmc("token", "--user", "nobody@example.com"))
    approve = hmc("pairing", "approve", "0000-0000", "--workspace", "none")
    assert "none" in one_clear_line(approve)
    twice = [
        "workspace",
        "create",
        "Twice",
        "--tier",
        "solo",
        "--owner",
        "t@example.com",
    ]
    assert json.loads(hmc(*twice, "--json").stdout)["slug"] == "twice"
    assert "--slug" in one_clear_line(hmc(*twice))


def test_rates_load_twice_and_change_nothing_the_second_time(warehouse: None) -> None:
    answer = json.loads(hmc("rates", "load", "--json").stdout)
    assert answer["rates"] > 500
    assert answer["changes"] == []


def answered(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  loopback
            return json.loads(answer.read())
    except (urllib.error.URLError, ConnectionError):
        return None


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  loopback
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_up_serves_beside_other_commands_and_stops_cleanly(
    how: signal.Signals, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = ["--data-dir", str(tmp_path)]
    environment = {
        key: value for key, value in os.environ.items() if key != "HMC_DATA_DIR"
    }
    up = subprocess.Popen(
        [sys.executable, "-m", "hmc", "up", "--port", str(port), *home],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 90
        while (answered(f"{url}/readyz") or {}).get("status") != "ok":
            assert time.monotonic() < deadline
            assert up.poll() is None, up.stderr and up.stderr.read()
            time.sleep(0.2)
        assert answered(f"{url}/healthz") == {"status": "ok"}
        made = hmc(
            *["workspace", "create", "Ada", "--tier", "solo"],
            *["--owner", "ada@example.com", *home],
        )
        assert made.returncode == 0, made.stderr
        assert hmc("doctor", *home).returncode == 0
    finally:
        up.send_signal(how)
        if how == signal.SIGTERM:
            assert status_of(f"{url}/readyz") == 503
            assert answered(f"{url}/healthz") == {"status": "ok"}
        output, errors = up.communicate(timeout=40)
    assert up.returncode == 0, errors
    assert "Traceback" not in errors
    assert output == ""
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
