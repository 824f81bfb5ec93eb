"""A real Tryton for the demo and the tests: an environment of its own, a seeded database kept as a template, a server.

    python -m integrations.tryton_server --data FOLDER --port N      install, prepare, and serve in the foreground

Nothing here is imported by the web process, and nothing but `seed.py` and `postgresql.py`, which run with Tryton's own
Python, imports anything of Tryton's. Whoever has a Tryton of their own needs none of it.

| file | what it is |
|---|---|
| `environment.py` | `.venv-tryton`: Tryton's packages by our pins |
| `books.py` | a database, made once as a template and copied from then on; the server's configuration |
| `seed.py` | what stands in the template: two companies, their books, parties, items, users and keys |
| `postgresql.py` | creating, copying and dropping databases there |
| `bookkeeper.py` | a person who works in Tryton: pays, closes periods, cancels |
"""
