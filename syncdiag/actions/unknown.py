"""The list of unknown errors: what delivery met and no entry knows, and what people sent."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Count, F, Max
from django.utils.translation import gettext as _

from integrations.erps.http import written_forms
from integrations.models import Connection
from invoices import clock
from invoices.errors import BadInput, Conflict, NotThere
from invoices.models import Client, Event, Invoice
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right
from syncdiag import known
from syncdiag.catalogue import GENERAL, Explanation, explain, plain_code
from syncdiag.classifying import explain_complaint, words_of
from syncdiag.models import Webhook
from syncdiag.redacting import common_words, key_of, without_secrets
from syncdiag.stored import ReadingMark, UnknownError, UnknownSighting
from syncdiag.systems import all_systems

log = structlog.get_logger(__name__)
KINDS_A_DAY: Final = 50  # new ones of one client: a system that puts a word of its own into each error fills no table
SENT_A_DAY: Final = 20  # new ones of one person
DAY: Final = timedelta(days=1)
MARK: Final = "unknown errors"
SETTLED: Final = timedelta(seconds=30)  # longer than a transaction lasts: a line may appear behind a later one
READ_AT_MOST: Final = 10_000  # lines of the event log in one turn
TURNS: Final = 5
BEGIN_WITH: Final = 20_000  # latest lines, the first time
LOOKED_THROUGH: Final = 5_000  # open unknown errors, when the catalogue changes
LONGEST_SAMPLE: Final = 4_000
Whose = tuple[int | None, int | None]  # a client's id, else a person's


@dataclass(frozen=True, slots=True)
class Seen:
    """One error as it was met at a client, or sent by a person."""

    system: str
    code: str
    text: str
    client_id: int | None = None
    person_id: int | None = None
    invoice_id: int | None = None

    @property
    def whose(self) -> Whose:
        """On whose account it goes: the client's, or where there is none the person's."""
        return self.client_id, None if self.client_id else self.person_id

    @property
    def words(self) -> str:
        """What is the same in all errors of its kind."""
        return common_words(self.text)

    @property
    def key(self) -> str:
        """Under which it is counted."""
        return key_of(self.system, self.code, self.words)


def send_unknown(errors: Iterable[tuple[str, str]], system: str, *, by: User, invoice_id: int | None = None) -> int:
    """Put errors (code, text) that a person met onto the list; return how many of them no entry knows.

    Those that an entry knows are left out. With an invoice they are noted for its client, which `by` must see. Nothing
    that looks like a secret is kept. Raises BadInput, NotThere, and Conflict where the person sent too many today.
    """
    if system and system not in all_systems():
        raise BadInput({"system": _("Choose one of the systems.")})
    client = _client_of(invoice_id, by)
    secrets = _secrets_of(Client.objects.where(by, Right.VIEW) if client is None else [client])
    seen = [
        Seen(
            system,
            plain_code(without_secrets(code))[:60],
            without_secrets(text, secrets)[:LONGEST_SAMPLE],
            client_id=client.pk if client else None,
            person_id=by.pk,
            invoice_id=invoice_id,
        )
        for code, text in errors
        if code.strip() or text.strip()
    ]
    if not seen:
        raise BadInput({"text": _("Paste the text of an error first.")})
    unknown = [each for each in seen if not _is_known(explain(system, each.code, each.text))]
    if unknown and not _write(unknown, clock.now()):
        raise Conflict(_("You have sent many errors today: wait until tomorrow, or ask an administrator."))
    return len(unknown)


def note_refusals() -> int:
    """Put what the ERPs refused, and no entry knows, onto the list; return how many errors were noted.

    Reads the lines of the event log that are new since the last look, by their keys, and only those old enough that no
    earlier one can still appear. Safe to run twice at once: the slower one waits, or leaves it to the other.
    """
    noted = 0
    for _turn in range(TURNS):
        read, found = _read_on()
        noted += found
        if read < READ_AT_MOST:
            break
    return noted


@transaction.atomic
def look_again(systems: Iterable[str] | None = None) -> int:
    """Take off the list what an entry knows by now, of these systems or of all; return how many."""
    rows = UnknownError.objects.open().order_by("-last_seen_at", "-pk")
    names = None if systems is None else set(systems)
    if names is not None and GENERAL not in names:
        rows = rows.filter(system__in=names)
    # An upgrade of ours may know thousands at once, or none: as many as there can be are looked at once.
    found = list(rows.values_list("pk", "system", "code", "words")[:LOOKED_THROUGH])
    samples = samples_of([pk for pk, *_rest in found])
    now = clock.now()
    count = 0
    for pk, system, code, words in found:
        explained = explain(system, code, samples.get(pk) or words)
        if explained is not None and _is_known(explained):
            count += UnknownError.objects.filter(pk=pk).update(known_at=now, known_as=explained.entry.id)
    return count


def _is_known(explained: Explanation | None) -> bool:
    """Say whether an entry knows an error; one that only guesses from the words leaves it unknown."""
    return explained is not None and explained.entry.is_certain


def samples_of(errors: Sequence[int], clients: Iterable[int] | None = None) -> dict[int, str]:
    """Return how each of these unknown errors read where it was met last, of all clients or of these."""
    rows = UnknownSighting.objects.filter(error_id__in=errors)
    if clients is not None:
        rows = rows.filter(client_id__in=list(clients))
    latest = rows.order_by().values("error_id").annotate(latest=Max("pk")).values("latest")
    return dict(UnknownSighting.objects.filter(pk__in=latest).values_list("error_id", "sample"))


@transaction.atomic
def _read_on() -> tuple[int, int]:
    """Read the next lines of the event log; return how many were read, and how many errors were noted."""
    ReadingMark.objects.get_or_create(name=MARK, defaults={"last_event": _first_mark()})
    skips = connection.features.has_select_for_update_skip_locked
    mark = ReadingMark.objects.select_for_update(skip_locked=skips).filter(name=MARK).first()
    if mark is None:
        return 0, 0  # another is at it
    now = clock.now()
    lines = Event.objects.filter(pk__gt=mark.last_event).order_by("pk").values_list("pk", "at")[:READ_AT_MOST]
    settled = [pk for pk, _at in takewhile(lambda line: line[1] <= now - SETTLED, list(lines))]
    seen = _refusals(mark.last_event, settled[-1]) if settled else []
    written = _write(seen, now) if seen else 0
    catalogue = known.catalogue_state()
    if mark.catalogue != catalogue:
        look_again()
    if settled or mark.catalogue != catalogue:
        mark.last_event = settled[-1] if settled else mark.last_event
        mark.catalogue = catalogue
        mark.save(update_fields=["last_event", "catalogue"])
    return len(settled), written


def _first_mark() -> int:
    latest = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return max(0, latest - BEGIN_WITH)


def _refusals(after: int, until: int) -> list[Seen]:
    """Return the complaints between two lines of the event log that no entry knows."""
    lines = (
        Event.objects.filter(pk__gt=after, pk__lte=until, level=Event.Level.ERROR, invoice__isnull=False)
        .order_by("pk")
        .values_list("client_id", "invoice_id", "evidence", "client__connection__connector")
    )
    found = []
    for client_id, invoice_id, evidence, system in lines.iterator(chunk_size=500):
        for complaint in evidence.get("complaints") or ():
            if system and not _is_known(explain_complaint(system, complaint)):
                code = plain_code(complaint.get("code") or "")[:60]
                found.append(Seen(system, code, words_of(complaint), client_id, None, invoice_id))
    secrets = {
        client_id: _secrets_of([client_id]) for client_id in {each.client_id for each in found if each.client_id}
    }
    return [
        Seen(
            each.system,
            without_secrets(each.code),
            without_secrets(each.text, secrets.get(each.client_id or 0, ()))[:LONGEST_SAMPLE],
            each.client_id,
            None,
            each.invoice_id,
        )
        for each in found
    ]


@transaction.atomic
def _write(seen: Sequence[Seen], now: datetime) -> int:
    """Count errors on their rows, new ones as far as the day's bound goes; return how many were counted."""
    there = UnknownSighting.objects.filter(error__key__in={each.key for each in seen})
    places: set[tuple[str, Whose]] = set()
    for key, client, person in there.values_list("error__key", "client_id", "person_id"):
        places.add((key, (client, None if client else person)))
    room = _room({each.whose for each in seen}, now)
    taken: list[Seen] = []
    left_out = 0
    for each in seen:
        if (each.key, each.whose) not in places:
            if room[each.whose] <= 0:
                left_out += 1
                continue
            room[each.whose] -= 1
            places.add((each.key, each.whose))
        taken.append(each)
    if left_out:
        log.warning("unknown errors left out: too many kinds in a day", count=left_out)
    if taken:
        _count(taken, now)
    return len(taken)


