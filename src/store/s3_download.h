// An object as its pieces arrive: what to ask for next, and whether it fits what is there. Internal; no
// network.
//
// Lengths that the service tells are compared, never believed: memory grows with what has come.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/s3_http.h"
#include "store/s3_sign.h"

namespace drst {

class S3Download {
 public:
  enum class State { more, whole, changed, torn, too_large, wrong };

  /// `digest_limit`: an object of so many bytes at most is compared with its ETag, where that is an MD5.
  S3Download(std::uint64_t limit, std::uint64_t piece, std::uint64_t digest_limit)
      : limit_(limit), piece_(piece), digest_limit_(digest_limit) {}

  /// Before a try: the range that is missing, of the version that has begun.
  void prepare(S3Pairs& headers);
  /// False: no more of this answer is wanted; judge() says why.
  bool take(const HttpAnswer& so_far, std::string_view bytes);
  /// After an answer. `changed`, and `torn` (not the bytes that the ETag is of): what was there is forgotten.
  State judge(const HttpAnswer& answer);
  [[nodiscard]] std::string& bytes() { return bytes_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  bool start(const HttpAnswer& answer);
  void forget();
  State finish();
  [[nodiscard]] bool is_torn() const;

  std::uint64_t limit_, piece_, digest_limit_;
  std::string bytes_, etag_;
  bool etag_is_of_bytes_ = true;  ///< unless the service says that it encrypts in a way that ETags show
  std::uint64_t total_ = 0;
  std::uint64_t before_ = 0;  ///< bytes at the beginning of the present answer
  State state_ = State::more;
  bool started_ = false;  ///< of the present answer
};

}  // namespace drst
