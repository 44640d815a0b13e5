#include "stream/joined_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "base/text.h"
#include "stream/memory_log.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using Item = JoinedReader::Item;
using std::chrono::seconds;

/// A topic of three partitions, and what a producer would do to it.
class Stream {
 public:
  explicit Stream(int partitions = 3) : partitions_(partitions) {
    log.ensure_topic("t", partitions);
    log.ensure_topic("t-labels", 1);
  }
  void put(int partition, NewRecord record) {
    record.timestamp = clock.now();
    log.append("t", partition, std::span(&record, 1));
  }
  void row(int64_t r, const std::string& run = "run", int partition = -1, std::optional<double> label = {}) {
    NewRecord record;
    const std::array values = {static_cast<double>(r), 2.0, 3.0, 4.0};
    record.value = encoder.encode(make_id(run, r), values, label, clock.now() + seconds(r), "s");
    record.headers = {{"run_id", run}};
    put(partition < 0 ? static_cast<int>(r % partitions_) : partition, record);
  }
  void text(int partition, const std::string& value) {
    NewRecord record;
    record.value = value;
    put(partition, record);
  }
  void sentinels(const std::string& run = "run") {
    for (int p = 0; p < partitions_; ++p) put(p, make_sentinel(run, clock.now()));
  }
  void label(int64_t r, double value, const std::string& run = "run") {
    NewRecord record;
    record.value = encode_label(make_id(run, r), value, clock.now());
    log.append("t-labels", 0, std::span(&record, 1));
  }
  JoinedReaderOptions options() const {
    JoinedReaderOptions o;
    o.topic = "t";
    o.group = "g";
    o.member = "m";
    return o;
  }
  JoinedReader reader() { return JoinedReader(log, clock, options()); }

  VirtualClock clock;
  MemoryLog log{std::make_shared<MemoryLogDisk>(), clock};
  RecordEncoder encoder{{"a", "b", "c", "d"}};

 private:
  int partitions_;
};

std::string describe(const Item& item) {
  std::string text = (item.kind == Item::Kind::label ? "L" : "") + to_text(item.row);
  if (item.label) text += "=" + to_text(*item.label);
  return text;
}

std::vector<std::string> drain(JoinedReader& reader) {
  std::vector<std::string> out;
  while (const auto item = reader.next()) out.push_back(describe(*item));
  return out;
}

TEST(JoinedReader, HandsOutTheStreamInOrder) {
  Stream stream;
  auto reader = stream.reader();
  EXPECT_THAT(drain(reader), ElementsAre());
  for (const int64_t r : {0, 2, 1, 5, 3})
    stream.row(r, "run", -1, r == 1 ? std::optional(7.0) : std::nullopt);
  EXPECT_THAT(drain(reader), ElementsAre("0", "1=7", "2", "3"));
  EXPECT_EQ(reader.run_id(), "run");
  EXPECT_THAT(reader.columns(), ElementsAre("a", "b", "c", "d"));
  stream.row(4);
  EXPECT_THAT(drain(reader), ElementsAre("4", "5"));
  EXPECT_FALSE(reader.ended());
  stream.sentinels();
  EXPECT_THAT(drain(reader), ElementsAre());
  EXPECT_TRUE(reader.ended());
  EXPECT_EQ(reader.counts().samples, 6u);
}

TEST(JoinedReader, ALabelComesBeforeSamplesAppendedAfterIt) {
  Stream stream;
  stream.row(0);
  stream.row(1);
  auto reader = stream.reader();
  EXPECT_THAT(drain(reader), ElementsAre("0", "1"));
  stream.label(0, 1.5);
  stream.row(2);
  EXPECT_THAT(drain(reader), ElementsAre("L0=1.5", "2"));
  stream.label(0, 9);         // a repeat: the first one stands
  stream.label(7, 2);         // of a row that has not come (yet)
  stream.label(1, 3, "old");  // of another run
  stream.log.append("t-labels", 0,
                    std::array{NewRecord{.key = "", .value = "{", .headers = {}, .timestamp = {}}});
  EXPECT_THAT(drain(reader), ElementsAre("L7=2"));
  EXPECT_EQ(reader.counts().labels, 2u);
  EXPECT_EQ(reader.counts().duplicates, 1u);
  EXPECT_EQ(reader.counts().foreign, 1u);
  EXPECT_EQ(reader.counts().bad_labels, 1u);
}

