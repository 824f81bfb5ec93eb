from django.db import migrations, models
from django.db.models import Count


def number_duplicates(apps, schema_editor):
    """Give duplicates that are here already their places, and their clients the preference: nothing gets lost."""
    invoice = apps.get_model("invoices", "Invoice")
    client = apps.get_model("invoices", "Client")
    receivable = invoice.objects.filter(direction="receivable").order_by()
    same = receivable.values("client_id", "kind", "number").annotate(count=Count("pk")).filter(count__gt=1)
    for number in list(same.values_list("client_id", "kind", "number")):
        rows = receivable.filter(**dict(zip(("client_id", "kind", "number"), number, strict=True)))
        for place, pk in enumerate(rows.order_by("pk").values_list("pk", flat=True)):
            invoice.objects.filter(pk=pk).update(twin=place)
        client.objects.filter(pk=number[0]).update(allows_duplicate_numbers=True)


class Migration(migrations.Migration):

    dependencies = [
        ("invoices", "0008_what_the_erp_says"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name="allows_duplicate_numbers",
            field=models.BooleanField(
                default=False,
                help_text="Receivable invoices of several customers may have the same number; those of one customer never.",
                verbose_name="allow duplicate invoice numbers",
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="twin",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.RunPython(number_duplicates, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("direction", "receivable")),
                fields=("client", "kind", "number", "twin"),
                name="invoice_number_is_unique_unless_duplicates_are_allowed",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("twin", 0), ("direction", "receivable"), _connector="OR"),
                name="invoice_twin_is_receivable",
            ),
        ),
    ]
