"""A worker as small as it can be: `python -m tests.delivery.worker` drains every connection until it is killed."""

import time

import django


def main() -> None:
    """Look round by round, as a queue's worker does when it is told to."""
    django.setup()
    from integrations import delivery
    from integrations.models import Connection

    print("worker ready", flush=True)
    while True:
        for pk in list(Connection.objects.values_list("pk", flat=True)):
            if delivery.has_due(pk):
                delivery.drain(pk)
        time.sleep(0.05)  # between two looks


if __name__ == "__main__":
    main()
