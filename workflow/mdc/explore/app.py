"""The page and its answers as a WSGI application, which only reads."""

import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from mdc.explore import answers, picture_answers
from mdc.explore.access import HEADERS, refusal
from mdc.explore.asked import Asked, Explored
from mdc.runtime.errors import INTERNAL_ERROR, InputError
from mdc.runtime.logs import logger

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
ANSWERS: dict[str, Callable[[Asked], Any]] = {
    "/api/run": answers.run,
    "/api/images": answers.images,
    "/api/neighbours": answers.neighbours,
    "/api/image": answers.image,
    "/api/what_if": answers.what_if,
    "/api/sample": answers.sample,
    "/photo": picture_answers.photo,
    "/mask": picture_answers.mask,
    "/map": picture_answers.stored_map,
    "/made_map": picture_answers.made_map,
    "/saliency": picture_answers.saliency,
    "/probability": picture_answers.probability,
    "/photo_small": picture_answers.photo_small,
    "/mask_small": picture_answers.mask_small,
}


class Explorer:
    """Answers for the runs in `folders`, by the names of these.

    Args:
        hosts: see `mdc.explore.access.refusal`.
    """

    def __init__(self, folders: Sequence[Path], hosts: Collection[str] = ()) -> None:
        self.explored, self.hosts = Explored(folders), hosts
        self.page = {f"/{path.name}": path for path in PAGE.iterdir() if path.suffix in TYPES}
        self.page["/"] = PAGE / "index.html"

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Any:
        request = Request(environ)
        response = self._response(request)
        response.headers.extend(HEADERS)
        if not response.is_streamed:
            response.add_etag()
            response.make_conditional(request)
        return response(environ, start_response)

    def _response(self, request: Request) -> Response:
        refused = refusal(request, self.hosts)
        if refused:
            return _json({"error": refused}, status=403)
        if request.path in self.page:
            file = self.page[request.path]
            return Response(file.read_bytes(), mimetype=TYPES[file.suffix])
        if request.path not in ANSWERS:
            return _json({"error": f"there is no {request.path} here"}, status=404)
        try:
            found = ANSWERS[request.path](Asked(self.explored, request.args))
        except InputError as error:
            return _json({"error": str(error)}, status=422)
        except Exception:
            logger.exception(INTERNAL_ERROR)
            return _json({"error": f"{INTERNAL_ERROR}: the terminal has the traceback"}, status=500)
        if isinstance(found, Response):
            return found
        if isinstance(found, Iterator):
            return Response((f"{_text(line)}\n" for line in found), mimetype="application/x-ndjson")
        return _json(found)


def _json(value: Any, status: int = 200) -> Response:
    return Response(_text(value), status=status, mimetype="application/json")


def _text(value: Any) -> str:
    return json.dumps(_without_nan(value))


def _without_nan(value: Any) -> Any:
    """Return a value of JSON, which has no NaN, with null in its place."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