/// Whoever learns does so in single precision: 1e300 would be infinite there.
TEST(JoinedReader, LabelsOfAbsurdSizeAreCountedAndNotHandedOut) {
  Stream stream;
  stream.row(0, "run", -1, 1e300);
  stream.row(1, "run", -1, -1e39);
  stream.row(2, "run", -1, 3.4e38);
  stream.row(3);
  stream.row(4, "run", -1, -5.0);
  stream.row(5, "run", -1, 0.0);
  auto reader = stream.reader();
  EXPECT_THAT(drain(reader), ElementsAre("0", "1", "2=3.4e+38", "3", "4=-5", "5=0"));
  EXPECT_EQ(reader.counts().bad_labels, 2U);
  stream.label(3, 1e300);
  stream.label(3, 7);  // the first one was none
  EXPECT_THAT(drain(reader), ElementsAre("L3=7"));
  EXPECT_EQ(reader.counts().bad_labels, 3U);
}

TEST(JoinedReader, EachLaneHasItsOwnLabelsOfOneStream) {
  Stream stream;
  const auto append = [&](const std::string& topic, int partition, std::string value) {
    stream.log.append(
        topic, partition,
        std::array{NewRecord{.key = "", .value = std::move(value), .headers = {}, .timestamp = {}}});
  };
  const auto now = stream.clock.now();
  const std::array delay = {FurtherLabel{"delay", 40.0}};
  const std::array unknown = {FurtherLabel{"delay", std::nullopt}};
  append("t", 0,
         std::string(stream.encoder.encode("run-0", std::array{1.0, 2.0, 3.0, 4.0}, 7, now, "s", delay)));
  stream.row(1);
  stream.row(2);
  append("t-labels", 0, encode_label("run-1", std::nullopt, now, delay));
  append("t-labels", 0, encode_label("run-2", 9.0, now, unknown));
  append("t-labels", 0, encode_label("run-2", std::nullopt, now, delay));
  append("t-labels", 0, R"({"id":"run-2","label":"x"})");
  auto options = stream.options();
  auto first = stream.reader();
  EXPECT_THAT(drain(first), ElementsAre("L2=9", "0=7", "1", "2"));
  options.group = "another";
  options.lane = "delay";
  JoinedReader second(stream.log, stream.clock, options);
  EXPECT_THAT(drain(second), ElementsAre("L1=40", "L2=40", "0=40", "1", "2"));
  for (auto* reader : {&first, &second}) {
    EXPECT_EQ(reader->counts().bad_labels, 1u);
    EXPECT_EQ(reader->counts().duplicates, 0u);
  }
}

TEST(JoinedReader, LastLabelsBelongToTheRun) {
  Stream stream(1);
  stream.row(0);
  stream.label(0, 4);
  stream.sentinels();
  auto reader = stream.reader();
  EXPECT_EQ(describe(*reader.next()), "L0=4");
  EXPECT_FALSE(reader.ended());
  EXPECT_EQ(describe(*reader.next()), "0");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ended());
}

TEST(JoinedReader, OtherRunsAreIgnored) {
  Stream stream;
  stream.sentinels("old");  // an old run's end, before the first record of this one
  stream.row(0);
  stream.row(1, "other");
  stream.sentinels("other");
  stream.row(1);
  auto options = stream.options();
  options.run_id = "run";
  JoinedReader reader(stream.log, stream.clock, options);
  EXPECT_THAT(drain(reader), ElementsAre("0", "1"));
  EXPECT_FALSE(reader.ended());
  EXPECT_EQ(reader.counts().foreign, 1u);
  EXPECT_EQ(reader.counts().foreign_sentinels, 6u);
  stream.sentinels();
  drain(reader);
  EXPECT_TRUE(reader.ended());
}

TEST(JoinedReader, ASentinelMayBeSeenBeforeTheRunIsKnown) {
  Stream stream;
  stream.sentinels("old");
  stream.row(0, "run", 2);  // partitions 0 and 1 hold nothing else
  stream.sentinels();
  auto reader = stream.reader();
  EXPECT_THAT(drain(reader), ElementsAre("0"));
  EXPECT_TRUE(reader.ended());
}

