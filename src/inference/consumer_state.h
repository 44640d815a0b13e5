// What a consumer keeps, and what it does, by concern: consumer.cpp (waiting, stepping, leaving),
// consumer_models.cpp (swaps and experts), consumer_records.cpp (partitions, records, the end of the stream).
// Internal to this room.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/patience.h"
#include "inference/consumer.h"
#include "inference/first_models.h"
#include "inference/mixer.h"
#include "inference/partition.h"
#include "inference/predictor.h"
#include "inference/run_end.h"
#include "inference/serve.h"
#include "inference/trace.h"
#include "registry/events.h"
#include "stream/record.h"

namespace drst {

struct InferenceConsumer::State {
  /// A record of the batch between decoding and writing.
  struct Outcome {
    TraceRow row;
    std::string run;
    std::size_t slot = 0;  // among the rows predicted
    Time send_ts{};
  };

  State(Log& log_in, ObjectStore& store_in, const Clock& clock_in, const InferenceSettings& settings_in,
        ConsumerIdentity identity_in, ModelSlot& slot_in);

  Log& log;
  ObjectStore& store;
  const Clock& clock;
  InferenceSettings settings;
  ConsumerIdentity identity;
  ModelSlot& slot;
  std::string lane_topics;  // what the lane's topics are named after
  PartitionTopics topics;

  FirstModels first_models;
  RecordDecoder decoder;
  std::optional<Predictor> predictor;
  std::optional<Mixer> mixer;
  WantedExperts wanted;
  std::unique_ptr<ServedExperts> retiring_experts;  // as below
  std::unique_ptr<ServedModel> next;                // taken from the guard, and not yet in use
  std::size_t warmed = 0;                           // parts of it
  std::unique_ptr<ServedModel> retiring;  // replaced, and the guard has not yet freed the one before
  std::unique_ptr<Consumer> consumer;
  Batch batch;
  std::vector<std::unique_ptr<OwnedPartition>> partitions;  // by number; null: not owned
  std::vector<Outcome> outcomes;
  std::size_t outcomes_used = 0;
  std::vector<PartitionRecords> letters, trace;  // of the batch
  std::vector<PartitionOffset> offsets;          // behind it
  std::vector<int64_t> firsts;                   // of the appends, which nobody asks for
  std::vector<SwapEvent> swaps;                  // not yet told to the guard
  std::string current_run;                       // of the newest record that names one
  int64_t highest_row = -1;                      // of it
  bool broken = false;                           // an exception left partitions half done
  Patience patience;
  int64_t topic_end = -1;  // records ever appended to all partitions, when idleness began; -1: not idle
  RunEnd run_end;

  bool finished = false;
  bool timed_out = false;
  Counts counts;
  Meter meter;
  std::function<void(const BatchReport&)> report;
  std::optional<Time> lag_asked;
  int64_t last_lag = 0;

  // Waiting, stepping, leaving.
  bool ready();
  /// Not ready: waits on, but not for ever.
  Step wait();
  [[nodiscard]] bool all_ended();
  void leave();
  [[nodiscard]] int64_t end_of_topic();
  /// Nothing for this consumer. True if its patience is over: others' partitions count, too, since a stream
  /// that goes on there has begun and not ended. Looks at them only when it matters.
  bool given_up();
  void tell_figures();
  [[nodiscard]] int64_t lag();
  Step run_step();

  // Models.
  void follow_experts();
  void hand_back();
  bool take_swap();
  /// The guard notes the swaps; those that came before the run's first row when that has come.
  void tell_swaps();

  // Partitions and records.
  OwnedPartition& open(int number);
  void follow_assignment();
  void learn_run(std::string_view of_record);
  /// `last`: the partition ends with this sentinel, as far as is known now.
  void on_sentinel(OwnedPartition& part, std::string_view of, bool last);
  Outcome& next_outcome(const RecordView& record);
  void dead_letter(OwnedPartition& part, const RecordView& record, Outcome& outcome,
                   const std::string& reason);
  void handle(OwnedPartition& part, const RecordView& record);
  void read_batch();
  void predict_and_trace();
  /// All partitions' at once in each of the three steps: a log across a network answers once, not once each.
  void write_and_commit();
  OwnedPartition* owned(int number) {
    const auto index = static_cast<std::size_t>(number);
    return index < partitions.size() ? partitions[index].get() : nullptr;
  }
};

}  // namespace drst
