#include "store/s3_client.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "store/s3_xml.h"

namespace drst {

namespace {

std::string first_of(std::string set, std::initializer_list<const char*> variables, const char* otherwise) {
  for (const char* name : variables)
    if (set.empty()) set = s3_variable(name);
  return set.empty() ? otherwise : set;
}

bool plain(std::string_view text, std::string_view also) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
}

/// "HTTPS://Host:443//" -> {"https", "host"}: one spelling of what is the same by RFC 3986, since what waits
/// for upload lies by this name. What is wrong is told without the text: it may hold a password.
std::pair<std::string, std::string> endpoint_parts(std::string_view spelled) {
  std::string lower;
  for (const char c : spelled) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  std::string_view url = lower;
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://"))
    throw InputError("s3.endpoint must begin with https:// or http://");
  url.remove_prefix(tls ? 8 : 7);
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.find('@') != std::string_view::npos)
    throw InputError("s3.endpoint must hold no user or password; see `drst config` on credentials");
  if (!plain(url, ".-_:[]"))
    throw InputError("s3.endpoint must be http(s)://host[:port], without path or query");
  const std::string_view usual = tls ? ":443" : ":80";
  if (url.ends_with(usual)) url.remove_suffix(usual.size());
  return {tls ? "https" : "http", std::string(url)};
}

bool loopback(std::string_view authority) {
  return authority.starts_with("127.") || authority.starts_with("[::1]") || authority == "localhost" ||
         authority.starts_with("localhost:");
}

void check_bucket(const std::string& bucket) {
  const bool good = bucket.size() >= 3 && bucket.size() <= 63 && plain(bucket, ".-") &&
                    bucket.front() != '.' && bucket.front() != '-' &&
                    std::none_of(bucket.begin(), bucket.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!good) throw InputError("'" + bucket + "' is no name of a bucket: 3 to 63 of a-z 0-9 . -");
}

}  // namespace

S3Client::S3Client(const S3Settings& settings, std::string bucket, S3Surroundings surroundings)
    : settings_(settings),
      bucket_(std::move(bucket)),
      region_(first_of(settings.region, {"AWS_REGION", "AWS_DEFAULT_REGION"}, "us-east-1")),
      surroundings_(std::move(surroundings)),
      http_({settings.connect_timeout_s, settings.stall_timeout_s, settings.ca_file, surroundings_.ending}),
      credentials_(settings.profile, surroundings_.clock != nullptr ? *surroundings_.clock : system_clock_,
                   [this](const std::string& form) { return ask_sts(form); }),
      random_(surroundings_.seed != 0 ? surroundings_.seed : std::random_device{}()) {
  if (!surroundings_.ending) surroundings_.ending = [] { return stop_requested(); };
  check_bucket(bucket_);
  if (!plain(region_, "-_")) throw InputError("s3.region '" + region_ + "' is no name of a region");
  const auto endpoint = first_of(settings_.endpoint, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "");
  std::tie(scheme_, authority_) =
      endpoint_parts(endpoint.empty() ? "https://s3." + region_ + ".amazonaws.com" : endpoint);
  const bool virtual_style =
      settings_.addressing == "virtual" ||
      (settings_.addressing == "auto" && endpoint.empty() && bucket_.find('.') == std::string::npos);
  endpoint_ = scheme_ + "://" + authority_;
  if (virtual_style) {
    authority_ = bucket_ + "." + authority_;
  } else {
    path_before_key_ = "/" + bucket_;
  }
  if (scheme_ == "http" && !loopback(authority_))
    log::warning_once("objects go to " + authority_ +
                      " in the clear; an https:// endpoint would protect them");
}

HttpAnswer S3Client::attempt(const S3Request& request, const std::string& digest, double timeout_s) {
  const auto credentials = credentials_.current();
  const Clock& clock = surroundings_.clock != nullptr ? *surroundings_.clock : system_clock_;
  const Time now = clock.now() + Duration(clock_offset_us_.load());
  S3Signable signable{request.method, path_before_key_ + "/" + s3_encode(request.key, true),
                      s3_canonical_query(request.query), request.headers, digest};
  auto& headers = signable.headers;
  if (request.prepare) request.prepare(headers);
  headers.emplace_back("host", authority_);
  headers.emplace_back("x-amz-content-sha256", digest);
  headers.emplace_back("x-amz-date", s3_date(now));
  if (!credentials.session_token.empty())
    headers.emplace_back("x-amz-security-token", credentials.session_token);
  if (request.method == "PUT" || request.method == "POST")
    headers.emplace_back("content-type", "application/octet-stream");
  HttpCall call;
  call.method = request.method;
  call.url =
      scheme_ + "://" + authority_ + signable.path + (signable.query.empty() ? "" : "?" + signable.query);
  for (const auto& [name, value] : headers)
    call.headers.push_back(std::string(name).append(": ").append(value));
  call.headers.push_back("authorization: " + s3_authorization(signable, credentials, region_, "s3", now));
  call.body = request.body;
  call.body_limit = s3_xml_limit;
  call.write = request.write;
  call.timeout_s = timeout_s;
  return http_.exchange(call);
}

