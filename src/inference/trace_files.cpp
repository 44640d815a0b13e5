// The whole trace of a run: out of the log, into NPZ files, and back.
#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <unordered_set>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "inference/trace.h"
#include "stream/record.h"
#include "table/npy.h"

namespace drst {

namespace {
constexpr std::string_view file_prefix = "results/";
constexpr std::string_view file_suffix = "_inference_trace.npz";

/// Drops repeats: the first entry for an offset wins, and the first prediction for an id.
class Collector {
 public:
  explicit Collector(TraceSet& set) : set_(set) {}

  void add(TraceRow row) {
    if (!offsets_.insert(row.offset).second) {
      ++set_.repeats;
      return;
    }
    switch (row.status) {
      case TraceRow::Status::duplicate:
        ++set_.duplicates;
        set_.unpredicted.push_back(std::move(row));
        return;
      case TraceRow::Status::dead_lettered:
        ++set_.dead_lettered;
        set_.unpredicted.push_back(std::move(row));
        return;
      case TraceRow::Status::predicted:
        break;
    }
    if (!row.id.empty() && !ids_.insert(row.id).second) {
      ++set_.repeats;
      return;
    }
    set_.rows.push_back(std::move(row));
  }
  void next_partition() { offsets_.clear(); }

 private:
  TraceSet& set_;
  std::unordered_set<int64_t> offsets_;  // of one partition
  std::unordered_set<std::string> ids_;  // of the run
};

template <class T>
const std::vector<T>& member(const std::map<std::string, Array>& members, const std::string& name,
                             const std::string& source) {
  const auto found = members.find(name);
  if (found == members.end())
    throw InputError(source + ": has no member '" + name + "'; not an inference trace?");
  const auto* values = std::get_if<std::vector<T>>(&found->second.data);
  if (values == nullptr || found->second.shape.size() != 1)
    throw InputError(source + ": member '" + name + "' has another type or shape than an inference trace");
  return *values;
}

/// What the mixture rested on; former versions did not write it.
void read_voices(const std::map<std::string, Array>& members, std::vector<TraceRow>& rows) {
  if (const auto found = members.find("memory_offset"); found != members.end())
    if (const auto* offsets = std::get_if<std::vector<int64_t>>(&found->second.data);
        offsets != nullptr && offsets->size() == rows.size())
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i].memory_offset = (*offsets)[i];
  constexpr std::size_t width = TraceRow::most_voices;
  const auto found = members.find("voices");
  const auto* voices =
      found == members.end() ? nullptr : std::get_if<std::vector<float>>(&found->second.data);
  if (voices == nullptr || voices->size() != rows.size() * width) return;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<const float> of_row(voices->data() + i * width, width);
    const auto end = std::ranges::find_if(of_row, [](float voice) { return std::isnan(voice); });
    rows[i].set_voices(of_row.first(static_cast<std::size_t>(end - of_row.begin())));
  }
}

void write_unpredicted(ObjectStore& store, const std::vector<TraceRow>& rows) {
  std::vector<int32_t> status, partition;
  std::vector<int64_t> offset, number;
  std::vector<std::string> id, consumer;
  for (const auto& row : rows) {
    status.push_back(static_cast<int32_t>(row.status));
    partition.push_back(row.partition);
    offset.push_back(row.offset);
    number.push_back(row.row);
    id.push_back(row.id);
    consumer.push_back(row.consumer);
  }
  store.put(unpredicted_key, to_npz({{"status", Array::of(std::move(status))},
                                     {"partition", Array::of(std::move(partition))},
                                     {"offset", Array::of(std::move(offset))},
                                     {"row", Array::of(std::move(number))},
                                     {"id", Array::of(std::move(id))},
                                     {"consumer", Array::of(std::move(consumer))}}));
}
}  // namespace

std::optional<std::vector<TraceRow>> read_trace_record(const std::string& topic, const RecordView& record) {
  auto rows = decode_trace(record.value);
  if (rows) return std::move(*rows);
  log::warning("topic " + topic + ", partition " + to_text(record.partition) + ", offset " +
               to_text(record.offset) + ": " + rows.error().reason +
               "; it is passed over: only `drst infer` may write to this topic");
  return std::nullopt;
}

