"""Which requests are answered: reading ones, of the page itself and not of another site's."""

import ipaddress
from collections.abc import Collection

from werkzeug.wrappers import Request

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def refusal(request: Request, names: Collection[str]) -> str:
    """Return why a request is refused, or nothing.

    Args:
        names: of hosts, besides `localhost` and any address of numbers, under which the page may be asked for. A site
            that makes its own name lead here (DNS rebinding) is not among them.
    """
    if request.method not in ("GET", "HEAD"):
        return "only GET: nothing here can be changed"
    host = _host(request.headers.get("Host", ""))
    if host != "localhost" and host not in names and not _is_address(host):
        return f"the name {host or '(none)'} is not known here: start with --name {host or 'HOST'} if it is yours"
    origin = request.headers.get("Origin")
    if origin is not None and not _is_own(origin.lower().split("://")[-1], request.headers["Host"].lower(), names):
        return "only pages from here may ask"
    is_link = request.path == "/" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") and not is_link:
        return "only pages from here may ask"
    return ""


def _is_own(origin: str, host: str, names: Collection[str]) -> bool:
    """Return whether a page of this origin is the explorer's; proxies send another host or leave out its port."""
    return origin == host or _host(origin) in names


def _host(text: str) -> str:
    """Return the name or address of `name:port` or `[address]:port`."""
    text = text.lower()
    return text[1 : text.find("]")] if text.startswith("[") else text.partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
