"""Explain error texts beside one compiled alternation of the same patterns, which says no more than that one matches.

The texts are those of our corpus, each under other numbers every time, and half of them with words that no catalogue
knows: nothing is found in those, and everything must be asked. Both must find something in the same texts.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from syncdiag.catalogue import Prepared, prepared_of, stem_of
from syncdiag.classifying import classify
from syncdiag.parsing import read_errors
from syncdiag.plaintext import plain
from tests.bench.measure import Figure, differs_from_itself

CORPUS = Path(__file__).parent.parent / "syncdiag" / "corpus.jsonl"
ERRORS = 2_000
LEAST_A_SECOND = 10_000
MOST_TIMES = 3.0

Text = tuple[str, str, str]  # system, code, text


def main(name: str, rounds: int) -> Iterator[Figure]:
    """Measure the matching alone, then with the reading of a text and of JSON; no database takes part."""
    if name != "sqlite":
        return
    texts = make_texts()
    alternations = {system: alternation_of(prepared_of(system)) for system, _, _ in texts}
    words = [(system, plain(text).words) for system, _, text in texts]
    answers = [(system, json.dumps({"errors": [{"code": code, "message": text}]})) for system, code, text in texts]
    for system, _, text in texts:
        found = prepared_of(system).find("", text)
        assert (found is None) == (alternations[system].search(plain(text).words) is None), (system, text)

    def match() -> None:
        for system, code, text in texts:
            prepared_of(system).find(code, text)

    def match_and_read() -> None:
        for system, code, text in texts:
            classify(system, text, code=code)

    def read() -> None:
        for system, answer in answers:
            classify(system, answer)

    def alternation() -> None:
        for system, text in words:
            alternations[system].search(text)

    for title, subject in (
        ("explain a text", match),
        ("classify a text", match_and_read),
        ("classify a JSON answer", read),
    ):
        yield figure(title, rounds, subject, alternation)


def figure(title: str, rounds: int, subject: Callable[[], None], baseline: Callable[[], None]) -> Figure:
    """Let subject and baseline take turns; the baseline twice says whether the machine was quiet enough."""
    sides: tuple[list[float], list[float], list[float]] = ([], [], [])
    for round_ in range(rounds + 1):  # the first one warms up
        order = [(0, subject), (1, baseline), (2, baseline)]
        for side, work in order if round_ % 2 else order[::-1]:
            began = time.process_time()
            work()
            if round_:
                sides[side].append(1e6 * (time.process_time() - began) / ERRORS)
    a_second = round(1e6 / median(sides[0]))
    return Figure(
        f"{title}, µs CPU each, beside one alternation of all patterns",
        sides[0],
        sides[1],
        target=MOST_TIMES,
        target_is_most=True,
        void=differs_from_itself(sides[1], sides[2]),
        more={"a_second": a_second, "enough": a_second >= LEAST_A_SECOND},
    )


def make_texts() -> list[Text]:
    """Return so many texts, no two of one system alike."""
    rows = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
    known = [
        (stem_of(row["system"]), error.code, error.text)
        for row in rows
        for error in (
            *read_errors(row["system"], row.get("message", "")),
            *read_errors(row["system"], row.get("payload")),
        )
    ]
    texts: list[Text] = []
    for number in range(ERRORS):
        system, code, text = known[number % len(known)]
        text = re.sub(r"\d+", lambda found, number=number: str(int(found[0]) + number), text)
        texts.append(
            (system, code, text) if number % 2 else (system, "", f"Unheard-of trouble {number} befell the {text[::-1]}")
        )
    return texts


def alternation_of(prepared: Prepared) -> re.Pattern[str]:
    """Return all patterns as one; its groups need no names."""
    patterns = [pattern.pattern for entry in prepared.entries for pattern in entry.patterns]
    return re.compile("|".join(f"(?:{re.sub(r'[?]P<[a-z_]+>', '?:', pattern)})" for pattern in patterns), re.IGNORECASE)
