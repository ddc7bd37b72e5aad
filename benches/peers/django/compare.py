"""Compares the console's page with the peer's: `compare.py PAGE COOKIE PEER_PAGE PEER_COOKIE`.

Each row of the table (names, badges, every other word, in order) and every other word that is shown must be the same;
so must the status. Exit status: 0 the same, 1 different. A page is an address, a cookie `name=value`.
"""

import sys
from html.parser import HTMLParser
from itertools import zip_longest
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen


class Page(HTMLParser):
    """The words of a page's main part: those of each row of the table, and the others."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.words, self.depth = [], [], 0
        self.in_row = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "main":
            self.depth += 1
        if tag == "tr" and "data-group" in attributes:
            self.in_row = True
            self.rows.append([attributes[f"data-{name}"] for name in ("group", "class", "status", "tags")])
        if self.in_row and "tag" in (attributes.get("class") or "").split():
            self.rows[-1].append("badge:")

    def handle_endtag(self, tag):
        if tag == "main":
            self.depth -= 1
        if tag == "tr":
            self.in_row = False

    def handle_data(self, data):
        if self.depth and data.strip():
            (self.rows[-1] if self.in_row else self.words).append(" ".join(data.split()))


def fetch(address, cookie):
    request = Request(address, headers={"Cookie": cookie, "Accept-Language": "en"})
    try:
        with urlopen(request, timeout=10) as response:
            return response.status, Page(response.read().decode())
    except HTTPError as error:
        return error.code, Page(error.read().decode())
    except URLError as error:
        sys.exit(f"compare.py: {address}: {error.reason}")


def main(page, cookie, peer_page, peer_cookie):
    status, ours = fetch(page, cookie)
    peer_status, theirs = fetch(peer_page, peer_cookie)
    different = [("status", status, peer_status)] if status != peer_status else []
    for name, left, right in (("row", ours.rows, theirs.rows), ("words", ours.words, theirs.words)):
        different += [(name, a, b) for a, b in zip_longest(left, right) if a != b]
    for name, a, b in different:
        print(f"compare.py: {name} differ:\n  console {a}\n  peer    {b}", file=sys.stderr)
    if different or not (ours.rows or ours.words):
        sys.exit(1)
    print(f"compare.py: the same {len(ours.rows)} rows and {len(ours.words)} other pieces of text")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("say compare.py PAGE COOKIE PEER_PAGE PEER_COOKIE")
    main(*sys.argv[1:])
