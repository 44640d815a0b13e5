#!/usr/bin/env python3
"""A file server with faults, on loopback, for the tests of `drst datasets fetch`.

Prints its port and serves until its standard input ends. GET /<fault>/<name> answers with the same content
(the one file given on the command line) in the way of <fault>; GET /log lists the requests so far.
"""
import http.server
import sys
import threading
import time

CONTENT = open(sys.argv[1], "rb").read()
REQUESTS = []
COUNTS = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/log":
            return self.answer(200, "\n".join(REQUESTS).encode())
        fault = self.path.split("/")[1]
        asked = self.headers.get("Range", "")
        REQUESTS.append(f"{self.path} {asked}".strip())
        COUNTS[self.path] = COUNTS.get(self.path, 0) + 1
        first = COUNTS[self.path] == 1
        begin = int(asked[len("bytes="):-1]) if asked else 0
        if fault == "missing":
            return self.answer(404, b"no such file")
        if fault == "dead" or (fault == "flaky" and COUNTS[self.path] <= 2):
            return self.answer(503, b"try later")
        if fault == "other":
            return self.answer(200, bytes(len(CONTENT)))
        if fault == "long":
            return self.answer(200, CONTENT + b"x")
        if fault == "short":
            return self.answer(200, CONTENT[:-1])
        if fault == "moved":
            self.send_response(302)
            self.send_header("Location", "/good/" + self.path.split("/", 2)[2])
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if fault == "norange":
            begin = 0
        if begin > 0 and begin >= len(CONTENT):
            return self.answer(416, b"")
        cut = (fault in ("cut", "norange") and first) or fault == "stall"
        self.answer(206 if begin else 200, CONTENT[begin:], begin, cut)
        if fault == "stall":
            time.sleep(10)

    def answer(self, status, body, begin=0, cut=False):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if cut else body)
        self.wfile.flush()
        if cut:
            self.close_connection = True


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.handle_error = lambda *_: None  # clients that hang up are the point
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
