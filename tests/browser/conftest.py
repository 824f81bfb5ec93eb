"""A real Chromium before the real pages, with a real sandbox ERP behind them."""

import os
import re
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client as Session
from playwright.sync_api import Browser, Page, sync_playwright

from tests.delivery.desk import Desk
from tests.erp_server import ErpServer
from tests.processes import end_sessions, sessions

COMPANIES = count(1)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SHOTS = Path(django_settings.BASE_DIR) / "var" / "screenshots"
# Playwright runs an event loop in this thread, in which Django else refuses to touch the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (on Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def erp_process(tmp_path_factory) -> Iterator[ErpServer]:
    server = ErpServer(tmp_path_factory.mktemp("erp"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def erp(erp_process, settings) -> Iterator[ErpServer]:
    settings.SANDBOX_ERP_URL = erp_process.url
    yield erp_process
    erp_process.faults()


@pytest.fixture
def desk(transactional_db, erp, acme, clerk, clerk2, handler) -> Desk:
    return Desk.open(erp, acme, clerk, clerk2, handler, company=f"browser {next(COMPANIES)}")


class Person:
    """Somebody before a browser window."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def open_invoice(self, invoice) -> None:
        self.open(f"/admin/invoices/invoice/{invoice.pk}/change/")

    def click(self, label: str) -> None:
        """Press a button or follow a link by its name, the first of that name."""
        name = re.compile(rf"^{re.escape(label)}")
        self.page.get_by_role("link", name=name).or_(self.page.get_by_role("button", name=name)).first.click()

    def confirm(self, label: str, **typed: str) -> None:
        """Fill in the confirm page and press its button."""
        for name, value in typed.items():
            self.page.locator(f"[name={name}]").fill(value)
        self.page.locator("form.press, .press form").get_by_role("button", name=label, exact=True).click()

    def reads(self, text: str) -> bool:
        return text in self.page.locator("body").inner_text()

    def cut_off(self) -> list[str]:
        """Return what is wider than the window, or than the box in which it would have to be pushed sideways."""
        script = """() => [document.documentElement, ...document.querySelectorAll('.sheet, .card')]
            .filter(box => box.scrollWidth > box.clientWidth + 1)
            .map(box => `${box.className || box.tagName} ${box.scrollWidth} > ${box.clientWidth}`)"""
        found: list[str] = self.page.evaluate(script)
        return found

    def shoot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@pytest.fixture
def sit_down(transactional_db, chromium, live_server):
    """`sit_down(handler)` is that person before a window of their own, logged in."""
    contexts = []
    before = sessions()

    def make(user, *, width: int = 1280, scheme: str = "light") -> Person:
        session = Session()
        session.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        cookie = session.cookies[django_settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        context.set_default_timeout(8000)
        contexts.append(context)
        return Person(context.new_page(), live_server.url)

    yield make
    for context in contexts:
        context.close()
    end_sessions(sessions() - before)