TEST(JoinedReader, RepeatsAndUnusableRecordsAreCounted) {
  Stream stream;
  for (int64_t r = 0; r < 6; ++r) stream.row(r);
  stream.row(4);
  stream.text(0, "{broken");
  stream.text(0, R"({"features":{"a":1},"id":"run-6"})");                 // lacks three of four
  stream.text(1, R"({"features":{"a":1,"b":null,"c":2},"id":"run-7"})");  // lacks half
  stream.text(2, R"({"features":{"a@-1":1},"id":"run-8"})");              // nothing of the current sample
  stream.row(9);
  auto reader = stream.reader();
  EXPECT_THAT(drain(reader), ElementsAre("0", "1", "2", "3", "4", "5", "7", "8", "9"));
  EXPECT_EQ(reader.counts().unusable, 3u);
  EXPECT_EQ(reader.counts().samples, 8u);
  EXPECT_EQ(reader.counts().duplicates, 1u);
  EXPECT_EQ(reader.counts().late, 0u);
}

/// Counters that vanish all at once must not look like silence to who follows the stream.
TEST(JoinedReader, ARecordOfNoCounterIsHandedOutAsBlankAndCountedAsUnusable) {
  Stream stream(1);
  stream.row(0);
  stream.text(0, R"({"features":{},"label":5,"id":"run-1"})");
  stream.text(0, R"({"features":{"a":null,"b":null},"id":"run-2"})");
  stream.row(3);
  auto reader = stream.reader();
  for (const bool blank : {false, true, true, false}) {
    const auto item = reader.next();
    ASSERT_TRUE(item);
    EXPECT_EQ(item->blank, blank) << item->row;
    for (const double value : item->values) EXPECT_EQ(std::isnan(value), blank);
    EXPECT_EQ(item->values.size(), reader.columns().size());
  }
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.counts().samples, 2u);
  EXPECT_EQ(reader.counts().unusable, 2u);
}

TEST(JoinedReader, HearsWhatItCannotUse) {
  Stream stream(1);
  auto reader = stream.reader();
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.heard());
  stream.text(0, "{broken");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.heard());
  EXPECT_FALSE(reader.heard());
}

TEST(JoinedReader, AMonstrousRecordDoesNotSpoilTheStream) {
  Stream stream(1);
  for (int64_t r = 0; r < 3; ++r) stream.row(r);
  std::string text = R"({"id":"run-3","features":{"z0":1)";
  for (int i = 1; i < 500; ++i) text += ",\"z" + to_text(i) + "\":1";
  stream.text(0, text + "}}");
  for (int64_t r = 4; r < 8; ++r) stream.row(r);
  auto reader = stream.reader();
  EXPECT_THAT(drain(reader), ElementsAre("0", "1", "2", "3", "4", "5", "6", "7"));
}

TEST(JoinedReader, WithoutIdsBySendTime) {
  Stream stream(2);
  const auto at = [&](int second) {
    return R"({"features": {"a": 1}, "label": null, "send_ts": ")" +
           to_iso8601(stream.clock.now() + seconds(second)) + "\"}";
  };
  stream.text(0, at(1));
  stream.text(0, at(4));
  stream.text(1, at(2));
  auto reader = stream.reader();
  const auto first = reader.next();
  const auto second = reader.next();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->send_ts, stream.clock.now() + seconds(1));
  EXPECT_EQ(second->send_ts, stream.clock.now() + seconds(2));
  EXPECT_EQ(second->row, -1);
  EXPECT_FALSE(reader.next());
}

TEST(JoinedReader, ColumnsOnlyGrow) {
  Stream stream(1);
  stream.text(0, R"({"features":{"b":1,"a":2},"id":"run-0"})");
  stream.text(0, R"({"features":{"b":3,"c":null,"a@-1":2,"a":5},"id":"run-1"})");
  stream.text(0, R"({"features":{"c":4,"a":6},"id":"run-2"})");
  auto reader = stream.reader();
  EXPECT_THAT(reader.next()->values, ElementsAre(2, 1));
  EXPECT_THAT(reader.columns(), ElementsAre("a", "b"));
  EXPECT_THAT(reader.next()->values, ElementsAre(5, 3, 2));
  const auto last = reader.next();
  EXPECT_THAT(reader.columns(), ElementsAre("a", "b", "a@-1", "c"));
  EXPECT_EQ(last->values[3], 4);
  EXPECT_TRUE(std::isnan(last->values[1]));
}

TEST(JoinedReader, LimitsHoldForLabelsToo) {
  Stream stream(1);
  stream.row(0);
  stream.label(0, 5);
  auto options = stream.options();
  options.limits.max_label_bytes = 10;
  JoinedReader reader(stream.log, stream.clock, options);
  while (reader.next()) {
  }
  EXPECT_EQ(reader.counts().bad_labels, 1U);
  EXPECT_EQ(reader.counts().labels, 0U);
}

