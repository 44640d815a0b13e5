#include "pipeline/run_traces.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "inference/trace.h"
#include "store/prefix_store.h"
#include "stream/lane.h"
#include "stream/record.h"

namespace drst {

namespace {

using Place = std::pair<int64_t, int64_t>;

/// Adds those of `earlier` that are of the run and at no place in `known`; how many.
int64_t add_missing(std::vector<TraceRow> earlier, const std::string& run_id, std::set<Place>& known,
                    std::vector<TraceRow>& rows) {
  int64_t added = 0;
  for (auto& row : earlier) {
    const auto id = split_id(row.id);
    if (!id || id->run_id != run_id || !known.emplace(row.partition, row.offset).second) continue;
    rows.push_back(std::move(row));
    ++added;
  }
  return added;
}

/// What the store has of the run, and the log has no more; how many predictions.
int64_t add_what_is_stored(ObjectStore& store, const std::string& run_id, TraceSet& set) {
  std::set<Place> known;
  for (const auto* rows : {&set.rows, &set.unpredicted})
    for (const auto& row : *rows) known.emplace(row.partition, row.offset);
  int64_t added = 0;
  const std::string ending = trace_file_key("");  // "results/_inference_trace.npz"
  for (const auto& key : store.list("results/"))
    if (key.ends_with(ending.substr(ending.find('_'))))
      if (const auto bytes = store.get(key))
        added += add_missing(read_trace_file(*bytes, key), run_id, known, set.rows);
  if (const auto bytes = store.get(unpredicted_key))
    add_missing(read_unpredicted_file(*bytes, unpredicted_key), run_id, known, set.unpredicted);
  std::ranges::stable_sort(set.rows, {}, &TraceRow::row);
  return added;
}

}  // namespace

std::string what_retention_took(Log& log, const std::string& topic) {
  std::string words;
  for (int p = 0; p < log.partitions(topic); ++p)
    if (const auto begin = log.watermarks(topic, p).begin; begin > 0)
      words += (words.empty() ? "retention has removed what was in topic " + topic + " before offset "
                              : std::string(", ")) +
               to_text(begin) + " of partition " + to_text(p);
  return words;
}

LogFacts write_traces(Log& log, ObjectStore& store, const std::string& topic, const RunFacts& facts) {
  LogFacts told;
  for (const auto& target : facts.targets) {
    const std::string lane = lane_of(target, facts.targets);
    PrefixStore part(store, lane_prefix(lane));
    TraceSet traces = read_traces(log, lane_topic(topic, lane), facts.run_id);
    if (const auto taken = what_retention_took(log, trace_topic(lane_topic(topic, lane))); !taken.empty()) {
      const auto kept = add_what_is_stored(part, facts.run_id, traces);
      told.retention.push_back(taken + ": predictions that only it held are missing" +
                               (kept > 0 ? " (" + to_text(kept) + " more are from what the store had)" : ""));
    }
    write_trace_files(part, traces);
    told.predictions += std::ranges::count_if(traces.rows, [&facts](const TraceRow& row) {
      const auto id = split_id(row.id);
      return id && id->run_id == facts.run_id;
    });
  }
  return told;
}

}  // namespace drst
