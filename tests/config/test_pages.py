"""The pages outside of any room: errors in a sentence, and the front door."""

import json

import pytest

from config import pages

ANSWERS = [
    (400, lambda request: pages.bad_request(request, ValueError("inner words"))),
    (403, lambda request: pages.forbidden(request, PermissionError("inner words"))),
    (404, lambda request: pages.not_found(request, LookupError("inner words"))),
    (500, pages.broken),
]


@pytest.mark.parametrize(("status", "page"), ANSWERS)
def test_a_person_reads_a_sentence_and_a_way_back(rf, status, page):
    answer = page(rf.get("/admin/nowhere/"))

    assert answer.status_code == status
    assert '<a href="/admin/">Back to the desk</a>' in answer.content.decode()
    assert "inner words" not in answer.content.decode()


@pytest.mark.parametrize(("status", "page"), ANSWERS)
def test_a_program_reads_json_below_api(rf, status, page):
    answer = page(rf.get("/api/v1/nowhere/"))

    assert answer.status_code == status
    assert list(json.loads(answer.content)) == ["detail"]


def test_the_front_door_leads_to_the_desk(client):
    answer = client.get("/")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_an_unknown_address_is_answered_by_our_page(client, db):
    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert b"There is nothing at this address" in answer.content
