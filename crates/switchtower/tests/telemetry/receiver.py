"""A receiver of OTLP over HTTP: oteltest's, which reads messages by the published definitions. It writes each one to a
file, a line of JSON for each: receiver.py FILE"""

import gzip
import json
import logging
import sys
import threading
import time

from google.protobuf.json_format import MessageToDict
from oteltest.sink.handler import RequestHandler
from oteltest.sink import HttpSink


class Writing(RequestHandler):
    def __init__(self, file):
        self.file = file
        self.lock = threading.Lock()

    def write(self, signal, request, headers):
        line = json.dumps({"signal": signal, "headers": {k.lower(): v for k, v in headers.items()},
                           "message": MessageToDict(request)})
        with self.lock, open(self.file, "a") as out:
            out.write(line + "\n")

    def handle_trace(self, request, headers):
        self.write("traces", request, headers)

    def handle_metrics(self, request, headers):
        self.write("metrics", request, headers)

    def handle_logs(self, request, headers):
        self.write("logs", request, headers)


class Unpacking(HttpSink):
    """The receiver reads no compressed bodies by itself."""

    def handle_trace(self, post_data, headers):
        super().handle_trace(unpacked(post_data, headers), headers)

    def handle_metrics(self, post_data, headers):
        super().handle_metrics(unpacked(post_data, headers), headers)


def unpacked(data, headers):
    return gzip.decompress(data) if headers.get("content-encoding") == "gzip" else data


sink = Unpacking(Writing(sys.argv[1]), logging.getLogger("sink"), port=0)
sink.start()
while sink.httpd is None:
    time.sleep(0.01)
print(f"listening on http://127.0.0.1:{sink.httpd.server_address[1]}", flush=True)
sink.svr_thread.join()
