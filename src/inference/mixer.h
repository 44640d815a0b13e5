// The adaptive prediction out of what the experts say, weighed as the judge told (stream/experts.h). One
// thread.
//
// Experts: the frozen model, the live one, the newest loaded release of each line, the neighbours among the
// labelled rows (learn/neighbours.h), the label that arrived last. Their weighted median is the prediction;
// an expert that has nothing to say has no vote, and who has more than half of the weight decides alone, so
// that nothing else is computed. Without a judge the live model decides; a judge that was there and fell
// silent (it says something every few seconds) has died with weights that nobody moves any more, and the
// frozen model decides until it speaks again. Neighbours and weights are read from the log's tail, so a
// consumer that starts anew knows after its first look what the others know.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inference/slot.h"
#include "learn/neighbours.h"
#include "stream/experts.h"

namespace drst {

class Mixer {
 public:
  Mixer(Log& log, const std::string& topic, std::string run_id, std::shared_ptr<const Model> frozen,
        const NeighbourSettings& settings, Duration silence);
  void set_run(std::string_view run_id);

  /// Reads what is new. True if the expert state changed; two reads of a watermark if not.
  bool refresh();
  /// Before the rows of a batch: whether the judge is still there. True when that has changed.
  bool hear(Time now);
  [[nodiscard]] bool judge_is_silent() const { return silent_; }
  /// Releases of the lines with weight in the present state.
  [[nodiscard]] WantedExperts wanted() const;
  /// The lines that are served from now on, by position in `line_predictions`.
  void set_lines(const ServedExperts& experts);

  /// A row's inputs to the mixture. `frozen_inputs`: raw, in the order of the frozen model's inputs.
  struct Row {
    int64_t row = -1;
    std::span<const float> frozen_inputs;
    float frozen = 0, live = 0;
    std::span<const float> line_predictions;
  };
  float mix(const Row& row);

  /// What the last mix() went by. `voices`: an expert each in the order of `text`, NaN: not asked or no
  /// answer.
  [[nodiscard]] std::span<const float> voices() const { return {voices_.data(), experts_}; }
  /// "<name> <weight>[ <release>];..."; empty without a judge. Changes with the state only.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Labelled rows of the memory topic that the neighbours had seen: its next offset.
  [[nodiscard]] int64_t memory_offset() const { return next_memory_; }

  static constexpr std::size_t most_experts = 8;

 private:
  enum class Kind { frozen, live, neighbours, last_label, line, unknown };
  struct Expert {
    Kind kind = Kind::unknown;
    std::size_t line = 0;  // position in line_predictions; npos: not served
  };
  void read_memory();
  void rebuild();
  float ask(std::size_t expert, const Row& row);

  Log& log_;
  std::string memory_topic_, run_id_;
  ExpertFollower follower_;
  Neighbours neighbours_;
  std::size_t most_remembered_;
  Batch batch_;
  int64_t next_memory_ = -1;                                // -1: the topic was not there yet
  std::vector<std::pair<std::string, std::string>> lines_;  // served: name, release
  std::vector<Expert> kinds_;
  std::vector<double> weights_;
  std::vector<float> voices_;
  std::size_t experts_ = 0, heaviest_ = 0;
  bool heaviest_decides_ = false;
  Duration silence_;  // after which a judge is taken for dead
  bool silent_ = false;
  std::string text_;
};

}  // namespace drst
