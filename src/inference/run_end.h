// Whose sentinels end the stream for a consumer. One thread.
//
// A consumer is told a run, or takes that of the first record it sees. A sentinel seen before any record is
// judged when the run is known; until then only an heir may go by it, who finds nothing but the sentinel of a
// run whose rows are on the trace already. A sentinel that names no run ends a stream whose records name none
// either, and no other: whoever puts one onto the topic must not end a run that goes on.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace drst {

class RunEnd {
 public:
  explicit RunEnd(std::string run_id) : run_(std::move(run_id)), known_(!run_.empty()) {}
  [[nodiscard]] bool known() const { return known_; }

  /// The run of a record. True if sentinels can be judged now that could not be before.
  bool learn(std::string_view of_record) {
    if (known_) return false;
    if (of_record.empty()) return !std::exchange(nameless_, true);
    run_ = of_record;
    known_ = true;
    return true;
  }

  enum class Verdict { ours, foreign, unknown };
  [[nodiscard]] Verdict judge(std::string_view sentinel_of) const {
    if (known_ ? sentinel_of == run_ : nameless_) return Verdict::ours;
    return known_ ? Verdict::foreign : Verdict::unknown;
  }

 private:
  std::string run_;
  bool known_;
  bool nameless_ = false;  // there are records, and they name no run: then any sentinel is theirs
};

}  // namespace drst
