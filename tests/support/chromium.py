"""A real Chromium, driven over the W3C WebDriver protocol that Debian's chromium-driver speaks; for tests and screenshots."""

from __future__ import annotations

import base64
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from support.programs import tool

PATIENCE_SECONDS = 60.0


class Browser:
    """One browser window. Scripts are bodies of functions, as in the WebDriver standard."""

    def __init__(self, driver: str) -> None:
        self._http = requests.Session()
        self._http.trust_env = False
        self._driver = driver
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = {
            "binary": tool("chromium"),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
                "--no-first-run", "--disable-dev-shm-usage", "--no-proxy-server", f"--user-data-dir={self._profile.name}",
            ],
        }  # fmt: skip
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{session['sessionId']}"

    def open(self, url: str) -> None:
        """Go to an address and wait until it is loaded."""
        self._command("url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page and give what it returns."""
        return self._command("execute/sync", {"script": script, "args": arguments})

    def until(self, script: str, *arguments: object) -> Any:
        """Run a script again and again until it returns something true."""
        pause = threading.Event()
        for _ in range(int(PATIENCE_SECONDS / 0.02)):
            if found := self.run(script, *arguments):
                return found
            pause.wait(0.02)
        raise AssertionError(f"never came true: {script}")

    def console(self) -> list[str]:
        """What the page and the browser have complained of since the last question."""
        entries = self._command("se/log", {"type": "browser"})
        return [entry["message"] for entry in entries]

    def screen(self, *, width: int, height: int, dark: bool = False, phone: bool = False) -> None:
        """Set the window's size in CSS pixels, and whether the reader prefers dark."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        preference = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", features=[preference])

    def scripts(self, *, allowed: bool) -> None:
        """Switch JavaScript on or off for pages opened from now on."""
        self._devtools("Emulation.setScriptExecutionDisabled", value=not allowed)

    def photograph(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        found = self._devtools("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", self._session)
        self._http.close()
        self._profile.cleanup()

    def _devtools(self, command: str, **params: object) -> Any:
        return self._command("goog/cdp/execute", {"cmd": command, "params": params})

    def _command(self, name: str, body: dict[str, object]) -> Any:
        return self._ask("POST", f"{self._session}/{name}", body)

    def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> Any:
        answer = self._http.request(method, self._driver + path, json=body, timeout=PATIENCE_SECONDS)
        value = answer.json()["value"]
        if answer.status_code != 200:
            raise AssertionError(f"{path}: {value.get('message', value)}")
        return value


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that is gone afterwards. Without its programs the test is skipped, or fails in CI."""
    command = [tool("chromedriver"), "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as driver:
        assert driver.stdout is not None
        try:
            port = next(
                line.rsplit("port ", 1)[1].rstrip(".\n")
                for line in driver.stdout
                if "started successfully on port" in line
            )
            browser = Browser(f"http://127.0.0.1:{port}")
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
