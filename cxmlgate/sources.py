"""Who speaks from where: the address a request comes from, and whether a client takes messages from there.

Each trusted proxy (settings.NUM_PROXIES of them) adds to X-Forwarded-For the address that it was called from: the one
that the outermost of them wrote is the source, and whatever stands left of it was written by nobody known.
"""

import re
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from django.conf import settings
from django.http import HttpRequest

Source = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_HOP: Final = 60  # of an address with its zone, brackets and port
PORT: Final = re.compile(r"\[([^\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+", re.ASCII)
HOUSEHOLD: Final = 64  # bits; one who has an IPv6 address has all that begin alike


def read_source(request: HttpRequest) -> Source | None:
    """Return the address that the request comes from, or None where the server knows none (a Unix socket)."""
    peer = _read_address(str(request.META.get("REMOTE_ADDR") or ""))
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR") or "")
    if not settings.NUM_PROXIES or not forwarded:
        return peer
    hops = forwarded.rsplit(",", settings.NUM_PROXIES)[-settings.NUM_PROXIES :]
    return _read_address(hops[0]) or peer


def source_text(request: HttpRequest) -> str:
    """Return the source as text, for those who count by it (settings.AXES_CLIENT_IP_CALLABLE)."""
    return str(read_source(request) or "")


def is_within(source: Source | None, networks: tuple[Network, ...]) -> bool:
    """Say whether messages from the source are taken; without networks those from everywhere are."""
    return not networks or (source is not None and any(source in network for network in networks))


def household(source: Source | None) -> str:
    """Return what a source counts by: the IPv4 address, the first half of an IPv6 one, or nothing."""
    if isinstance(source, IPv6Address):
        return str(ip_network((int(source), HOUSEHOLD), strict=False))
    return str(source or "")


def _read_address(text: str) -> Source | None:
    text = text.strip()
    return _address(text) if len(text) <= LONGEST_HOP else None


@lru_cache(maxsize=1000)
def _address(text: str) -> Source | None:
    found = PORT.fullmatch(text)
    with suppress(ValueError):
        return _plain(ip_address((found[1] or found[2]) if found else text))
    return None


def _plain(address: Source) -> Source:
    """Return an IPv4 address that is written as an IPv6 one as what it is, and an IPv6 one without its zone."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))
