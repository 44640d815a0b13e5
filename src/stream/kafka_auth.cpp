#include "stream/kafka_auth.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

namespace drst::kafka {

namespace {

constexpr std::uint64_t longest_secret = 64u << 10;

/// From the file, else from the variable; nullopt if neither is given.
std::optional<std::string> secret(const std::string& file, const char* setting, const char* variable) {
  if (!file.empty()) {
    std::string text = read_file(file, longest_secret);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.empty()) throw InputError(std::string(setting) + " = '" + file + "': the file is empty");
    return text;
  }
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::optional<std::string> token_of(const KafkaSettings& settings) {
  return secret(settings.token_file, "kafka.token_file", "DRST_KAFKA_TOKEN");
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  return bytes;
}

/// A missing file is named here and not by librdkafka's "error:80000002".
void need_file(const std::string& file, const char* setting) {
  if (file.empty()) return;
  try {
    (void)read_file(file, std::uint64_t{16} << 20);
  } catch (const InputError& error) {
    throw InputError(std::string(setting) + ": " + error.what());
  }
}

void set_tls(const KafkaSettings& s, const std::function<void(const std::string&, const std::string&)>& set) {
  need_file(s.ca_file, "kafka.ca_file");
  need_file(s.certificate_file, "kafka.certificate_file");
  if (s.certificate_file.empty() != s.key_file.empty())
    throw InputError("kafka.certificate_file and kafka.key_file go together: set both or none");
  if (!s.ca_file.empty()) set("ssl.ca.location", s.ca_file);
  if (s.certificate_file.empty()) return;
  const auto password = secret(s.key_password_file, "kafka.key_password_file", "DRST_KAFKA_KEY_PASSWORD");
  need_file(s.key_file, "kafka.key_file");
  set("ssl.certificate.location", s.certificate_file);
  set("ssl.key.location", s.key_file);
  // Without one OpenSSL would ask on the terminal.
  set("ssl.key.password", password.value_or("none"));
}

void set_sasl(const Site& site, const std::function<void(const std::string&, const std::string&)>& set) {
  const KafkaSettings& s = site.settings;
  set("sasl.mechanism", s.sasl_mechanism);
  if (s.sasl_mechanism == "OAUTHBEARER") {
    const auto token = token_of(s);
    if (!token)
      throw InputError(
          "kafka.sasl_mechanism = OAUTHBEARER needs a token: name its file in kafka.token_file, "
          "or set DRST_KAFKA_TOKEN");
    if (!read_token(*token))
      throw InputError(
          "the OAUTHBEARER token (kafka.token_file or DRST_KAFKA_TOKEN) is no JSON Web Token with "
          "claims 'sub' and 'exp'");
    return;
  }
  if (s.sasl_mechanism == "GSSAPI") return;  // Kerberos: by [kafka.properties] and the machine's keytab
  const auto password = secret(s.password_file, "kafka.password_file", "DRST_KAFKA_PASSWORD");
  if (s.username.empty() || !password)
    throw InputError("kafka.sasl_mechanism = " + s.sasl_mechanism +
                     " needs kafka.username and a password: name its file in kafka.password_file, or set "
                     "DRST_KAFKA_PASSWORD");
  set("sasl.username", s.username);
  set("sasl.password", *password);
  if (s.security == "sasl_plaintext" && s.sasl_mechanism == "PLAIN")
    log::warning_once(site.url +
                      ": kafka.security = sasl_plaintext sends the password in the clear; sasl_ssl does not");
}

}  // namespace

bool is_secret(std::string_view property) {
  return property.find("password") != std::string_view::npos ||
         property.find("secret") != std::string_view::npos || property.ends_with(".pem") ||
         property == "sasl.oauthbearer.config" || property == "ssl_key";
}

void check_properties(const KafkaSettings& settings) {
  constexpr std::array<std::string_view, 17> ours = {"bootstrap.servers",
                                                     "metadata.broker.list",
                                                     "client.id",
                                                     "group.id",
                                                     "group.instance.id",
                                                     "enable.auto.commit",
                                                     "auto.commit.enable",
                                                     "enable.auto.offset.store",
                                                     "auto.offset.reset",
                                                     "enable.partition.eof",
                                                     "enable.idempotence",
                                                     "enable.gapless.guarantee",
                                                     "request.required.acks",
                                                     "acks",
                                                     "sasl.mechanism",
                                                     "sasl.mechanisms",
                                                     "allow.auto.create.topics"};
  for (const auto& [name, value] : settings.properties) {
    if (is_secret(name))
      throw InputError(
          "[kafka.properties] '" + name +
          "' is a secret, and settings are printed and kept with each run; put it into a file and "
          "name that in kafka.password_file, kafka.key_password_file or kafka.token_file, or set "
          "DRST_KAFKA_PASSWORD, DRST_KAFKA_KEY_PASSWORD or DRST_KAFKA_TOKEN");
    if (std::ranges::find(ours, name) != ours.end())
      throw InputError(
          "[kafka.properties] '" + name +
          "' cannot be given through: what the log promises rests on it, or it has a setting of its "
          "own (`drst config` lists [kafka])");
  }
}

void set_security(const Site& site, const std::function<void(const std::string&, const std::string&)>& set) {
  const KafkaSettings& s = site.settings;
  set("security.protocol", s.security);
  const bool tls = s.security.ends_with("ssl");
  const bool sasl = s.security.starts_with("sasl");
  if (!tls && !(s.ca_file.empty() && s.certificate_file.empty() && s.key_file.empty()))
    throw InputError(
        "kafka.ca_file, kafka.certificate_file and kafka.key_file need kafka.security = ssl or "
        "sasl_ssl, not " +
        s.security);
  if (!sasl && !(s.username.empty() && s.password_file.empty() && s.token_file.empty()))
    throw InputError(
        "kafka.username, kafka.password_file and kafka.token_file need kafka.security = sasl_ssl, "
        "not " +
        s.security);
  if (tls) set_tls(s, set);
  if (sasl) set_sasl(site, set);
}

std::optional<TokenClaims> read_token(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto json = from_base64url(token.substr(first + 1, second - first - 1));
  if (!json) return std::nullopt;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(simdjson::padded_string(*json)).get(root) != simdjson::SUCCESS) return std::nullopt;
  TokenClaims claims;
  std::string_view subject;
  double expires = 0;
  if (root["sub"].get(subject) != simdjson::SUCCESS || root["exp"].get(expires) != simdjson::SUCCESS)
    return std::nullopt;
  constexpr double latest_s = 1e11;
  if (!(expires > 0 && expires < latest_s)) return std::nullopt;
  claims.subject = subject;
  claims.expires_ms = static_cast<int64_t>(expires * 1000);
  return claims;
}