S3Answer S3Client::send(const S3Request& request) {
  const double begin = monotonic_seconds();
  const auto left = [&] { return settings_.deadline_s - (monotonic_seconds() - begin); };
  const std::string digest = sha256_hex(request.body);
  bool uncertain = false, corrected = false, renewed = false;
  int number = 0;
  std::string failed;
  for (int tries = 0;;) {
    if (surroundings_.trying) surroundings_.trying({request.doing, ++number, failed});
    const HttpAnswer answer = attempt(request, digest, std::max(left(), 0.001));
    if (answer.kind == HttpAnswer::Kind::unwanted) return {answer, uncertain};
    const std::string code = s3_code(answer);
    const bool error_in_ok = answer.good() && !code.empty();  // copy and complete: the status came before it
    if (answer.good() && !error_in_ok) return {answer, uncertain};
    const bool expected =
        answer.kind == HttpAnswer::Kind::answered && code != "NoSuchBucket" &&
        std::find(request.expected.begin(), request.expected.end(), answer.status) != request.expected.end();
    if (expected) return {answer, uncertain};
    const S3Remedy remedy = error_in_ok ? S3Remedy::retry : s3_remedy(answer, code);
    failed = code.empty() ? credentials_.without_secrets(answer.words) : code;
    if (failed.empty()) failed = "status " + to_text(answer.status);
    if (remedy == S3Remedy::correct_clock && !corrected && answer.date) {
      const Clock& clock = surroundings_.clock != nullptr ? *surroundings_.clock : system_clock_;
      clock_offset_us_ = (*answer.date - clock.now()).count();
      corrected = true;
      log::warning("the clock of this machine differs by " +
                   to_text(std::chrono::duration_cast<std::chrono::seconds>(
                               Duration(std::abs(clock_offset_us_.load())))
                               .count()) +
                   " s from that of " + authority_ + ", whose is used for signatures");
    } else if (remedy == S3Remedy::renew_credentials && !renewed && credentials_.renew()) {
      renewed = true;
    } else if (remedy == S3Remedy::retry && tries < settings_.retries) {
      uncertain = true;
      const double pause = std::max(draw_wait(tries++), answer.retry_after_s);
      if (pause >= left()) refuse(request.doing, answer);
      log::debug("S3: cannot " + request.doing + " yet (" + failed + "); again in " + to_fixed(pause, 1) +
                 " s");
      wait(pause);
      if (left() <= 0) refuse(request.doing, answer);
    } else {
      refuse(request.doing, answer);
    }
  }
}

void S3Client::refuse(const std::string& doing, const HttpAnswer& answer) {
  const auto refusal =
      s3_refusal(answer, {bucket_, scheme_ + "://" + authority_, region_, credentials_.place()});
  throw Error(refusal.exit_code, credentials_.without_secrets("cannot " + doing + ": " + refusal.words));
}

/// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html: not signed, the
/// token speaks for itself.
std::string S3Client::ask_sts(const std::string& form) {
  const auto endpoint = first_of("", {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"}, "");
  const auto [scheme, authority] =
      endpoint_parts(endpoint.empty() ? "https://sts." + region_ + ".amazonaws.com" : endpoint);
  HttpCall call;
  call.method = "POST";
  call.url = scheme + "://" + authority + "/";
  call.headers = {"content-type: application/x-www-form-urlencoded"};
  call.body = form;
  const double begin = monotonic_seconds();
  const auto left = [&] { return settings_.deadline_s - (monotonic_seconds() - begin); };
  for (int tries = 0;; ++tries) {
    call.timeout_s = std::max(left(), 0.001);
    const auto answer = http_.exchange(call);
    if (answer.good()) return answer.body;
    const double pause = std::max(draw_wait(tries), answer.retry_after_s);
    if (s3_remedy(answer, s3_code(answer)) != S3Remedy::retry || tries >= settings_.retries ||
        pause >= left())
      refuse_sts(authority, answer);
    wait(pause);
  }
}

/// credentials_ is locked by the caller, and the form holds the token: only codes are told.
void S3Client::refuse_sts(const std::string& authority, const HttpAnswer& answer) {
  using Kind = HttpAnswer::Kind;
  if (answer.kind == Kind::stopped)
    throw Error(ExitCode::interrupted, "interrupted while waiting for STS at " + authority);
  const auto code = s3_code(answer);
  const bool refused =
      (answer.kind == Kind::answered && answer.status < 500) || answer.kind == Kind::untrusted;
  std::string what = code.empty() ? "status " + to_text(answer.status) : code;
  if (answer.kind != Kind::answered) what = answer.words;
  throw Error(refused ? ExitCode::input : ExitCode::unreachable,
              "STS at " + authority + " gives no credentials: " + what +
                  "; check AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ENDPOINT_URL_STS");
}

double S3Client::draw_wait(int tries) {
  const std::lock_guard lock(mutex_);
  const double bound = settings_.backoff_s * static_cast<double>(std::int64_t{1} << std::min(tries, 40));
  return random_.uniform() * std::min(bound, settings_.backoff_limit_s);
}

void S3Client::wait(double seconds) const {
  if (surroundings_.wait) return surroundings_.wait(seconds);
  const double until = monotonic_seconds() + seconds;
  for (;;) {
    const double left = until - monotonic_seconds();
    if (left <= 0) return;
    if (surroundings_.ending())
      throw Error(ExitCode::interrupted, "interrupted while waiting to ask " + authority_ + " again");
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, 0.05)));
  }
}

}  // namespace drst
