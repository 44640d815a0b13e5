// What the judge keeps, and what it does, by concern: judge.cpp (models, proposals, what it publishes,
// stepping), judge_stream.cpp (samples, labels, weights), judge_evidence.cpp (trials, judgements, moves of
// the pointer), judge_life.cpp (what an earlier life did and told). Internal to this room.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/patience.h"
#include "base/waiting.h"
#include "learn/neighbours.h"
#include "learn/shares.h"
#include "registry/judgement.h"
#include "registry/registry.h"
#include "store/leased_store.h"
#include "stream/experts.h"
#include "stream/joined_reader.h"
#include "tuning/contestants.h"
#include "tuning/drift_alarms.h"
#include "tuning/evidence.h"
#include "tuning/judge.h"
#include "tuning/lines.h"

namespace drst {

struct Judge::State {
  using ContestantPtr = tuning::ContestantPtr;
  using DriftAlarms = tuning::DriftAlarms;
  using PairedDetector = tuning::PairedDetector;
  using PairedTest = tuning::PairedTest;
  using Prophecies = tuning::Prophecies;
  using Prophecy = tuning::Prophecy;

  Log& log;
  LeasedStore store;  // for all that is written
  const Clock& clock;
  JudgeSettings settings;
  JudgeOptions options;
  std::string topic;  // what experts, proposals and memory are named after
  Registry registry;
  JoinedReader reader;
  Prophecies prophecies;
  Shares shares;
  DriftAlarms alarms;
  Counts counts;

  // Contestants.
  ContestantPtr frozen, live;
  std::optional<Neighbours> neighbours;
  std::vector<ContestantPtr> lines{tuning::line_names.size()};
  struct Trial {
    ContestantPtr challenger;
    PairedTest over_live, over_frozen;
  };
  std::optional<Trial> trial;
  ContestantPtr next;  // the newest challenger that waits for a trial
  struct Watch {
    ContestantPtr former;
    PairedDetector over_live;
    PairedTest over_frozen;  // since the watch began; only its mean is used
  };
  std::deque<Watch> watches;  // the frozen model first, then former live ones, newest last

  std::deque<Proposal> proposals;  // read, and not yet due
  int64_t next_proposal = 0;
  std::optional<float> last_label;
  int64_t row = -1;
  bool changed = false;               // the expert state is to be published
  Time told{};                        // when it was published last
  std::vector<NewRecord> remembered;  // labelled rows that are to be published
  // What an earlier life told the others already, and a repetition must not tell again.
  uint64_t rows_known_to_others = 0;
  int64_t state_known_to_others = -1;
  std::deque<Judgement> to_repeat;                  // of an earlier life
  std::unordered_map<int64_t, float> early_labels;  // by row, as keep_for_replay says
  uint64_t passed_labels = 0;                       // of rows before this life's first
  int64_t first_row = -1;                           // that this life has read
  std::string known_run;
  Patience patience;
  Waiting waiting;
  bool done = false;

  State(Log& log_, ObjectStore& store_, const Clock& clock_, const JudgeSettings& settings_,
        const RegistrySettings& registry_, JudgeOptions options_);

  // --- models ---

  ContestantPtr need(const Result<std::optional<Pointer>>& pointer, const char* what,
                     std::string_view remedy);
  bool load();
  /// What the pointer goes back to when the frozen model is better: the first release has the baseline's
  /// weights and was live; the baseline itself where there is no such release.
  ContestantPtr frozen_release();

  // --- proposals ---

  void read_proposals();
  /// Those that may serve the next row.
  void admit_proposals();
  void admit(const Proposal& proposal);

  // --- the stream ---

  bool read();
  void take_sample(const JoinedReader::Item& item);
  void take_label(const std::string& id, double label);
  /// NaN: it made no prediction.
  [[nodiscard]] double loss(float prediction, float truth) const;
  void weigh(const Prophecy& prophecy, float truth);
  void remember(std::vector<float> raw, const Prophecy& prophecy, float truth);

  // --- trials, judgements, moves ---

  void begin_trial();
  void collect_evidence(const Prophecy& prophecy, float truth);
  void judge();
  [[nodiscard]] Judgement begin_judgement(const char* kind, const ContestantPtr& to) const;
  void move(ContestantPtr to, Judgement judgement);
  void apply(const ContestantPtr& to, const Judgement& judgement);
  /// All evidence was against the model that was live until now.
  void set_live(ContestantPtr now_live);
  /// Someone else may have moved the pointer: a person, who is followed, or a judge that lost its lease with
  /// the write under way, whose move is undone.
  void follow_pointer();

  // --- an earlier life ---

  void find_earlier_life();
  void find_what_was_told();
  /// True while there are judgements of an earlier life ahead; nothing new is judged until then.
  bool repeat_judgements();
  /// After a restart the labels that have arrived come before the samples that are read again: one of a row
  /// that an earlier life had reached waits for it.
  bool keep_for_replay(const std::string& id, float truth);
  void take_early_label(const std::string& id);

  // --- effects ---

  void publish_state();

  // --- stepping ---

  Step step();
  [[nodiscard]] std::string waits_for() const;  ///< "": for the next record, as always
  Step idle();
  Step finish(const std::string& why);
};

}  // namespace drst
