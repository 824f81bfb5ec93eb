"""Guides: a page for each system, searched by words, codes and texts of errors, read by everybody."""

import pytest
from django.urls import reverse

from syncdiag.catalogue import FOLDER, entries_of
from tests.factories import UserFactory

GUIDES = "admin:syncdiag_guides"
GUIDE = "admin:syncdiag_guide"


@pytest.fixture
def read(db, at_the_admin, auditor):
    browser = at_the_admin(auditor)
    return lambda name, *args, **query: browser.get(reverse(name, args=args), query)


def titles(response):
    return [told.entry.title for chapter in response.context["chapters"] for told in chapter.entries]


@pytest.mark.parametrize("system", sorted(path.stem for path in FOLDER.glob("*.toml")))
def test_every_system_with_a_catalogue_has_one_that_tells_every_entry(read, system):
    page = read(GUIDE, system)

    assert sorted(titles(page)) == sorted(entry.title for entry in entries_of(system))
    assert all(f'id="{entry.id}"' in page.text for entry in entries_of(system))
    assert reverse(GUIDE, args=[system]) in read(GUIDES).text


def test_an_entry_tells_what_to_do_where_and_with_which_button(read):
    page = read(GUIDE, "sandbox").text
    entry = page[page.index('id="duplicate-number"') :].partition("</section>")[0]

    for said in (
        "DUPLICATE_NUMBER",
        "Another document there has the same number.",
        "<li>If not, change the number and post again.</li>",
        "Here, on the invoice",
        "Helps once the steps are done",
        "Look it up in the ERP",
    ):
        assert said in entry


def test_kinds_stand_together_in_the_contents(read):
    chapters = read(GUIDE, "sandbox").context["chapters"]

    kinds = [chapter.kind for chapter in chapters]
    assert len(kinds) == len(set(kinds))
    assert [told.entry.id for told in next(each for each in chapters if each.kind == "reference_inactive").entries] == [
        "item-inactive",
        "party-inactive",
    ]


@pytest.mark.parametrize("asked", ["counterparty inactive", "PARTY_INACTIVE", "party_inactive", "Nothing may BOOKED"])
def test_words_and_codes_find_an_entry_in_one_guide_and_in_all(read, asked):
    assert titles(read(GUIDE, "sandbox", q=asked)) == ["The counterparty is inactive in the ERP"]
    found = [(told.entry.system, told.entry.title) for told in read(GUIDES, q=asked).context["found"]]
    assert ("sandbox", "The counterparty is inactive in the ERP") in found


def test_the_text_of_an_error_finds_what_it_means(read):
    said = "The accounting period 2026-08 is closed."

    page = read(GUIDE, "sandbox", q=said)

    assert titles(page) == []
    assert page.context["meant"].entry.id == "period-closed"
    assert "As the text of an error it means" in page.text


def test_what_is_found_nowhere_says_so(read):
    assert "Nothing was found." in read(GUIDES, q="zzqq xxyy").text
    assert "No entry has these words." in read(GUIDE, "sandbox", q="zzqq xxyy").text


def test_who_may_enter_the_admin_may_read_without_a_role_and_nobody_else(db, at_the_admin, client):
    browser = at_the_admin(UserFactory(username="newcomer"))

    assert browser.get(reverse(GUIDES)).status_code == 200
    assert browser.get(reverse(GUIDE, args=["sandbox"])).status_code == 200
    assert "Nothing here for you yet" in browser.get(reverse("admin:index")).text
    assert client.get(reverse(GUIDE, args=["sandbox"])).status_code == 302
    assert at_the_admin(UserFactory(username="outside", is_staff=False)).get(reverse(GUIDES)).status_code == 302


def test_no_system_no_guide(read):
    assert read(GUIDE, "nothing").status_code == 404


def test_a_stored_entry_stands_in_its_guide_in_the_place_of_the_files(read, add):
    add(id="period-closed", kind="period_closed", title="Closed, says the administrator")

    page = read(GUIDE, "sandbox")

    assert "Closed, says the administrator" in titles(page)
    assert page.text.count('id="period-closed"') == 1