TEST(JoinedReader, ItsLeaseIsASetting) {
  Stream stream(1);
  stream.row(0);
  for (const double lease_s : {60.0, 3.0}) {
    auto options = stream.options();
    options.group = "lease-" + to_text(lease_s);
    options.settings.lease_s = lease_s;
    JoinedReader first(stream.log, stream.clock, options);
    EXPECT_TRUE(first.next());
    stream.clock.advance(std::chrono::seconds(10));
    options.member = "heir";
    JoinedReader heir(stream.log, stream.clock, options);
    if (lease_s > 10)
      EXPECT_THROW(heir.next(), InputError) << "the first one still holds the group";
    else
      EXPECT_TRUE(heir.next());
  }
}

TEST(JoinedReader, ComesBeforeTheTopic) {
  VirtualClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  JoinedReaderOptions options;
  options.topic = "late";
  options.group = "g";
  options.member = "m";
  JoinedReader reader(log, clock, options);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.commit());
  log.ensure_topic("late", 1);
  log.append("late", 0,
             std::array{NewRecord{
                 .key = "", .value = R"({"features":{"a":1},"id":"r-0"})", .headers = {}, .timestamp = {}}});
  EXPECT_TRUE(reader.next());
}

TEST(JoinedReader, CommitsUpToTheSentinelAndNoFurther) {
  Stream stream(1);
  stream.row(0);
  stream.row(1);
  stream.sentinels();
  {
    auto reader = stream.reader();
    ASSERT_TRUE(reader.next());
    EXPECT_TRUE(reader.commit());
    EXPECT_EQ(stream.log.committed("g", "t", 0), 1);
    drain(reader);
    EXPECT_TRUE(reader.ended());
    EXPECT_TRUE(reader.commit());
    EXPECT_EQ(stream.log.committed("g", "t", 0), 2);
  }
  auto options = stream.options();
  options.run_id = "run";
  JoinedReader heir(stream.log, stream.clock, options);
  EXPECT_FALSE(heir.next());
  EXPECT_TRUE(heir.ended()) << "an heir must see the sentinel";
}

TEST(JoinedReader, RefusesForeignPositions) {
  Stream stream;
  auto reader = stream.reader();
  EXPECT_THROW(reader.restore("{"), InputError);
  EXPECT_THROW(reader.restore("{}"), InputError);
  auto options = stream.options();
  options.topic = "u";
  JoinedReader other(stream.log, stream.clock, options);
  EXPECT_THROW(reader.restore(other.positions()), InputError);
}

TEST(JoinedReader, RefusesPositionsThatAreNoWholeNumbers) {
  Stream stream;
  auto reader = stream.reader();
  const std::string good = reader.positions();
  ASSERT_NO_THROW(reader.restore(good));
  const auto with = [&](const std::string& field, const std::string& value) {
    const auto at = good.find('"' + field + "\":");
    EXPECT_NE(at, std::string::npos) << field;
    const auto begin = at + field.size() + 3;
    const auto end =
        good.find_first_of(good[begin] == '[' ? "]" : ",}", begin) + (good[begin] == '[' ? 1 : 0);
    return good.substr(0, begin) + value + good.substr(end);
  };
  for (const char* number : {"1e30", "-1e300", "1.5", "18446744073709551615", "\"1\"", "true"}) {
    for (const char* list : {"offsets", "label_offsets", "recent_finite"})
      EXPECT_THROW(reader.restore(with(list, std::string("[") + number + "]")), InputError) << list << number;
    for (const char* set : {"rows", "label_rows"})
      EXPECT_THROW(reader.restore(with(set, std::string("[[0,") + number + "]]")), InputError)
          << set << number;
    if (std::string(number) != "18446744073709551615") {
      EXPECT_THROW(reader.restore(with("samples", number)), InputError) << number;
    }
  }
  EXPECT_THROW(reader.restore(with("samples", "-1")), InputError);
}

