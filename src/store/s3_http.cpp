#include "store/s3_http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"

namespace drst {

namespace {

constexpr long transfer_buffer = 512 * 1024;
constexpr std::size_t max_header_bytes = 64 * 1024;
/// So long may an exchange go on once the process is asked to end: parts end within 5 s.
constexpr double stop_patience_s = 2;

struct Exchange {
  const HttpCall& call;
  const HttpLimits& limits;
  CURL* handle = nullptr;
  HttpAnswer answer = {};
  std::size_t sent = 0;
  std::size_t header_bytes = 0;
  curl_off_t moved = 0;
  double last_move_s = monotonic_seconds();
  double stop_seen_s = 0;
  bool too_large = false, unwanted = false, stalled = false, stopped = false;
};

std::size_t on_body(char* data, std::size_t one, std::size_t many, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t count = one * many;
  auto& answer = exchange.answer;
  if (exchange.call.write && answer.status >= 200 && answer.status < 300) {
    exchange.unwanted = !exchange.call.write(answer, {data, count});
    return exchange.unwanted ? 0 : count;
  }
  exchange.too_large = answer.body.size() + count > exchange.call.body_limit;
  if (exchange.too_large) return 0;
  answer.body.append(data, count);
  return count;
}

std::size_t on_header(char* data, std::size_t one, std::size_t many, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, one * many);
  auto& answer = exchange.answer;
  exchange.header_bytes += line.size();
  exchange.too_large = exchange.header_bytes > max_header_bytes;
  if (exchange.too_large) return 0;
  if (line.starts_with("HTTP/")) {  // of 100 Continue, and then of the answer
    answer.headers.clear();
    long status = 0;
    curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    std::string name(trim(line.substr(0, colon)));
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    answer.headers[name] = trim(line.substr(colon + 1));
  }
  return line.size();
}

std::size_t on_read(char* out, std::size_t one, std::size_t many, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const auto count = std::min(one * many, exchange.call.body.size() - exchange.sent);
  std::memcpy(out, exchange.call.body.data() + exchange.sent, count);
  exchange.sent += count;
  return count;
}

int on_seek(void* user, curl_off_t offset, int origin) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > exchange.call.body.size())
    return CURL_SEEKFUNC_CANTSEEK;
  exchange.sent = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  auto& exchange = *static_cast<Exchange*>(user);
  const double now = monotonic_seconds();
  if (down + up != exchange.moved) {
    exchange.moved = down + up;
    exchange.last_move_s = now;
  }
  const bool begun = exchange.moved > 0 || exchange.header_bytes > 0;
  exchange.stalled = now - exchange.last_move_s >
                     exchange.limits.stall_timeout_s + (begun ? 0 : exchange.limits.connect_timeout_s);
  if (exchange.limits.ending()) {
    if (exchange.stop_seen_s == 0) exchange.stop_seen_s = now;
    exchange.stopped = now - exchange.stop_seen_s > stop_patience_s;
  }
  return exchange.stalled || exchange.stopped ? 1 : 0;
}

HttpAnswer::Kind kind_of(CURLcode code, const Exchange& exchange) {
  using Kind = HttpAnswer::Kind;
  if (exchange.too_large) return Kind::too_large;
  if (exchange.unwanted) return Kind::unwanted;
  if (exchange.stopped) return Kind::stopped;
  switch (code) {
    case CURLE_OK:
      return Kind::answered;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Kind::unreachable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return Kind::untrusted;
    default:
      // The connection was not there yet: nothing was asked.
      return exchange.header_bytes == 0 && code == CURLE_OPERATION_TIMEDOUT && exchange.moved == 0
                 ? Kind::unreachable
                 : Kind::cut;
  }
}

long milliseconds(double seconds) { return std::max(1L, static_cast<long>(seconds * 1000)); }

void prepare(CURL* c, Exchange& exchange, char* detail) {
  const auto& [call, limits] = std::tie(exchange.call, exchange.limits);
  curl_easy_reset(c);  // keeps connections, sessions and names
  curl_easy_setopt(c, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(c, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!limits.ca_file.empty()) {
    curl_easy_setopt(c, CURLOPT_CAINFO, limits.ca_file.c_str());
    curl_easy_setopt(c, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "drst/" DRST_VERSION);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(limits.connect_timeout_s));
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, milliseconds(call.timeout_s));
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &exchange);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(c, CURLOPT_BUFFERSIZE, transfer_buffer);
  curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, transfer_buffer);
  if (call.method == "HEAD") {
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
  } else if (call.method == "PUT" || call.method == "POST") {
    // Beyond 1 MiB libcurl asks first (Expect: 100-continue), so that a refusal is read and not lost in a
    // reset connection.
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(c, CURLOPT_READFUNCTION, &on_read);
    curl_easy_setopt(c, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, &on_seek);
    curl_easy_setopt(c, CURLOPT_SEEKDATA, &exchange);
  }
  if (call.method != "HEAD") curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, call.method.c_str());
}

}  // namespace

const std::string& HttpAnswer::header(const std::string& name) const {
  static const std::string none;
  const auto found = headers.find(name);
  return found == headers.end() ? none : found->second;
}

HttpPool::HttpPool(HttpLimits limits) : limits_(std::move(limits)) {
  static std::once_flag once;  // curl_global_init is not thread-safe in every build
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  if (!limits_.ending) limits_.ending = [] { return stop_requested(); };
  std::error_code unknown;
  if (!limits_.ca_file.empty() && !std::filesystem::is_regular_file(limits_.ca_file, unknown))
    throw InputError("there is no file of certificate authorities '" + limits_.ca_file +
                     "'; check s3.ca_file");
}

HttpPool::~HttpPool() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

HttpAnswer HttpPool::exchange(const HttpCall& call) {
  CURL* handle = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      handle = idle_.back();
      idle_.pop_back();
    }
  }
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(handle != nullptr ? handle : curl_easy_init(),
                                                           &curl_easy_cleanup);
  if (!curl) throw FailedError("libcurl cannot be initialised");
  Exchange exchange{call, limits_, curl.get()};
  char detail[CURL_ERROR_SIZE] = "";
  prepare(curl.get(), exchange, detail);
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, &curl_slist_free_all);
  for (const auto& line : call.headers) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) throw FailedError("libcurl has no memory");
    (void)headers.release();
    headers.reset(longer);
  }
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());

  const CURLcode code = curl_easy_perform(curl.get());
  HttpAnswer answer = std::move(exchange.answer);
  answer.kind = kind_of(code, exchange);
  if (exchange.stalled) {
    answer.words = "no byte for " + to_text(limits_.stall_timeout_s) + " s";
  } else if (code != CURLE_OK) {
    answer.words = *detail != '\0' ? detail : curl_easy_strerror(code);
  }
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RETRY_AFTER, &retry_after);
  answer.retry_after_s = static_cast<double>(retry_after);
  if (const auto date = curl_getdate(answer.header("date").c_str(), nullptr); date > 0)
    answer.date = Time(std::chrono::seconds(date));
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, nullptr);  // ours ends here
  const std::lock_guard lock(mutex_);
  idle_.push_back(curl.release());
  return answer;
}

}  // namespace drst
