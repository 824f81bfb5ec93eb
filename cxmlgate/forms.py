"""The forms of the gate's pages; they hold no rule, the verbs do."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from cxmlgate.models import DEFAULT_KEEP_DAYS, GateSettings
from invoices.forms import ReasonForm

YES_OR_NO: Final = (("yes", _("Yes")), ("no", _("No")))
DEFAULT_EARLIER_DAYS: Final = 7


def _yes_or_no(value: str) -> bool:
    return value == "yes"


class EarlierDaysField(forms.IntegerField):
    """How long the earlier secret stays valid."""

    def __init__(self, **options: Any) -> None:
        """Begin with a week."""
        super().__init__(
            label=_("The earlier secret stays valid for (days)"),
            initial=DEFAULT_EARLIER_DAYS,
            min_value=0,
            max_value=365,
            **options,
        )


class GateForm(forms.Form):
    """The settings, and a secret that can be written and never read."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)
    enabled = forms.TypedChoiceField(
        label=_("Enable cXML Invoice Status Updates"), choices=YES_OR_NO[::-1], coerce=_yes_or_no
    )
    identity = forms.CharField(
        label=_("Senders Identity"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("What the ERP sends as Identity of the Sender's Credential."),
    )
    secret = forms.CharField(
        label=_("Senders Shared Secret"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Only to set one of your own: empty keeps the present one. It is kept as a hash, never shown."),
    )
    earlier_days = EarlierDaysField(help_text=_("Counts with a new secret; 0 ends the earlier one at once."))
    on_canceled = forms.ChoiceField(label=_("What canceled does"), choices=GateSettings.OnCanceled.choices)
    takes_test_messages = forms.TypedChoiceField(
        label=_("Accept test messages"),
        choices=YES_OR_NO,
        coerce=_yes_or_no,
        help_text=_("A message with deploymentMode test is checked and kept; it never changes anything."),
    )
    keep_days = forms.IntegerField(
        label=_("Keep messages for (days)"),
        initial=DEFAULT_KEEP_DAYS,
        help_text=_("A message that is no longer kept would be taken as new when it is sent again."),
    )
    allowed_networks = forms.CharField(
        label=_("Allowed source networks"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line, like 203.0.113.0/24 or 2001:db8::/32. Empty: messages are taken from everywhere."),
    )
    reason = forms.CharField(
        label=_("Why"), required=False, max_length=2000, help_text=_("May be left empty; it stands in the event log.")
    )

    def __init__(self, *args: Any, gate: GateSettings | None, **kwargs: Any) -> None:
        """Take the gate that is there, which says where the form begins."""
        if gate is not None:
            kwargs["initial"] = {
                "seen": gate.version,
                "enabled": "yes" if gate.is_enabled else "no",
                "identity": gate.sender_identity,
                "on_canceled": gate.on_canceled,
                "takes_test_messages": "yes" if gate.takes_test_messages else "no",
                "keep_days": gate.keep_days,
                "allowed_networks": gate.allowed_networks,
            }
        super().__init__(*args, **kwargs)
        if gate is None or not gate.secret_hash:
            del self.fields["earlier_days"]


class NewGateForm(GateForm):
    """The settings of a client that has none yet."""

    client = forms.TypedChoiceField(label=_("Client"), coerce=int)
    field_order = ("client",)

    def __init__(self, *args: Any, clients: dict[int, str], **kwargs: Any) -> None:
        """Take the clients to choose from, id → name."""
        super().__init__(*args, gate=None, **kwargs)
        self.fields["client"].choices = list(clients.items())  # type: ignore[attr-defined]  # a choice field has them


class GenerateForm(ReasonForm):
    """How long the earlier secret stays valid, and why there is a new one."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)
    earlier_days = EarlierDaysField(help_text=_("So that the ERP can change over; 0 ends it at once."))
    field_order = ("seen", "earlier_days", "reason")
