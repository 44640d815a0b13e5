#include "store/s3_download.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/hash.h"
#include "base/text.h"

namespace drst {

namespace {

struct Range {
  std::uint64_t begin = 0, total = 0;
};

/// "bytes 0-9/100"
std::optional<Range> content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-'), slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto begin = parse_int(text.substr(0, dash)), total = parse_int(text.substr(slash + 1));
  if (!begin || !total || *begin < 0 || *total < *begin) return std::nullopt;
  return Range{static_cast<std::uint64_t>(*begin), static_cast<std::uint64_t>(*total)};
}

/// An MD5 in quotes, as a digest. A multipart upload's has a dash behind it, and a weak one begins with W/.
std::optional<std::string> md5_of(std::string_view etag) {
  constexpr std::size_t digits = 32;
  if (etag.size() != digits + 2 || etag.front() != '"' || etag.back() != '"') return std::nullopt;
  std::string digest(etag.substr(1, digits));
  for (char& c : digest) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (digest.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return digest;
}

/// With keys of KMS or of the customer an ETag is no digest of the content (S3's API reference, "Object").
bool encrypts_etag(const HttpAnswer& answer) {
  return answer.header("x-amz-server-side-encryption").starts_with("aws:kms") ||
         !answer.header("x-amz-server-side-encryption-customer-algorithm").empty();
}

}  // namespace

void S3Download::prepare(S3Pairs& headers) {
  started_ = false;
  state_ = State::more;
  before_ = bytes_.size();
  headers.emplace_back("range",
                       "bytes=" + to_text(bytes_.size()) + "-" + to_text(bytes_.size() + piece_ - 1));
  if (!bytes_.empty() && !etag_.empty()) headers.emplace_back("if-match", etag_);
}

void S3Download::forget() {
  bytes_.clear();
  etag_.clear();
  total_ = 0;
}

/// Of the first bytes of an answer: do they go on where we are?
bool S3Download::start(const HttpAnswer& answer) {
  started_ = true;
  const auto& etag = answer.header("etag");
  if (answer.status == 206) {
    const auto range = content_range(answer.header("content-range"));
    if (!range || range->begin != bytes_.size()) {
      state_ = State::wrong;
      return false;
    }
    if (!bytes_.empty() && (etag != etag_ || range->total != total_)) {
      state_ = State::changed;
      return false;
    }
    total_ = range->total;
  } else {  // the service knows no ranges
    forget();
    const auto length = parse_int(answer.header("content-length"));
    total_ = length && *length >= 0 ? static_cast<std::uint64_t>(*length) : 0;
  }
  etag_ = etag;
  etag_is_of_bytes_ = !encrypts_etag(answer);
  if (total_ > limit_) {
    state_ = State::too_large;
    return false;
  }
  bytes_.reserve(static_cast<std::size_t>(std::min(total_, piece_)));
  return true;
}

bool S3Download::take(const HttpAnswer& so_far, std::string_view bytes) {
  if (!started_ && !start(so_far)) return false;
  if (bytes_.size() + bytes.size() > limit_) {
    total_ = bytes_.size() + bytes.size();
    state_ = State::too_large;
    return false;
  }
  bytes_ += bytes;
  return true;
}

S3Download::State S3Download::judge(const HttpAnswer& answer) {
  const bool empty = answer.status == 416 && bytes_.empty();  // an empty object has no range
  if (empty) return State::whole;
  if (answer.status == 412 || answer.status == 416) state_ = State::changed;
  if (state_ == State::more && !started_) start(answer);  // an answer without a body
  if (state_ == State::changed) forget();
  if (state_ != State::more) return state_;
  if (answer.status == 206 && bytes_.size() > total_) return State::wrong;
  if (answer.status == 200) return finish();  // as long as it said, or it would be cut
  if (bytes_.size() == total_) return finish();
  return bytes_.size() > before_ ? State::more : State::wrong;
}

S3Download::State S3Download::finish() {
  if (!is_torn()) return State::whole;
  forget();
  return State::torn;
}

/// Some services answer while an object is replaced with the old one's head and the new one's bytes.
bool S3Download::is_torn() const {
  if (!etag_is_of_bytes_ || bytes_.size() > digest_limit_) return false;
  const auto wanted = md5_of(etag_);
  if (!wanted) return false;
  const auto got = md5_hex(bytes_);
  return got && *got != *wanted;
}

}  // namespace drst
