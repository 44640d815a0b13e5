#include "registry/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "store/memory_store.h"

namespace drst {
namespace {

using ::testing::HasSubstr;

class RegistryTest : public ::testing::Test {
 protected:
  ReleaseInfo publish(const std::string& bytes, double gain = 0.1) {
    ReleaseInfo info;
    info.family = "mlp";
    info.target = "output_rate";
    info.inputs = {"firewall_cycles", "firewall_cycles@-1"};
    info.role = "retrain";
    info.gain_over_baseline = gain;
    info.gain_over_live = std::numeric_limits<double>::quiet_NaN();
    return registry.publish(bytes, info);
  }
  /// Published and made live.
  ReleaseInfo live(const std::string& bytes) {
    auto info = publish(bytes);
    registry.point_to(info, "test", "because");
    clock.advance(std::chrono::seconds(1));
    return info;
  }
  std::string load_error(const Pointer& pointer) {
    const auto loaded = registry.load(pointer);
    return loaded ? "" : loaded.error().reason;
  }
  std::string pointer_error(const std::string& content) {
    store.put("models/latest.txt", content);
    const auto pointer = registry.pointer();
    return pointer ? "" : pointer.error().reason;
  }
  static std::string failed(const std::function<void()>& action) {
    try {
      action();
    } catch (const FailedError& error) {
      return error.what();
    }
    return "";
  }

