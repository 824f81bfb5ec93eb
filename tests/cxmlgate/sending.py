"""A process that takes one message: `python -m tests.cxmlgate.sending FILE` prints the answer's code and text."""

import sys
import time
from pathlib import Path

import django


def main() -> None:
    django.setup()
    from cxmlgate.actions import receive_message

    print("took the message", flush=True)
    answer = receive_message("acme", Path(sys.argv[1]).read_bytes(), address=str, started=time.monotonic())
    print(answer.verdict.code, answer.verdict.text, flush=True)


if __name__ == "__main__":
    main()
