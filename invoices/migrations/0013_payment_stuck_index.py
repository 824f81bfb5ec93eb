from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself: PostgreSQL builds no index in the transaction that has just changed the rows under a constraint."""

    dependencies = [("invoices", "0012_payment_stuck_since")]

    operations = [
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("payment_stuck_since__isnull", False)),
                fields=["payment_stuck_since", "id", "client"],
                name="invoice_payment_stuck",
            ),
        ),
    ]
