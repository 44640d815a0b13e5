#include "stream/joined_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"
#include "stream/joined_positions.h"
#include "stream/label_follower.h"
#include "stream/merge.h"

namespace drst {

namespace {

using Item = JoinedReader::Item;
using Counts = JoinedReader::Counts;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t recent_records = 9;  // odd, so that their median is one of them
constexpr uint32_t unmapped = ~uint32_t{0};

/// Records of a partition that are passed over count only once what follows them has been handed out.
struct Skipped {
  uint64_t unusable = 0, foreign = 0, foreign_sentinels = 0;
};
void add(Counts& counts, const Skipped& skipped) {
  counts.unusable += skipped.unusable;
  counts.foreign += skipped.foreign;
  counts.foreign_sentinels += skipped.foreign_sentinels;
}

/// A decoded record on its way through the merge; `values` in the decoder's columns.
struct Entry {
  int partition = 0;
  int64_t offset = 0;
  std::size_t finite = 0;
  bool bad_label = false;
  Skipped skipped_before;
  Item item;
};

struct Partition {
  int64_t next_read = -1;   // -1: not known yet
  int64_t position = -1;    // what a successor would start with
  std::size_t waiting = 0;  // in the merge
  bool ended = false;
  Skipped skipped;                                          // since the last entry
  std::optional<std::pair<int64_t, std::string>> sentinel;  // seen while the run was unknown: offset, run
};

}  // namespace

struct JoinedReader::State {
  Log& log;
  const Clock& clock;
  JoinedReaderOptions options;
  JoinedPositions at;  // as of what has been handed out
  RecordDecoder decoder;
  Counts counts;       // including what was skipped ahead
  bool heard = false;  // since it was asked last
  bool owned = false;  // partitions, at any time

  std::unique_ptr<Consumer> consumer;
  Batch batch;
  std::vector<Partition> partitions;
  std::optional<StreamMerge<Entry>> merge;
  std::vector<int64_t> committed;

  std::optional<LabelFollower> labels;

  std::vector<uint32_t> public_column;  // by column of the decoder

  State(Log& log_, const Clock& clock_, const JoinedReaderOptions& options_)
      : log(log_), clock(clock_), options(options_), decoder(options_.limits, options_.lane) {
    at.topic = options.topic;
    at.run_id = options.run_id;
  }

  /// True once the topic is there and this reader is subscribed to it.
  bool open() {
    if (consumer) return true;
    const int count = log.partitions(options.topic);
    if (count == 0) return false;
    if (!at.offsets.empty() && at.offsets.size() != static_cast<std::size_t>(count))
      throw InputError("topic '" + options.topic +
                       "' has another number of partitions than the saved positions; start over");
    partitions.assign(static_cast<std::size_t>(count), {});
    committed.assign(static_cast<std::size_t>(count), -1);
    merge.emplace(count, static_cast<std::size_t>(options.settings.reorder_bound));
    labels.emplace(log, options.topic, at.label_offsets, options.limits, options.lane);
    if (at.last) merge->resume_after(*at.last);
    for (std::size_t p = 0; p < at.offsets.size(); ++p)
      partitions[p].next_read = partitions[p].position = at.offsets[p];
    const Duration lease = from_seconds(options.settings.lease_s);
    consumer = log.subscribe({options.group, options.member, options.topic, lease, true});
    return true;
  }

  std::optional<Item> next() {
    if (!open()) return std::nullopt;
    for (bool more = true;;) {
      if (auto item = next_label()) return item;
      if (auto item = next_sample()) return item;
      if (!more) return std::nullopt;
      more = poll();
      if (at.started) labels->poll();  // after the samples: what was appended before them is here, too
    }
  }

  // --- samples ---

  /// False: there is nothing new.
  bool poll() {
    if (merge->ended()) return false;
    consumer->poll(batch, {});
    heard = heard || !batch.empty();
    for (const int p : consumer->assigned()) start(p);
    owned = owned || !consumer->assigned().empty();
    for (const RecordView& record : batch.records()) read(record);
    return !batch.empty();
  }

  /// A partition is ours (again): reading starts at the group's place, which need not be this reader's.
  void start(int p) {
    Partition& partition = partitions[static_cast<std::size_t>(p)];
    if (partition.next_read >= 0) {
      consumer->seek(p, partition.next_read);
      return;
    }
    const auto place = log.committed(options.group, options.topic, p);
    partition.next_read = std::max(place.value_or(0), log.watermarks(options.topic, p).begin);
    partition.position = partition.next_read;
  }

  void read(const RecordView& record) {
    const auto p = static_cast<std::size_t>(record.partition);
    Partition& partition = partitions[p];
    if (record.offset < partition.next_read || partition.ended) return;
    if (record.offset > partition.next_read &&
        log.watermarks(options.topic, record.partition).begin <= partition.next_read) {
      consumer->seek(record.partition,
                     partition.next_read);  // a batch from before the seek; what is missing comes first
      return;
    }
    partition.next_read = record.offset + 1;
    if (is_sentinel(record)) {
      read_sentinel(record, partition);
    } else {
      read_sample(record, partition);
    }
    settle(partition);
  }

