"""The sandbox ERP as a process of its own, for tests that need a real one."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class ErpServer:
    """One sandbox ERP on a free port of loopback, with its books in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "erp.sqlite3"
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it, on the port it had before if it ran before, and wait for its line."""
        command = [sys.executable, "-m", "integrations.sandbox"]
        options = ["--port", str(self.port), "--database", str(self.database)]
        self.process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        assert ready.startswith("sandbox ERP ready "), ready
        self.port = int(ready.rstrip().rstrip("/").rpartition(":")[2])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def kill(self) -> None:
        """Let it die as in a power cut."""
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def ask(self, method: str, path: str, body: Any = None, secret: str = "") -> tuple[int, Any]:
        """Send one plain request and return status and JSON (or the bytes, if it is none)."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path.lstrip("/"), data=data, method=method)
        if secret:
            request.add_header("Authorization", f"Bearer {secret}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=20) as answer:
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as exc:
            with exc:
                status, raw = exc.code, exc.read()
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, raw

    def faults(self, **switches: Any) -> None:
        """Turn faults on; without any, take all back."""
        status, body = self.ask("POST", "/faults/", switches) if switches else self.ask("DELETE", "/faults/")
        assert status == 200, body

    def audit(self, query: str = "") -> Any:
        """Return the audit list."""
        return self.ask("GET", f"/audit/?{query}")[1]

    def close_period(self, month: str, company: str = "") -> None:
        """Close a month of one company, or of all."""
        assert self.ask("POST", f"/periods/{month}/close/", {"company": company})[0] == 200
