#include "store/s3_settings.h"

namespace drst {

void describe(SettingsVisitor& visitor, S3Settings& s) {
  visitor.visit("endpoint", s.endpoint,
                {"",
                 "http(s)://host[:port] of the S3 service. Empty: $AWS_ENDPOINT_URL_S3 or $AWS_ENDPOINT_URL, "
                 "else that of AWS in the region. With http:// objects travel in the clear"});
  visitor.visit("region", s.region,
                {"",
                 "region that requests are signed for; services other than AWS mostly take any. Empty: "
                 "$AWS_REGION or $AWS_DEFAULT_REGION, else us-east-1"});
  visitor.visit("addressing", s.addressing,
                {"",
                 "where the bucket stands: path (host/bucket/key), virtual (bucket.host/key), or auto: "
                 "virtual at AWS, path at an endpoint of one's own, which seldom has names for its buckets",
                 -1,
                 1,
                 {"auto", "path", "virtual"}});
  visitor.visit("ca_file", s.ca_file,
                {"",
                 "PEM file of certificate authorities to trust, instead of the system's; for a service with "
                 "an own authority. Certificates are always verified"});
  visitor.visit("profile", s.profile,
                {"",
                 "profile of the shared credentials file; when it is set, the file goes before the "
                 "environment. Empty: environment, web identity, then $AWS_PROFILE or default of the file"});
  visitor.visit("connect_timeout_s", s.connect_timeout_s,
                {"s", "wait for a connection, TLS included; far above a round trip of the earth", 0.05, 600});
  visitor.visit("stall_timeout_s", s.stall_timeout_s,
                {"s", "a transfer without a byte for so long is cut and tried again", 0.05, 3600});
  visitor.visit("deadline_s", s.deadline_s,
                {"s",
                 "one request with all its retries (a part or range of a large object is one); after that "
                 "the command fails, or the writer behind keeps the object for later",
                 0.1, 86'400});
  visitor.visit("retries", s.retries,
                {"1",
                 "attempts after the first for 500, 502, 503, 504, SlowDown, RequestTimeout and cut "
                 "connections; 6 with the waits below ride out some ten seconds",
                 0, 100});
  visitor.visit("backoff_s", s.backoff_s,
                {"s",
                 "longest wait before the first retry, doubled for each further one; the wait is drawn "
                 "evenly from 0 to there, so that many clients do not come back at once",
                 0.001, 60});
  visitor.visit("backoff_limit_s", s.backoff_limit_s,
                {"s", "bound of that doubling. A server's Retry-After is honoured above it", 0.001, 3600});
  visitor.visit("multipart_above_mib", s.multipart_above_mib,
                {"MiB",
                 "larger objects go up in parts, so that a cut costs one part. Below that one request is "
                 "faster; no store refuses one of this size",
                 5, 5120});
  visitor.visit(
      "part_mib", s.part_mib,
      {"MiB", "size of a part; S3 wants 5 MiB at least, and takes 10 000 parts (then they grow)", 5, 5120});
  visitor.visit(
      "range_mib", s.range_mib,
      {"MiB", "size of a piece that is read at once; larger objects take several requests", 1, 4096});
  visitor.visit("page_keys", s.page_keys,
                {"keys", "keys asked for in one page of a list; S3 gives 1000 at most", 1, 1000});
  visitor.visit("check_etag", s.check_etag,
                {"",
                 "compare what is read, up to 8 MiB, with an ETag that looks like an MD5 (none of an object "
                 "in parts, or under a key of KMS or one's own). Off only for a service whose ETags look "
                 "like one and are none"});
}

}  // namespace drst