  void read_sentinel(const RecordView& record, Partition& partition) {
    const std::string run(sentinel_run(record));
    if (at.run_id.empty()) {
      partition.sentinel = {record.offset, run};
    } else if (run == at.run_id) {
      end(record.partition, record.offset);
    } else {
      skip(partition, &Skipped::foreign_sentinels, &Counts::foreign_sentinels);
    }
  }

  void read_sample(const RecordView& record, Partition& partition) {
    const auto sample = decoder.decode(record);
    if (!sample) return skip(partition, &Skipped::unusable, &Counts::unusable);
    at.started = true;
    if (at.run_id.empty() && !sample->run_id.empty()) meet_run(std::string(sample->run_id));
    if (!sample->run_id.empty() && sample->run_id != at.run_id)
      return skip(partition, &Skipped::foreign, &Counts::foreign);
    Entry entry;
    entry.partition = record.partition;
    entry.offset = record.offset;
    entry.finite = sample->finite;
    entry.bad_label = sample->bad_label;
    entry.skipped_before = std::exchange(partition.skipped, {});
    entry.item.id = sample->id;
    entry.item.row = sample->row;
    entry.item.send_ts = sample->send_ts;
    entry.item.stage = sample->stage;
    entry.item.values.assign(sample->values.begin(), sample->values.end());
    entry.item.label = sample->label;
    ++partition.waiting;
    merge->push(record.partition, {sample->row, sample->send_ts}, std::move(entry));
  }

  void skip(Partition& partition, uint64_t Skipped::*later, uint64_t Counts::*now) {
    ++(partition.skipped.*later);
    ++(counts.*now);
  }

  /// The first record with a run: now it is known whose the sentinels were that have been seen already.
  void meet_run(const std::string& run) {
    at.run_id = run;
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      const auto sentinel = std::exchange(partitions[p].sentinel, std::nullopt);
      if (!sentinel) continue;
      if (sentinel->second == run) {
        end(static_cast<int>(p), sentinel->first);
      } else {
        skip(partitions[p], &Skipped::foreign_sentinels, &Counts::foreign_sentinels);
      }
    }
  }

  void end(int p, int64_t sentinel_offset) {
    Partition& partition = partitions[static_cast<std::size_t>(p)];
    partition.ended = true;
    partition.next_read = sentinel_offset;  // an heir must see it
    merge->end(p);
    settle(partition);
  }

  /// With nothing waiting, everything read is done with.
  void settle(Partition& partition) {
    if (partition.waiting > 0) return;
    partition.position = partition.sentinel ? partition.sentinel->first : partition.next_read;
    add(at.counts, std::exchange(partition.skipped, {}));
  }

  std::optional<Item> next_sample() {
    while (auto entry = merge->pop()) {
      Partition& partition = partitions[static_cast<std::size_t>(entry->partition)];
      --partition.waiting;
      partition.position = entry->offset + 1;
      add(at.counts, entry->skipped_before);
      settle(partition);
      if (accept(*entry)) return std::move(entry->item);
    }
    return std::nullopt;
  }

  bool accept(Entry& entry) {
    Item& item = entry.item;
    if (item.row >= 0 && !at.rows.insert(item.row)) {
      count(&Counts::duplicates);
      return false;
    }
    const StreamKey key{item.row, item.send_ts};
    if (at.last && key.before(*at.last)) {
      count(&Counts::late);
    } else {
      at.last = key;
    }
    item.blank = entry.finite == 0;
    if (!is_complete(entry.finite)) {
      count(&Counts::unusable);
      if (!item.blank) return false;
    }
    if (entry.bad_label) count(&Counts::bad_labels);
    show_columns(item);
    if (!item.blank) count(&Counts::samples);
    return true;
  }

  void count(uint64_t Counts::*which) {
    ++(counts.*which);
    ++(at.counts.*which);
  }

  /// Against the median of the records before it: neither one monstrous record nor a chain that lost a
  /// function can make all that follow unusable.
  bool is_complete(std::size_t finite) {
    auto& recent = at.recent_finite;
    double usual = 0;
    if (!recent.empty()) {
      std::vector<int64_t> sorted(recent.begin(), recent.end());
      const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
      std::nth_element(sorted.begin(), middle, sorted.end());
      usual = static_cast<double>(*middle);
    }
    recent.push_back(static_cast<int64_t>(finite));
    if (recent.size() > recent_records) recent.pop_front();
    return finite > 0 && static_cast<double>(finite) >= (1 - options.settings.max_missing_fraction) * usual;
  }

