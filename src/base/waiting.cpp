#include "base/waiting.h"

#include "base/text.h"

namespace drst {

namespace {
constexpr auto first_after = std::chrono::seconds(2), again_after = std::chrono::seconds(30);
}

std::optional<std::string> Waiting::due(const std::string& what) {
  const Time now = clock_.now();
  if (what != what_) {
    what_ = what;
    since_ = now;
    said_.reset();
  }
  if (what.empty() || now - since_ < first_after || (said_ && now - *said_ < again_after))
    return std::nullopt;
  const bool again = said_.has_value();
  said_ = now;
  if (!again) return "waits: " + what;
  return "has waited for " + to_text(std::chrono::duration_cast<std::chrono::seconds>(now - since_).count()) +
         " s: " + what;
}

}  // namespace drst