TraceSet read_traces(Log& log, const std::string& topic, const std::string& run_id) {
  const std::string trace = trace_topic(topic);
  TraceSet set;
  Collector collector(set);
  Batch batch;
  const int partitions = log.partitions(trace);
  for (int partition = 0; partition < partitions; ++partition) {
    collector.next_partition();
    for (int64_t next = 0;;) {
      log.read(trace, partition, next, batch, {.max_records = 1024, .max_bytes = std::size_t{8} << 20});
      if (batch.empty()) break;
      for (const auto& record : batch.records()) {
        next = record.offset + 1;
        if (!run_id.empty() && record.header(run_id_header).value_or("") != run_id) continue;
        auto rows = read_trace_record(trace, record);
        if (!rows) continue;
        for (auto& row : *rows) collector.add(std::move(row));
      }
    }
  }
  std::stable_sort(set.rows.begin(), set.rows.end(), [](const TraceRow& a, const TraceRow& b) {
    if ((a.row < 0) != (b.row < 0))
      return b.row < 0;  // rows without a number come last, among themselves by time
    return a.row >= 0 && a.row != b.row ? a.row < b.row : a.ts < b.ts;
  });
  std::sort(set.unpredicted.begin(), set.unpredicted.end(), [](const TraceRow& a, const TraceRow& b) {
    return std::tie(a.partition, a.offset) < std::tie(b.partition, b.offset);
  });
  return set;
}

std::string trace_file_key(const std::string& consumer) {
  return std::string(file_prefix) + consumer + std::string(file_suffix);
}

void write_trace_files(ObjectStore& store, const TraceSet& set) {
  std::map<std::string, std::vector<const TraceRow*>> shares;
  for (const auto& row : set.rows) shares[row.consumer].push_back(&row);
  for (const auto& [consumer, rows] : shares) {
    std::vector<int64_t> ts, offset, number, memory_offset;
    std::vector<int32_t> partition, release, mixture;
    std::vector<float> truth, pred_orig, pred_adj, pred_live, voices;
    std::vector<std::string> id, releases, mixtures;
    std::map<std::string, int32_t> indices, mixture_indices;
    const auto index_of = [](std::map<std::string, int32_t>& known, std::vector<std::string>& names,
                             const std::string& name) {
      const auto [index, added] = known.try_emplace(name, static_cast<int32_t>(names.size()));
      if (added) names.push_back(name);
      return index->second;
    };
    for (const auto* row : rows) {
      ts.push_back(row->ts.time_since_epoch().count());
      partition.push_back(row->partition);
      offset.push_back(row->offset);
      number.push_back(row->row);
      truth.push_back(row->truth);
      pred_orig.push_back(row->pred_orig);
      pred_adj.push_back(row->pred_adj);
      id.push_back(row->id);
      release.push_back(index_of(indices, releases, row->release));
      mixture.push_back(index_of(mixture_indices, mixtures, row->mixture));
      pred_live.push_back(row->pred_live);
      memory_offset.push_back(row->memory_offset);
      for (std::size_t i = 0; i < TraceRow::most_voices; ++i)
        voices.push_back(i < row->voices_used ? row->voices[i] : std::numeric_limits<float>::quiet_NaN());
    }
    std::map<std::string, Array> members;
    members["ts"] = Array::of(std::move(ts));
    members["partition"] = Array::of(std::move(partition));
    members["offset"] = Array::of(std::move(offset));
    members["true"] = Array::of(std::move(truth));
    members["pred_orig"] = Array::of(std::move(pred_orig));
    members["pred_adj"] = Array::of(std::move(pred_adj));
    members["id"] = Array::of(std::move(id));
    members["row"] = Array::of(std::move(number));
    members["release"] = Array::of(std::move(release));
    members["releases"] = Array::of(std::move(releases));
    members["pred_live"] = Array::of(std::move(pred_live));
    members["mixture"] = Array::of(std::move(mixture));
    members["mixtures"] = Array::of(std::move(mixtures));
    members["voices"] = Array{{rows.size(), TraceRow::most_voices}, std::move(voices)};
    members["memory_offset"] = Array::of(std::move(memory_offset));
    store.put(trace_file_key(consumer), to_npz(members));
  }
  write_unpredicted(store, set.unpredicted);
}

