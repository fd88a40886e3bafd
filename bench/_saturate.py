"""Clients that read one ticket over the API as fast as they are answered, until they are ended."""

import http.client
import sys
import threading

CLIENTS = 4


def read(host: str, port: int, ref: str) -> None:
    """Ask again and again over a kept connection."""
    while True:
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            while True:
                connection.request("GET", f"/api/v1/tickets/{ref}/events")
                connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()


if __name__ == "__main__":
    threads = [threading.Thread(target=read, args=(sys.argv[1], int(sys.argv[2]), sys.argv[3])) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
