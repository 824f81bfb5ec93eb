"""One turn of every run that is not over: `python -m tests.pulling.worker sync|reconcile`."""

import sys

import django


def main() -> None:
    """Work on each run once."""
    django.setup()
    from integrations import reconcile, sync_runs
    from integrations.models import Reconciliation, SyncRun

    rows, work_on = {"sync": (SyncRun, sync_runs.work_on), "reconcile": (Reconciliation, reconcile.work_on)}[
        sys.argv[1]
    ]
    for pk in list(rows.objects.filter(finished_at__isnull=True).values_list("pk", flat=True)):
        work_on(pk)


if __name__ == "__main__":
    main()
