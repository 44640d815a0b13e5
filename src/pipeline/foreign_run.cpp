#include "pipeline/foreign_run.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "ingest/producer.h"
#include "pipeline/run_traces.h"
#include "stream/each_record.h"
#include "stream/lane.h"
#include "table/npy.h"

namespace drst {

namespace {

constexpr double no_label = std::numeric_limits<double>::quiet_NaN();

struct ForeignRecord {
  std::string id, stage;
  int64_t row = -1, partition = 0, offset = 0;
  Time sent{};
  std::vector<double> labels;  ///< one a target
};

/// Reads records of a run, or of whichever runs there are.
class Reader {
 public:
  Reader(const std::vector<std::string>& targets, const WireLimits& limits) {
    for (const auto& target : targets) decoders_.emplace_back(limits, lane_of(target, targets));
  }
  /// The run of the record, "" if it has none; `into` is filled. One that cannot be read has no label.
  std::string read(const RecordView& record, ForeignRecord& into) {
    into = {};
    into.partition = record.partition;
    into.offset = record.offset;
    into.sent = record.timestamp;
    std::string run(record.header(run_id_header).value_or(""));
    for (auto& decoder : decoders_) {
      const auto sample = decoder.decode(record);
      into.labels.push_back(sample ? sample->label.value_or(no_label) : no_label);
      if (!sample) continue;
      into.id = sample->id;
      into.row = sample->row;
      into.stage = sample->stage;
      into.sent = sample->send_ts;
      if (!sample->run_id.empty()) run = sample->run_id;
    }
    if (into.id.empty()) into.id = place_id(into.partition, into.offset);
    return run;
  }

 private:
  std::vector<RecordDecoder> decoders_;
};

/// The one run that the topic holds.
std::string only_run(Log& log, const std::string& topic, Reader& reader) {
  std::set<std::string> runs;
  ForeignRecord unused;
  for (int p = 0; p < log.partitions(topic); ++p)
    each_record(log, topic, p, [&](const RecordView& record) {
      if (is_sentinel(record)) return;
      if (auto run = reader.read(record, unused); !run.empty()) runs.insert(std::move(run));
    });
  if (runs.empty()) throw InputError("topic '" + topic + "' holds no record of any run");
  if (runs.size() > 1)
    throw InputError("topic '" + topic +
                     "' holds several runs, and none of them is in the store; name one with " +
                     "--run-id: " + join_first(std::vector<std::string>(runs.begin(), runs.end())));
  return *runs.begin();
}

/// Of records with ids, which late labels name.
void add_late_labels(Log& log, const std::string& topic, const std::vector<std::string>& targets,
                     const WireLimits& limits, std::vector<ForeignRecord>& records) {
  const std::string labels = labels_topic(topic);
  std::unordered_map<std::string, ForeignRecord*> by_id;
  if (log.partitions(labels) == 0) return;
  for (auto& record : records) by_id.emplace(record.id, &record);
  for (int p = 0; p < log.partitions(labels); ++p)
    each_record(log, labels, p, [&](const RecordView& late) {
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const auto message = decode_label(late.value, limits, lane_of(targets[t], targets));
        if (!message || !message->label) continue;
        if (const auto found = by_id.find(message->id); found != by_id.end())
          found->second->labels[t] = *message->label;
      }
    });
}

void number_rows(std::vector<ForeignRecord>& records) {
  const bool numbered = std::ranges::all_of(records, [](const ForeignRecord& r) { return r.row >= 0; });
  std::ranges::sort(records, [numbered](const ForeignRecord& a, const ForeignRecord& b) {
    return std::tuple(numbered ? a.row : 0, a.sent, a.partition, a.offset) <
           std::tuple(numbered ? b.row : 0, b.sent, b.partition, b.offset);
  });
  if (numbered) {  // of repeats the first one counts, as for consumers
    records.erase(std::unique(records.begin(), records.end(),
                              [](const auto& a, const auto& b) { return a.row == b.row; }),
                  records.end());
    return;
  }
  for (std::size_t i = 0; i < records.size(); ++i) records[i].row = static_cast<int64_t>(i);
}

std::string truth_of(const std::vector<ForeignRecord>& records, const std::vector<std::string>& targets) {
  std::vector<std::string> ids, names;
  std::vector<int64_t> rows, offsets;
  std::vector<int32_t> partitions, stages;
  std::map<std::string, int32_t> known;
  std::vector<std::vector<double>> labels(targets.size());
  for (const auto& record : records) {
    ids.push_back(record.id);
    rows.push_back(record.row);
    partitions.push_back(static_cast<int32_t>(record.partition));
    offsets.push_back(record.offset);
    const std::string stage = record.stage.empty() ? "stream" : record.stage;
    const auto [at, added] = known.try_emplace(stage, static_cast<int32_t>(names.size()));
    if (added) names.push_back(stage);
    stages.push_back(at->second);
    for (std::size_t t = 0; t < labels.size(); ++t) labels[t].push_back(record.labels[t]);
  }
  std::map<std::string, Array> members = {{"id", Array::of(std::move(ids))},
                                          {"row", Array::of(std::move(rows))},
                                          {"partition", Array::of(std::move(partitions))},
                                          {"offset", Array::of(std::move(offsets))},
                                          {"stage", Array::of(std::move(stages))},
                                          {"stage_names", Array::of(std::move(names))}};
  for (std::size_t t = 0; t < labels.size(); ++t)
    members["label" + (t == 0 ? "" : "_" + targets[t])] = Array::of(std::move(labels[t]));
  return to_npz(members);
}

}  // namespace

ForeignRun adopt_foreign_run(Log& log, ObjectStore& store, const std::string& topic, RunFacts facts,
                             const WireLimits& limits) {
  const int partitions = log.partitions(topic);
  if (partitions == 0)
    throw InputError("there is no topic '" + topic + "' on the log; check --log and stream.topic");
  Reader reader(facts.targets, limits);
  if (facts.run_id.empty()) facts.run_id = only_run(log, topic, reader);
  std::vector<ForeignRecord> records;
  std::set<int> open;
  ForeignRecord record;
  for (int p = 0; p < partitions; ++p) {
    open.insert(p);
    each_record(log, topic, p, [&](const RecordView& view) {
      if (is_sentinel(view)) {
        if (sentinel_run(view) == facts.run_id) open.erase(p);
      } else if (reader.read(view, record) == facts.run_id) {
        records.push_back(record);
      }
    });
  }
  if (records.empty())
    throw InputError("topic '" + topic + "' holds no record of run '" + facts.run_id +
                     "', and the store knows no such run (it knows: " + stored_runs(store) +
                     "); check --run-id, --store and stream.topic");
  add_late_labels(log, topic, facts.targets, limits, records);
  number_rows(records);
  facts.foreign = true;
  facts.clock = "wall";
  facts.produced = static_cast<int64_t>(records.size());
  facts.settings = {{"stream.topic", '"' + topic + '"'}};
  store.put(truth_key_of(facts.run_id), truth_of(records, facts.targets));
  put_facts(store, facts);
  ForeignRun run{std::move(facts), {}};
  if (!open.empty()) {
    std::vector<std::string> numbers;
    numbers.reserve(open.size());
    for (const int partition : open) numbers.push_back(to_text(partition));
    run.notes.push_back("the run has not ended: no sentinel of it is in partitions " + join(numbers, ", ") +
                        " of topic " + topic);
  }
  if (const auto taken = what_retention_took(log, topic); !taken.empty())
    run.notes.push_back(taken + ": records of the run that were there are not counted");
  return run;
}

}  // namespace drst
