"""The pages for what went wrong outside of any room: a sentence for people, JSON below /api/."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from cxmlgate.verdicts import PERMANENT, TRANSIENT
from cxmlgate.views import answer_outside, is_gate_path

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title} · Unstuck</title></head>
<body><main><h1>{title}</h1><p>{sentence}</p><p><a href="{home}">{back}</a></p></main></body>
</html>
"""


def answer(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    """Return one sentence, in the form that the caller reads."""
    if is_gate_path(request.path):
        return answer_outside(PERMANENT if status < 500 else TRANSIENT)
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": sentence}, status=status)
    home, back = reverse("admin:index"), _("Back to the desk")
    return HttpResponse(format_html(PAGE, title=title, sentence=sentence, home=home, back=back), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer 400."""
    sentence = _("This request could not be understood. Go back to the page before, and try again from there.")
    return answer(request, 400, _("Not understood"), sentence)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer 403."""
    sentence = _("You have no right to see this. Ask an Integration manager of the client for a role.")
    return answer(request, 403, _("No right"), sentence)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer 404."""
    sentence = _("There is nothing at this address, or it belongs to a client that you have no part in.")
    return answer(request, 404, _("Not found"), sentence)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer 500. Whatever broke may be the database, so nothing is read here."""
    sentence = _("Something broke on our side, and it is in the log. Nothing was half done. Try again in a moment.")
    return answer(request, 500, _("Something broke"), sentence)