std::vector<TraceRow> read_trace_file(std::string_view npz, const std::string& source) {
  const auto members = parse_npz(npz, source);
  const auto& ts = member<int64_t>(members, "ts", source);
  const auto& partition = member<int32_t>(members, "partition", source);
  const auto& offset = member<int64_t>(members, "offset", source);
  const auto& truth = member<float>(members, "true", source);
  const auto& pred_orig = member<float>(members, "pred_orig", source);
  const auto& pred_adj = member<float>(members, "pred_adj", source);
  const auto& id = member<std::string>(members, "id", source);
  const auto& number = member<int64_t>(members, "row", source);
  const auto& release = member<int32_t>(members, "release", source);
  const auto& releases = member<std::string>(members, "releases", source);
  const auto& pred_live = member<float>(members, "pred_live", source);
  const auto& mixture = member<int32_t>(members, "mixture", source);
  const auto& mixtures = member<std::string>(members, "mixtures", source);
  const std::size_t count = ts.size();
  for (const std::size_t size :
       {partition.size(), offset.size(), truth.size(), pred_orig.size(), pred_adj.size(), id.size(),
        number.size(), release.size(), pred_live.size(), mixture.size()})
    if (size != count) throw InputError(source + ": its members differ in length");
  std::string consumer;
  if (const auto at = source.rfind(file_suffix); at != std::string::npos) {
    const auto slash = source.rfind('/', at);
    const auto first = slash == std::string::npos ? 0 : slash + 1;
    consumer = source.substr(first, at - first);
  }
  std::vector<TraceRow> rows(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (release[i] < 0 || static_cast<std::size_t>(release[i]) >= releases.size())
      throw InputError(source + ": row " + to_text(i) + " names release " + to_text(release[i]) + " of " +
                       to_text(releases.size()));
    if (mixture[i] < 0 || static_cast<std::size_t>(mixture[i]) >= mixtures.size())
      throw InputError(source + ": row " + to_text(i) + " names mixture " + to_text(mixture[i]) + " of " +
                       to_text(mixtures.size()));
    rows[i].pred_live = pred_live[i];
    rows[i].mixture = mixtures[static_cast<std::size_t>(mixture[i])];
    rows[i].ts = Time(Duration(ts[i]));
    rows[i].partition = partition[i];
    rows[i].offset = offset[i];
    rows[i].row = number[i];
    rows[i].id = id[i];
    rows[i].truth = truth[i];
    rows[i].pred_orig = pred_orig[i];
    rows[i].pred_adj = pred_adj[i];
    rows[i].release = releases[static_cast<std::size_t>(release[i])];
    rows[i].consumer = consumer;
  }
  read_voices(members, rows);
  return rows;
}

std::vector<TraceRow> read_unpredicted_file(std::string_view npz, const std::string& source) {
  const auto members = parse_npz(npz, source);
  const auto& status = member<int32_t>(members, "status", source);
  const auto& partition = member<int32_t>(members, "partition", source);
  const auto& offset = member<int64_t>(members, "offset", source);
  const auto& number = member<int64_t>(members, "row", source);
  const auto& id = member<std::string>(members, "id", source);
  const auto& consumer = member<std::string>(members, "consumer", source);
  const std::size_t count = status.size();
  for (const std::size_t size : {partition.size(), offset.size(), number.size(), id.size(), consumer.size()})
    if (size != count) throw InputError(source + ": its members differ in length");
  std::vector<TraceRow> rows(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (status[i] != static_cast<int32_t>(TraceRow::Status::duplicate) &&
        status[i] != static_cast<int32_t>(TraceRow::Status::dead_lettered))
      throw InputError(source + ": row " + to_text(i) + " has status " + to_text(status[i]) +
                       "; 1 is a repeated id, 2 a dead letter");
    rows[i].status = static_cast<TraceRow::Status>(status[i]);
    rows[i].partition = partition[i];
    rows[i].offset = offset[i];
    rows[i].row = number[i];
    rows[i].id = id[i];
    rows[i].consumer = consumer[i];
  }
  return rows;
}

}  // namespace drst