def _room(origins: set[Whose], now: datetime) -> dict[Whose, int]:
    """Return how many new kinds each client, or person without one, may still bring within the day."""
    recent = UnknownSighting.objects.filter(first_seen_at__gt=now - DAY).order_by()
    clients = [client for client, _person in origins if client]
    people = [person for client, person in origins if not client]
    of_client = recent.filter(client_id__in=clients).values_list("client_id").annotate(count=Count("pk"))
    of_person = recent.filter(client=None, person_id__in=people).values_list("person_id").annotate(count=Count("pk"))
    by_client, by_person = dict(of_client), dict(of_person)
    return {
        (client, person): KINDS_A_DAY - by_client.get(client, 0)
        if client
        else SENT_A_DAY - by_person.get(person or 0, 0)
        for client, person in origins
    }


def _count(seen: Sequence[Seen], now: datetime) -> None:
    """Write the rows of these errors; two writers at once count both."""
    first = {each.key: each for each in reversed(seen)}
    UnknownError.objects.bulk_create(
        [
            UnknownError(
                key=key, system=each.system, code=each.code, words=each.words, first_seen_at=now, last_seen_at=now
            )
            for key, each in sorted(first.items())
        ],
        ignore_conflicts=True,
    )
    rows = UnknownError.objects.select_for_update().filter(key__in=first).order_by("pk")
    errors = dict(rows.values_list("key", "pk"))
    groups: dict[tuple[str, Whose], list[Seen]] = {}
    for each in seen:
        groups.setdefault((each.key, each.whose), []).append(each)
    counts = Counter(each.key for each in seen)
    for key, pk in errors.items():
        # Back on the list if an entry that knew it does so no more.
        UnknownError.objects.filter(pk=pk).update(
            count=F("count") + counts[key], last_seen_at=now, known_at=None, known_as=""
        )
    for (key, (client_id, person_id)), group in groups.items():
        last = group[-1]
        whose = {"client_id": client_id} if client_id else {"client_id": None, "person_id": person_id}
        sighting, _is_new = UnknownSighting.objects.get_or_create(
            error_id=errors[key],
            **whose,
            defaults={"first_seen_at": now, "last_seen_at": now, "sample": last.text, "person_id": last.person_id},
        )
        UnknownSighting.objects.filter(pk=sighting.pk).update(
            count=F("count") + len(group),
            last_seen_at=now,
            sample=last.text,
            invoice_id=last.invoice_id or sighting.invoice_id,
            person_id=last.person_id or sighting.person_id,
        )


def _client_of(invoice_id: int | None, by: User) -> Client | None:
    if invoice_id is None:
        return None
    invoice = Invoice.objects.select_related("client").filter(pk=invoice_id).first()
    if invoice is None:
        raise NotThere(NOT_THERE)
    require(by, Right.VIEW, invoice.client)
    return invoice.client


def _secrets_of(clients: Iterable[Client | int]) -> list[str]:
    """Return the secrets of these clients' connections and webhooks, in all forms in which a text may repeat them."""
    of_them = list(clients)
    secrets = [*Connection.objects.filter(client__in=of_them).values_list("secret", flat=True)]
    secrets += Webhook.objects.filter(client__in=of_them).values_list("secret", flat=True)
    return sorted({form for secret in secrets if secret for form in written_forms(secret)}, key=len, reverse=True)
