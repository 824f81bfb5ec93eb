"""The form of the gate's settings; it holds no rule, the verb does."""

from typing import ClassVar

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.utils.translation import gettext_lazy as _

from cxmlgate.models import GateSettings


class GateSettingsForm(forms.ModelForm[GateSettings]):
    """The settings, and a secret that can be written and never read."""

    secret = forms.CharField(
        label=_("new shared secret"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep the present one. It is kept as a hash and cannot be shown again."),
    )
    earlier_secret_until = forms.SplitDateTimeField(
        label=_("the earlier secret stays valid until"),
        required=False,
        widget=AdminSplitDateTime(),
        help_text=_("Leave empty to end the earlier secret at once."),
    )
    reason = forms.CharField(label=_("why"), required=False, max_length=500)

    class Meta:
        model = GateSettings
        fields: ClassVar = [
            "client",
            "is_enabled",
            "sender_identity",
            "on_canceled",
            "takes_test_messages",
            "keep_days",
        ]
