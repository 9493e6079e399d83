"""A web server on the loopback that misbehaves on command."""

import http.server
import os
import socket
import struct
import threading
from collections.abc import Callable, Sequence

PAGE = b"<!DOCTYPE html><html><title>Moved</title></html>"  # 48 bytes
Answer = Callable[["Handler", bytes], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request for a path with the next of the answers that the path has; the last one stays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: FileServer = self.server.owner
        server.requests.append((self.path, self.headers.get("Range")))
        if self.path not in server.answers:
            return status(404)(self, b"")
        body, answers = server.answers[self.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.close_connection = True
        try:
            answer(self, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client was killed, as some tests do

    def log_message(self, *_) -> None:
        pass

    def start(self, code: int, length: int | None, **headers: str) -> None:
        """Send the status line and the header."""
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def start_body(self, body: bytes, *, ranges: bool = True, surplus: int | None = 0, **headers: str) -> bytes:
        """Send the header and return what of the body was asked for.

        `surplus` bytes more than there are get announced; no length for None.
        """
        wanted = self.headers.get("Range") if ranges else None
        if wanted is None:
            self.start(200, None if surplus is None else len(body) + surplus, **headers)
            return body
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if first >= len(body):
            self.start(416, 0, Content_Range=f"bytes */{len(body)}")
            return b""
        length = None if surplus is None else len(body) - first + surplus
        self.start(206, length, Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}", **headers)
        return body[first:]


class FileServer:
    """The server; `url(path)` is what it serves after `serve(path, body, answers...)`."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[bytes, list[Answer]]] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.paused = threading.Event()
        self.go_on = threading.Event()
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.owner = self
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def serve(self, path: str, body: bytes, *answers: Answer) -> str:
        """Answer requests for `path` with `answers` in turn (default: the whole body, or the asked part of it)."""
        self.answers[path] = (body, list(answers) or [whole()])
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"

    def close(self) -> None:
        self.go_on.set()
        self.http.shutdown()
        self.http.server_close()


def whole(*, ranges: bool = True, surplus: int | None = 0, **headers: str) -> Answer:
    """The whole body, or the part that was asked for unless the server knows no `ranges`."""
    kinds = {"ranges": ranges, "surplus": surplus}
    return lambda handler, body: handler.wfile.write(handler.start_body(body, **kinds, **headers))


def status(code: int) -> Answer:
    """An error."""
    return lambda handler, _: handler.start(code, 0)


def page(content_type: str = "text/html; charset=utf-8") -> Answer:
    """A web page with status 200, as hosts send in the place of a file that is gone."""

    def answer(handler: Handler, _: bytes) -> None:
        handler.start(200, len(PAGE), Content_Type=content_type)
        handler.wfile.write(PAGE)

    return answer


def redirect(url: str) -> Answer:
    """Another address."""
    return lambda handler, _: handler.start(302, 0, Location=url)


def cut(size: int, *, ranges: bool = True, surplus: int | None = 0) -> Answer:
    """The first `size` bytes of what was asked for, although the header promises all, or nothing for no `surplus`."""
    kinds = {"ranges": ranges, "surplus": surplus}
    return lambda handler, body: handler.wfile.write(handler.start_body(body, **kinds)[:size])


def drip(drop: bytes, *, in_body: bool) -> Answer:
    """The same few bytes again and again, of a header without end or as the body, until the client has enough."""

    def answer(handler: Handler, body: bytes) -> None:
        if in_body:
            handler.start_body(body)
        while True:
            handler.wfile.write(drop)
            handler.wfile.flush()
            handler.server.owner.go_on.wait(0.05)

    return answer


def reset(size: int) -> Answer:
    """The first `size` bytes, then a reset connection (TCP RST)."""

    def answer(handler: Handler, body: bytes) -> None:
        handler.wfile.write(handler.start_body(body)[:size])
        handler.wfile.flush()
        handler.server.owner.go_on.wait(0.2)  # a reset throws away what the client has not read yet
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(handler.connection.detach())  # close() alone would leave it to the files made of the socket

    return answer


def stall(size: int | None) -> Answer:
    """The first `size` bytes, or not even a header for None; then silence until the server is closed."""

    def answer(handler: Handler, body: bytes) -> None:
        if size is not None:
            handler.wfile.write(handler.start_body(body)[:size])
            handler.wfile.flush()
        handler.server.owner.paused.set()
        handler.server.owner.go_on.wait(60)

    return answer


def other_part() -> Answer:
    """Another part than was asked for."""

    def answer(handler: Handler, body: bytes) -> None:
        handler.start(206, len(body) - 1, Content_Range=f"bytes 1-{len(body) - 1}/{len(body)}")
        handler.wfile.write(body[1:])

    return answer


def announce(length: str, *, body: bool = False) -> Answer:
    """A header with any Content-Length, and the body if asked for."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.start(200, None, Content_Length=length)
        if body:
            handler.wfile.write(content)

    return answer


def endless() -> Answer:
    """Zeros without end and without a length."""

    def answer(handler: Handler, _: bytes) -> None:
        handler.start(200, None)
        while True:
            handler.wfile.write(bytes(1 << 16))

    return answer


def closed_port() -> str:
    """Return the address of a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/file"


def ranges_asked(requests: Sequence[tuple[str, str | None]]) -> list[str | None]:
    """Return the Range header of every request."""
    return [asked for _, asked in requests]
