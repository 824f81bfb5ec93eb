"""What an error of an ERP is called, linked to the guide's entry about it; other rooms' pages show it too."""

from collections.abc import Mapping

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from syncdiag.classifying import explain_complaint


def meaning_of(system: str, complaint: Mapping[str, str]) -> SafeString:
    """Return what a system's error is called, linked to the guide; nothing where no catalogue knows it."""
    explained = explain_complaint(system, complaint)
    if explained is None:
        return SafeString("")
    entry = explained.entry
    return format_html('<a class="meaning" href="{}">{}</a>', guide_url(entry.system, entry.id), entry.title)


def guide_url(system: str, entry_id: str) -> str:
    """Return the address of an entry in its guide; what any system may say has a guide of its own."""
    return f"{reverse('admin:syncdiag_guide', args=[system])}#{entry_id}"