  /// From the decoder's columns, whose order depends on what arrived when, to ours, whose order does not.
  void show_columns(Item& item) {
    const auto& names = decoder.columns();
    public_column.resize(names.size(), unmapped);
    std::vector<uint32_t> fresh;
    for (uint32_t c = 0; c < item.values.size(); ++c)
      if (public_column[c] == unmapped && !std::isnan(item.values[c])) fresh.push_back(c);
    std::sort(fresh.begin(), fresh.end(), [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
    for (const uint32_t c : fresh) {
      public_column[c] = static_cast<uint32_t>(at.columns.size());
      at.columns.push_back(names[c]);
    }
    std::vector<double> values(at.columns.size(), missing);
    for (std::size_t c = 0; c < item.values.size(); ++c)
      if (public_column[c] != unmapped) values[public_column[c]] = item.values[c];
    item.values = std::move(values);
  }

  // --- labels ---

  std::optional<Item> next_label() {
    while (auto message = labels->next()) {
      heard = true;
      at.label_offsets = labels->offsets();
      if (!*message) {
        count(&Counts::bad_labels);
      } else if (auto item = accept(std::move(**message))) {
        return item;
      }
    }
    return std::nullopt;
  }

  std::optional<Item> accept(LabelMessage message) {
    if (!message.label) return std::nullopt;  // about another lane
    Item item;
    item.kind = Item::Kind::label;
    if (const auto parts = split_id(message.id)) {
      if (parts->run_id != at.run_id) {
        count(&Counts::foreign);
        return std::nullopt;
      }
      if (!at.labels.insert(parts->row)) {
        count(&Counts::duplicates);
        return std::nullopt;
      }
      item.row = parts->row;
    }
    item.id = std::move(message.id);
    item.send_ts = message.send_ts;
    item.label = message.label;
    count(&Counts::labels);
    return item;
  }

  [[nodiscard]] bool ended() const {
    return merge && merge->ended() && merge->waiting() == 0 && labels->drained();
  }

  [[nodiscard]] std::string lacks() const {
    if (at.last) return {};
    std::string words = "no record";
    if (!options.run_id.empty()) words += " of run '" + options.run_id + "'";
    words += " is in topic " + options.topic + " yet";
    if (counts.foreign > 0) words += ", though " + to_text(counts.foreign) + " of other runs are";
    return words + "; `drst produce` to the same --log sends them";
  }

  [[nodiscard]] std::optional<std::string> ended_before() const {
    if (!at.run_id.empty() || partitions.empty()) return std::nullopt;
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      const auto& sentinel = partitions[p].sentinel;
      if (!sentinel || sentinel->second != partitions.front().sentinel->second) return std::nullopt;
      if (log.watermarks(options.topic, static_cast<int>(p)).end != sentinel->first + 1) return std::nullopt;
    }
    return partitions.front().sentinel->second;
  }

  bool commit() {
    if (!consumer) return true;
    for (const int p : consumer->assignment()) {
      const auto index = static_cast<std::size_t>(p);
      const int64_t position = partitions[index].position;
      if (position < 0 || position == committed[index]) continue;
      if (!consumer->commit(p, position)) return false;
      committed[index] = position;
    }
    return true;
  }

  void need_lease() {
    if (!owned || consumer->holds()) return;
    Batch unused;
    consumer->poll(unused, {.max_records = 1});  // which knows why, and throws
    throw LeaseLost("group '" + options.group + "' on topic '" + options.topic + "': '" + options.member +
                    "' was not heard of for longer than its lease and has lost its place (reader.lease_s)");
  }
};

JoinedReader::JoinedReader(Log& log, const Clock& clock, const JoinedReaderOptions& options)
    : state_(std::make_unique<State>(log, clock, options)) {}
JoinedReader::~JoinedReader() = default;

std::optional<JoinedReader::Item> JoinedReader::next() { return state_->next(); }
const std::vector<std::string>& JoinedReader::columns() const { return state_->at.columns; }
const std::string& JoinedReader::run_id() const { return state_->at.run_id; }
bool JoinedReader::heard() { return std::exchange(state_->heard, false); }
bool JoinedReader::ended() const { return state_->ended(); }
std::string JoinedReader::lacks() const { return state_->lacks(); }
std::optional<std::string> JoinedReader::ended_before() const { return state_->ended_before(); }
JoinedReader::Counts JoinedReader::counts() const { return state_->counts; }
bool JoinedReader::commit() { return state_->commit(); }
void JoinedReader::need_lease() { state_->need_lease(); }
bool JoinedReader::joined() const { return state_->owned; }

std::string JoinedReader::positions() const {
  JoinedPositions at = state_->at;
  if (!state_->partitions.empty()) at.offsets.clear();  // else nothing has been read in this life
  for (const auto& partition : state_->partitions) at.offsets.push_back(partition.position);
  return to_text(at);
}

void JoinedReader::restore(const std::string& positions) {
  auto fresh = std::make_unique<State>(state_->log, state_->clock, state_->options);
  fresh->at = joined_positions(positions, state_->options.topic);
  if (!fresh->options.run_id.empty()) fresh->at.run_id = fresh->options.run_id;
  fresh->counts = fresh->at.counts;
  fresh->decoder.expect(fresh->at.columns);
  for (uint32_t c = 0; c < fresh->at.columns.size(); ++c) fresh->public_column.push_back(c);
  state_ = std::move(fresh);
}

}  // namespace drst
