#!/usr/bin/env python3
"""The S3 store on real servers, as a user meets it: S3Proxy and versitygw. What these servers cannot be
made to do (faults) is met in src/store/s3_store_test.cpp.

Needs DRST (the program) and, beside it, s3_real_server.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import service_tools
import services_s3
from end_to_end import DRST, read

FOLDER = os.path.dirname(os.path.abspath(DRST))
NOBODY = "http://127.0.0.1:9"


class OnServer(unittest.TestCase):
    """Its server is started once, with TLS by a certificate of our own."""
    server = services_s3.S3Proxy
    certificate = "server"

    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="drst-s3-")
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        cls.certificates = service_tools.make_certificates(f"{cls.work}/tls")
        cls.service = cls.server(f"{cls.work}/service", cls.certificates, cls.certificate)
        cls.service.make_bucket("drst")
        try:
            cls.service.start()
        except services_s3.Missing as missing:
            if os.environ.get("CI"):
                raise
            print(f"LEFT OUT: {cls.__name__}: {missing}", file=sys.stderr)
            raise unittest.SkipTest(str(missing)) from missing
        cls.addClassCleanup(cls.service.kill)

    def drst(self, *arguments, url="s3://drst/test", endpoint=None, ca=None, environment=None, expect=0, level="-q", more=None):
        """What it says on stdout and stderr; s3.endpoint is that of plain HTTP unless another is given."""
        settings = {"s3.endpoint": endpoint or self.service.endpoint(), "s3.backoff_s": 0.01, "s3.retries": 1,
                    "store.spool": f"{self.work}/spool", **(more or {})}
        if ca:
            settings["s3.ca_file"] = ca
        command = [DRST, *arguments, "--store", url, level, *[f"--set={k}={v}" for k, v in settings.items()]]
        done = subprocess.run(command, capture_output=True, text=True, env={**self.service.environment(), **(environment or {})},
                              check=False, timeout=120)
        if expect is not None:
            self.assertEqual(done.returncode, expect, (command, done.stderr))
        for text in (done.stdout, done.stderr):
            self.assertNotIn(self.service.secret, text)
        return done

    def contract(self, program, tls, left_out="", url="s3://drst/contract"):
        environment = {**self.service.environment(), "S3_TEST_URL": url + ("-tls" if tls else ""), "S3_TEST_ENDPOINT": self.service.endpoint(tls)}
        if tls:
            environment["S3_TEST_CA"] = self.service.ca()
        done = subprocess.run([os.path.join(FOLDER, program), "--gtest_brief=1", f"--gtest_filter=-{left_out}"], env=environment, capture_output=True, text=True,
                              check=False, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class OnS3Proxy(OnServer):
    # Its objects are files with longer names while they are written, and folders: it answers 500 to a name of 255 characters, and to
    # the question for "a/b" where "a" is an object.
    cannot = "*KeysThatAreFine:*AFolderIsNoObject"

    def test_the_contract(self):
        self.contract("s3_real_server", False, self.cannot)

    def test_the_contract_by_tls(self):
        self.contract("s3_real_server", True, self.cannot)

    def test_who_is_trusted(self):
        tls = self.service.endpoint(tls=True)
        verify = ("models", "verify")
        # Let in, and the store is empty: what is told is about releases.
        self.assertIn("no release", self.drst(*verify, endpoint=tls, ca=self.service.ca(), expect=3).stderr)
        other = os.path.join(self.certificates, "other-ca.pem")
        for ca in (None, other):
            refused = self.drst(*verify, endpoint=tls, ca=ca, expect=3).stderr
            self.assertIn("no trusted connection", refused)
            self.assertIn("s3.ca_file", refused)
        self.assertIn("no trusted connection", self.drst(*verify, endpoint=self.service.endpoint().replace("http", "https"),
                                                         ca=self.service.ca(), expect=3).stderr)
        self.assertIn("there is no file of certificate", self.drst(*verify, endpoint=tls, ca="/nonexistent", expect=3).stderr)

    def test_plain_http_to_a_tls_port(self):
        refused = self.drst("models", "verify", endpoint=self.service.endpoint(tls=True).replace("https", "http"), expect=4).stderr
        self.assertIn("check s3.endpoint", refused)

    def test_who_is_refused(self):
        for change, code in (({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "SignatureDoesNotMatch"),
                             ({"AWS_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId")):
            refused = self.drst("models", "verify", environment=change, expect=3).stderr
            self.assertIn(code, refused)
            self.assertIn("the environment", refused)
            self.assertNotIn("wrong-secret", refused)
        self.assertIn("NoSuchBucket", self.drst("models", "verify", url="s3://absent-bucket", expect=3).stderr)
        self.assertIn("cannot be reached", self.drst("models", "verify", endpoint=NOBODY, expect=4).stderr)
        none = {"AWS_ACCESS_KEY_ID": "", "HOME": "/nonexistent"}
        self.assertIn("AWS_SECRET_ACCESS_KEY", self.drst("models", "verify", environment=none, expect=3).stderr)

    def test_a_credentials_file_by_profile(self):
        path = os.path.join(self.work, "credentials")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"[default]\naws_access_key_id = somebody\naws_secret_access_key = else-secret\n[mine]\naws_access_key_id = {self.service.key}\n"
                       f"aws_secret_access_key = {self.service.secret}\n")
        by_file = {"AWS_ACCESS_KEY_ID": "", "AWS_SHARED_CREDENTIALS_FILE": path}
        self.assertIn("InvalidAccessKeyId", self.drst("models", "verify", environment=by_file, expect=3).stderr)
        self.assertIn("no release", self.drst("models", "verify", environment={**by_file, "AWS_PROFILE": "mine"}, expect=3).stderr)

    def test_nothing_in_the_clear_by_tls_and_no_secret_anywhere(self):
        """What went over the wire, seen by a relay: by HTTP the requests can be read (but no secret), by TLS nothing can."""
        for tls in (False, True):
            relay = services_s3.Relay(self.service.tls_port if tls else self.service.port)
            self.addCleanup(relay.close)
            endpoint = f"http{'s' if tls else ''}://127.0.0.1:{relay.port}"
            # Signatures name the host, and this server's certificate any port of it.
            told = self.drst("models", "verify", endpoint=endpoint, ca=self.service.ca() if tls else None, url="s3://drst/some-part",
                             expect=3, level="-v")
            self.assertIn("no release", told.stderr)
            wire = bytes(relay.seen)
            self.assertGreater(len(wire), 500)
            for text in ("x-amz-date", "some-part", self.service.key, "ListBucketResult"):
                self.assertEqual(text.encode() in wire, not tls, (text, tls))
            self.assertNotIn(self.service.secret.encode(), wire)

    def test_the_settings_show_no_secret(self):
        done = subprocess.run([DRST, "config"], env=self.service.environment(), capture_output=True, text=True, check=True)
        self.assertNotIn(self.service.secret, done.stdout)
        self.assertNotIn(self.service.key, done.stdout)

    def test_releases_in_a_bucket(self):
        """Trained into a bucket and into a folder: the same models, told the same way, and read by others' programs."""
        table = os.path.join(self.work, "table.csv")
        subprocess.run([DRST, "simulate", "--rows", "700", "--out", table, "-q"], check=True)
        train = ("offline", "--offline", table, "--model", "ridge")
        self.drst(*train, url="s3://drst/chain")
        folder = os.path.join(self.work, "store")
        subprocess.run([DRST, *train, "--store", folder, "-q"], check=True)
        by_file = json.loads(subprocess.run([DRST, "models", "list", "--json", "--store", folder], check=True, capture_output=True).stdout)
        by_s3 = json.loads(self.drst("models", "list", "--json", url="s3://drst/chain").stdout)
        self.assertEqual([m["sha256"] for m in by_s3], [m["sha256"] for m in by_file])
        self.assertEqual([m["state"] for m in by_s3], [m["state"] for m in by_file])
        self.assertIn("are whole", self.drst("models", "verify", url="s3://drst/chain").stdout)
        objects = self.service.objects("drst/chain")
        names = objects["models/latest.txt"].decode().split("\n")
        curl = subprocess.run(["curl", "-sf", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{self.service.key}:{self.service.secret}",
                               "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", f"{self.service.endpoint()}/drst/chain/{names[0]}"],
                              env=self.service.environment(), capture_output=True, check=True).stdout
        self.assertEqual(curl, objects[names[0]])
        # The pointer moves back and forth, and what is damaged is found.
        self.drst("models", "rollback", by_s3[0]["model_key"], url="s3://drst/chain")
        self.assertIn(by_s3[0]["model_key"], self.service.objects("drst/chain")["models/latest.txt"].decode())
        self.service_put(f"drst/chain/{names[0]}", b"damaged")
        self.assertIn("has 7 bytes", self.drst("models", "verify", url="s3://drst/chain", expect=1).stdout)

    def service_put(self, key, content):
        subprocess.run(["curl", "-sf", "-X", "PUT", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{self.service.key}:{self.service.secret}",
                        "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-H", "Content-Type: application/octet-stream", "--data-binary", "@-",
                        f"{self.service.endpoint()}/{key}"], input=content, env=self.service.environment(), capture_output=True, check=True)


class OnExpiredCertificate(OnServer):
    certificate = "expired"

    def test_it_is_refused(self):
        refused = self.drst("models", "verify", endpoint=self.service.endpoint(tls=True), ca=self.service.ca(), expect=3).stderr
        self.assertIn("expired", refused)


class OnVersitygw(OnServer):
    server = services_s3.Versitygw

    def test_the_contract_by_tls(self):
        self.contract("s3_real_server_atomic", True)

    def test_who_is_refused(self):
        tls = {"endpoint": self.service.endpoint(tls=True), "ca": self.service.ca()}
        for change, code in (({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "SignatureDoesNotMatch"), ({"AWS_ACCESS_KEY_ID": "nobody"}, "access key")):
            self.assertIn(code, self.drst("models", "verify", environment=change, expect=3, **tls).stderr)
        self.assertIn("NoSuchBucket", self.drst("models", "verify", url="s3://absent-bucket", expect=3, **tls).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
