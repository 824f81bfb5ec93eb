"""The sandbox ERP: a small ERP of its own, for the demo and for the fault tests (DESIGN §6).

It is another system. It imports no Django and no room of ours, has its own HTTP interface and its own SQLite file,
and is deliberately naive: it believes what it is told, so that a double posting becomes visible in `GET /audit/`.
"""
