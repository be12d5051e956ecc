"""`dbs-exporter run` as a process: addresses, signals, reloads, and its end; over real sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.exporter_process import (
    LISTENING,
    PATIENCE_SECONDS,
    ask,
    eventually,
    exporter,
    run_flags,
    write_config,
)
from support.hostile_servers import hostile_server

from dbs_exporter.simulator import Simulator, World, start_simulator


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_while_calls_are_under_way(tmp_path: Path, number: int) -> None:
    """It does not wait for slow answers of the cloud, and says that it ends."""
    with (
        start_simulator(World(plans=10), faults=[{"kind": "latency", "seconds": 120}]) as slow,
        exporter(*run_flags(write_config(tmp_path, slow))) as process,
    ):
        process.until(LISTENING)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not slow.requests and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        asked = time.monotonic()
        code = process.stop(number)
        took = time.monotonic() - asked

        assert code == 0
        # Not a speed test: the calls under way would last for two minutes.
        assert took < 30
        assert "Traceback" not in process.everything_said()


def test_a_storm_of_hangups_does_not_delay_the_end(tmp_path: Path, cloud: Simulator) -> None:
    """Reloads that come while another is under way become one, even while that hangs on a file that does not answer."""
    file = write_config(tmp_path, cloud)
    with exporter(*run_flags(file)) as process:
        process.until(LISTENING)
        file.unlink()
        os.mkfifo(file)
        for _ in range(300):
            process.process.send_signal(signal.SIGHUP)
        code = process.stop()

    assert code == 0
    assert "configuration reloaded" not in process.everything_said()


def test_a_second_sigterm_ends_at_once(tmp_path: Path) -> None:
    """A browser that still receives, and whatever else would be waited for, is left."""
    with (
        hostile_server("silent") as silent,
        exporter(*run_flags(_file_for(tmp_path, silent.url))) as process,
    ):
        process.until(LISTENING)
        process.process.send_signal(signal.SIGSTOP)
        process.process.send_signal(signal.SIGTERM)
        process.process.send_signal(signal.SIGINT)
        process.process.send_signal(signal.SIGCONT)

        # Both arrive before the first is acted on.
        assert process.process.wait(timeout=PATIENCE_SECONDS) in (128 + signal.SIGTERM, 128 + signal.SIGINT)


def test_a_reading_that_hangs_is_cut_at_the_end(tmp_path: Path) -> None:
    """An answer that began and never ends is broken off, and the end is as clean as ever."""
    with (
        hostile_server("drips its body") as slow,
        exporter(*run_flags(_file_for(tmp_path, slow.url))) as process,
    ):
        process.until(LISTENING)
        asked = time.monotonic()
        code = process.stop()
        took = time.monotonic() - asked
        said = process.everything_said()

    assert code == 0
    assert took < 100  # Not a speed test: the time-out of a call is five minutes.
    assert "Traceback" not in said


def _file_for(folder: Path, url: str) -> Path:
    file = folder / "dbs-exporter.yml"
    file.write_text(
        f"accounts: [{{name: prod, endpoint: '{url}', regions: [cn-hangzhou], timeout: 5m, credentials:"
        " {type: access_key, access_key_id: testak, access_key_secret: testsk}}]\n"
    )
    return file


@pytest.mark.parametrize("threads", [0, 1, 2, 3, 4, 5])
def test_too_few_threads_at_the_start_end_with_a_sentence(
    tmp_path: Path, cloud: Simulator, threads: int
) -> None:
    """However far it came, there is no traceback and the exit code is 1."""
    program = (
        "import sys, threading\n"
        f"real, left = threading._start_new_thread, [{threads}]\n"
        "def limited(*given):\n"
        "    if not left[0]:\n"
        '        raise RuntimeError("can\'t start new thread")\n'
        "    left[0] -= 1\n"
        "    return real(*given)\n"
        "threading._start_new_thread = limited\n"
        "from dbs_exporter.cli.main import main\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *run_flags(write_config(tmp_path, cloud))],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert ended.returncode == 1, ended.stderr
    assert "Error: too few threads: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_metrics_are_under_the_path_that_was_asked_for(tmp_path: Path, cloud: Simulator) -> None:
    """Flags win over the file, and several addresses serve the same."""
    file = write_config(tmp_path, cloud, "web: {telemetry_path: /from-the-file}\n")
    flags = ("--web.telemetry-path=/m", "--web.listen-address=127.0.0.1:0")
    with exporter(*run_flags(file, *flags)) as process:
        urls = [process.until(LISTENING)[1] for _ in range(2)]

        assert urls[0] != urls[1]
        for url in urls:
            eventually(url, "/m", lambda status, text: status == 200 and "dbs_plan_info{" in text)
            assert ask(url, "/metrics")[0] == 404
        assert process.stop() == 0


def test_sighup_takes_a_good_file_keeps_data_and_refuses_a_bad_one(tmp_path: Path, cloud: Simulator) -> None:
    """A bad file changes nothing but the metric that says so; a good one adds and removes accounts without a hole."""
    file = write_config(tmp_path, cloud)
    good = file.read_text()
    with exporter(*run_flags(file)) as process:
        url = process.until(LISTENING)[1]
        eventually(url, "/metrics", lambda _, text: 'dbs_plan_info{account="prod"' in text)
        file.write_text("accounts: 5\n")
        process.process.send_signal(signal.SIGHUP)
        process.until(r"dbs-exporter\.yml:1: accounts: 5 is not a list")
        bad = eventually(url, "/metrics", lambda _, text: "config_last_reload_successful 0" in text)
        file.write_text(good + good.replace("accounts:", "").replace("name: prod", "name: second"))
        process.process.send_signal(signal.SIGHUP)
        both = eventually(url, "/metrics", lambda _, text: 'dbs_plan_info{account="second"' in text)
        file.write_text(good.replace("name: prod", "name: second"))
        process.process.send_signal(signal.SIGHUP)
        second = eventually(url, "/metrics", lambda _, text: 'account="prod"' not in text)

        assert 'dbs_plan_info{account="prod"' in bad
        assert 'dbs_plan_info{account="prod"' in both
        assert "config_last_reload_successful 1" in both
        assert 'dbs_plan_info{account="second"' in second
        assert process.stop() == 0


def test_listen_addresses_are_not_reloadable_and_that_is_said(tmp_path: Path, cloud: Simulator) -> None:
    """A changed address in the file is warned about and not taken."""
    file = write_config(tmp_path, cloud)
    with exporter(*run_flags(file)) as process:
        url = process.until(LISTENING)[1]
        file.write_text(file.read_text() + "web: {telemetry_path: /elsewhere}\n")
        process.process.send_signal(signal.SIGHUP)

        process.until(r"level=warning .*web.*needs a restart")
        assert ask(url, "/metrics")[0] == 200
        assert process.stop() == 0


@pytest.mark.parametrize("enabled", [True, False])
def test_reload_over_http_is_only_there_when_enabled(tmp_path: Path, cloud: Simulator, enabled: bool) -> None:
    """POST /-/reload answers 200 or, for a bad file, an error; without the flag it is refused."""
    file = write_config(tmp_path, cloud)
    with exporter(*run_flags(file, *(["--web.enable-lifecycle"] if enabled else []))) as process:
        url = process.until(LISTENING)[1]
        good = ask(url, "/-/reload", "POST")
        file.write_text("accounts: 5\n")
        bad = ask(url, "/-/reload", "POST")

        assert process.stop() == 0
    if enabled:
        assert good[0] == 200
        assert bad[0] == 500
        assert "dbs-exporter.yml:1: accounts: 5 is not a list" in bad[1]
    else:
        assert {good[0], bad[0]} <= {403, 404, 405}


def test_an_address_that_is_taken_ends_with_a_sentence(tmp_path: Path, cloud: Simulator) -> None:
    """Nothing half-started stays behind."""
    taken = urlsplit(cloud.url).netloc
    with exporter(
        "run", f"--config.file={write_config(tmp_path, cloud)}", f"--web.listen-address={taken}"
    ) as process:
        code = process.process.wait(timeout=PATIENCE_SECONDS)
        said = process.everything_said()

    assert code == 2
    assert f"{taken}: cannot be served on: " in said
    assert "Traceback" not in said


def test_the_log_says_that_every_interface_is_served(tmp_path: Path, cloud: Simulator) -> None:
    """An address without a host is open to other machines; one with a host is what it says."""
    flags = (
        "run",
        f"--config.file={write_config(tmp_path, cloud)}",
        "--web.listen-address=:0",
        "--web.listen-address=127.0.0.1:0",
    )
    with exporter(*flags) as process:
        everywhere = process.until(r'msg="listening on every interface" .*address=http://localhost:\d+')
        here = process.until(LISTENING)

        assert process.stop() == 0
    assert "127.0.0.1" not in everywhere[0]
    assert here
