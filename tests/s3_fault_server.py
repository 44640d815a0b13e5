#!/usr/bin/env python3
"""An S3 service in memory with faults on demand, on loopback, for the tests of the S3 store.

Prints its port and serves until its standard input ends. Signatures are verified by code of its own (key "test-key",
secret "test-secret/+="); any bucket exists that begins with "test-". POST /_faults with one fault a line: each further
request takes the first of them; "none" is a request without fault. GET /_log lists the requests so far. It is an STS, too, whose
newest session token is the only good one.
"""
import datetime
import email.utils
import hashlib
import hmac
import http.server
import re
import sys
import threading
import time
import urllib.parse

KEY, SECRET = "test-key", "test-secret/+="
BUCKETS, UPLOADS, FAULTS, LOG, SESSIONS = {}, {}, [], [], []
SKEW = [0]
LOCK = threading.RLock()


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=(), cut=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        self.wfile.flush()
        if cut is not None:
            self.close_connection = True

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + SKEW[0], usegmt=True)

    def error(self, status, code, headers=(), more=""):
        self.answer(status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>words about {code}</Message>{more}"
                            f"</Error>".encode(), headers)

    def fault_of_signature(self, body):
        given = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, "
                             r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})", self.headers.get("authorization", ""))
        if not given:
            return "AccessDenied"
        key, day, region, names, signature = given.groups()
        if key != KEY:
            return "InvalidAccessKeyId"
        token = self.headers.get("x-amz-security-token")
        if token and token not in SESSIONS[-1:]:
            return "ExpiredToken"
        date = self.headers["x-amz-date"]
        at = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
        if abs(at - time.time() - SKEW[0]) > 900:
            return "RequestTimeTooSkewed"
        digest = self.headers["x-amz-content-sha256"]
        if digest != hashlib.sha256(body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        path, _, query = self.path.partition("?")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
        quote = lambda text: urllib.parse.quote(text, safe="-._~")
        canonical = "\n".join([
            self.command, urllib.parse.quote(urllib.parse.unquote(path), safe="/-._~"),
            "&".join(f"{a}={b}" for a, b in sorted((quote(a), quote(b)) for a, b in pairs)),
            *(f"{name}:{self.headers[name].strip()}" for name in names.split(";")), "", names, digest])
        scope = f"{day}/{region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signing = sign(sign(sign(sign(("AWS4" + SECRET).encode(), day), region), "s3"), "aws4_request")
        return "" if hmac.new(signing, text.encode(), hashlib.sha256).hexdigest() == signature else "SignatureDoesNotMatch"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with LOCK:
            if self.path == "/_faults":
                FAULTS[:] = body.decode().split("\n") if body else []
                LOG.clear()
                SKEW[0] = 0
                return self.answer(200)
            if self.path == "/_log":
                return self.answer(200, "\n".join(LOG).encode())
            LOG.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".strip())
            fault = FAULTS.pop(0) if FAULTS else "none"
            if fault.startswith("skew"):
                SKEW[0] = int(fault[4:])
        self.fault(fault, body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    def fault(self, fault, body):
        simple = {"500": (500, "InternalError"), "timeout": (400, "RequestTimeout"), "denied": (403, "AccessDenied"),
                  "expired": (400, "ExpiredToken"), "conflict": (409, "ConditionalRequestConflict")}
        if fault in simple:
            return self.error(*simple[fault])
        if fault.startswith("slow-down"):
            return self.error(503, "SlowDown", [("Retry-After", fault[9:])])
        if fault == "502":
            return self.answer(502, b"<html>Bad Gateway</html>")
        if fault == "hang-up":
            self.close_connection = True
            return None
        if fault == "lost-answer":
            self.wfile, out = open("/dev/null", "wb"), self.wfile
            self.serve(body)
            self.wfile, self.close_connection = out, True
            return None
        if fault == "sleep":
            time.sleep(1.5)
        if fault == "redirect":
            return self.error(301, "PermanentRedirect", [("x-amz-bucket-region", "eu-west-3"), ("Location", "http://127.0.0.1:9/")],
                              "<Endpoint>b.s3.eu-west-3.amazonaws.com</Endpoint>")
        if fault == "laughs":
            return self.answer(200, b"<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><ListBucketResult>&b;</ListBucketResult>")
        if fault == "huge":
            return self.answer(200, b"<ListBucketResult>" + b" " * 100_000_000)
        if fault == "page-forever":
            return self.answer(200, b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x"
                                    b"</NextContinuationToken></ListBucketResult>")
        return self.serve(body, fault)

    def serve(self, body, fault="none"):
        if self.path == "/" and self.command == "POST":
            return self.serve_sts(body)
        wrong = self.fault_of_signature(body)
        if wrong:
            return self.error(403, wrong)
        path, _, query_text = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query_text, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(path)[1:].partition("/")
        if not bucket.startswith("test-"):
            return self.error(404, "NoSuchBucket")
        with LOCK:
            objects = BUCKETS.setdefault(bucket, {})
            if not key:
                return self.page(objects, query, fault)
            return getattr(self, "serve_" + self.command)(objects, key, query, body, fault)

    def serve_sts(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        if form["Action"] != "AssumeRoleWithWebIdentity" or form["Version"] != "2011-06-15":
            return self.error(400, "InvalidAction")
        if form["WebIdentityToken"] != "test-web-identity":
            return self.error(400, "InvalidIdentityToken")
        SESSIONS.append(f"session-{len(SESSIONS)}")
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        return self.answer(200, f"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                                f"<AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
                                f"<SessionToken>{SESSIONS[-1]}</SessionToken>"
                                f"<Expiration>{expires.strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration></Credentials>"
                                f"</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>".encode())

    def page(self, objects, query, fault):
        assert query["list-type"] == "2" and query["encoding-type"] == "url"
        keys = sorted(k for k in objects if k.startswith(query.get("prefix", "")))
        keys = [k for k in keys if k > query.get("continuation-token", "")]
        count = int(query["max-keys"])
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{keys[count - 1]}</NextContinuationToken>" \
            if len(keys) > count else "<IsTruncated>false</IsTruncated>"
        text = "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><EncodingType>url</EncodingType>" + more
        text += "".join(f"<Contents><Key>{urllib.parse.quote(k)}</Key></Contents>" for k in keys[:count])
        text = (text + "</ListBucketResult>").encode()
        if fault == "broken-list":
            text = text[:-10]
        return self.answer(200, text, cut=len(text) // 2 if fault == "half" else None)

    def serve_GET(self, objects, key, _query, _body, fault):
        if key not in objects:
            return self.error(404, "NoSuchKey")
        content = objects[key]
        etag = '"' + hashlib.md5(content).hexdigest() + '"'
        if fault == "other-etag":
            etag = '"other"'
        if self.headers.get("if-match", etag) != etag:
            return self.error(412, "PreconditionFailed")
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        if not asked or fault == "no-range":
            return self.answer(200, content, [("ETag", etag)], len(content) // 2 if fault == "half" else None)
        begin, end = int(asked[1]), min(int(asked[2]) + 1, len(content))
        if begin >= len(content):
            return self.error(416, "InvalidRange")
        if fault == "wrong-range":
            begin, end = begin + 1, end
        if fault in ("torn", "torn-kms"):  # the old one's head and length, and other bytes
            content = b"T" * len(content)
        part = content[begin:end]
        more = [("x-amz-server-side-encryption", "aws:kms")] if fault == "torn-kms" else []
        self.answer(206, part, [("ETag", etag), ("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}"), *more],
                    len(part) // 2 if fault in ("half", "half-and-replaced") else None)
        if fault == "half-and-replaced":
            objects[key] = b"R" * len(content)
        return None

    def serve_HEAD(self, objects, key, *_):
        if key not in objects:
            return self.answer(404)
        return self.answer(200, objects[key])

    def serve_PUT(self, objects, key, query, body, _fault):
        if self.headers.get("if-none-match") == "*" and key in objects:
            return self.error(412, "PreconditionFailed")
        if "partNumber" in query:
            UPLOADS[query["uploadId"]][int(query["partNumber"])] = body
        else:
            objects[key] = body
        return self.answer(200, headers=[("ETag", '"' + hashlib.md5(body).hexdigest() + '"')])

    def serve_POST(self, objects, key, query, body, fault):
        if "uploads" in query:
            upload = f"u{len(UPLOADS)}/+"
            UPLOADS[upload] = {}
            return self.answer(200, f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
                                    "</InitiateMultipartUploadResult>".encode())
        if fault == "error-in-200":
            return self.error(200, "InternalError")
        parts = UPLOADS.pop(query["uploadId"], None)
        if parts is None:
            return self.error(404, "NoSuchUpload")
        wanted = [int(n) for n in re.findall(r"<PartNumber>(\d+)</PartNumber>", body.decode())]
        assert wanted == sorted(parts)
        objects[key] = b"".join(parts[n] for n in wanted)
        return self.answer(200, b"<CompleteMultipartUploadResult/>")

    def serve_DELETE(self, objects, key, query, *_):
        if "uploadId" in query:
            UPLOADS.pop(query["uploadId"], None)
        else:
            objects.pop(key, None)
        return self.answer(204)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.handle_error = lambda *_: None  # clients that hang up are the point
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
