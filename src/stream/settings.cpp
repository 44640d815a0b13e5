#include "stream/settings.h"

namespace drst {

void describe(SettingsVisitor& v, LogSettings& s) {
  v.visit("block_bytes", s.block_bytes,
          {"bytes",
           "records of one partition share a stored value up to this size. One record of 2.3 kB a value "
           "would waste half "
           "the disk in overflow pages; 8 pages of 4096 less the page header waste 3 %, and an append of one "
           "record "
           "rewrites at most this much.",
           1024, 16 << 20});
  v.visit("max_record_bytes", s.max_record_bytes,
          {"bytes", "a larger record is refused: a bound on what one append and one read hold in memory.",
           1024, 1 << 30});
  v.visit("map_initial_mib", s.map_initial_mib,
          {"MiB",
           "address space mapped at first; doubled whenever the log outgrows it, so it costs nothing but a "
           "remapping.",
           1, 1 << 20});
  v.visit("map_limit_mib", s.map_limit_mib,
          {"MiB",
           "the log may not grow beyond this: an append that would is refused and changes nothing (1 TiB).",
           1, 1 << 24});
  v.visit("max_readers", s.max_readers,
          {"1", "reader slots of the log, one for each consumer and thread that reads, over all processes.",
           8, 32768});
  v.visit(
      "retention_records", s.retention_records,
      {"records",
       "each partition keeps at least this many newest records; older blocks go at an append. 0: keep all.",
       0, 1e15});
  v.visit("retention_bytes", s.retention_bytes,
          {"bytes",
           "each partition keeps at least this many newest bytes; older blocks go at an append. 0: keep all.",
           0, 1e18});
  v.visit("retention_age_s", s.retention_age_s,
          {"s", "blocks whose newest record is older than this go at an append. 0: keep all.", 0, 1e12});
}

void describe(SettingsVisitor& v, KafkaSettings& s) {
  v.visit(
      "security", s.security,
      {"",
       "how brokers are spoken to; the default is what a fresh Kafka offers, beyond one's own machine use "
       "sasl_ssl, or ssl with certificates on both sides",
       -1,
       1,
       {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"}});
  v.visit("ca_file", s.ca_file,
          {"", "PEM file of the authority that signed the brokers' certificates. Empty: the system's."});
  v.visit("certificate_file", s.certificate_file,
          {"", "PEM file of our certificate, for brokers that ask for one (mutual TLS). Empty: none."});
  v.visit("key_file", s.key_file, {"", "PEM file of that certificate's private key."});
  v.visit("key_password_file", s.key_password_file,
          {"", "file that holds the private key's password; else the variable DRST_KAFKA_KEY_PASSWORD."});
  v.visit("sasl_mechanism", s.sasl_mechanism,
          {"",
           "how a user is proven with sasl_*. SCRAM needs librdkafka 2.6.1 with brokers of 2025 and later; "
           "Debian 12 has 2.0.2.",
           -1,
           1,
           {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"}});
  v.visit("username", s.username, {"", "user for PLAIN and SCRAM."});
  v.visit("password_file", s.password_file,
          {"",
           "file that holds the user's password; else the variable DRST_KAFKA_PASSWORD. Never a setting: "
           "settings are printed and kept with each run."});
  v.visit("token_file", s.token_file,
          {"",
           "file that holds a JSON Web Token for OAUTHBEARER, read again before it runs out (a cluster "
           "renews it there); else the variable DRST_KAFKA_TOKEN."});
  v.visit("replication", s.replication,
          {"brokers", "copies of each partition of a topic that DRST creates. -1: as the brokers are set.",
           -1, 100});
  v.visit("assignment", s.assignment,
          {"",
           "how a group's partitions are dealt: range gives all up at each change and is the same for every "
           "client; cooperative-sticky moves only what must move, and all members must use it.",
           -1,
           1,
           {"range", "cooperative-sticky"}});
  v.visit("connect_timeout_s", s.connect_timeout_s,
          {"s", "a command that reaches no broker for so long after its start ends with exit code 4.", 0.1,
           3600});
  v.visit("patience_s", s.patience_s,
          {"s",
           "once connected, an outage of the brokers is waited out for so long; it must outlast a rolling "
           "restart.",
           1, 86400});
  v.visit("fetch_queue_mib", s.fetch_queue_mib,
          {"MiB",
           "records fetched ahead by a consumer; twice this is held at most, beside one fetch of 1 MiB a "
           "partition. 4 MiB are 1800 records of 2.3 kB, enough for full speed (librdkafka's default is 64).",
           0.0625, 2000});
  v.visit("send_queue_mib", s.send_queue_mib,
          {"MiB", "records waiting to be sent; an append that would exceed it waits for room.", 1, 2000});
  v.visit("look_ms", s.look_ms,
          {"ms",
           "a component that waits for news looks so often at topics that it does not consume (labels, "
           "experts); news of consumed topics wakes it at once.",
           1, 10'000});
  v.visit("properties", s.properties,
          {"",
           "further properties for librdkafka, by its names, given through as they are (its CONFIGURATION.md "
           "lists them), e.g. \"client.rack\" = \"b\". Secrets and what the log's promises rest on are "
           "refused."});
}

void describe(SettingsVisitor& v, ReaderSettings& s) {
  v.visit("reorder_bound", s.reorder_bound,
          {"rows", "records waited for at most when partitions run apart", 1, 1e6});
  v.visit("max_missing_fraction", s.max_missing_fraction,
          {"1",
           "a record that lacks more of the columns that records lately had is unusable; half still holds "
           "the other half",
           0, 1});
  v.visit("lease_s", s.lease_s,
          {"s",
           "a monitor or retrainer that has not read for so long may be replaced by another one: longer "
           "than a step, and nobody wants to wait longer for an heir",
           0.1, 3600});
}

}  // namespace drst
