"""Stored entries: checked as a file's, asked before them, seen at once here and soon elsewhere, out and in as TOML."""

import io
import re
import threading

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.errors import BadInput, Conflict, NotAllowed, NotThere
from invoices.models import Attempt, IntegrationMessage
from invoices.workflow import MessageKind, MessageState, Step
from syncdiag import known
from syncdiag.actions.entries import export_entries, import_entries, set_entry, table_of
from syncdiag.actions.unknown import send_unknown
from syncdiag.catalogue import BUTTONS, KINDS, PLACES, explain, plain_code, read_catalogue
from syncdiag.classifying import classify
from syncdiag.stored import CatalogueEntry, UnknownError
from syncdiag.writing import write_catalogue
from tests.factories import InvoiceFactory

SAID = 'The warehouse "Nord" refuses it.'
CLOSED = "The accounting period 2026-08 is closed."
ADD = "admin:syncdiag_catalogueentry_add"


def titles(text=SAID, code="", system="sandbox"):
    found = explain(system, code, text)
    return found and found.entry.title


class TestAsked:
    def test_from_the_moment_it_is_stored_with_the_values_of_the_text(self, add):
        assert titles() is None

        add()

        found = explain("sandbox", "", SAID)
        assert found.steps[0] == "Wait until Nord is open again."
        assert classify("sandbox", f'{{"message": "{CLOSED}"}}')[0].explanation.entry.id == "period-closed"

    def test_before_the_entries_of_the_systems_file(self, add):
        add(patterns=["period .{1,20} is closed"], title="Ours", cause="Ours", steps=["Ours"], example="")

        assert titles(CLOSED) == "Ours"
        assert titles(CLOSED, "PERIOD_CLOSED") == "The accounting period is closed"  # code and pattern is more specific
        assert titles(CLOSED, system="xero") != "Ours"

    def test_in_the_place_of_the_files_entry_with_its_id(self, add):
        add(id="period-closed", patterns=["period of never"], title="Ours", cause="Ours", steps=["Ours"], example="")

        assert titles(CLOSED, "PERIOD_CLOSED") != "The accounting period is closed"

    def test_no_more_when_it_is_switched_off(self, add, root, typed):
        entry = add()

        set_entry("sandbox", typed(), by=root, entry_pk=entry.pk, is_enabled=False)

        assert titles() is None

    def test_not_when_the_transaction_that_wrote_it_came_to_nothing(self, transactional_db, root, typed):
        with transaction.atomic():
            set_entry("sandbox", typed(), by=root)
            transaction.set_rollback(True)
        known.forget()

        assert titles() is None

    def test_without_a_query_for_each_look_up(self, add, django_assert_num_queries):
        add()
        titles()

        with django_assert_num_queries(0):
            for _ in range(100):
                assert titles() == "The warehouse is counted"

    def test_by_another_process_within_seconds_and_read_again_only_when_one_was_changed(self, add, monkeypatch):
        add()
        titles()
        CatalogueEntry.objects.update(title="Changed elsewhere", revision=2)
        assert titles() == "The warehouse is counted"

        monkeypatch.setattr(known, "FRESH_FOR", 0.0)
        assert titles() == "Changed elsewhere"
        with CaptureQueriesContext(database) as taken:
            titles()

        assert len(taken) == 2  # the state, for the system and for any system; no rows
        assert all("COUNT" in each["sql"] for each in taken.captured_queries)

    def test_one_of_another_version_is_left_out_and_the_others_are_not(self, add):
        add()
        add(id="other", patterns=["stocktaking"], title="Other", example="")
        CatalogueEntry.objects.filter(entry_id="other").update(kind="of-tomorrow")
        known.forget()

        assert titles() == "The warehouse is counted"
        assert titles("stocktaking") is None


