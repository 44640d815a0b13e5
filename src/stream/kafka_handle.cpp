#include "stream/kafka_handle.h"

#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "stream/kafka_auth.h"

namespace drst::kafka {

namespace {

using std::chrono::milliseconds;

void on_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  static_cast<Notices*>(opaque)->note(static_cast<rd_kafka_resp_err_t>(code), reason);
}

void on_message(const rd_kafka_t*, int, const char* facility, const char* text) {
  if (log::level() > log::Level::debug) return;
  try {
    log::debug("librdkafka: " + std::string(facility) + ": " + text);
  } catch (...) {  // out of memory: a message less
  }
}

int on_certificate(rd_kafka_t*, const char* broker, int32_t, int* error, int, const char*, std::size_t, char*,
                   std::size_t, void* opaque) {
  if (*error == X509_V_OK) return 1;
  try {
    static_cast<Notices*>(opaque)->note_certificate("the certificate of " + std::string(broker) +
                                                    " is refused: " + X509_verify_cert_error_string(*error));
  } catch (...) {  // out of memory: a reason less
  }
  return 0;
}

void on_token_wanted(rd_kafka_t* handle, const char*, void* opaque) {
  refresh_token(handle, *static_cast<Notices*>(opaque)->settings);
}

bool uses_tokens(const KafkaSettings& settings) {
  return settings.sasl_mechanism == "OAUTHBEARER" && settings.security.starts_with("sasl");
}

milliseconds from_seconds(double seconds) { return milliseconds(static_cast<int64_t>(seconds * 1000)); }

bool is_host_list(std::string_view text) {
  return !text.empty() && text.front() != ',' && text.back() != ',' &&
         text.find(",,") == std::string_view::npos && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view(".-_:[],").find(c) != std::string_view::npos;
         });
}

/// The port after the last colon, if there is one and it is a number of a port.
void check_ports(const std::string& url, std::string_view hosts) {
  while (!hosts.empty()) {
    const std::string_view host = hosts.substr(0, hosts.find(','));
    hosts.remove_prefix(std::min(hosts.size(), host.size() + 1));
    const auto colon = host.rfind(':');
    if (colon == std::string_view::npos || host.back() == ']') continue;  // 9092
    constexpr int64_t highest = 65535;
    const auto port = parse_int(host.substr(colon + 1));
    if (colon == 0 || !port || *port < 1 || *port > highest)
      throw InputError("--log '" + url + "': '" + std::string(host) + "' is not host:port; use kafka://" +
                       "host:port[,host:port]");
  }
}

}  // namespace

PartitionList one_partition(const std::string& topic, int partition, int64_t offset) {
  PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  return list;
}

void Notices::note(rd_kafka_resp_err_t code, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  const bool general = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__TRANSPORT;
  // A broker that does not like our certificate says so in an alert, and librdkafka calls it a lost
  // connection.
  if (general && reason.find("SSL routines") != std::string_view::npos) code = RD_KAFKA_RESP_ERR__SSL;
  const bool refusal = code_ == RD_KAFKA_RESP_ERR__AUTHENTICATION || code_ == RD_KAFKA_RESP_ERR__SSL;
  if (code != RD_KAFKA_RESP_ERR__SSL && general && (refusal || !reason_.empty()) &&
      (refusal || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN))
    return;  // it says less than what is known already
  code_ = code;
  reason_ = reason;
}

void Notices::note_certificate(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  certificate_ = reason;
}

bool Notices::refused() const {
  const std::lock_guard lock(mutex_);
  return code_ == RD_KAFKA_RESP_ERR__AUTHENTICATION || code_ == RD_KAFKA_RESP_ERR__SSL ||
         code_ == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

std::string Notices::reason() const {
  const std::lock_guard lock(mutex_);
  return certificate_.empty() || code_ != RD_KAFKA_RESP_ERR__SSL ? reason_ : certificate_ + "; " + reason_;
}

rd_kafka_resp_err_t Notices::code() const {
  const std::lock_guard lock(mutex_);
  return code_;
}

void Notices::forget() {
  const std::lock_guard lock(mutex_);
  code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  reason_.clear();
  certificate_.clear();
}

milliseconds Site::patience() const { return from_seconds(settings.patience_s); }
milliseconds Site::connect_timeout() const { return from_seconds(settings.connect_timeout_s); }

Site make_site(const std::string& url, const KafkaSettings& settings, const LogSettings& log) {
  constexpr std::string_view scheme = "kafka://";
  Site site{.url = url, .bootstrap = url.substr(scheme.size()), .settings = settings, .log = log};
  if (site.bootstrap.ends_with('/')) site.bootstrap.pop_back();
  if (site.bootstrap.find('@') != std::string::npos)  // not repeated: it may hold a password
    throw InputError(
        "--log kafka://...@...: a user or password does not belong into the address; set "
        "kafka.username, and kafka.password_file or DRST_KAFKA_PASSWORD");
  if (!is_host_list(site.bootstrap))
    throw InputError("--log '" + url + "' is not kafka://host:port[,host:port]" +
                     (site.bootstrap.find('/') == std::string::npos
                          ? ""
                          : "; a topic is no part of it (stream.topic is the setting)"));
  check_ports(url, site.bootstrap);
  check_properties(settings);
  return site;
}

Conf make_conf(const Site& site, const Properties& own, Notices& notices) {
  Conf conf(rd_kafka_conf_new());
  const auto set = [&](const std::string& name, const std::string& value) {
    std::array<char, 512> error{};
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error.data(), error.size()) ==
        RD_KAFKA_CONF_OK)
      return;
    // librdkafka's words may repeat the value
    throw InputError(
        "[kafka] property '" + name +
        "': " + (is_secret(name) ? std::string("librdkafka refuses its value") : std::string(error.data())) +
        " (librdkafka " + rd_kafka_version_str() + ")");
  };
  set("bootstrap.servers", site.bootstrap);
  set_security(site, set);
  for (const auto& [name, value] : own) set(name, value);
  for (const auto& [name, value] : site.settings.properties) set(name, value);
  notices.settings = &site.settings;
  rd_kafka_conf_set_opaque(conf.get(), &notices);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  rd_kafka_conf_set_log_cb(conf.get(), on_message);
  if (site.settings.security.ends_with("ssl"))
    rd_kafka_conf_set_ssl_cert_verify_cb(conf.get(), on_certificate);
  if (uses_tokens(site.settings)) {
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf.get(), on_token_wanted);
    rd_kafka_conf_enable_sasl_queue(conf.get(), 1);
  }
  return conf;
}

