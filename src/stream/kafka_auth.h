// How to get into a Kafka: TLS, client certificates, SASL (PLAIN, SCRAM, OAUTHBEARER). Inside of kafka_log.h.
//
// Secrets come from a file that a setting names, or from DRST_KAFKA_PASSWORD, DRST_KAFKA_KEY_PASSWORD and
// DRST_KAFKA_TOKEN; never from a setting itself, since settings are printed, kept with each run and shown in
// process lists. They go from there into librdkafka and nowhere else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "stream/kafka_handle.h"

namespace drst::kafka {

/// Throws InputError where settings contradict one another, a file cannot be read or a secret is missing.
void set_security(const Site& site, const std::function<void(const std::string&, const std::string&)>& set);
/// [kafka.properties] may not hold secrets, nor what the log's promises rest on. Throws InputError.
void check_properties(const KafkaSettings& settings);
bool is_secret(std::string_view property);

/// A JSON Web Token's claims that matter here.
struct TokenClaims {
  std::string subject;
  int64_t expires_ms = 0;
};
std::optional<TokenClaims> read_token(std::string_view token);
/// Hands the token (read anew: files of tokens are replaced before they expire) to the handle.
void refresh_token(rd_kafka_t* handle, const KafkaSettings& settings) noexcept;

/// What to do about a refusal, as a sentence.
std::string advice_on_refusal(const KafkaSettings& settings, std::string_view reason);

}  // namespace drst::kafka
