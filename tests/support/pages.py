"""An upstream made of pages: what a test says for a path is what every request for it gets."""
import json
import threading
import time

from support.upstream import Scripted


class Page:
    """One answer: JSON from a value, or bytes; a delay before it; or a script of its own for the connection."""

    def __init__(self, value=None, status=200, delay=0.0, headers=(), body=None, script=None):
        self.body = json.dumps(value).encode() if body is None else body
        self.status = status
        self.delay = delay
        self.headers = list(headers)
        self.script = script


class Pages(Scripted):
    """Answers by path, query left aside. A page is a Page, a value (its JSON), or a callable that takes the request and gives one.

    Counts how many requests are in work at once, and the most that there ever were.
    """

    def __init__(self, pages, **more):
        self.pages = pages
        self.count = threading.Lock()
        self.at_once = 0
        self.most = 0
        super().__init__(self._talk, **more)

    def asked(self, path=None):
        """The targets of the requests so far, of one path where it is given."""
        return [r.target for r in list(self.requests) if path is None or r.target.split("?")[0] == path]

    def request(self, path):
        """The one request for a path."""
        found = [r for r in list(self.requests) if r.target.split("?")[0] == path]
        assert len(found) == 1, f"{len(found)} requests for {path}"
        return found[0]

    def _page(self, request):
        page = self.pages.get(request.target.split("?")[0], Page({"error": "no such page"}, status=404))
        if callable(page):
            page = page(request)
        return page if isinstance(page, Page) else Page(page)

    def _talk(self, connection):
        while True:
            request = connection.read_request()
            page = self._page(request)
            with self.count:
                self.at_once += 1
                self.most = max(self.most, self.at_once)
            try:
                if page.delay:
                    time.sleep(page.delay)
                if page.script:
                    page.script(connection)
                    return
                headers = page.headers if any(n.lower() == "content-type" for n, _ in page.headers) else page.headers + [("Content-Type", "application/json")]
                connection.answer(page.body, f"{page.status} Said", headers)
            finally:
                with self.count:
                    self.at_once -= 1
