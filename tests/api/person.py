"""A person with their token; bodies are Python, or text to be sent as it is."""

import json

from django.test import Client as Browser
from rest_framework.authtoken.models import Token

BODY = {
    "client": "acme",
    "direction": "payable",
    "number": "A-1",
    "counterparty": {"code": "SUP-1", "name": "Paper & Sons"},
    "invoice_date": "2026-11-02",
    "currency": "USD",
    "lines": [{"description": "Paper", "quantity": "3", "unit_price": "1.25"}],
}


def changed(**values):
    """Return BODY with other values; None takes a name away."""
    return {name: value for name, value in {**BODY, **values}.items() if value is not None}


class ApiPerson:
    def __init__(self, user, raise_request_exception=True):
        self.browser = Browser(raise_request_exception=raise_request_exception)
        self.headers = {}
        if user is not None:
            self.headers["Authorization"] = f"Token {Token.objects.get_or_create(user=user)[0].key}"

    def get(self, path, **query):
        return self.browser.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path, body=None, *, content_type="application/json", **headers):
        data = body if isinstance(body, str | bytes) else json.dumps({} if body is None else body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.browser.post(f"/api/v1/{path}", data, content_type=content_type, headers={**self.headers, **names})