class TestChecked:
    @pytest.mark.parametrize(
        ("changed", "field", "sentence"),
        [
            ({"id": "Not A Slug"}, "entry_id", "Id must be small letters, digits and hyphens"),
            ({"id": ""}, "entry_id", "Id must not be empty."),
            ({"kind": "odd"}, "kind", "Odd is not a kind."),
            ({"title": " "}, "title", "Title must not be empty."),
            ({"title": "x" * 201}, "title", "Title is longer than 200 characters."),
            ({"cause": "a\x00b"}, "cause", "Cause has a character that cannot be stored."),
            ({"steps": []}, "steps", "Steps must not be empty."),
            ({"codes": [], "patterns": []}, "patterns", "It has neither codes nor patterns"),
            ({"codes": ["E1", "00"]}, "codes", "A code must be more than zeros."),
            ({"patterns": ["(["]}, "patterns", "cannot be read"),
            ({"patterns": ["x*"]}, "patterns", "is found in every text"),
            ({"patterns": ["(a+)+b"]}, "patterns", "endless"),
            ({"patterns": ["(ab|a|b)*c"]}, "patterns", "endless"),
            ({"patterns": [r"(\w+) (\1)+x"]}, "patterns", "endless"),
            ({"patterns": ["(?:a{1,20}){20}b"]}, "patterns", "endless"),
            ({"patterns": [r"(?:[\w ]+ )*x"]}, "patterns", "endless"),
            ({"patterns": ["(.*)(.*)(.*)z"]}, "patterns", "takes too long"),
            ({"patterns": ["a" * 501]}, "patterns", "at most 500 characters"),
            ({"fixed_in": "nowhere"}, "fixed_in", "Fixed_in must be here, erp or connection."),
            ({"button": "dance"}, "button", "Dance is not a button."),
            ({"button": "edit"}, "field", "A field is named exactly where the button is edit."),
            ({"example": "Something else"}, "example", "No pattern is in the example."),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field_and_nothing_is_stored(self, root, typed, changed, field, sentence):
        with pytest.raises(BadInput) as refusal:
            set_entry("sandbox", typed(**changed), by=root)

        assert list(refusal.value.fields) == [field]
        assert sentence.lower() in str(refusal.value).lower()
        assert not CatalogueEntry.objects.exists()

    def test_the_form_shows_it_at_the_field(self, at_the_admin, root, typed):
        form = posted(typed(patterns=["(a+)+b"], example=""))

        page = at_the_admin(root).post(reverse(ADD), form)

        assert page.status_code == 400
        assert "endless" in page.context["form"].errors["patterns"][0]

    @pytest.mark.parametrize(
        "pattern",
        [
            "(?:the |this |current )*year",
            r"(?:max\.? |maximum )+length",
            "(?:abc){3}",
            r"not have (?:[\w-]+ ){0,4}access",
        ],
    )
    def test_a_repeat_that_can_be_read_in_one_way_only_is_none_of_those(self, root, typed, pattern):
        assert set_entry("sandbox", typed(patterns=[pattern], example=""), by=root).pk

    def test_a_system_that_there_is_not(self, root, typed):
        with pytest.raises(BadInput) as refusal:
            set_entry("no-such", typed(), by=root)

        assert list(refusal.value.fields) == ["system"]

    def test_an_id_that_is_stored_already(self, add):
        add()

        with pytest.raises(BadInput) as refusal:
            add(title="Another")

        assert list(refusal.value.fields) == ["entry_id"]
        assert CatalogueEntry.objects.get().title == "The warehouse is counted"

    def test_the_id_stays(self, add, root, typed):
        entry = add()

        with pytest.raises(BadInput) as refusal:
            set_entry("sandbox", typed(id="other"), by=root, entry_pk=entry.pk)

        assert list(refusal.value.fields) == ["entry_id"]

    def test_what_somebody_else_changed_is_not_overwritten(self, add, root, typed):
        entry = add()
        set_entry("sandbox", typed(title="Theirs"), by=root, entry_pk=entry.pk, revision=1)

        with pytest.raises(Conflict, match="Somebody changed the entry meanwhile"):
            set_entry("sandbox", typed(title="Mine"), by=root, entry_pk=entry.pk, revision=1)
        with pytest.raises(NotThere):
            set_entry("sandbox", typed(), by=root, entry_pk=entry.pk + 1)

        assert CatalogueEntry.objects.get().title == "Theirs"


class TestWho:
    @pytest.mark.parametrize("who", ["clerk", "handler", "manager", "auditor"])
    def test_nobody_but_an_administrator(self, at_the_admin, request, root, typed, who):
        person = request.getfixturevalue(who)

        with pytest.raises(NotAllowed, match=r"Only an administrator .* Ask Root Example\."):
            set_entry("sandbox", typed(), by=person)
        with pytest.raises(NotAllowed):
            import_entries("sandbox", write_catalogue([typed()]), by=person)
        with pytest.raises(NotAllowed):
            export_entries("sandbox", by=person)
        browser = at_the_admin(person)
        for name in ("changelist", "add", "import"):
            assert browser.get(reverse(f"admin:syncdiag_catalogueentry_{name}")).status_code == 403
        assert browser.post(reverse(ADD), posted(typed())).status_code == 403
        assert browser.get(reverse("admin:syncdiag_catalogueentry_export", args=["sandbox"])).status_code == 403

        assert not CatalogueEntry.objects.exists()

    def test_who_changed_what_is_kept_and_shown(self, at_the_admin, add, root, typed):
        entry = add()
        set_entry("sandbox", typed(title="Counting"), by=root, entry_pk=entry.pk)

        last, first = LogEntry.objects.order_by("-pk")
        assert last.change_message == "title: The warehouse is counted → Counting"
        assert "cause: Nothing may be booked on {warehouse} while it is counted." in first.change_message
        assert (last.user, entry.revision) == (root, 1)
        page = at_the_admin(root).get(reverse("admin:syncdiag_catalogueentry_change", args=[entry.pk])).text
        assert "title: The warehouse is counted → Counting" in page


class TestTriedOnTheSpot:
    def test_against_the_unknown_errors_and_what_was_refused_lately(
        self, at_the_admin, root, clerk, acme, connection, refuse, typed
    ):
        for text in (SAID, 'The warehouse "West" refuses it.', "Something else"):
            send_unknown([("", text)], "sandbox", by=clerk)
        refuse(acme, {"code": "", "message": CLOSED}, {"code": "", "message": "An item LAMP is out"})
        form = posted(
            typed(patterns=['warehouse "[^"]+"', "period .{1,30} closed"], cause="x", steps=["x"], example="")
        )

        page = at_the_admin(root).post(reverse(ADD), {**form, "try": "1"})

        trial = page.context["trial"]
        assert (len(trial.matched), trial.total) == (1, 2)
        assert trial.taken == (("The accounting period is closed", 1),)
        assert "It would know 1 of 2 unknown errors of its system." in page.text
        assert "Of the latest 2 refusals it would win over these entries:" in page.text
        assert not CatalogueEntry.objects.exists()

    def test_it_says_which_entry_of_ours_it_replaces(self, at_the_admin, root, typed):
        page = at_the_admin(root).post(reverse(ADD), {**posted(typed(id="period-closed")), "try": "1"})

        assert page.context["replaces"] == "The accounting period is closed"

    def test_the_form_begins_with_what_the_unknown_error_says(self, at_the_admin, root, clerk):
        send_unknown([("W-1", SAID)], "sandbox", by=clerk)

        page = at_the_admin(root).get(reverse(ADD), {"unknown": UnknownError.objects.get().pk})

        begun = page.context["form"].initial
        assert (begun["system"], begun["codes"], begun["example"]) == ("sandbox", ["W-1"], SAID)
        assert begun["entry_id"] == "the-warehouse-refuses-it"
        assert re.search(begun["patterns"][0], 'The warehouse "West" refuses it.')


class TestTakenAwayAndBack:
    def test_the_export_is_a_catalogue_and_its_import_changes_nothing(self, add, root, typed):
        add()
        add(id="other", patterns=[r"it's \d+% \"full\""], codes=["007", "x"], example="", title="Ünïcode → “quotes”")
        add("xero")

        text = export_entries("sandbox", by=root)

        assert [entry.id for entry in read_catalogue("sandbox", text, "x")] == ["warehouse-counted", "other"]
        assert import_entries("sandbox", text, by=root) == (0, 0)
        assert export_entries("sandbox", by=root) == text

    def test_an_import_adds_and_changes_all_or_nothing(self, add, root, typed):
        add()
        good = write_catalogue([typed(title="From the file"), typed(id="two")])
        bad = write_catalogue([typed(title="Never"), typed(id="three", kind="odd")])

        assert import_entries("sandbox", good, by=root) == (1, 1)
        with pytest.raises(BadInput, match="The file, entry three: odd is not a kind"):
            import_entries("sandbox", bad, by=root)

        stored = CatalogueEntry.objects.order_by("entry_id").values_list("entry_id", "title")
        assert list(stored) == [("two", "The warehouse is counted"), ("warehouse-counted", "From the file")]

    def test_by_the_pages(self, at_the_admin, root, add, typed):
        browser = at_the_admin(root)
        add()
        exported = browser.get(reverse("admin:syncdiag_catalogueentry_export", args=["sandbox"]))
        file = io.BytesIO(exported.content)
        file.name = "sandbox.toml"

        answer = browser.post(reverse("admin:syncdiag_catalogueentry_import"), {"system": "xero", "file": file})

        assert answer.status_code == 302
        assert sorted(CatalogueEntry.objects.values_list("system", flat=True)) == ["sandbox", "xero"]

    TEXT = st.text(
        st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=40
    ).filter(str.strip)
    ENTRIES = st.lists(
        st.fixed_dictionaries(
            {
                "id": st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8})?", fullmatch=True),
                "kind": st.sampled_from(sorted(KINDS)),
                "codes": st.lists(TEXT.filter(plain_code), max_size=3),
                "patterns": st.lists(TEXT.map(lambda text: "k" + re.escape(text)), min_size=1, max_size=3),
                "title": TEXT,
                "cause": TEXT,
                "steps": st.lists(TEXT, min_size=1, max_size=3),
                "fixed_in": st.sampled_from(sorted(PLACES)),
                "retry_helps": st.booleans(),
                "button": st.sampled_from(sorted(BUTTONS - {"edit"})),
            }
        ),
        unique_by=lambda table: table["id"],
        max_size=4,
    )

    @settings(deadline=None)
    @given(ENTRIES)
    def test_any_entries_come_back_as_they_were_written(self, tables):
        entries = read_catalogue("sandbox", write_catalogue(tables), "first.toml")

        again = read_catalogue("sandbox", write_catalogue([table_of(each) for each in entries]), "again.toml")

        assert again == entries
        assert [each.title for each in entries] == [table["title"] for table in tables]
        assert [[pattern.pattern for pattern in each.patterns] for each in again] == [
            [pattern.pattern for pattern in each.patterns] for each in entries
        ]


