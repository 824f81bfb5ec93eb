"""A worker as small as it can be: `python -m tests.syncing.worker` goes on with sync runs until it is killed."""

import time

import django


def main() -> None:
    """Look round by round, as the tick does."""
    django.setup()
    from integrations import sync_runs
    from integrations.models import SyncRun

    print("worker ready", flush=True)
    while True:
        for pk in list(SyncRun.objects.unfinished().values_list("pk", flat=True)):
            sync_runs.work_on(pk)
        time.sleep(0.02)  # between two looks


if __name__ == "__main__":
    main()
