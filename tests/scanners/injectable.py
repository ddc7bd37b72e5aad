"""A search that anybody can inject into, on purpose: a scanner that finds nothing here would find nothing elsewhere.

    injectable.py    prints its address on the loopback interface and serves until it is ended
"""

import http.server
import sqlite3
from urllib.parse import parse_qs, urlsplit

DATABASE = sqlite3.connect(":memory:")
DATABASE.execute("CREATE TABLE groups (name TEXT)")
DATABASE.executemany("INSERT INTO groups VALUES (?)", [("alpha",), ("beta",), ("gamma",)])


class Search(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = parse_qs(urlsplit(self.path).query).get("q", [""])[0]
        try:
            rows = DATABASE.execute(f"SELECT name FROM groups WHERE name LIKE '%{wanted}%'").fetchall()
        except sqlite3.Error:
            self.send_page(500, "failed")
        else:
            self.send_page(200, "".join(f"<p>{name}</p>" for (name,) in rows))

    def send_page(self, status, words):
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<html><body>{words}</body></html>".encode())

    def log_message(self, *_):
        pass


with http.server.HTTPServer(("127.0.0.1", 0), Search) as server:
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