/// A stream with all kinds of dirt, appended in an order that chance decides (in order within a partition).
void fill(Stream& stream, Random& random, int64_t rows) {
  std::vector<std::vector<std::function<void()>>> parts(3);
  for (int64_t r = 0; r < rows; ++r) {
    auto& part = parts[static_cast<std::size_t>(r % 3)];
    const int p = static_cast<int>(r % 3);
    const auto dice = random.below(20);
    if (dice == 0) part.push_back([&stream, p] { stream.text(p, "not json"); });
    if (dice == 1) {  // other columns, in any order
      const bool swap = random.chance(0.5);
      part.push_back([&stream, p, r, swap] {
        stream.text(p, std::string(R"({"features":{"a":1,"c":2,)") +
                           (swap ? R"("y":1,"x":2,"b":1)" : R"("x":1,"b":4,"y":2)") + R"(},"id":"run-)" +
                           to_text(r) + "\"}");
      });
    } else if (dice == 2) {
      part.push_back(
          [&stream, p, r] { stream.text(p, R"({"features":{"a":1},"id":"run-)" + to_text(r) + "\"}"); });
    } else if (dice != 3) {
      part.push_back([&stream, r] { stream.row(r); });
    }
    if (dice == 4) part.push_back([&stream, r] { stream.row(r); });
    if (dice == 5) part.push_back([&stream, p] { stream.row(0, "other", p); });
  }
  for (std::size_t p = 0; p < 3; ++p)
    parts[p].push_back(
        [&stream, p] { stream.put(static_cast<int>(p), make_sentinel("run", stream.clock.now())); });
  std::array<std::size_t, 3> at{};
  for (;;) {
    std::vector<std::size_t> open;
    for (std::size_t p = 0; p < 3; ++p)
      if (at[p] < parts[p].size()) open.push_back(p);
    if (open.empty()) break;
    const auto p = open[random.below(open.size())];
    parts[p][at[p]++]();
    if (random.chance(0.1))
      stream.label(static_cast<int64_t>(random.below(static_cast<uint64_t>(rows))), random.normal());
  }
}

/// Whatever the order of arrival: samples in row order, each row once.
RC_GTEST_PROP(JoinedReader, RowOrder, ()) {
  Random random(*rc::gen::arbitrary<uint64_t>());
  Stream stream;
  fill(stream, random, 90);
  auto reader = stream.reader();
  int64_t last = -1;
  while (const auto item = reader.next()) {
    if (item->kind == Item::Kind::label) continue;
    RC_ASSERT(item->row > last);
    RC_ASSERT(item->values.size() == reader.columns().size());
    last = item->row;
  }
  RC_ASSERT(reader.ended());
  RC_ASSERT(reader.counts().late == 0u);
}

/// A reader that is replaced at any points by one that starts from its positions: the same sequence to the
/// last bit, the same counts.
RC_GTEST_PROP(JoinedReader, RestartsExactly, ()) {
  Random random(*rc::gen::arbitrary<uint64_t>());
  Stream stream;
  fill(stream, random, 90);
  const auto text_of = [](const Item& item, const JoinedReader& reader) {
    std::string text = describe(item) + "/" + item.id + "/" + item.stage + "/" + to_iso8601(item.send_ts);
    for (std::size_t c = 0; c < item.values.size(); ++c)
      text += "," + reader.columns()[c] + "=" + to_text(item.values[c]);
    return text;
  };
  auto whole = stream.reader();
  std::vector<std::string> expected;
  while (const auto item = whole.next()) expected.push_back(text_of(*item, whole));
  const auto expected_counts = whole.counts();

  std::vector<std::string> got;
  std::string positions;
  for (bool ended = false; !ended;) {
    JoinedReaderOptions options = stream.options();
    options.group = "h";
    JoinedReader reader(stream.log, stream.clock, options);
    if (!positions.empty()) reader.restore(positions);
    for (auto items = random.below(40);; --items) {
      if (items == 0) break;
      const auto item = reader.next();
      if (!item) {
        RC_ASSERT(reader.ended());
        RC_ASSERT(reader.counts().unusable == expected_counts.unusable);
        RC_ASSERT(reader.counts().duplicates == expected_counts.duplicates);
        RC_ASSERT(reader.counts().foreign == expected_counts.foreign);
        RC_ASSERT(reader.counts().samples == expected_counts.samples);
        RC_ASSERT(reader.counts().labels == expected_counts.labels);
        ended = true;
        break;
      }
      got.push_back(text_of(*item, reader));
    }
    positions = reader.positions();
    if (random.chance(0.5)) reader.commit();
  }
  RC_ASSERT(got == expected);
}

}  // namespace
}  // namespace drst
