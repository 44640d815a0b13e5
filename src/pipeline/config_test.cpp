#include "pipeline/config.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace drst {
namespace {

TEST(Config, TheDocumentedFileIsWhatTheProgramHas) {
  Config config;
  EXPECT_EQ(read_file(DRST_SOURCE_DIR "/config/drst.toml"), config.sections().to_toml(true))
      << "write it anew: build/bin/drst config > config/drst.toml";
}

TEST(Config, TheDefaultsAreWhatWasChosenWithoutTheTablesOfReports) {
  const std::string path = DRST_SOURCE_DIR "/config/chosen.toml";
  Config defaults;
  Config chosen;
  chosen.sections().load_file(path);
  EXPECT_EQ(chosen.sections().values(), defaults.sections().values()) << "choose anew: make choose";
  const auto text = read_file(path);
  for (const char* key :
       {"mixture_tree_weight", "frozen_weight", "rate", "share", "last_label", "restart_on_drift",
        "refit_every_labels", "refit_span_rows", "median_share", "ridge", "width", "recency", "tree_share"})
    EXPECT_NE(text.find("\n" + std::string(key) + " = "), std::string::npos) << key;
}

TEST(Config, EverySettingHasAReason) {
  Config config;
  std::string text = config.sections().to_toml(true);
  std::size_t at = 0;
  bool comment = false;
  while (at < text.size()) {
    const auto end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.find(" = ") != std::string::npos && !line.starts_with("#")) {
      EXPECT_TRUE(comment) << line << " has no comment";
    }
    comment = line.starts_with("# ");
  }
}

TEST(Config, TheDefaultsAreInRange) {
  Config config;
  Config other;
  other.sections().load_text(config.sections().to_toml(false), "defaults");
  EXPECT_EQ(other.sections().to_toml(true), config.sections().to_toml(true));
}

/// Other values that a setting might take, given what it has.
std::vector<std::string> others(const std::string& value) {
  if (value == "true") return {"false"};
  if (value == "false") return {"true"};
  if (value == "[]") return {"[\"another\"]"};
  if (value.front() == '[') return {"[]"};
  if (value.front() == '{') return {"{another = \"1\"}"};
  if (value.front() == '"') return {"\"another\""};
  const double number = std::stod(value);
  if (value.find_first_of(".e") == std::string::npos)
    return {to_text(static_cast<int64_t>(number) + 1), to_text(static_cast<int64_t>(number) - 1)};
  if (number == 0) return {"0.5"};
  return {to_text(number / 2), to_text(number * 2)};
}

/// Sets `key` to anything else it takes.
void change(Settings& sections, const std::string& key, const std::string& value) {
  std::string refusals;
  auto candidates = others(value);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    try {
      return sections.set(key + "=" + candidates[i]);
    } catch (const InputError& error) {
      refusals = error.what();
      const auto list = refusals.find("must be one of ");  // "a, b, c, not 'another'"
      if (i > 0 || list == std::string::npos) continue;
      std::string choices = refusals.substr(list + 15, refusals.find(", not '") - list - 15);
      for (std::size_t at = 0; at != std::string::npos;) {
        const auto end = choices.find(", ", at);
        const std::string choice = "\"" + choices.substr(at, end - at) + "\"";
        if (choice != value) candidates.push_back(choice);
        at = end == std::string::npos ? end : end + 2;
      }
    }
  }
  FAIL() << key << " takes no other value: " << refusals;
}

TEST(Config, NoTwoSettingsAreTheSameVariable) {
  Config plain;
  const auto before = plain.sections().values();
  EXPECT_GT(before.size(), 100U);
  const std::string text = plain.sections().to_toml(false);
  std::size_t lines = 0;
  for (auto at = text.find(" = "); at != std::string::npos; at = text.find(" = ", at + 1)) ++lines;
  for (const auto& [key, value] : before) lines += value.front() == '{' ? 1 : 0;  // a table of its own
  EXPECT_EQ(lines, before.size()) << "a section has a key twice";
  for (const auto& [key, value] : before) {
    Config config;
    auto sections = config.sections();
    change(sections, key, value);
    std::vector<std::string> changed;
    for (const auto& [other, now] : sections.values())
      if (now != before.at(other)) changed.push_back(other);
    EXPECT_EQ(changed, std::vector<std::string>{key});
  }
}

TEST(Config, ASharedSettingReachesAllThatShareIt) {
  Config config;
  auto sections = config.sections();
  for (const char* assignment :
       {"model.kpis=[\"a\"]", "model.targets=[\"b\", \"c\"]", "model.family=\"ridge\"", "model.epsilon=0.5",
        "model.target_floor_share=0.25", "reader.reorder_bound=7", "reader.max_missing_fraction=0.125",
        "reader.lease_s=3", "onnx.max_inputs=9", "wire.max_columns=11", "stream.topic=\"t\"", "run.seed=5",
        "tuning.first_record_timeout_s=77", "tuning.idle_timeout_s=66", "neighbours.rows=123"})
    sections.set(assignment);
  const auto producer = config.producer_settings();
  EXPECT_EQ(producer.kpis, std::vector<std::string>{"a"});
  EXPECT_EQ(producer.wire.max_columns, 11);
  const auto consumer = config.consumer_identity();
  EXPECT_EQ(consumer.topic, "t");
  EXPECT_EQ(consumer.epsilon, 0.5);
  EXPECT_EQ(consumer.limits.max_columns, 11);
  EXPECT_EQ(consumer.neighbours.rows, 123);
  const auto monitor = config.monitor_options();
  const auto retrainer = config.retrainer_options();
  const auto judge = config.judge_options();
  for (const auto& reader : {monitor.reader, retrainer.reader, judge.reader}) {
    EXPECT_EQ(reader.reorder_bound, 7);
    EXPECT_EQ(reader.max_missing_fraction, 0.125);
    EXPECT_EQ(reader.lease_s, 3);
  }
  EXPECT_EQ(monitor.topic, "t");
  EXPECT_EQ(monitor.target, "b");
  EXPECT_EQ(monitor.seed, 5U);
  EXPECT_EQ(monitor.limits.max_columns, 11);
  EXPECT_EQ(retrainer.topic, "t");
  EXPECT_EQ(retrainer.target, "b");
  EXPECT_EQ(retrainer.family, "ridge");
  EXPECT_EQ(retrainer.seed, 5U);
  EXPECT_EQ(retrainer.epsilon, 0.5);
  EXPECT_EQ(retrainer.target_floor_share, 0.25);
  EXPECT_EQ(retrainer.model_limits.network.max_inputs, 9U);
  EXPECT_EQ(retrainer.limits.max_columns, 11);
  EXPECT_EQ(judge.topic, "t");
  EXPECT_EQ(judge.epsilon, 0.5);
  EXPECT_EQ(judge.first_record_timeout_s, 77);
  EXPECT_EQ(judge.idle_timeout_s, 66);
  EXPECT_EQ(judge.model_limits.network.max_inputs, 9U);
  EXPECT_EQ(judge.limits.max_columns, 11);
  for (const auto& lane : {consumer.lane, monitor.lane, retrainer.lane, judge.lane}) EXPECT_EQ(lane, "");
  EXPECT_EQ(config.consumer_identity("c").lane, "c");
  EXPECT_EQ(config.monitor_options("c").lane, "c");
  EXPECT_EQ(config.monitor_options("c").target, "c");
  EXPECT_EQ(config.retrainer_options("c").lane, "c");
  EXPECT_EQ(config.retrainer_options("c").target, "c");
  EXPECT_EQ(config.judge_options("c").lane, "c");
}

}  // namespace
}  // namespace drst
