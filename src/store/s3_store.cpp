#include "store/s3_store.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "store/key.h"
#include "store/s3_download.h"
#include "store/s3_xml.h"

namespace drst {

namespace {

constexpr std::size_t max_key = 1024;
constexpr std::size_t max_parts = 10'000;
constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr int max_versions = 8;  // that one reader sees come and go
/// Larger objects are not compared with their ETag: an MD5 is slower than loopback.
constexpr std::uint64_t most_compared = 8 * mebibyte;

}  // namespace

S3Store::Place S3Store::place_of(const std::string& url) {
  std::string_view rest = url;
  if (!rest.starts_with("s3://"))
    throw InputError("store '" + url + "': an S3 store is s3://bucket[/prefix]");
  rest.remove_prefix(5);
  const auto slash = rest.find('/');
  Place place{std::string(rest.substr(0, slash)), ""};
  if (slash != std::string_view::npos) place.prefix = rest.substr(slash + 1);
  if (!place.prefix.empty() && place.prefix.back() != '/') place.prefix += '/';
  check_prefix(place.prefix);
  return place;
}

S3Store::S3Store(const std::string& url, const S3Settings& settings, S3Surroundings surroundings)
    : S3Store(place_of(url), settings, std::move(surroundings)) {}

S3Store::S3Store(Place place, const S3Settings& settings, S3Surroundings surroundings)
    : place_(std::move(place)), client_(settings, place_.bucket, std::move(surroundings)) {}

std::string S3Store::url() const {
  const auto& prefix = place_.prefix;
  return "s3://" + place_.bucket + (prefix.empty() ? "" : "/" + prefix.substr(0, prefix.size() - 1));
}

S3Request S3Store::request(std::string method, const std::string& key, const char* doing) const {
  check_key(key);
  if (place_.prefix.size() + key.size() > max_key)
    throw InputError("object key '" + key.substr(0, 100) + "...' is too long for " + url() +
                     ": at most 1024 characters with the prefix");
  S3Request made;
  made.method = std::move(method);
  made.key = place_.prefix + key;
  made.doing = std::string(doing) + " object '" + key + "' in " + url();
  return made;
}

void S3Store::check() {
  S3Request ask;
  ask.method = "GET";
  ask.doing = "open the store " + url();
  ask.query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", place_.prefix}, {"encoding-type", "url"}};
  const auto answer = client_.send(ask);
  if (const auto page = parse_s3_page(answer.http.body); !page)
    throw InputError("cannot " + ask.doing + ": " + page.error().reason + "; check s3.endpoint");
}

void S3Store::put(const std::string& key, std::string_view bytes) { write(key, bytes, false); }

bool S3Store::put_new(const std::string& key, std::string_view bytes) {
  if (exists(key)) return false;
  return write(key, bytes, true);
}

bool S3Store::write(const std::string& key, std::string_view bytes, bool only_new) {
  if (bytes.size() > static_cast<std::size_t>(client_.settings().multipart_above_mib) * mebibyte)
    return write_in_parts(key, bytes, only_new);
  auto ask = request("PUT", key, only_new ? "create" : "write");
  ask.body = bytes;
  if (only_new) {
    ask.headers = {{"if-none-match", "*"}};
    ask.expected = {412};
  }
  return won(client_.send(ask), key, bytes);
}

/// 412 behind a try whose answer was lost may be the work of that try.
bool S3Store::won(const S3Answer& answer, const std::string& key, std::string_view bytes) {
  if (answer.http.status != 412) return true;
  return answer.uncertain && get(key, bytes.size() + 1) == bytes;
}

bool S3Store::write_in_parts(const std::string& key, std::string_view bytes, bool only_new) {
  const char* const doing = only_new ? "create" : "write";
  auto begin = request("POST", key, doing);
  begin.query = {{"uploads", ""}};
  const auto id = parse_s3_upload_id(client_.send(begin).http.body);
  if (!id) throw FailedError("cannot " + begin.doing + ": " + id.error().reason);
  try {
    const std::size_t part = std::max(static_cast<std::size_t>(client_.settings().part_mib) * mebibyte,
                                      (bytes.size() + max_parts - 1) / max_parts);
    std::string parts = "<CompleteMultipartUpload>";
    for (std::size_t number = 1, at = 0; at < bytes.size(); ++number, at += part) {
      auto send = request("PUT", key, doing);
      send.query = {{"partNumber", to_text(number)}, {"uploadId", *id}};
      send.body = bytes.substr(at, part);
      const std::string etag = client_.send(send).http.header("etag");
      if (etag.empty() || etag.find_first_of("<>&") != std::string::npos)
        throw FailedError("cannot " + send.doing + ": a part was taken without an ETag");
      parts += "<Part><PartNumber>" + to_text(number) + "</PartNumber><ETag>" + etag + "</ETag></Part>";
    }
    parts += "</CompleteMultipartUpload>";
    auto complete = request("POST", key, doing);
    complete.query = {{"uploadId", *id}};
    complete.body = parts;
    complete.expected = {404};  // a try whose answer was lost may have completed it
    if (only_new) {
      complete.headers = {{"if-none-match", "*"}};
      complete.expected.push_back(412);
    }
    const auto answer = client_.send(complete);
    if (answer.http.status == 404 && !(answer.uncertain && get(key, bytes.size() + 1) == bytes))
      throw FailedError("cannot " + complete.doing + ": the service has lost the upload (NoSuchUpload)");
    if (answer.http.status != 412) return true;
    auto abort = request("DELETE", key, "clean up after");
    abort.query = {{"uploadId", *id}};
    abort.expected = {404};
    client_.send(abort);
    return won(answer, key, bytes);
  } catch (const Error&) {
    try {
      auto abort = request("DELETE", key, "clean up after");
      abort.query = {{"uploadId", *id}};
      abort.expected = {404};
      client_.send(abort);
    } catch (const Error& error) {
      log::warning(std::string("parts of an upload stay behind: ") + error.what());
    }
    throw;
  }
}

std::optional<std::string> S3Store::get(const std::string& key, std::uint64_t limit) {
  auto ask = request("GET", key, "read");
  ask.expected = {404, 412, 416};
  const auto& settings = client_.settings();
  S3Download download(limit, static_cast<std::uint64_t>(settings.range_mib) * mebibyte,
                      settings.check_etag ? most_compared : 0);
  bool torn = false;
  ask.prepare = [&](S3Pairs& headers) { download.prepare(headers); };
  ask.write = [&](const HttpAnswer& so_far, std::string_view bytes) { return download.take(so_far, bytes); };
  for (int versions = 0; versions < max_versions;) {
    const auto answer = client_.send(ask);
    if (answer.http.status == 404) return std::nullopt;
    const auto state = download.judge(answer.http);
    if (state == S3Download::State::whole) return std::move(download.bytes());
    if (state == S3Download::State::changed) ++versions;
    if (state == S3Download::State::torn && std::exchange(torn, true))
      throw FailedError("cannot " + ask.doing +
                        ": the service sent twice what is not of the MD5 that its ETag names; it is damaged "
                        "there, or if the ETags of this service are no MD5, set s3.check_etag = false");
    if (state == S3Download::State::too_large)
      throw FailedError("cannot " + ask.doing + ": it has " + to_text(download.total()) + " bytes; at most " +
                        to_text(limit) + " are read");
    if (state == S3Download::State::wrong)
      throw FailedError("cannot " + ask.doing + ": the service sends another range than it was asked for");
  }
  throw FailedError("cannot " + ask.doing + ": it is replaced faster than it can be read");
}

bool S3Store::exists(const std::string& key) {
  auto ask = request("HEAD", key, "examine");
  ask.expected = {400, 403, 404, 301, 307};
  const auto status = client_.send(ask).http.status;
  if (status == 404 || (status >= 200 && status < 300)) return status != 404;
  // A HEAD has no body and so no S3 code; the same question as a GET has one.
  ask.method = "GET";
  ask.headers = {{"range", "bytes=0-0"}};
  ask.expected = {404, 416};
  ask.write = [](const HttpAnswer&, std::string_view) { return false; };
  return client_.send(ask).http.status != 404;
}

std::vector<std::string> S3Store::list(const std::string& prefix) {
  check_prefix(prefix);
  S3Request ask;
  ask.method = "GET";
  ask.doing = "list objects '" + prefix + "*' in " + url();
  const auto fail = [&](const std::string& why) { throw FailedError("cannot " + ask.doing + ": " + why); };
  const std::string whole = place_.prefix + prefix;
  std::vector<std::string> keys;
  for (std::string token;;) {
    ask.query = {{"list-type", "2"},
                 {"prefix", whole},
                 {"encoding-type", "url"},
                 {"max-keys", to_text(client_.settings().page_keys)}};
    if (!token.empty()) ask.query.emplace_back("continuation-token", token);
    const auto page = parse_s3_page(client_.send(ask).http.body);
    if (!page) fail(page.error().reason);
    for (const auto& key : page->keys) {
      if (!key.starts_with(whole)) fail("the service lists keys that it was not asked for");
      if (const auto ours = key.substr(place_.prefix.size()); is_key(ours)) keys.push_back(ours);
    }
    if (!page->truncated) break;
    if (page->next == token) fail("the service gives the same page again and again");
    token = page->next;
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());  // written to while it was listed
  return keys;
}

bool S3Store::remove(const std::string& key) {
  if (!exists(key)) return false;
  auto ask = request("DELETE", key, "remove");
  ask.expected = {404};
  const auto answer = client_.send(ask);
  return answer.http.status != 404 || answer.uncertain;
}

}  // namespace drst
