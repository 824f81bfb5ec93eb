"""The forms of stored entries: they read what was typed and hold no rule; the verb checks it as it checks a file's."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from syncdiag.catalogue import BUTTONS, GENERAL
from syncdiag.guides import KINDS, button_name, kind_title
from syncdiag.stored import CatalogueEntry
from syncdiag.systems import all_systems

BIGGEST_FILE: Final = 1024 * 1024
LINES: Final = ("codes", "patterns", "steps")


class LinesField(forms.CharField):
    """Several texts, one on each line; blank lines are none."""

    def __init__(self, *, rows: int = 3, mono: bool = False, **kwargs: Any) -> None:
        """Take how many lines are shown."""
        attrs: dict[str, Any] = {"rows": rows, "spellcheck": "false" if mono else "true"}
        super().__init__(strip=False, widget=forms.Textarea(attrs=attrs), **kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the lines."""
        return [line for line in str(value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        """Return lines as they are typed."""
        return "\n".join(value) if isinstance(value, list | tuple) else value


class EntryForm(forms.Form):
    """One entry; every field is named like the key of a catalogue's file, but for `entry_id`."""

    system = forms.ChoiceField(label=_("System"), help_text=_("Any system: what every one of them may answer."))
    entry_id = forms.CharField(
        label=_("Id"), max_length=60, help_text=_("Small letters, digits and hyphens. Links lead to it, so it stays.")
    )
    title = forms.CharField(label=_("Title"), max_length=200, help_text=_("What is wrong, in a few words."))
    kind = forms.ChoiceField(label=_("Kind"), choices=[(kind, kind_title(kind)) for kind in KINDS])
    codes = LinesField(
        label=_("Codes"), required=False, rows=2, mono=True, help_text=_("One on each line; any counts.")
    )
    patterns = LinesField(
        label=_("Patterns"),
        required=False,
        mono=True,
        help_text=_(
            "Regular expressions, one on each line; any of them, searched in the text without regard to case. "
            "(?P<item>[^,]+) takes out a value, which {item} puts into cause and steps."
        ),
    )
    example = forms.CharField(
        label=_("What the system says"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=_(
            "One such text, word for word; a pattern must be in it. It stands in the guide, so take out names."
        ),
    )
    cause = forms.CharField(label=_("Cause"), widget=forms.Textarea(attrs={"rows": 3}))
    steps = LinesField(label=_("Steps"), rows=4, help_text=_("What to do, one step on each line."))
    fixed_in = forms.ChoiceField(
        label=_("Where it is fixed"),
        choices=(
            ("here", _("Here, on the invoice")),
            ("erp", _("In the system")),
            ("connection", _("On the connection")),
        ),
    )
    retry_helps = forms.BooleanField(label=_("Sending again helps once the steps are done"), required=False)
    button = forms.ChoiceField(label=_("Button"), required=False)
    field = forms.CharField(
        label=_("Field to edit"), max_length=60, required=False, help_text=_("With the button edit alone.")
    )
    is_enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the systems and buttons that there are."""
        super().__init__(*args, **kwargs)
        self.fields["system"].choices = list(all_systems().items())  # type: ignore[attr-defined]  # a choice field
        buttons = [("", _("None")), *((each, button_name(each) or each) for each in sorted(BUTTONS - {""}))]
        self.fields["button"].choices = buttons  # type: ignore[attr-defined]

    @classmethod
    def values_of(cls, row: CatalogueEntry) -> dict[str, Any]:
        """Return what the form begins with for a stored entry."""
        return {name: getattr(row, name) for name in cls.base_fields}

    @property
    def given(self) -> dict[str, Any]:
        """What was typed, by the keys of a catalogue's file."""
        typed = {name: value for name, value in self.cleaned_data.items() if name not in ("system", "is_enabled")}
        typed["id"] = typed.pop("entry_id")
        typed["example"] = typed["example"].replace("\r\n", "\n").strip()
        return typed


class ImportForm(forms.Form):
    """A catalogue's file."""

    system = forms.ChoiceField(label=_("System"))
    file = forms.FileField(label=_("File"), help_text=_("TOML, as it is exported here; at most 1 MiB."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the systems that there are."""
        super().__init__(*args, **kwargs)
        self.fields["system"].choices = list(all_systems().items())  # type: ignore[attr-defined]  # a choice field
        self.fields["system"].initial = GENERAL

    def clean_file(self) -> str:
        """Return the file's text."""
        file = self.cleaned_data["file"]
        if file.size > BIGGEST_FILE:
            raise forms.ValidationError(_("The file is larger than 1 MiB."))
        try:
            return str(file.read().decode("utf-8"))
        except UnicodeDecodeError as exc:
            raise forms.ValidationError(_("The file is not UTF-8 text.")) from exc
