// The models that the judge compares, and what each predicted for the samples that wait for their labels.
// Internal to this room. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "learn/model_limits.h"
#include "registry/registry.h"
#include "tuning/predictor.h"

namespace drst::tuning {

/// A release, loaded.
struct Contestant {
  std::string model_key, metrics_key;
  Predictor predictor;
};
using ContestantPtr = std::shared_ptr<Contestant>;

/// Failure: the release cannot be read within the limits or does not verify.
Result<ContestantPtr> load_contestant(Registry& registry, const Pointer& pointer, const ModelLimits& limits);

/// What was said of one sample before its label was known.
struct Prophecy {
  int64_t row = 0;
  std::optional<float> last_label;   ///< the one that had arrived last
  ContestantPtr frozen, live;        ///< as they were then
  std::vector<ContestantPtr> lines;  ///< by line; null: none yet
  std::vector<std::pair<ContestantPtr, float>> predictions;
  std::vector<float> raw;   ///< the frozen model's inputs
  float by_neighbours = 0;  ///< NaN: none

  /// NaN: it made none.
  [[nodiscard]] float of(const ContestantPtr& contestant) const;
};

/// Prophecies by sample id, until their label comes; bounded, oldest forgotten first.
class Prophecies {
 public:
  explicit Prophecies(std::size_t most) : most_(most) {}
  void add(const std::string& id, Prophecy prophecy);
  enum class Outcome { met, duplicate, unknown };
  /// The sample's prophecy if it still waited.
  Outcome take(const std::string& id, Prophecy& prophecy);
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

 private:
  std::size_t most_;
  std::unordered_map<std::string, std::optional<Prophecy>> waiting_;  // empty: its label has come
  std::deque<std::string> order_;
};

}  // namespace drst::tuning
