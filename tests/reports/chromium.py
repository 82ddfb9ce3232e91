"""A real browser without a window, driven over its own pipe: no package, no port, no network."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)


def find_chromium() -> str:
    """The browser's path; without one the test is skipped by name, and fails where CI says that it must be there."""
    found = os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed, and CI must have it: apt-get install chromium")
        pytest.skip("needs chromium: apt-get install chromium")
    return found


class Chromium:
    """One browser process; `open` gives a page of it."""

    def __init__(self) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="huracan-chromium-")
        to_child, self.write = os.pipe()
        self.read, from_child = os.pipe()
        # the protocol wants the pipes at 3 and 4, which bash can arrange without touching this process's own
        line = 'exec "${@:3}" 3<&"$1" 4>&"$2"'
        command = ["bash", "-c", line, "bash", str(to_child), str(from_child), find_chromium(), *FLAGS]
        command += [f"--user-data-dir={self.home.name}", "about:blank"]
        self.process = subprocess.Popen(
            command, pass_fds=(to_child, from_child), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_child)
        os.close(from_child)
        self.numbers = itertools.count(1)
        self.left = b""
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """End the process and remove what it wrote."""
        with contextlib.suppress(OSError, TimeoutError):
            self.call("Browser.close", wait_s=5.0)
        os.close(self.write)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read)
        shutil.rmtree(self.home.name, ignore_errors=True)
        self.home.cleanup()

    def message(self, until: float) -> dict[str, Any]:
        """The next message of the browser."""
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.read], [], [], max(until - time.monotonic(), 0.0))
            if not ready:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.read, 1 << 20)
            if not piece:
                raise OSError("the browser is gone")
            self.left += piece
        one, _, self.left = self.left.partition(b"\0")
        found: dict[str, Any] = json.loads(one)
        return found

    def call(self, method: str, session: str | None = None, wait_s: float = 60.0, **params: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer; events that come before it are kept."""
        number = next(self.numbers)
        content: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            content["sessionId"] = session
        os.write(self.write, json.dumps(content).encode() + b"\0")
        until = time.monotonic() + wait_s
        while True:
            found = self.message(until)
            if found.get("id") == number:
                assert "error" not in found, f"{method}: {found['error']}"
                result: dict[str, Any] = found["result"]
                return result
            if "method" in found:
                self.events.append(found)

    def open(self, path: Path, *, width: int = 1440, height: int = 900, dark: bool = False, phone: bool = False) -> Tab:
        """Load a file and wait until its script has drawn everything."""
        return Tab(self, path, width, height, dark, phone)


class Tab:
    """A page in the browser, with what it complained of and whatever it asked the network for."""

    def __init__(self, browser: Chromium, path: Path, width: int, height: int, dark: bool, phone: bool) -> None:
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        browser.events.clear()
        self.url = path.resolve().as_uri()
        began = time.monotonic()
        self.call("Page.navigate", url=self.url)
        self.wait("document.documentElement?.dataset.ready || document.documentElement?.dataset.failed")
        self.took_s = time.monotonic() - began

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer.get("exceptionDetails")
        return answer["result"].get("value")

    def wait(self, script: str, wait_s: float = 30.0) -> Any:
        """Until an expression is true."""
        until = time.monotonic() + wait_s
        while not (value := self.run(script)):
            if time.monotonic() > until:
                raise TimeoutError(script)
            time.sleep(0.02)
        return value

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and exceptions that nobody caught."""
        self.run("1")
        found = []
        for each in self.browser.events:
            if each.get("sessionId") != self.session:
                continue
            if each["method"] == "Runtime.exceptionThrown":
                found.append(str(each["params"]["exceptionDetails"]))
            if each["method"] == "Log.entryAdded" and each["params"]["entry"]["level"] in ("error", "warning"):
                found.append(each["params"]["entry"]["text"])
            if each["method"] == "Runtime.consoleAPICalled" and each["params"]["type"] in (
                "error",
                "warning",
                "assert",
            ):
                found.append(str(each["params"]["args"]))
        return found

    def requests(self) -> list[str]:
        """Whatever the page asked for beside itself."""
        self.run("1")
        sent = [e for e in self.browser.events if e["method"] == "Network.requestWillBeSent"]
        urls = [e["params"]["request"]["url"] for e in sent if e.get("sessionId") == self.session]
        return [url for url in urls if url != self.url]

    def move(self, x: float, y: float, kind: str = "mouseMoved", button: str = "none", **more: Any) -> None:
        """Move or press the pointer at a place of the window."""
        count = {"clickCount": 1} if kind != "mouseMoved" else {}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, **count, **more)

    def over(self, selector: str, across: float = 0.5, down: float = 0.5) -> tuple[float, float]:
        """Scroll an element into view and put the pointer on it."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{find}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")  # it has scrolled
        box = self.run(
            f"(() => {{ const b = {find}.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; }})()"
        )
        x, y = box[0] + box[2] * across, box[1] + box[3] * down
        self.move(x, y)
        return x, y

    def click(self, selector: str) -> None:
        x, y = self.over(selector)
        self.move(x, y, "mousePressed", "left", buttons=1)
        self.move(x, y, "mouseReleased", "left")

    def screenshot(self, path: Path) -> None:
        """The whole page as a png."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16_000), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, path: Path) -> None:
        """The page as it prints."""
        made = self.call("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
        path.write_bytes(base64.b64decode(made["data"]))

    def close(self) -> None:
        self.browser.call("Target.closeTarget", targetId=self.target)


Opened = Callable[..., Tab]
