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
  enum class State { more, whole, changed, too_large, wrong };

  S3Download(std::uint64_t limit, std::uint64_t piece) : limit_(limit), piece_(piece) {}

  /// Before a try: the range that is missing, of the version that has begun.
  void prepare(S3Pairs& headers);
  /// False: no more of this answer is wanted; judge() says why.
  bool take(const HttpAnswer& so_far, std::string_view bytes);
  /// After an answer. `changed`: what was there is forgotten.
  State judge(const HttpAnswer& answer);
  [[nodiscard]] std::string& bytes() { return bytes_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  bool start(const HttpAnswer& answer);
  void forget();

  std::uint64_t limit_, piece_;
  std::string bytes_, etag_;
  std::uint64_t total_ = 0;
  std::uint64_t before_ = 0;  ///< bytes at the beginning of the present answer
  State state_ = State::more;
  bool started_ = false;  ///< of the present answer
};

}  // namespace drst
