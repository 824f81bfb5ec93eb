"""What an error of an ERP is called, linked to the guide's entry about it; other rooms' pages show it too."""

from collections.abc import Mapping

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from syncdiag.classifying import explain_complaint


def meaning_of(system: str, complaint: Mapping[str, str]) -> SafeString:
    """Return what a system's error is called, linked to the guide; nothing where no catalogue knows it."""
    known = explain_complaint(system, complaint)
    if known is None:
        return SafeString("")
    url = reverse("admin:syncdiag_guide", args=[system])
    return format_html('<a class="meaning" href="{}#{}">{}</a>', url, known.entry.id, known.entry.title)
