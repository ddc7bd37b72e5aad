"""A person's browser, as far as the bench needs one."""

import http.client
import re
import time
from urllib.parse import urlencode

from data import email

PASSWORD = "open-sesame-demo"
CARDS = ("5555555555554444", "9410000000000005")


class Browser:
    """Keeps one connection and the cookies."""

    def __init__(self, port):
        self.port, self.cookies = port, {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    @property
    def cookie(self):
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def ask(self, method, path, fields=None):
        headers = {"Cookie": self.cookie, "Accept-Language": "en"}
        if fields is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://127.0.0.1:{self.port}"}
        body = None if fields is None else urlencode(fields)
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # it had waited too long for us
            self.connection.close()
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer.status, answer.getheader("Location"), answer.read().decode()

    def post(self, path, fields):
        status, location, body = self.ask("POST", path, fields)
        if status != 303:
            raise SystemExit(f"bench: POST {path} was answered {status}: {body[:400]}")
        return location

    def sign_in(self, number):
        self.post("/sign-in", {"email": email(number), "password": PASSWORD})
        return self

    def form(self, path):
        """The hidden fields of a page."""
        _, _, body = self.ask("GET", path)
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', body))

    def register_a_card(self, group, number):
        """Walks through a registration; the seconds from the card's post to its answer."""
        token = self.form("/billing/payment-methods")
        first = self.post(f"/billing/groups/{group}/registrations", {"csrf_token": token["csrf_token"]})
        run = first.rpartition("/")[0]
        agreed = {name: "yes" for name in ("agree_auto_payment", "agree_privacy", "agree_third_party")}
        path = f"{run}/payment-method"
        self.post(path, self.form(path) | agreed | {"payment_method": "anonymous_corporate_card"})
        path = f"{run}/business-number"
        self.post(path, self.form(path) | {"business_number": "999-81-00015"})
        path = f"{run}/card"
        card = {"card_number": number, "expiry_month": "12", "expiry_year": "29", "card_password_2": "12"}
        fields = self.form(path) | card
        began = time.perf_counter()
        location = self.post(path, fields)
        took = time.perf_counter() - began
        if not location.endswith("/complete"):
            raise SystemExit(f"bench: the card's post led to {location}")
        return took
