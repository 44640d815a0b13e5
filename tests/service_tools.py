"""What the real servers of the tests have in common (services.py, services_s3.py): the cache folder, free ports, certificates."""
import contextlib
import os
import shutil
import socket
import subprocess


def cache():
    """The folder of what is fetched once."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("DRST_CACHE") or os.path.join(base, "drst")


def free_ports(count):
    """Ports that nobody listens on now; all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def make_certificates(folder):
    """In `folder`, by openssl alone: ca.pem, our own authority, and other-ca.pem, which has signed nothing. For localhost and 127.0.0.1
    `server` and `expired`, and for a client `client`: .key and .crt each, -chain.pem (certificate and authority), of servers also .pem
    (PKCS#8 key and chain) and .p12 (PKCS#12, password "changeit"). The folder."""
    os.makedirs(folder, exist_ok=True)

    def openssl(*args):
        done = subprocess.run(["openssl", *args], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"openssl {' '.join(args)} ended with {done.returncode}: {done.stdout[-1500:]}")

    def write(name, text):
        with open(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(text)

    def read(name):
        with open(os.path.join(folder, name), encoding="ascii") as file:
            return file.read()

    for ca in ("ca", "other-ca"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-days", "30", "-subj",
                f"/CN=drst-test-{ca}", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    write("ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    for name, subject in (("server", "localhost"), ("client", "drst-client")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-sha256",
                "-extfile", "ext", "-out", f"{name}.crt")
    # Only `openssl ca` takes dates; the expired one is the server's of another time.
    write("index.txt", "")
    write("ca.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\n"
                    "unique_subject=no\n[p]\ncommonName=supplied\n")
    write("serial", "1000\n")
    openssl("ca", "-batch", "-config", "ca.cnf", "-in", "server.csr", "-cert", "ca.pem", "-keyfile", "ca.key", "-extfile", "ext",
            "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-notext", "-out", "expired.crt")
    shutil.copy(os.path.join(folder, "server.key"), os.path.join(folder, "expired.key"))
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "server.key", "-out", "server.p8")
    for name in ("server", "expired", "client"):
        write(f"{name}-chain.pem", read(f"{name}.crt") + read("ca.pem"))
    for name in ("server", "expired"):
        write(f"{name}.pem", read("server.p8") + read(f"{name}-chain.pem"))
        openssl("pkcs12", "-export", "-in", f"{name}.crt", "-inkey", f"{name}.key", "-certfile", "ca.pem", "-passout", "pass:changeit",
                "-out", f"{name}.p12")
    return folder
