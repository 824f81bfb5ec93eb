"""A client that is connected to the sandbox ERP, which nobody asks."""

import pytest

from integrations.models import Connection


@pytest.fixture
def connection(acme):
    return Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="s3cret")
