from django.db import migrations, models
from django.db.models import Max, Q
from django.utils import timezone


def note_those_of_before(apps, schema_editor):
    """Find the payments that need a person already: since when was not kept, so it counts from now."""
    message = apps.get_model("invoices", "IntegrationMessage").objects.using(schema_editor.connection.alias)
    pushes = message.filter(kind="push_payment", payment__pushed_at__isnull=True)
    latest = pushes.order_by().values("payment_id").annotate(latest=Max("pk")).values("latest")
    stopped = pushes.filter(
        Q(state__in=("pending", "unknown"), not_before__isnull=True)
        | Q(state="refused", payment__state__in=("authorized", "succeeded"), payment__is_applied=True),
        pk__in=latest,
    )
    payment = apps.get_model("invoices", "Payment").objects.using(schema_editor.connection.alias)
    failed = payment.filter(state__in=("failed", "voided"), pushed_at__isnull=False, gone_at__isnull=True)
    invoice = apps.get_model("invoices", "Invoice").objects.using(schema_editor.connection.alias)
    found = Q(pk__in=stopped.order_by().values("invoice_id")) | Q(pk__in=failed.order_by().values("invoice_id"))
    invoice.filter(found).update(payment_stuck_since=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("invoices", "0011_fewer_index_writes")]

    operations = [
        migrations.AddField(
            model_name="invoice",
            name="payment_stuck_since",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Empty: none does.",
                null=True,
                verbose_name="a payment needs a person since",
            ),
        ),
        migrations.RunPython(note_those_of_before, migrations.RunPython.noop, elidable=True),
    ]