class TestOnOtherPages:
    def test_a_hundred_failed_attempts_take_as_many_queries_as_one(self, at_the_admin, clerk, acme, connection, add):
        add()
        invoice = InvoiceFactory(client=acme, step=Step.PRELIMINARY_ERROR)
        message = IntegrationMessage.objects.create(
            client=acme, invoice=invoice, kind=MessageKind.BOOK_PRELIMINARY, key="k", state=MessageState.REFUSED
        )
        browser = at_the_admin(clerk)
        page = reverse("admin:invoices_invoice_change", args=[invoice.pk])

        def fail(numbers):
            for number in numbers:
                Attempt.objects.create(
                    message=message,
                    number=number,
                    started_at=message.created_at,
                    outcome="refused",
                    request={},
                    complaints=[{"code": "", "message": SAID, "detail": ""}] * 10,
                )

        def queries():
            known.forget()
            with CaptureQueriesContext(database) as taken:
                text = browser.get(page).text
            assert text.count('href="/admin/guides/sandbox/#warehouse-counted"') % 10 == 0
            assert 'href="/admin/guides/sandbox/#warehouse-counted"' in text
            return len(taken)

        fail([1])
        few = queries()
        fail(range(2, 101))

        assert queries() == few

    def test_a_hundred_refusals_in_the_event_log_take_as_many_as_two(
        self, at_the_admin, clerk, acme, connection, refuse, add
    ):
        add()
        browser = at_the_admin(clerk)

        def queries():
            known.forget()
            with CaptureQueriesContext(database) as taken:
                text = browser.get(reverse("admin:invoices_event_changelist")).text
            return len(taken), text.count("#warehouse-counted")

        complaint = {"code": "", "message": SAID, "detail": ""}
        for _ in range(2):
            refuse(acme, complaint)
        few, links = queries()
        for _ in range(98):
            refuse(acme, complaint)
        many, more_links = queries()

        assert (links, more_links) == (2, 50)  # a page of it
        assert many == few


@pytest.mark.django_db(transaction=True)
def test_a_look_up_in_another_thread_meanwhile_keeps_no_old_state(root, typed):
    """What another thread reads before the commit is the old state; the commit makes everybody forget it."""
    seen = []

    def look():
        seen.append(titles())
        database.close()

    with transaction.atomic():
        set_entry("sandbox", typed(), by=root)
        if database.vendor == "postgresql":  # on SQLite the table is locked
            reader = threading.Thread(target=look)
            reader.start()
            reader.join()

    assert titles() == "The warehouse is counted"
    assert seen in ([None], [])


def posted(table):
    """Return an entry as the form posts it."""
    lines = {name: "\r\n".join(table[name]) for name in ("codes", "patterns", "steps")}
    form = {**table, **lines, "system": "sandbox", "entry_id": table["id"], "is_enabled": "on"}
    return {name: value for name, value in form.items() if name != "id" and value is not False}
