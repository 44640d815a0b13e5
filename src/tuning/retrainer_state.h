// What the retrainer keeps, and what it does, by concern: retrainer.cpp (models, an earlier life, the stream,
// stepping), retrainer_refit.cpp (refits, and what refits and answers share), retrainer_answer.cpp (answers
// to drift). Internal to this room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/patience.h"
#include "registry/events.h"
#include "store/leased_store.h"
#include "stream/joined_reader.h"
#include "tuning/answer.h"
#include "tuning/memory.h"
#include "tuning/predictor.h"
#include "tuning/publisher.h"
#include "tuning/refit_line.h"
#include "tuning/retrainer.h"

namespace drst {

struct Retrainer::State {
  using Answer = tuning::Answer;
  using Memory = tuning::Memory;
  using Predictor = tuning::Predictor;
  using Publisher = tuning::Publisher;

  LeasedStore store;  // for all that is written
  const Clock& clock;
  TuningSettings settings;
  RetrainerOptions options;
  Table offline;
  Publisher publisher;
  JoinedReader reader;
  Memory memory;
  Counts counts;

  // Models. The line of refits begins with the baseline; the live model is what the pointer names.
  Predictor baseline, live;
  std::unique_ptr<tuning::RefitLine> line;  // null: the baseline has neither networks nor trees of its own
  Predictor challenger;                     // of the line
  ReleaseInfo live_info;
  bool loaded = false;

  // Where we are.
  int64_t row = -1;  ///< of the newest sample
  uint64_t labels_at_refit = 0;
  std::map<int64_t, ReleaseInfo> to_adopt;  ///< by row: what an earlier life published
  std::string adopted_run;
  Patience patience;
  bool done = false;

  /// A result that takes effect later in the stream; while there is one, no other work begins.
  struct Deferred {
    int64_t due = 0;
    std::function<void()> apply;
  };
  std::optional<Deferred> deferred;

  State(Log& log, ObjectStore& store_, const Clock& clock_, TuningSettings settings_,
        const RegistrySettings& registry, RetrainerOptions options_, Table offline_);

  // --- models ---

  bool load();
  void begin_line(const ReleaseInfo& frozen);
  void advance_line(std::shared_ptr<const Model> model, uint64_t trained_labels);
  /// The judge (or a person) moves the pointer.
  void follow_pointer();

  // --- an earlier life ---

  void find_earlier_life();
  /// Up to the last release of an earlier life nothing new is made; its releases are taken over where they
  /// were made.
  [[nodiscard]] bool repeating() const { return !to_adopt.empty(); }

  void adopt();

  // --- the stream ---

  bool read();
  void take(const JoinedReader::Item& item);

  // --- refits ---

  [[nodiscard]] bool newest_labels_are_near() const;
  void refit_if_due();
  ReleaseInfo propose(const Model& model, ReleaseInfo info, std::string_view to_line);
  [[nodiscard]] ReleaseInfo release_info(const std::string& role, const std::string& trigger) const;
  [[nodiscard]] uint64_t seed_of(const std::string& trigger) const;
  void defer(std::function<void()> apply);
  bool apply_if_due(bool at_once);

  // --- answers to drift ---

  void answer(const Trigger& trigger);
  void conclude(RetrainEvent event, const Answer& found);
  /// The release of this event is there, its answer is not.
  void finish_published(RetrainEvent event, const ReleaseInfo& info);

  // --- stepping ---

  Step step();
  Step idle();
  Step finish(const std::string& why);
};

}  // namespace drst
