"""One pull of every connection: `python -m tests.pulling.puller`, killed where UNSTUCK_FAULT says."""

import django


def main() -> None:
    """Pull once."""
    django.setup()
    from integrations.models import Connection
    from integrations.pulling import pull

    for pk in list(Connection.objects.values_list("pk", flat=True)):
        pull(pk)


if __name__ == "__main__":
    main()