void refresh_token(rd_kafka_t* handle, const KafkaSettings& settings) noexcept {
  try {
    const auto token = token_of(settings);
    const auto claims = token ? read_token(*token) : std::nullopt;
    std::array<char, 256> error{};
    if (!claims) {
      rd_kafka_oauthbearer_set_token_failure(handle,
                                             "no readable token (kafka.token_file, DRST_KAFKA_TOKEN)");
    } else if (rd_kafka_oauthbearer_set_token(handle, token->c_str(), claims->expires_ms,
                                              claims->subject.c_str(), nullptr, 0, error.data(),
                                              error.size()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_oauthbearer_set_token_failure(handle, error.data());
    }
  } catch (const std::exception& problem) {
    rd_kafka_oauthbearer_set_token_failure(handle, problem.what());
  }
}

std::string advice_on_refusal(const KafkaSettings& settings, std::string_view reason) {
  const bool about_certificate =
      reason.find("certificate") != std::string_view::npos || reason.find("SSL") != std::string_view::npos;
  if (reason.find("expired") != std::string_view::npos && about_certificate)
    return "a certificate has run out: renew the broker's, or yours (kafka.certificate_file), and check both "
           "clocks";
  if (about_certificate && settings.security.ends_with("ssl"))
    return "check kafka.ca_file (now '" + settings.ca_file +
           "': it must hold the CA that signed the broker's certificate), that the name in --log stands in "
           "that "
           "certificate, and that the port speaks TLS; a broker that asks for a certificate of ours needs "
           "kafka.certificate_file and kafka.key_file";
  if (settings.security.starts_with("sasl")) {
    constexpr int scram_fixed_in = 0x020601ff;
    if (settings.sasl_mechanism.starts_with("SCRAM") && rd_kafka_version() < scram_fixed_in)
      return "if user and password are right: this librdkafka (" + std::string(rd_kafka_version_str()) +
             ") repeats a nonce in SCRAM, and brokers with the fix of CVE-2024-56128 (Kafka 3.7.2, 3.8.1, "
             "3.9 and "
             "later) refuse that. Use kafka.sasl_mechanism = PLAIN or OAUTHBEARER over sasl_ssl, or "
             "librdkafka "
             "2.6.1 or later";
    return "check kafka.username, the password or token, and that the broker offers " +
           settings.sasl_mechanism;
  }
  return "check kafka.security: the broker wants another than " + settings.security;
}

}  // namespace drst::kafka
