// What retrainer, judge and consumers tell each other over the log (SPEC 4's topic names, "-experts" and
// "-proposals" behind them).
//
// On <topic>-memory, one partition: each labelled row as the frozen model saw it, for the expert that
// remembers (learn/neighbours.h); readers begin at the tail. On <topic>-proposals, one partition: releases
// that the retrainer has stored as challengers, one record each. On <topic>-experts, one partition: after
// each label, the experts and their weights as the judge sees them; the newest record is all that counts, so
// consumers read the tail. Both are JSON objects with header run_id, small and bounded when read. Functions
// may be called from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "stream/log.h"

namespace drst {

std::string experts_topic(const std::string& topic);
std::string proposals_topic(const std::string& topic);
std::string memory_topic(const std::string& topic);

/// A challenger is stored and may be judged.
struct Proposal {
  std::string run_id;
  int64_t row = -1;       ///< stream row from which on it may serve
  std::string line;       ///< which line of models it continues; the newest of a line is an expert
  std::string model_key;  ///< of the release
  std::string metrics_key;
  bool candidate = true;  ///< false: an expert only, the judge does not test it for the pointer
};

/// One voice of the adaptive prediction.
struct ExpertShare {
  std::string name;       ///< "frozen", "live", "neighbours", "last-label", or a line
  std::string model_key;  ///< of a line's release; empty: consumers have it anyway
  std::string metrics_key;
  double weight = 0;  ///< in [0, 1]; all together 1
};
struct ExpertState {
  std::string run_id;
  int64_t row = -1;                  ///< of the newest sample the judge had seen
  uint64_t labels = 0;               ///< that had arrived
  std::optional<double> last_label;  ///< the label that arrived last
  std::vector<ExpertShare> experts;
  bool ended = false;  ///< the judge has seen the stream's end and says nothing more
  Time at{};           ///< when it was said; of the record, not of its text
};

inline constexpr std::string_view expert_frozen = "frozen";
inline constexpr std::string_view expert_live = "live";
inline constexpr std::string_view expert_neighbours = "neighbours";
inline constexpr std::string_view expert_last_label = "last-label";

/// A labelled row. Bytes: "DRM1", row (i64), label, frozen prediction (f32), number of inputs (u32), inputs
/// (f32).
struct LabelledSample {
  int64_t row = -1;
  float label = 0;
  float frozen = 0;        ///< what the frozen model predicted for it
  std::vector<float> raw;  ///< in the order of the frozen model's inputs, NaN: missing
};
NewRecord make_record(const LabelledSample& sample, const std::string& run_id, Time now);
Result<LabelledSample> decode_labelled(std::string_view bytes);

NewRecord make_record(const Proposal& proposal, Time now);
NewRecord make_record(const ExpertState& state, Time now);
/// Failure: not such a record, or over a bound (64 kB, 32 experts).
Result<Proposal> decode_proposal(std::string_view json);
Result<ExpertState> decode_experts(std::string_view json);

/// Follows the tail of <topic>-experts. One thread.
class ExpertFollower {
 public:
  ExpertFollower(Log& log, const std::string& topic, std::string run_id);
  /// Whose states count; empty: any run's.
  void set_run(std::string_view run_id) { run_id_ = run_id; }
  /// True if there is a newer state than at the last call. A look costs one read of a watermark.
  bool refresh();
  [[nodiscard]] const std::optional<ExpertState>& state() const { return state_; }

 private:
  Log& log_;
  std::string topic_, run_id_;
  int64_t next_ = 0;
  bool exists_ = false;
  Batch batch_;
  std::optional<ExpertState> state_;
};

}  // namespace drst
