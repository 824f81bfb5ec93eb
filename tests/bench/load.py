"""The process that sends: reads one job a line (JSON), does it on 8 connections, and prints what came of it (JSON).

A job is requests over HTTP, each on a connection that stays open, or bare transactions through psycopg.
"""

import asyncio
import json
import sys
import threading
import time
from statistics import median

import psycopg

CONNECTIONS = 8
STEPS = (
    "BEGIN",
    "INSERT INTO bench_message (key, body) VALUES (%(key)s, %(body)s)",
    "SELECT status FROM bench_invoice WHERE id = %(id)s FOR UPDATE",
    "UPDATE bench_invoice SET status = 'paid' WHERE id = %(id)s",
    "COMMIT",
)


class Sender(asyncio.Protocol):
    """Sends one request after the other until the time is over."""

    def __init__(self, job, numbers, spent):
        self.job, self.numbers, self.spent = job, numbers, spent
        self.expected = job["expected"].encode()
        self.loop = asyncio.get_running_loop()
        self.over = self.loop.create_future()
        self.got = b""

    def connection_made(self, transport):
        self.transport = transport
        self.send()

    def send(self):
        body = self.job["body"].replace("{n}", str(next(self.numbers))).encode()
        head = f"{self.job['request']} HTTP/1.1\r\nHost: bench\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}"
        self.began = time.perf_counter()
        self.transport.write(head.encode() + b"\r\n\r\n" + body)

    def data_received(self, data):
        self.got += data
        head, separator, body = self.got.partition(b"\r\n\r\n")
        if not separator or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            return
        self.spent.append(time.perf_counter() - self.began)
        if self.expected not in body:
            self.over.set_exception(AssertionError(self.got))
        elif time.perf_counter() < self.job["end"]:
            self.got = b""
            self.send()
        else:
            self.transport.close()
            self.over.set_result(None)


async def request(job):
    """Send requests; their numbers run from `first`, over and over through `count` of them."""
    spent = []
    numbers = (job["first"] + step % job["count"] for step in range(sys.maxsize))
    job["end"] = time.perf_counter() + job["seconds"]
    loop = asyncio.get_running_loop()
    opened = [
        loop.create_connection(lambda: Sender(job, numbers, spent), "127.0.0.1", job["port"])
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(sender.over for _transport, sender in await asyncio.gather(*opened)))
    return spent


def transact(job):
    """Commit transactions of five steps."""
    spent = []
    end = time.perf_counter() + job["seconds"]

    def lane(number):
        with psycopg.connect(job["database"], autocommit=True) as connection:
            values = {"id": job["first"] + number, "body": job["body"]}
            while (began := time.perf_counter()) < end:
                values["key"] = f"p-{values['id']}"
                for step in STEPS:
                    connection.execute(step, values)
                spent.append(time.perf_counter() - began)
                values["id"] += CONNECTIONS

    lanes = [threading.Thread(target=lane, args=(number,)) for number in range(CONNECTIONS)]
    for each in lanes:
        each.start()
    for each in lanes:
        each.join()
    return spent


if __name__ == "__main__":
    for line in sys.stdin:
        job = json.loads(line)
        began = time.perf_counter()
        spent = transact(job) if "database" in job else asyncio.run(request(job))
        took = time.perf_counter() - began
        print(json.dumps({"done": len(spent), "rate": len(spent) / took, "p50_ms": median(spent) * 1000}), flush=True)
