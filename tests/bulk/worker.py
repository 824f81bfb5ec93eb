"""A worker as small as it can be: `python -m tests.bulk.worker` works on bulk runs until it is killed."""

import time

import django


def main() -> None:
    """Look round by round, as a queue's worker does when it is told to."""
    django.setup()
    from integrations import bulk
    from integrations.models import BulkRun

    print("worker ready", flush=True)
    while True:
        for pk in list(BulkRun.objects.filter(finished_at__isnull=True).values_list("pk", flat=True)):
            bulk.work_on(pk)
        time.sleep(0.02)  # between two looks


if __name__ == "__main__":
    main()
