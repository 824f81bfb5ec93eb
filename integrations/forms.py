"""The forms of this room: linking a client to its ERP, import by number, and one press for many invoices."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from integrations.erps.registry import CONNECTORS
from invoices.workflow import Direction


class ConnectForm(forms.Form):
    """Everything that `integrations.linking.connect` takes; the secret is written, never shown."""

    client = forms.TypedChoiceField(label=_("Client"), coerce=int)
    connector = forms.ChoiceField(label=_("System"), choices=[(name, kind.label) for name, kind in CONNECTORS.items()])
    company = forms.CharField(label=_("Company in the ERP"), max_length=100)
    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        max_length=500,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave it empty to keep the one we have. It is kept encrypted and never shown."),
    )
    lanes = forms.IntegerField(
        label=_("Lanes"),
        initial=4,
        min_value=1,
        max_value=256,
        help_text=_("How many invoices may be on their way at once."),
    )
    call_timeout = forms.IntegerField(
        label=_("Longest call in seconds"),
        initial=30,
        min_value=1,
        max_value=300,
        help_text=_("After that an answer counts as lost."),
    )
    sync_every = forms.IntegerField(
        label=_("Minutes between two syncs"),
        initial=60,
        min_value=0,
        max_value=10_080,
        help_text=_("At least 5. With 0 it syncs only when somebody presses Sync now."),
    )

    def __init__(self, *args: Any, clients: dict[int, str], **kwargs: Any) -> None:
        """Take the clients to choose from, id → name."""
        super().__init__(*args, **kwargs)
        self.fields["client"].choices = list(clients.items())  # type: ignore[attr-defined]


class DisconnectForm(forms.Form):
    """Why a client is disconnected."""

    reason = forms.CharField(
        label=_("Why"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        help_text=_("Stands in the event log."),
    )


class ImportForm(forms.Form):
    """Which invoice of the ERP is missing here."""

    client = forms.TypedChoiceField(label=_("Client"), coerce=int)
    direction = forms.ChoiceField(label=_("Direction"), choices=Direction.choices)
    number = forms.CharField(
        label=_("Number"),
        max_length=40,
        help_text=_("Exactly as the ERP has it, capitals and dashes too."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    remote_id = forms.CharField(widget=forms.HiddenInput, required=False, max_length=100)

    def __init__(self, *args: Any, clients: dict[int, str], **kwargs: Any) -> None:
        """Take the clients to choose from, id → name."""
        super().__init__(*args, **kwargs)
        self.fields["client"].choices = list(clients.items())  # type: ignore[attr-defined]


class BulkForm(forms.Form):
    """What the confirm page of a bulk run sends: the ids stand in one field, for Django takes 1,000 fields at most."""

    button = forms.CharField(widget=forms.HiddenInput, max_length=30)
    chosen = forms.RegexField(r"^[0-9]{1,18}(,[0-9]{1,18})*$", widget=forms.HiddenInput, max_length=40_000)
    reason = forms.CharField(
        label=_("Why"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        help_text=_("Stands in the event log of every invoice."),
    )

    def chosen_ids(self) -> list[int]:
        """Return the ids of the invoices."""
        return [int(pk) for pk in self.cleaned_data["chosen"].split(",")]