  VirtualClock clock;
  MemoryStore store;
  Registry registry{store, clock};
};

TEST_F(RegistryTest, PublishedReleaseReadsBackWithItsLineage) {
  ReleaseInfo info;
  info.family = "ridge";
  info.target = "latency";
  info.inputs = {"a", "b@-1"};
  info.parent = "models/model_x.onnx";
  info.role = "offline";
  info.trigger = "run-7";
  info.data_sha256 = sha256_hex("data");
  info.labels = 42;
  info.seed = 0xffff'ffff'ffff'ffffULL;
  info.code_version = "0.1.0";
  info.settings = {{"k", "10"}, {"\"quoted\"", "ü\n"}};
  info.metrics = {{"rmse", 0.1}, {"unmeasured", std::numeric_limits<double>::quiet_NaN()}};
  info.gain_over_baseline = 1.0 / 3;
  info.gain_over_live = std::numeric_limits<double>::quiet_NaN();
  const auto published = registry.publish("model bytes", info);
  EXPECT_EQ(published.model_key, "models/model_20260101T000000000000Z.onnx");
  EXPECT_EQ(published.size, 11u);

  const auto read = registry.info(published.metrics_key);
  ASSERT_TRUE(read) << read.error().reason;
  EXPECT_EQ(read->model_key, published.model_key);
  EXPECT_EQ(read->inputs, info.inputs);
  EXPECT_EQ(read->parent, info.parent);
  EXPECT_EQ(read->trigger, info.trigger);
  EXPECT_EQ(read->seed, info.seed);
  EXPECT_EQ(read->labels, 42);
  EXPECT_EQ(read->settings, info.settings);
  EXPECT_EQ(read->sha256, sha256_hex("model bytes"));
  EXPECT_EQ(read->gain_over_baseline, 1.0 / 3);  // to the bit
  EXPECT_TRUE(std::isnan(read->gain_over_live));
  EXPECT_TRUE(std::isnan(read->metrics.at("unmeasured")));
  EXPECT_EQ(read->created, VirtualClock::default_epoch());
}

TEST_F(RegistryTest, TimestampsAreUniqueAndRiseWhileTheClockStandsOrStepsBack) {
  std::vector<std::string> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(publish("m" + to_text(i)).model_key);
  clock.advance(std::chrono::seconds(-3600));
  keys.push_back(publish("later, by a clock that was put back").model_key);
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
  EXPECT_EQ(registry.list().back().model_key, keys.back());
}

TEST_F(RegistryTest, PublishingDoesNotMoveThePointer) {
  publish("one");
  const auto pointer = registry.pointer();
  ASSERT_TRUE(pointer);
  EXPECT_FALSE(*pointer);
}

TEST_F(RegistryTest, PointerIsTwoPlainLines) {
  const auto info = live("one");
  EXPECT_EQ(store.get("models/latest.txt"), info.model_key + "\n" + info.metrics_key + "\n");
  // A missing final newline is how some editors and the prototype write it.
  EXPECT_EQ(pointer_error(info.model_key + "\n" + info.metrics_key), "");
}

TEST_F(RegistryTest, BrokenPointersAreFailuresThatSayWhatIsWrong) {
  const auto info = live("one");
  EXPECT_THAT(pointer_error(info.model_key + "\n"), HasSubstr("models/latest.txt: has 1 line;"));
  EXPECT_THAT(pointer_error(""), HasSubstr("has 0 lines"));
  EXPECT_THAT(pointer_error(info.model_key + "\r\n" + info.metrics_key + "\r\n"),
              HasSubstr("carriage return"));
  EXPECT_THAT(pointer_error(info.model_key + "\n" + info.metrics_key + "\nmore\n"), HasSubstr("3 lines"));
  EXPECT_THAT(pointer_error(info.metrics_key + "\n" + info.model_key + "\n"), HasSubstr("line 1"));
  EXPECT_THAT(pointer_error("models/model_../../etc/passwd.onnx\n" + info.metrics_key + "\n"),
              HasSubstr("line 1"));
  EXPECT_THAT(pointer_error(std::string(100'000, 'x')), HasSubstr("models/latest.txt"));
}

TEST_F(RegistryTest, LoadChecksEveryObjectBeforeUse) {
  const auto one = publish("first model");
  const auto two = publish("other model");  // of the same size
  const Pointer pointer{one.model_key, one.metrics_key};
  ASSERT_TRUE(registry.load(pointer));

  EXPECT_THAT(load_error({one.model_key, two.metrics_key}), HasSubstr("belongs to " + two.model_key));
  EXPECT_THAT(load_error({one.model_key, "models/metrics_gone.json"}), HasSubstr("no such object"));

  store.put(one.model_key, "first mod");
  EXPECT_THAT(load_error(pointer), HasSubstr("9 bytes, its metrics say 11"));
  store.put(one.model_key, "other model");
  EXPECT_THAT(load_error(pointer), HasSubstr("SHA-256"));
  store.put(one.model_key, "first model, and far more than was published");
  EXPECT_NE(load_error(pointer), "");
  store.remove(one.model_key);
  EXPECT_THAT(load_error(pointer), HasSubstr(one.model_key + ": no such object"));

  store.put(one.metrics_key, "");
  EXPECT_THAT(load_error(pointer), HasSubstr(one.metrics_key + ": the object is empty"));
  store.put(one.metrics_key, to_json(one).substr(0, 50));
  EXPECT_THAT(load_error(pointer), HasSubstr("not valid JSON"));
  store.put(one.metrics_key, to_json(two));
  EXPECT_THAT(load_error(pointer), HasSubstr("swapped"));
}

TEST_F(RegistryTest, MetricsWithAWrongFieldNameIt) {
  const std::string good = to_json(publish("model"));
  const auto reason = [&](const std::string& from, const std::string& to) -> std::string {
    std::string json = good;
    const auto at = json.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    json.replace(at, from.size(), to);
    try {
      (void)parse_release_info(json, "here");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(reason("\"size\":5", "\"size\":-5"), HasSubstr("here: 'size'"));
  EXPECT_THAT(reason("\"size\":5", "\"size\":1e30"), HasSubstr("'size'"));
  EXPECT_THAT(reason("\"size\":5", "\"size\":99999999999999"), HasSubstr("'size' must be between"));
  EXPECT_THAT(reason("\"sha256\":\"", "\"sha256\":\"zz"), HasSubstr("'sha256'"));
  EXPECT_THAT(reason("\"inputs\":[", "\"inputs\":[7,"), HasSubstr("'inputs'"));
  EXPECT_THAT(reason("\"inputs\"", "\"outputs\""), HasSubstr("'inputs' is missing"));
  EXPECT_THAT(reason("\"created\":\"2026", "\"created\":\"x"), HasSubstr("'created'"));
  EXPECT_THAT(reason("models/model_", "/etc/model_"), HasSubstr("here"));
}

TEST_F(RegistryTest, PointToVerifiesBeforeItMoves) {
  const auto one = live("one");
  const auto two = publish("two");
  store.put(two.model_key, "bad");
  EXPECT_THAT(failed([&] { registry.point_to(two, "test", ""); }), HasSubstr("the pointer is not moved to"));
  EXPECT_EQ((**registry.pointer()).model_key, one.model_key);
  EXPECT_EQ(registry.audit().size(), 1u);
}

/// S3Proxy, killed while it writes, leaves such.
TEST_F(RegistryTest, AHalfWrittenObjectIsNoAuditLine) {
  live("one");
  store.put("models/audit/20261130T094827746843Z-0000.json-af40bc33-9509-464d", "");
  EXPECT_EQ(registry.audit().size(), 1u);
  live("two");
  EXPECT_EQ(registry.audit().size(), 2u);
  for (const auto& problem : registry.verify()) EXPECT_THAT(problem.key, Not(HasSubstr("audit")));
}

TEST_F(RegistryTest, EachMoveLeavesALineAndRepeatingItNone) {
  const auto one = live("one");
  const auto two = live("two");
  registry.point_to(two, "test", "again, after a crash");
  const auto lines = registry.audit();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].from, "");
  EXPECT_EQ(lines[0].to, one.model_key);
  EXPECT_EQ(lines[1].from, one.model_key);
  EXPECT_EQ(lines[1].to, two.model_key);
  EXPECT_EQ(lines[1].actor, "test");
  EXPECT_EQ(lines[1].reason, "because");
}

TEST_F(RegistryTest, LinesStayInOrderWithinOneMicrosecond) {
  std::vector<std::string> moved;
  for (int i = 0; i < 12; ++i) {
    const auto info = publish("m" + to_text(i));
    registry.point_to(info, "test", "");
    moved.push_back(info.model_key);
  }
  clock.advance(std::chrono::seconds(-10));
  moved.push_back(publish("last").model_key);
  registry.point_to(registry.list().back(), "test", "");
  std::vector<std::string> told;
  for (const auto& line : registry.audit()) told.push_back(line.to);
  EXPECT_EQ(told, moved);
}

TEST_F(RegistryTest, AMoveThatLeftNoLineIsNoticedByTheNext) {
  const auto one = live("one");
  const auto two = publish("two");
  store.put("models/latest.txt", to_text(Pointer{two.model_key, two.metrics_key}));  // an editor, or a crash
  EXPECT_TRUE(registry.was_live(two.model_key));
  EXPECT_TRUE(registry.was_replaced(one.model_key));
  const auto three = live("three");
  const auto lines = registry.audit();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].actor, "registry");
  EXPECT_EQ(lines[1].from, one.model_key);
  EXPECT_EQ(lines[1].to, two.model_key);
  EXPECT_EQ(lines[2].from, two.model_key);
  EXPECT_TRUE(registry.was_replaced(two.model_key));
}

TEST_F(RegistryTest, StatesFollowPointerAndTrail) {
  const auto one = live("one");
  live("two");
  publish("three");
  registry.set_baseline(publish("frozen"));
  std::vector<std::string> states;
  for (const auto& info : registry.list()) states.push_back(info.state);
  EXPECT_EQ(states, (std::vector<std::string>{"retired", "live", "challenger", "frozen"}));
  EXPECT_EQ(registry.info(one.metrics_key)->state, "retired");
}

TEST_F(RegistryTest, RollbackWalksBackStepByStep) {
  const auto one = live("one");
  const auto two = live("two");
  const auto three = live("three");
  EXPECT_FALSE(registry.was_replaced(three.model_key));
  EXPECT_EQ(registry.rollback("", "me").model_key, two.model_key);
  EXPECT_TRUE(registry.was_replaced(two.model_key));
  EXPECT_EQ(registry.rollback("", "me").model_key, one.model_key);
  EXPECT_THAT(failed([&] { registry.rollback("", "me"); }), HasSubstr("nothing to roll back to"));
  EXPECT_EQ(registry.rollback(three.model_key, "me").state, "live");
  EXPECT_EQ((**registry.pointer()).model_key, three.model_key);
}

TEST_F(RegistryTest, RollbackRefusesWhatIsGoneOrBroken) {
  RegistrySettings few;
  few.keep_releases = 1;
  few.rollback_depth = 1;
  Registry strict(store, clock, few);
  const auto one = live("one");
  const auto two = live("two");
  const auto three = live("three");
  strict.prune(false);
  EXPECT_THAT(failed([&] { registry.rollback(one.model_key, "me"); }), HasSubstr("was removed by prune"));
  EXPECT_THAT(failed([&] { registry.rollback("models/model_never.onnx", "me"); }),
              HasSubstr("no release of this name"));
  store.put(two.model_key, "torn");
  EXPECT_THAT(failed([&] { registry.rollback("", "me"); }), HasSubstr("the pointer is not moved"));
  EXPECT_EQ((**registry.pointer()).model_key, three.model_key);
}

TEST_F(RegistryTest, AnUnreadablePointerIsRepairedByARollback) {
  live("one");
  const auto two = live("two");
  store.put("models/latest.txt", "garbage");
  EXPECT_EQ(registry.rollback("", "me").model_key, two.model_key);
  EXPECT_EQ((**registry.pointer()).model_key, two.model_key);
  EXPECT_THAT(registry.audit().back().reason, HasSubstr("could not be read"));
}

TEST_F(RegistryTest, BaselineIsFrozen) {
  const auto one = publish("one");
  const auto two = publish("two");
  EXPECT_FALSE(*registry.baseline());
  registry.set_baseline(one);
  registry.set_baseline(one);  // a repeat after a crash
  EXPECT_THAT(failed([&] { registry.set_baseline(two); }), HasSubstr("frozen"));
  EXPECT_EQ((**registry.baseline()).model_key, one.model_key);
}

TEST_F(RegistryTest, PruneKeepsWhatIsInUse) {
  RegistrySettings few;
  few.keep_releases = 2;
  few.rollback_depth = 1;
  Registry strict(store, clock, few);
  const auto baseline = live("baseline");
  registry.set_baseline(baseline);
  const auto forgotten = publish("never live");
  const auto former = live("former");
  const auto current = live("current");
  const auto new1 = publish("new 1");
  const auto new2 = publish("new 2");

  const auto planned = strict.prune(true);
  EXPECT_EQ(planned, (std::vector<std::string>{forgotten.metrics_key, forgotten.model_key}));
  EXPECT_EQ(registry.list().size(), 6u) << "a dry run removes nothing";
  EXPECT_EQ(strict.prune(false), planned);
  std::vector<std::string> left;
  for (const auto& info : registry.list()) left.push_back(info.model_key);
  EXPECT_EQ(left, (std::vector<std::string>{baseline.model_key, former.model_key, current.model_key,
                                            new1.model_key, new2.model_key}));
  EXPECT_TRUE(strict.prune(false).empty());
  EXPECT_TRUE(strict.verify().empty());
}

TEST_F(RegistryTest, PruneRemovesModelsThatWereNeverFinishedButNotOneInTheMaking) {
  store.put("models/model_20250101T000000000000Z.onnx", "publisher died");
  registry.set_baseline(live("one"));
  store.put("models/model_20270101T000000000000Z.onnx", "being published just now");
  EXPECT_EQ(registry.verify().size(), 2u);
  EXPECT_EQ(registry.prune(false), (std::vector<std::string>{"models/model_20250101T000000000000Z.onnx"}));
}

TEST_F(RegistryTest, PruneRemovesNothingWhileThePointerIsUnreadable) {
  RegistrySettings few;
  few.keep_releases = 1;
  Registry strict(store, clock, few);
  publish("one");
  publish("two");
  store.put("models/latest.txt", "garbage");
  EXPECT_THAT(failed([&] { strict.prune(false); }), HasSubstr("nothing is removed"));
  EXPECT_EQ(registry.list().size(), 2u);
}

TEST_F(RegistryTest, VerifyNamesEveryProblem) {
  const auto one = live("one");
  const auto two = live("two");
  registry.set_baseline(one);
  EXPECT_TRUE(registry.verify().empty());
  store.put(two.model_key, "xxx");
  store.put(one.metrics_key, "{}");
  store.put("models/audit/20990101T000000000000Z-0000.json", "[]");
  std::set<std::string> keys;
  for (const auto& problem : registry.verify()) keys.insert(problem.key);
  EXPECT_EQ(keys,
            (std::set<std::string>{two.model_key, one.metrics_key, one.model_key, "models/latest.txt",
                                   "models/baseline.txt", "models/audit/20990101T000000000000Z-0000.json"}));
}

TEST_F(RegistryTest, VerifyMissesAPointerWhereThereAreReleases) {
  EXPECT_TRUE(registry.verify().empty()) << "an empty store lacks nothing";
  const auto one = live("one");
  registry.set_baseline(one);
  for (const std::string key : {"models/latest.txt", "models/baseline.txt"}) {
    const auto kept = *store.get(key);
    store.remove(key);
    const auto problems = registry.verify();
    ASSERT_EQ(problems.size(), 1U) << key;
    EXPECT_EQ(problems[0].key, key);
    store.put(key, kept);
  }
}

/// Dies at the n-th place it is told of.
class DieAt final : public FaultPoint {
 public:
  explicit DieAt(int n) : left_(n) {}
  void reached(std::string_view, std::string_view) override {
    if (--left_ == 0) throw SimulatedCrash{};
  }
  [[nodiscard]] bool died() const { return left_ <= 0; }

 private:
  int left_;
};

TEST(RegistryCrash, ThePointerAlwaysNamesAWholeRelease) {
  for (int n = 1;; ++n) {
    auto disk = std::make_shared<MemoryDisk>();
    VirtualClock clock;
    MemoryStore plain(disk);
    Registry before(plain, clock);
    ReleaseInfo info;
    info.inputs = {"a"};
    const auto first = before.publish("first", info);
    before.point_to(first, "test", "");
    DieAt faults(n);
    MemoryStore fragile(disk, &faults);
    Registry registry(fragile, clock);
    try {
      registry.point_to(registry.publish("second", info), "test", "");
    } catch (const SimulatedCrash&) {
    }
    const auto pointer = before.pointer();
    ASSERT_TRUE(pointer && *pointer) << n;
    EXPECT_TRUE(before.load(**pointer)) << n;
    // The work is done again, as a restarted trainer would: it must succeed, and leave a true trail.
    const auto again = before.publish("second", info);
    before.point_to(again, "test", "");
    EXPECT_EQ(before.audit().back().to, again.model_key) << n;
    for (std::size_t i = 1; i < before.audit().size(); ++i)
      EXPECT_EQ(before.audit()[i].from, before.audit()[i - 1].to) << n;
    if (!faults.died()) break;
  }
}

}  // namespace
}  // namespace drst
