"""People who ask now and then while wrk presses, and keep what they are told."""

import dataclasses
import http.client
import threading
import time

PAUSE = 0.1  # with four of them and answers after some 90 ms, about 20 requests a second


@dataclasses.dataclass
class Answer:
    status: int
    milliseconds: float
    retry_after: str | None


class Bystanders:
    """Each cookie is a person's with a connection of their own, who asks as long as the `with` lasts."""

    def __init__(self, port, path, cookies):
        self.port, self.path = port, path
        self.answers, self.lost, self.is_over = [], [], threading.Event()
        self.threads = [threading.Thread(target=self.look, args=(cookie,)) for cookie in cookies]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def look(self, cookie):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.is_over.wait(PAUSE):
            try:
                self.answers.append(self.ask(connection, cookie))
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(error)
                connection.close()

    def ask(self, connection, cookie):
        began = time.perf_counter()
        connection.request("GET", self.path, headers={"Cookie": cookie, "Accept-Language": "en"})
        answer = connection.getresponse()
        answer.read()
        took = (time.perf_counter() - began) * 1000
        return Answer(answer.status, took, answer.getheader("Retry-After"))