namespace {
bool has_fetch_pause() {
  constexpr int since = 0x020200ff;
  return rd_kafka_version() >= since;
}
}  // namespace

Properties short_fetch_pauses() {
  if (has_fetch_pause()) return {{"fetch.queue.backoff.ms", "5"}, {"fetch.error.backoff.ms", "100"}};
  return {{"fetch.error.backoff.ms", "100"}};
}

void wake_fetcher(rd_kafka_t* handle, const std::string& topic, int partition) {
  if (has_fetch_pause()) return;
  const auto list = one_partition(topic, partition, RD_KAFKA_OFFSET_END);
  rd_kafka_offsets_for_times(handle, list.get(), 0);
}

void HandleDeleter::operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }

Handle make_handle(const Site& site, rd_kafka_type_t type, Conf conf) {
  std::array<char, 512> error{};
  Handle handle(rd_kafka_new(type, conf.get(), error.data(), error.size()));
  if (!handle)
    throw LogError(ExitCode::input, site.url + ": librdkafka " + rd_kafka_version_str() +
                                        " refuses these settings: " + error.data() +
                                        "; check [kafka] and [kafka.properties]");
  (void)conf.release();  // the handle's now
  if (uses_tokens(site.settings)) {
    refresh_token(handle.get(), site.settings);
    const Failure failure(
        rd_kafka_sasl_background_callbacks_enable(handle.get()));  // renewed by its own thread
    if (failure) throw LogError(ExitCode::failed, site.url + ": " + rd_kafka_error_string(failure.get()));
  }
  return handle;
}

bool is_passing(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__NOENT:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_LISTENER_NOT_FOUND:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
      return true;
    default:
      return false;
  }
}

LogError problem(const Site& site, const std::string& what, rd_kafka_resp_err_t code,
                 const std::string& reason) {
  const std::string begin =
      what + " at " + site.url + ": " + (reason.empty() ? std::string(rd_kafka_err2str(code)) : reason);
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return {ExitCode::input, begin + "; " + advice_on_refusal(site.settings, reason)};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return {ExitCode::input,
              begin + "; the user may not do this: give " +
                  (site.settings.username.empty() ? "it" : "'" + site.settings.username + "'") +
                  " the right (kafka-acls.sh), or use another user"};
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
      return {ExitCode::input, begin + "; set kafka.replication to at most the number of brokers"};
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
      return {ExitCode::input, begin + "; create the topic by hand as the cluster's policy wants it"};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return {
          ExitCode::input,
          begin + "; raise the topic's max.message.bytes, or send smaller records (log.max_record_bytes)"};
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      return {ExitCode::input,
              begin +
                  "; the lease must lie between the broker's group.min.session.timeout.ms and "
                  "group.max.session.timeout.ms (inference.lease_s, reader.lease_s)"};
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return {ExitCode::unreachable, begin + "; check the host name in --log"};
    case RD_KAFKA_RESP_ERR__FATAL:
      return {ExitCode::failed, begin};
    default:
      break;
  }
  if (is_passing(code))
    return {ExitCode::unreachable,
            begin + "; is Kafka running there, is the port right, and does it want TLS (kafka.security)?"};
  return {ExitCode::failed, begin};
}

void warn_of_wait(const Site& site, const std::string& what, const std::string& reason,
                  milliseconds patience) {
  log::warning(what + " at " + site.url + " waits for an answer (" +
               (reason.empty() ? "the connection stands, and nothing has come so far" : reason) + "), for " +
               to_text(patience.count() / 1000) + " s at most (" +
               (patience == site.connect_timeout() ? "kafka.connect_timeout_s" : "kafka.patience_s") + ")");
}

void insist(const Site& site, const Notices& notices, const std::string& what, milliseconds patience,
            const std::function<rd_kafka_resp_err_t(int)>& attempt) {
  using Steady = std::chrono::steady_clock;
  constexpr int one_attempt_ms = 500;
  constexpr auto between = milliseconds(20);
  const auto begin = Steady::now();
  bool said = false;
  for (;;) {
    throw_if_stopped();
    const auto code = attempt(one_attempt_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (said) log::warning(site.url + " answers again");
      return;
    }
    const auto waited = std::chrono::duration_cast<milliseconds>(Steady::now() - begin);
    if (!is_passing(code)) throw problem(site, what, code, rd_kafka_err2str(code));
    const bool refused = notices.refused() && patience == site.connect_timeout();
    if (refused || waited >= patience)  // why there is no connection says more than that there is none
      throw problem(site, what, notices.code() != RD_KAFKA_RESP_ERR_NO_ERROR ? notices.code() : code,
                    notices.reason());
    if (!said && waited > milliseconds(3000)) {
      said = true;
      const std::string reason = notices.reason();
      warn_of_wait(site, what, reason.empty() ? rd_kafka_err2str(code) : reason, patience);
    }
    std::this_thread::sleep_for(between);
  }
}

}  // namespace drst::kafka
